"""What the shipped groceries answer to: names said by voices that nobody enrolled, names typed, photos.

In: the speech synthesizers, and `../shared/datasets/grocery` for the photos. Out: a Markdown table, the one in
`groceries.md`. `--voices validation` speaks in those that names and voices of the catalogue were chosen by, `--voices
test` in three people's that neither the choice nor the sound encoder has met.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import torch

from benchmarks.spoken_word import DATASETS, NOISE_DB, Row, figure, with_noise
from recipes.groceries.clips import SPEED, say
from recipes.groceries.products import Grocery, groceries
from recipes.spoken_word.people import VALIDATION_PEOPLE
from recipes.spoken_word.voices import ACCENTS, TEST_VOICES, VALIDATION_VARIANTS, Voice
from retail.catalogue.database import Catalogue
from retail.catalogue.shelf import Shelf
from retail.dataset.reader import read_manifest
from retail.files import GROCERIES_NAME
from retail.media import content_hash, decode_audio
from retail.recognizer.bundle import load_bundle
from retail.schema import Prediction, Product, Upload
from retail.store import EmbeddingStore

VARIANTS = zip(ACCENTS * 2, VALIDATION_VARIANTS, strict=False)
VOICES = {
    "validation": [Voice("espeak", f"gmw/{accent}+{variant}", SPEED) for accent, variant in VARIANTS]
    + [Voice("rhvoice", name, SPEED) for name in VALIDATION_PEOPLE],
    "test": [Voice(engine, name, SPEED) for engine, name in TEST_VOICES],
}
PRODUCTS = groceries()
CATEGORIES = list(dict.fromkeys(product.category for product in PRODUCTS))


def right(task: str, answers: Sequence[Prediction], truth: Sequence[str]) -> torch.Tensor:
    """Which are answered rightly; what cannot be answered at all is wrong."""
    pairs = zip(answers, truth, strict=True)
    return torch.tensor([bool(answer.probs) and answer.best(task)[0] == label for answer, label in pairs]).float()


def asked(shelf: Shelf, task: str, products: Sequence[Product], truth: Sequence[str]) -> torch.Tensor:
    """Which of these uploads get the right answer."""
    return right(task, shelf.answer(*shelf.embed(products, EmbeddingStore())), truth)


def spoken(shelf: Shelf, voices: Sequence[Voice], noises: list) -> Iterator[Row]:
    """Names, everyday names and categories, each said by every voice; and the names in noise."""
    names, everyday = [one.name for one in PRODUCTS], [one.everyday for one in PRODUCTS]
    kinds = {
        "spoken name": ("product", names, names),
        "spoken everyday name": ("product", everyday, names),
        "spoken category": ("category", CATEGORIES, CATEGORIES),
    }
    for title, (task, words, truth) in kinds.items():
        clips = [say(words, voice) for voice in voices]
        for added, told in (
            ("", clips),
            (f", at {NOISE_DB} dB of shop noise", [with_noise(one, noises) for one in clips] if noises else []),
        ):
            if not told:
                continue
            found = [asked(shelf, task, [heard(clip) for clip in one], truth) for one in told]
            yield figure(title + added, torch.cat(found), "")


def heard(clip) -> Product:
    """A recording as the page decodes it."""
    return Product("clip", audio=Upload("clip", clip.tobytes(), content_hash(clip.tobytes()), clip))


def with_typo(words: str, rng: random.Random) -> str:
    """Two neighbouring letters that differ change places."""
    places = [i for i in range(len(words) - 1) if words[i] != words[i + 1] and (words[i] + words[i + 1]).isalpha()]
    place = rng.choice(places)
    return words[:place] + words[place + 1] + words[place] + words[place + 2 :]


def typed(shelf: Shelf) -> Iterator[Row]:
    """Names in small letters, with a typo, and in a sentence; categories."""
    names, rng = [one.name for one in PRODUCTS], random.Random(0)

    def row(title: str, write: Callable[[Grocery], str]) -> Row:
        return figure(title, asked(shelf, "product", [Product("t", text=write(one)) for one in PRODUCTS], names), "")

    said = [Product("t", text=name.lower()) for name in CATEGORIES]
    yield row("typed name", lambda one: one.name.lower())
    yield row("typed name with a typo", lambda one: with_typo(one.name.lower(), rng))
    yield row("typed in a sentence", lambda one: f"I would like to buy some {one.everyday}, please")
    yield figure("typed category", asked(shelf, "category", said, CATEGORIES), "")


def photos(shelf: Shelf) -> list[Row]:
    """The official validation photos, by the classifier alone and together with the catalogue; none where absent."""
    if not (DATASETS / "grocery").is_dir():
        print(f"{DATASETS / 'grocery'} is absent: no photos.", file=sys.stderr)
        return []
    rows = read_manifest(DATASETS / "grocery", ("product", "category")).in_split("val")
    batch, notes = shelf.embed(rows, EmbeddingStore())
    alone = shelf.recognizer.answer(batch.select(shelf.recognizer.modalities), notes)
    return [
        figure(f"photo, {task}, {who}", right(task, answers, [row.labels[task] for row in rows]), "")
        for who, answers in (("classifier alone", alone), ("with the catalogue", shelf.answer(batch, notes)))
        for task in ("product", "category")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", choices=list(VOICES), default="validation")
    parser.add_argument("--most", type=int, default=100, help="voices to speak in")
    given = parser.parse_args()
    store = EmbeddingStore()
    noise = sorted((DATASETS / "shop_noise").rglob("*.*")) if DATASETS.is_dir() else []
    noises = [decode_audio(path) for path in noise if path.suffix in (".wav", ".ogg", ".flac")]
    kept = os.environ.get("RETAIL_HOME")
    with tempfile.TemporaryDirectory() as home:
        os.environ["RETAIL_HOME"] = home  # a catalogue as it ships
        shelf = Shelf.of(load_bundle("groceries"), Catalogue.open(GROCERIES_NAME), store=store)
        os.environ.pop("RETAIL_HOME") if kept is None else os.environ.update(RETAIL_HOME=kept)
    voices = VOICES[given.voices][: given.most]
    print(f"| {given.voices}, {len(voices)} voices | % right | n |\n|---|---|---|")
    for row in chain(typed(shelf), photos(shelf), spoken(shelf, voices, noises)):
        figures = f"{row['value']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"
        print(f"| {row['test']} | {figures} | {row['n']:,} |", flush=True)


if __name__ == "__main__":
    main()
