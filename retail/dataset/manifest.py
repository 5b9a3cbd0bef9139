"""What a data set holds: its usable rows, what is wrong with the others, and what was not used or read otherwise.

In: products and what was found on the way. Out: a `Manifest`; `dataset/reader.py` makes it. No torch.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median

from retail.dataset.labels import Desk
from retail.dataset.product_table import each_label, in_split
from retail.dataset.remarks import Remark, by_key, few_of_each, kind_of
from retail.dataset.row_decisions import RowDecision
from retail.schema import Modality, Product, Vocabulary

MOST_REMEMBERED = 10_000  # files whose contents are not read again where another row names them


@dataclass(frozen=True)
class Problem:
    """One thing to fix in the data; `line` is a row's number, `where` what is said in its place."""

    line: int | None
    column: str
    message: str
    id: str = ""  # of the product in this line, where it is known
    where: str = ""

    @property
    def place(self) -> str:
        """The row in words, "" for what concerns no single row."""
        return self.where or (f"line {self.line}" if self.line else "")

    def __str__(self) -> str:
        place = [self.place] if self.place else []
        place += [f"column {self.column!r}"] if self.column else []
        return f"{', '.join(place)}: {self.message}" if place else self.message


@dataclass(frozen=True)
class Seal:
    """What a data set's checksum covers: its tables, what its columns mean, and each file by name and content.

    The files are read when somebody asks for the checksum, not when the rows are: listing opens nothing.
    """

    tables: tuple[Path, ...]
    meaning: bytes
    files: Sequence[tuple[str, Path]]

    @cached_property
    def checksum(self) -> str:
        """SHA-256; a file that has gone since counts by its name alone."""
        digest = hashlib.sha256()
        for table in self.tables:
            digest.update(table.read_bytes())
        digest.update(self.meaning)
        contents: dict[Path, bytes] = {}
        for name, path in self.files:
            if path not in contents:
                if len(contents) == MOST_REMEMBERED:
                    contents.clear()
                try:
                    with path.open("rb") as file:
                        contents[path] = hashlib.file_digest(file, "sha256").digest()
                except OSError:
                    contents[path] = b""
            digest.update(name.encode("utf-8", "surrogatepass") + contents[path])
        return digest.hexdigest()


@dataclass(frozen=True)
class Manifest:
    """The usable rows of a data set and what is wrong with the others."""

    root: Path
    products: Sequence[Product]  # a tuple, or a `ProductTable` of many
    problems: tuple[Problem, ...]
    tasks: tuple[str, ...]
    label_columns: tuple[str, ...]
    text_column: str
    has_split: bool
    seal: Seal
    title: str = ""  # what the data set is called
    source: Path = Path()  # the folder that reads as this data set again
    lines: Mapping[str, int] = field(default_factory=dict)  # id of a usable row -> its number
    where: Mapping[int, str] = field(default_factory=dict)  # number -> where the row stands, if not on that line
    group: tuple[str, ...] = ()  # the group columns that were named, beside what the data set says of itself
    has_validation: bool = False  # the table marks validation rows; else they were taken from those of training
    remarks: tuple[Remark, ...] = ()  # what was not used, or read otherwise than it is written
    inputs: Mapping[Modality, tuple[str, ...]] = field(default_factory=dict)  # the user's columns of each input
    lost: Mapping[Modality, int] = field(default_factory=dict)  # inputs of which no file was found, and their cells
    rows: int = 0  # of the table, usable or not
    desks: Mapping[str, Desk] = field(default_factory=dict)  # what was made of each label column's cells
    not_asked: Mapping[str, str] = field(default_factory=dict)  # column -> why it is no question
    added: tuple[str, ...] = ()  # ids of examples that joined the data later, also of those that must not teach
    decided: Mapping[str, RowDecision] = field(default_factory=dict)  # id of a row -> what was decided about it
    own_names: Mapping[str, str] = field(default_factory=dict)  # question -> what the table calls it

    @property
    def checksum(self) -> str:
        """What was read; see `Seal`."""
        return self.seal.checksum

    def in_split(self, name: str) -> Sequence[Product]:
        """The rows of a split: train, val, test or, where they were asked for, another word of the table."""
        return in_split(self.products, name)

    @property
    def joined(self) -> list[Product]:
        """The training rows that joined the data later."""
        later = set(self.added)
        return [product for product in self.products if product.id in later] if later else []

    @cached_property
    def given(self) -> frozenset[Modality]:
        """The inputs that at least one product has."""
        return frozenset(modality for product in self.products for modality in product.modalities)

    @cached_property
    def classes(self) -> dict[str, list[str]]:
        """Label column -> its classes in all splits, sorted."""
        found = {column: set(each_label(self.products, column)) for column in self.label_columns}
        return {column: sorted(labels - {""}) for column, labels in found.items()}

    def vocabularies(self, split: str = "train") -> dict[str, Vocabulary]:
        """One vocabulary per task from the rows of a split."""
        rows = self.in_split(split)
        return {task: Vocabulary.from_labels(each_label(rows, task)) for task in self.tasks}

    def support(self, task: str, split: str = "train") -> Counter[str]:
        """How many rows of a split each class has; rows without a label are left out."""
        return Counter(label for label in each_label(self.in_split(split), task) if label)

    @property
    def sentences(self) -> list[str]:
        """Everything that a person should hear of: problems, a few of each kind, then what was not used."""
        return [*few_of_each(map(str, self.problems)), *map(str, self.remarks)]


def support_sentence(counts: Counter[str]) -> str:
    """How evenly the classes of one task are filled, in one line."""
    if not counts:
        return "no labelled training row."
    sizes = sorted(counts.values())
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    return (
        f"{len(counts)} classes with {sizes[0]} ({least}) to {sizes[-1]} ({most}) training rows, "
        f"median {median(sizes):g}."
    )


def most_alike(problems: Sequence[Problem]) -> dict[tuple[str, str], list[Problem]]:
    """Problems by column and kind."""
    return by_key(problems, lambda problem: (problem.column, kind_of(problem.message)))
