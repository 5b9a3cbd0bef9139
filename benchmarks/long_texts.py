"""How descriptions longer than the text encoder reads at once are best read: fashion titles behind shipping terms.

In: the fashion set beside the project. Out: Markdown tables, those of `long_texts.md`.

Each way of wrapping the descriptions is embedded by each way of reading them; a gated head on the text alone learns the
five tasks from three seeds. `choose` scores the validation rows, which decide; `test` scores the test rows, once.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from retail.config import TrainConfig
from retail.dataset.manifest import read_manifest
from retail.encoders import load_encoder
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
WHOLE = 512  # positions that the bundled network has
SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|\n")

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
SLOTS = "abcdefghi"
PLAIN = dict(zip(SLOTS, "2 14 3 5 50 9 30 7 17".split(), strict=True)) | {"city": "Springfield"}
CITIES = ("Springfield", "Leeds", "Austin", "Utrecht", "Porto", "Gdansk", "Malmo", "Dover", "Boston", "Graz")
MARKUP = (
    '<p style="margin:0;font-family:Arial,Helvetica,sans-serif;color:#333333">&nbsp;</p>'
    '<ul class="a-unordered-list a-vertical"><li><span>&bull;&nbsp;Free &amp; fast shipping</span></li></ul>'
    "<div class='desc'><br/>"
)

Wrap = Callable[[Product], str]
Reading = Callable[[list[str]], Tensor]


def with_terms(product: Product, text: str) -> str:
    return f"{' '.join(TERMS.split()).format_map(PLAIN)} {text}"


def with_own_terms(product: Product, text: str) -> str:
    """Numbers and places differ between rows, and each row lacks some of the sentences."""
    rng = random.Random(product.id)
    values = {slot: str(rng.randint(2, 60)) for slot in SLOTS} | {"city": rng.choice(CITIES)}
    sentences = SENTENCE_END.split(" ".join(TERMS.split()).format_map(values))
    kept = [sentence for sentence in sentences if rng.random() < 0.85]
    return f"{' '.join(kept)} {text}"


def in_markup(product: Product, text: str) -> str:
    return f"{MARKUP * 6}{text}</div>"


def terms_in_markup(product: Product, text: str) -> str:
    terms = SENTENCE_END.split(" ".join(TERMS.split()).format_map(PLAIN))
    return f"{MARKUP}<ul><li>{'</li><li>'.join(terms)}</li></ul><p>{text}</p></div>"


WRAPS: dict[str, Callable[[Product, str], str]] = {
    "clean": lambda product, text: text,
    "in HTML": in_markup,
    "behind terms": with_terms,
    "behind terms of its own": with_own_terms,
    "terms in HTML": terms_in_markup,
    "before terms": lambda product, text: f"{text}. {with_terms(product, '')}",
}


class Network:
    """The bundled encoder's network, for pieces of any length; equal pieces are computed once."""

    def __init__(self) -> None:
        encoder = load_encoder("hf:all-MiniLM-L6-v2@bundled")
        self.dim = encoder.dim
        self._tokenizer, self._model = encoder._tokenizer, encoder._model  # type: ignore[attr-defined]
        self._known: dict[tuple[str, int], Tensor] = {}

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each, without the two marks around them."""
        return [len(ids) for ids in self._tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]]

    def embed(self, texts: Sequence[str], limit: int = MAX_TOKENS) -> Tensor:
        missing = sorted({text for text in texts if (text, limit) not in self._known}, key=len)
        for start in range(0, len(missing), 32):
            group = missing[start : start + 32]
            tokens = self._tokenizer(group, return_tensors="pt", padding=True, truncation=True, max_length=limit)
            with torch.inference_mode():
                rows = self._model(dict(tokens)).float()
            self._known |= {(text, limit): row for text, row in zip(group, rows, strict=True)}
        return torch.stack([self._known[text, limit] for text in texts])


def windows(network: Network, text: str) -> list[str]:
    """Pieces as long as the encoder reads, cut between words."""
    words = text.split()
    return packed(network, words)


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
    return SENTENCE_END.split(text)


def packed_sentences(network: Network, text: str) -> list[str]:
    return packed(network, SENTENCE_END.split(text))


def averaged(network: Network, cut: Callable[[Network, str], list[str]], weigh: Callable, texts: list[str]) -> Tensor:
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


def readings(network: Network) -> dict[str, Reading]:
    return {
        "sentences, mean": partial(averaged, network, in_sentences, equal),
        "packed sentences, mean": partial(averaged, network, packed_sentences, equal),
        "windows, mean": partial(averaged, network, windows, equal),
        "sentences, by length": partial(averaged, network, in_sentences, by_length),
        "first piece": network.embed,
        "whole, 512": partial(network.embed, limit=WHOLE),
        "windows, by length": partial(averaged, network, windows, by_length),
        "packed sentences, by length": partial(averaged, network, packed_sentences, by_length),
        "sentences, unlike the rest": partial(averaged, network, in_sentences, unlike_the_rest),
    }


def correct(products: Sequence[Product], embeddings: Tensor, split: str, asked: Tensor | None = None) -> np.ndarray:
    """(N, tasks) share of the seeds that answer a row of this split rightly; `asked`: its embeddings, if others."""
    vocabularies = vocabularies_of(products, TASKS)
    targets = {
        task: torch.tensor([own.target(product.labels.get(task, "")) for product in products])
        for task, own in vocabularies.items()
    }
    ids = tuple(product.id for product in products)
    present = {"text": torch.ones(len(ids), dtype=torch.bool)}
    batch = EmbeddingBatch(ids, {"text": embeddings}, present, targets)
    train, val = (batch.rows(torch.tensor([p.split == part for p in products])) for part in ("train", "val"))
    scored = replace(batch, embeddings={"text": embeddings if asked is None else asked})
    scored = scored.rows(torch.tensor([p.split == split for p in products]))
    sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
    shares = np.zeros((len(scored), len(TASKS)))
    for seed in SEEDS:
        head = fit(train, val, sizes, TrainConfig(modalities=("text",), seed=seed)).head
        logits = predict_logits(head, scored)
        hits = [(logits[task].argmax(1) == scored.targets[task]).float().numpy() for task in TASKS]
        shares += np.stack(hits, axis=1) / len(SEEDS)
    return shares


def table(split: str, names: Sequence[str] | None = None) -> None:
    """Mean accuracy of the five tasks, and the paired difference to the clean text read as it was."""
    products = read_manifest(FASHION, TASKS).products
    if split == "val":
        products = [product for product in products if product.split != "test"]
    network = Network()
    ways = readings(network)
    baseline: np.ndarray | None = None
    print("| description | read as | accuracy, % | against clean, points | word pieces, mean | ms a text |")
    print("|---|---|---|---|---|---|")
    for wrap, wrapped in WRAPS.items():
        texts = [clean_text(wrapped(product, product.text)) or "-" for product in products]
        tokens = float(np.mean(network.lengths(texts)))
        for name, read in ways.items():
            if names and name not in names or max(network.lengths(texts)) <= MAX_TOKENS - 2 and name != "first piece":
                continue
            started = time.perf_counter()
            embeddings = read(texts)
            cost = (time.perf_counter() - started) / len(texts) * 1e3
            shares = correct(products, embeddings, split).mean(1)
            baseline = shares if baseline is None else baseline
            test = paired_test(shares, baseline)
            print(
                f"| {wrap} | {name} | {100 * shares.mean():.1f} | {100 * test.difference:+.1f} "
                f"[{100 * test.low:+.1f}, {100 * test.high:+.1f}] | {tokens:.0f} | {cost:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    table("val" if sys.argv[1:] == ["choose"] else "test", sys.argv[2:])
