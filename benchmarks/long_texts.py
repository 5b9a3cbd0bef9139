"""How descriptions longer than the text encoder reads at once are best read: fashion's behind shipping terms, in HTML.

In: the fashion set beside the project. Out: Markdown tables, those of `long_texts.md`.

Each way of wrapping the descriptions is embedded by each way of reading them; a gated head on the text alone learns the
five tasks from three seeds, from descriptions that are wrapped and read the same way. `choose` scores the validation
rows, which decide; `test` scores the test rows with the way that was chosen, once. Names of wraps may follow.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_encoder
from retail.encoders.long_texts import sentences_of
from retail.encoders.text import MAX_TOKENS
from retail.media import clean_text
from retail.metrics.paired import paired_test
from retail.schema import Product
from retail.splits import vocabularies_of
from retail.store import EmbeddingBatch
from retail.training import fit, predict_logits

FASHION = Path(__file__).parents[2] / "shared" / "datasets" / "fashion"
TASKS = ("article_type", "base_colour", "gender", "season", "usage")
SEEDS = range(3)
CHOSEN = "sentences"  # what the encoder does
WHOLE = 512  # positions that the bundled network has

TERMS = """Thank you for visiting our shop. We ship all orders within {a} working days after payment has been received.
Orders placed before {b} o'clock leave our warehouse in {city} on the same day. Standard delivery takes {c} to
{d} days and is free of charge for orders above {e} dollars. Express delivery is offered at checkout for an
extra fee of {f} dollars. We do not ship to post office boxes or parcel lockers. You will receive an e-mail with
a tracking number as soon as your parcel has left. Please check that your address is complete before you pay. We
are not responsible for delays that are caused by customs or by the carrier. Import duties and taxes are not
included and have to be paid by the buyer. If a parcel comes back to us because nobody was at home, we will send
it again once the postage has been paid. You may return any article within {g} days of receipt. Returned goods
must be unworn, unwashed and in their original packaging with all labels attached. Please write to us before you
send anything back, so that we can give you a return number. Refunds are made to the account that was used for
the payment, usually within {h} working days. The buyer bears the cost of the return unless the article was
faulty. Colours may look different on your screen because of its settings. Sizes are given by the manufacturer
and may vary by one or two centimetres. We accept all major credit cards, bank transfer and payment on account.
Gift cards cannot be exchanged for cash. Our customer service in {city} answers from Monday to Friday between
nine and {i} o'clock. Feedback matters to us, so please leave a rating if you are happy. If you are not, talk to
us first and we will find a solution. All rights to texts and pictures remain with us. Details follow below."""
# Ten ways to say eight things about a product, for descriptions that are long and about little else.
ABOUT = (
    "Meet the {t}.",
    "The {t} is made for every day.",
    "Our customers love the {t} for its fit.",
    "Wear the {t} at home or on the go.",
    "The {t} goes well with jeans.",
    "Care is easy: wash the {t} by hand.",
    "The {t} keeps its shape for years.",
    "A gift idea for friends: the {t}.",
    "The {t} comes in a dust bag.",
    "You will find the {t} in many sizes.",
)
# What any shop may say, in other words than above: sentences near to these say little about a product.
USUAL = (
    "Delivery takes three to five working days.",
    "Shipping is free for orders over 50 euros.",
    "You can return the item within 14 days for a full refund.",
    "We accept PayPal, credit cards and bank transfer.",
    "If you have any questions, please contact our customer service.",
    "International buyers pay customs duties and taxes.",
    "Please leave us positive feedback.",
    "Terms and conditions apply.",
    "The colour may differ slightly from the photo.",
    "All items are carefully packed before dispatch.",
    "Thank you for your purchase and for visiting our store.",
    "Copyright, all rights reserved.",
)
SLOTS = "abcdefghi"
PLAIN = dict(zip(SLOTS, "2 14 3 5 50 9 30 7 17".split(), strict=True)) | {"city": "Springfield"}
CITIES = ("Springfield", "Leeds", "Austin", "Utrecht", "Porto", "Gdansk", "Malmo", "Dover", "Boston", "Graz")
KEPT = 0.85  # chance of a sentence
MARKUP = (
    '<p style="margin:0;font-family:Arial,Helvetica,sans-serif;color:#333333">&nbsp;</p>'
    '<ul class="a-unordered-list a-vertical"><li><span>&bull;&nbsp;Free &amp; fast shipping</span></li></ul>'
    "<div class='desc'><br/>"
)

Wrap = Callable[[Product, str], str]
Reading = Callable[[list[str]], Tensor]


def terms(values: dict[str, str]) -> list[str]:
    return sentences_of(" ".join(TERMS.split()).format_map(values))


def own_values(rng: random.Random) -> dict[str, str]:
    return {slot: str(rng.randint(2, 60)) for slot in SLOTS} | {"city": rng.choice(CITIES)}


def behind_terms(product: Product, text: str) -> str:
    return " ".join([*terms(PLAIN), text])


def behind_own_numbers(product: Product, text: str) -> str:
    """Numbers and places differ between rows."""
    return " ".join([*terms(own_values(random.Random(product.id))), text])


def behind_own_terms(product: Product, text: str) -> str:
    """And each row lacks some of the sentences."""
    rng = random.Random(product.id)
    return " ".join([*(line for line in terms(own_values(rng)) if rng.random() < KEPT), text])


def in_markup(product: Product, text: str) -> str:
    return f"{MARKUP * 6}{text}</div>"


def terms_in_markup(product: Product, text: str) -> str:
    return f"{MARKUP}<ul><li>{'</li><li>'.join(terms(PLAIN))}</li></ul><p>{text}</p></div>"


def about_the_product(product: Product, text: str) -> str:
    """Eight sentences that name it, and three of the terms; two thirds of these texts are read in pieces."""
    rng = random.Random(f"{product.id} about")
    values = own_values(rng)
    return " ".join([*(line.format(t=text) for line in rng.sample(ABOUT, 8)), *rng.sample(terms(values), 3)])


WRAPS: dict[str, Wrap] = {
    "clean": lambda product, text: text,
    "in HTML": in_markup,
    "behind terms": behind_terms,
    "terms in HTML": terms_in_markup,
    "behind terms, own numbers": behind_own_numbers,
    "behind terms, own sentences": behind_own_terms,
    "about the product": about_the_product,
}


class Network:
    """The bundled encoder, for pieces of any length; equal pieces are computed once."""

    def __init__(self) -> None:
        self.encoder: Any = load_encoder("hf:all-MiniLM-L6-v2@bundled")
        self._known: dict[tuple[str, int], Tensor] = {}

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each, without the two marks around them."""
        return self.encoder._lengths(texts)

    def embed(self, texts: Sequence[str], limit: int = MAX_TOKENS) -> Tensor:
        """What exceeds the limit is cut off."""
        missing = sorted({text for text in texts if (text, limit) not in self._known}, key=len)
        options = {"return_tensors": "pt", "padding": True, "truncation": True, "max_length": limit}
        for start in range(0, len(missing), 32):
            group = missing[start : start + 32]
            with torch.inference_mode():
                rows = self.encoder._model(dict(self.encoder._tokenizer(group, **options))).float()
            self._known |= {(text, limit): row for text, row in zip(group, rows, strict=True)}
        return torch.stack([self._known[text, limit] for text in texts])


def windows(network: Network, text: str) -> list[str]:
    """Pieces as long as the encoder reads, cut between words."""
    return packed(network, text.split())


def packed(network: Network, parts: list[str]) -> list[str]:
    pieces: list[list[str]] = [[]]
    used = 0
    for part, length in zip(parts, network.lengths(parts), strict=True):
        if used + length > MAX_TOKENS - 2 and pieces[-1]:
            pieces.append([])
            used = 0
        pieces[-1].append(part)
        used += length
    return [" ".join(piece) for piece in pieces]


def in_sentences(network: Network, text: str) -> list[str]:
    return sentences_of(text)


def packed_sentences(network: Network, text: str) -> list[str]:
    return packed(network, sentences_of(text))


def averaged(
    network: Network,
    cut: Callable[[Network, str], list[str]],
    weigh: Callable[[Network, list[str], Tensor], Tensor],
    texts: list[str],
) -> Tensor:
    """Texts that the encoder reads at once are left whole; the others' pieces are averaged."""
    long = [length > MAX_TOKENS - 2 for length in network.lengths(texts)]
    pieces = [cut(network, text) if more else [text] for text, more in zip(texts, long, strict=True)]
    rows = network.embed([piece for own in pieces for piece in own])
    found = []
    for own, embeddings in zip(pieces, rows.split([len(own) for own in pieces]), strict=True):
        weights = weigh(network, own, embeddings)  # (P,)
        found.append((weights[:, None] * embeddings).sum(0) / weights.sum())
    return torch.stack(found)


def equal(network: Network, pieces: list[str], embeddings: Tensor) -> Tensor:
    return torch.ones(len(pieces))


def by_length(network: Network, pieces: list[str], embeddings: Tensor) -> Tensor:
    return torch.tensor(network.lengths(pieces), dtype=torch.float).clamp_min(1)


def unlike_the_rest(network: Network, pieces: list[str], embeddings: Tensor) -> Tensor:
    """Pieces count by their cosine distance to the mean of the others."""
    if len(pieces) == 1:
        return torch.ones(1)
    others = torch.nn.functional.normalize(embeddings.sum(0) - embeddings, dim=1)
    return (1 - (embeddings * others).sum(1)).clamp_min(1e-3)


def unlike_usual_terms(network: Network, pieces: list[str], embeddings: Tensor) -> Tensor:
    """Pieces count by the fourth power of their cosine distance to the nearest of the usual terms."""
    nearest = (embeddings @ network.embed(USUAL).T).amax(1)
    return (1 - nearest).clamp_min(0).pow(4).clamp_min(0.02)


def readings(network: Network) -> dict[str, Reading]:
    return {
        CHOSEN: network.encoder.embed,
        "first piece": network.embed,
        "whole, 512": partial(network.embed, limit=WHOLE),
        "windows": partial(averaged, network, windows, equal),
        "packed sentences": partial(averaged, network, packed_sentences, equal),
        "sentences by length": partial(averaged, network, in_sentences, by_length),
        "sentences unlike the rest": partial(averaged, network, in_sentences, unlike_the_rest),
        "sentences unlike usual terms": partial(averaged, network, in_sentences, unlike_usual_terms),
    }


def correct(products: Sequence[Product], embeddings: Tensor, split: str) -> np.ndarray:
    """(N,) share of tasks and seeds that are right on a row of this split."""
    vocabularies = vocabularies_of(products, TASKS)
    targets = {
        task: torch.tensor([own.target(product.labels.get(task, "")) for product in products])
        for task, own in vocabularies.items()
    }
    present = {"text": torch.ones(len(products), dtype=torch.bool)}
    batch = EmbeddingBatch(tuple(product.id for product in products), {"text": embeddings}, present, targets)
    places = {part: torch.tensor([product.split == part for product in products]) for part in ("train", "val", split)}
    train, val, scored = (batch.rows(places[part]) for part in ("train", "val", split))
    sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
    hits = []
    for seed in SEEDS:
        logits = predict_logits(fit(train, val, sizes, TrainConfig(modalities=("text",), seed=seed)).head, scored)
        hits += [(logits[task].argmax(1) == scored.targets[task]).float().numpy() for task in TASKS]
    return np.mean(hits, axis=0)


def table(split: str, column: str, ways: Sequence[str], wraps: Sequence[str]) -> None:
    """Mean accuracy of the five tasks, and the paired difference to the same column as it stands."""
    products = [row for row in read_manifest(FASHION, TASKS, column).products if row.split in ("train", "val", split)]
    network = Network()
    every = readings(network)
    baseline: np.ndarray | None = None
    print(f"\n| {column} | read as | accuracy, % | against clean, points | word pieces | ms a text |\n|{'---|' * 6}")
    for wrap in ("clean", *(name for name in wraps if name != "clean")):
        texts = [clean_text(WRAPS[wrap](product, product.text)) or "-" for product in products]
        lengths = network.lengths(texts)
        for way in ways if max(lengths) > MAX_TOKENS else ways[:1]:
            started = time.perf_counter()
            embeddings = every[way](texts)
            cost = (time.perf_counter() - started) / len(texts) * 1e3
            shares = correct(products, embeddings, split)
            baseline = shares if baseline is None else baseline
            test = paired_test(shares, baseline)
            print(
                f"| {wrap} | {way} | {100 * shares.mean():.1f} | {100 * test.difference:+.1f} "
                f"[{100 * test.low:+.1f}, {100 * test.high:+.1f}] | {np.mean(lengths):.0f} | {cost:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    asked = sys.argv[2:] or list(WRAPS)
    if sys.argv[1:2] == ["choose"]:
        table("val", "text", list(readings(Network())), asked)
    else:
        table("test", "text", [CHOSEN], asked)
        table("test", "title", [CHOSEN], asked)
