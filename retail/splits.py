"""From a manifest to embedded train, validation and test rows with their labels.

In: a `Manifest`, encoders and a store. Out: `Splits`, everything a comparison needs, computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from retail.dataset.grouping import tied_names
from retail.dataset.labels.questions import MAX_CLASSES
from retail.dataset.manifest import Manifest
from retail.dataset.product_table import each, each_label, in_split
from retail.dataset.remarks import few_of_each
from retail.encoders import Encoder
from retail.schema import Modality, Product, Progress, UserError, Vocabulary
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products
from retail.store.large import embed_large
from retail.wording import FILES_WORDS

LISTED = 5  # classes that a sentence names


@dataclass
class Splits:
    """Embedded rows of the three splits; `labels` holds the test rows' label strings ("" = none).

    `groups` names the group of each test row, `val_groups` of each validation row; None when every row is a product of
    its own.
    """

    train: EmbeddingBatch
    val: EmbeddingBatch
    test: EmbeddingBatch
    vocabularies: dict[str, Vocabulary]
    labels: dict[str, np.ndarray]
    groups: np.ndarray | None = None  # (N_test,) of str
    val_groups: np.ndarray | None = None  # (N_val,) of str

    @property
    def task_sizes(self) -> dict[str, int]:
        """{task: C_t}."""
        return {task: len(vocabulary) for task, vocabulary in self.vocabularies.items()}


def products_of(manifest: Manifest, batch: EmbeddingBatch) -> list[Product]:
    """The products of a batch's rows, in their order."""
    rows = {product.id: product for product in manifest.products}
    return [rows[name] for name in batch.ids]


def vocabularies_of(products: Sequence[Product], tasks: Sequence[str]) -> dict[str, Vocabulary]:
    """One vocabulary per task from the training rows; raises UserError without tasks, or when one lacks two classes."""
    if not tasks:
        raise UserError(
            "The data has no label column to learn: none was named, and no column holds from two to "
            f"{MAX_CLASSES} different values of which some come twice. Name one with --tasks, or add labels."
        )
    vocabularies = {}
    for task in tasks:
        vocabularies[task] = Vocabulary.from_labels(each_label(in_split(products, "train"), task))
        if len(vocabularies[task]) < 2:
            raise UserError(
                f"Task {task!r} needs at least two classes among the training rows, but has "
                f"{len(vocabularies[task])}. Choose another column, or add labelled rows."
            )
    return vocabularies


def prepare(
    manifest: Manifest,
    encoders: Mapping[Modality, Encoder],
    store: EmbeddingStore | None = None,
    progress: Progress | None = None,
    need_test: bool = True,
    hear: Callable[[str], None] | None = None,
    on_disk: bool = False,
) -> Splits:
    """Embeds every row once and sorts rows into splits; `hear` is told of inputs that could not be read.

    With `on_disk`, which needs a store, embeddings that are too many for memory are left on the disk.

    Raises UserError when a needed split is empty, there is no task, one lacks a test label where a test is needed, or
    none of the files of an input was found.
    """
    _check_found(manifest, encoders)
    products = manifest.products
    rows = {split: manifest.in_split(split) for split in ("train", "val", "test")}
    for split in ("train", "val", "test") if need_test else ("train", "val"):
        if not rows[split]:
            raise UserError(f"The data has no {split} rows. {_remedy(manifest)}")
    vocabularies = vocabularies_of(products, manifest.tasks)
    for task in vocabularies if need_test else ():
        if not any(each_label(rows["test"], task)):
            raise UserError(f"No test row has a label for {task!r}; label some, or leave {task!r} out of the tasks.")
    if on_disk:
        assert store is not None
        batch, notes = embed_large(products, encoders, vocabularies, store, progress)
    else:
        batch, notes = embed_products(products, dict(encoders), vocabularies, store, progress)
    if hear:
        for sentence in few_of_each(map(str, notes)):
            hear(sentence)
    places = {split: _places(products, split) for split in rows}
    labels = {task: np.array(list(each_label(rows["test"], task)), dtype=object) for task in vocabularies}
    return Splits(
        batch.rows(places["train"]),
        batch.rows(places["val"]),
        batch.rows(places["test"]),
        vocabularies,
        labels,
        groups_of(rows["test"]),
        groups_of(rows["val"]),
    )


def _places(products: Sequence[Product], split: str) -> Tensor:
    return torch.tensor([own == split for own in each(products, "split")], dtype=torch.bool).nonzero().flatten()


def _check_found(manifest: Manifest, encoders: Collection[Modality]) -> None:
    """Nobody who names photos means to learn without them."""
    for sentence in not_found(manifest, encoders):
        others = ",".join(name for name in encoders if name not in manifest.lost) or "another input"
        raise UserError(f"{sentence}; mend the paths, or learn without them: --modalities {others}.")


def not_found(manifest: Manifest, modalities: Collection[Modality]) -> list[str]:
    """For each of these inputs whose files are named and none of which is there, a sentence without its end."""
    return [
        f"None of the {count:,} {FILES_WORDS[modality]} that column {manifest.inputs[modality][0]!r} names was found"
        for modality, count in manifest.lost.items()
        if modality in modalities
    ]


def _remedy(manifest: Manifest) -> str:
    if manifest.has_split:
        return (
            "Mark rows with train, val and test in the split column, or leave the column out and they are split for "
            "you."
        )
    return (
        "Rows are split for you by whole groups, and one group of every class is for training, which leaves none: add "
        "products of the same classes, name fewer --tasks or --group columns, or mark the splits in a column 'split'."
    )


def unseen_sentences(products: Sequence[Product], known: Mapping[str, Vocabulary], word: str) -> list[str]:
    """For each task a sentence about the products of classes that are not known, which count as wrong; [] without any.

    `word` says which products these are: validation, test.
    """
    found = []
    for task, vocabulary in known.items():
        labels = [label for product in products if (label := product.labels.get(task, ""))]
        unseen = [label for label in labels if vocabulary.index(label) < 0]
        if not unseen:
            continue
        classes = sorted(set(unseen))
        named = ", ".join(map(repr, classes[:LISTED])) + (" and others" if len(classes) > LISTED else "")
        verb, them = ("belongs to a class", "it") if len(unseen) == 1 else ("belong to classes", "them")
        found.append(
            f"{task}: {len(unseen):,} of {len(labels):,} {word} products {verb} without a training product ({named}); "
            f"every answer to {them} counts as wrong."
        )
    return found


def unseen_classes(manifest: Manifest) -> list[str]:
    """The same of the validation and the test rows of a data set."""
    known, words = manifest.vocabularies(), {"val": "validation", "test": "test"}
    return [line for split, word in words.items() for line in unseen_sentences(manifest.in_split(split), known, word)]


def group_names(products: Sequence[Product]) -> np.ndarray:
    """(N,) of str: rows of one declared group bear one name, every other row its own."""
    return np.array(tied_names(products), dtype=object)


def groups_of(products: Sequence[Product]) -> np.ndarray | None:
    """(N,) the name of each product's group; None when every product is one of its own."""
    names = group_names(products)
    return names if len(set(names)) < len(names) else None
