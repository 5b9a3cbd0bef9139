"""What a data set looks like before anything is trained: which inputs it has, for which classes, and what repeats.

In: a `Manifest`. Out: rows and sentences. Knows no Streamlit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median

import pandas as pd

from retail.dataset.manifest import Manifest
from retail.media import content_hash
from retail.schema import Modality, Product
from retail.wording import INPUT_WORDS, number_of

UNEVEN = 10  # times as many products in the largest class as in the smallest: worth a warning
FEW = 10  # training products of a class below which it can hardly be learned


@dataclass(frozen=True)
class Coverage:
    """How many of the usable products have one kind of input."""

    modality: Modality
    products: int
    share: float


@dataclass(frozen=True)
class Repeat:
    """Products that share one and the same file, and whether some of them lie in different splits."""

    products: tuple[str, ...]
    splits: tuple[str, ...]

    @property
    def leaks(self) -> bool:
        """A model could recognise the file in test that it has seen in training."""
        return len(self.splits) > 1


def coverage(manifest: Manifest) -> list[Coverage]:
    """One row per kind of input."""
    total = max(len(manifest.products), 1)
    counts = {name: sum(name in product.modalities for product in manifest.products) for name in INPUT_WORDS}
    return [Coverage(name, count, count / total) for name, count in counts.items()]


def class_counts(manifest: Manifest, task: str) -> pd.DataFrame:
    """Class × input: products of a class that have the input, the largest class first; rows without a label are out.

    An input that no product has is left out.
    """
    labelled = [product for product in manifest.products if product.labels.get(task)]
    order = [label for label, _ in Counter(product.labels[task] for product in labelled).most_common()]
    counts = Counter((product.labels[task], modality) for product in labelled for modality in product.modalities)
    rows = [
        {"class": label, "input": word, "products": counts[label, modality]}
        for label in order
        for modality, word in INPUT_WORDS.items()
        if modality in manifest.given
    ]
    return pd.DataFrame(rows, columns=["class", "input", "products"])


def balance_sentence(manifest: Manifest, task: str) -> str:
    """How evenly the classes are filled in training, and what that means."""
    counts = manifest.support(task)
    if not counts:
        return "No training product has a label in this column, so there is nothing to learn."
    (most, top), (least, bottom) = counts.most_common()[0], counts.most_common()[-1]
    sentence = f"{number_of(len(counts), 'class', 'classes')} with {number_of(top, 'training product')} each."
    if top != bottom:
        sentence = (
            f"{len(counts):,} classes; the largest, “{most}”, has {top:,} training products, the smallest, “{least}”, "
            f"{bottom:,}; the median is {median(counts.values()):g}."
        )
    few = sum(count < FEW for count in counts.values())
    if few:
        few_words = "All have" if 1 < few == len(counts) else number_of(few, "class has", "classes have")
        return sentence + f" {few_words} fewer than {FEW}: expect mistakes there, or add products."
    if top > UNEVEN * bottom:
        return sentence + " Classes are very uneven: consider weighting rare classes in training."
    return sentence + " Classes are balanced enough to train."


def repeats(manifest: Manifest) -> list[Repeat]:
    """Products with a byte for byte identical photo or sound, those across splits first."""
    owners: dict[str, list[Product]] = {}
    for product in manifest.products:
        for source in (*product.images, *([product.audio] if product.audio else [])):
            owners.setdefault(content_hash(source), []).append(product)
    sets = {tuple(dict.fromkeys(p.id for p in group)): {p.split for p in group} for group in owners.values()}
    found = [Repeat(ids, tuple(sorted(splits))) for ids, splits in sets.items() if len(ids) > 1]
    return sorted(found, key=lambda repeat: not repeat.leaks)
