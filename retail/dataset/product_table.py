"""Many products by columns: a product is made when somebody asks for it.

In: products one after the other, with the cells that name their files. Out: a sequence of them. A product alone takes
1.5 KB, most of it for paths, dictionaries and the object itself; here it takes the text of its cells and 60 bytes.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

from retail.dataset.places.named import is_below
from retail.schema import MediaSource, Product

MOST_MADE = 100_000  # products that are kept as such, 150 MB: pages look at them again and again
Files = str | tuple[MediaSource, ...]  # a name below the table's folder, or what is none


class ProductTable(Sequence[Product]):
    """Products over columns, which parts of it share; `labels` hold a label for each row of the data."""

    def __init__(self, folder: str, labels: Mapping[str, Sequence[str]]) -> None:
        self.folder, self.labels = folder, labels
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.splits: list[str] = []
        self.groups: list[str] = []
        self.images: list[Files] = []
        self.sounds: list[Files] = []
        self.places = array("q")  # of the rows in the data
        self.changed: dict[int, Product] = {}  # row -> what it became
        self.rows: Sequence[int] = ()  # of the columns, those that are in here

    def add(self, product: Product, place: int, image: str, sound: str) -> None:
        """One more, with its row of the data and the cells that name its files."""
        self.rows = range(len(self.ids) + 1)
        self.ids.append(product.id)
        self.texts.append(product.text)
        self.splits.append(product.split)
        self.groups.append(product.group)
        self.images.append(self._short(product.images, image))
        self.sounds.append(self._short(() if product.audio is None else (product.audio,), sound))
        self.places.append(place)

    def put(self, place: int, product: Product) -> None:
        """Another product in place of one."""
        self.changed[self.rows[place]] = product

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Product]:
        return map(self._made, self.rows)

    @overload
    def __getitem__(self, place: int) -> Product: ...

    @overload
    def __getitem__(self, place: slice) -> ProductTable: ...

    def __getitem__(self, place: Any) -> Any:
        return self.at(self.rows[place]) if isinstance(place, slice) else self._made(self.rows[place])

    def at(self, rows: Sequence[int]) -> ProductTable:
        """These rows of the columns, which stay where they are."""
        part = ProductTable("", {})
        part.__dict__.update(self.__dict__, rows=rows)
        return part

    def with_splits(self, splits: Sequence[str]) -> ProductTable:
        """The same products in these splits."""
        found = self.at(self.rows)
        found.splits = list(self.splits)
        for row, split in zip(self.rows, splits, strict=True):
            found.splits[row] = split
        found.changed = {row: replace(product, split=found.splits[row]) for row, product in self.changed.items()}
        return found

    def in_split(self, name: str) -> ProductTable:
        """Those of one split."""
        pairs = zip(self.rows, self.each("split"), strict=True)
        return self.at(array("q", (row for row, split in pairs if split == name)))

    def each(self, field: Literal["id", "text", "split", "group"]) -> Iterator[str]:
        """A field of every product, without the products."""
        column = {"id": self.ids, "text": self.texts, "split": self.splits, "group": self.groups}[field]
        if not self.changed:
            return map(column.__getitem__, self.rows)
        return (getattr(self.changed[row], field) if row in self.changed else column[row] for row in self.rows)

    def each_label(self, column: str) -> Iterator[str]:
        """A label of every product, "" without one."""
        labels = self.labels.get(column)
        for row in self.rows:
            if row in self.changed:
                yield self.changed[row].labels.get(column, "")
            else:
                yield labels[self.places[row]] if labels else ""

    def _made(self, row: int) -> Product:
        if row in self.changed:
            return self.changed[row]
        sounds, place = self._long(self.sounds[row]), self.places[row]
        return Product(
            self.ids[row],
            self._long(self.images[row]),
            self.texts[row],
            sounds[0] if sounds else None,
            {column: labels[place] for column, labels in self.labels.items()},
            self.splits[row],
            self.groups[row],
        )

    def _short(self, files: tuple[MediaSource, ...], cell: str) -> Files:
        return cell if len(files) == 1 and is_below(files[0], self.folder, cell) else files

    def _long(self, files: Files) -> tuple[MediaSource, ...]:
        return (Path(f"{self.folder}{os.sep}{files}"),) if isinstance(files, str) else files


def each(products: Sequence[Product], field: Literal["id", "text", "split", "group"]) -> Iterable[str]:
    """A field of every product."""
    return products.each(field) if isinstance(products, ProductTable) else [getattr(one, field) for one in products]


def each_label(products: Sequence[Product], column: str) -> Iterable[str]:
    """A label of every product, "" without one."""
    if isinstance(products, ProductTable):
        return products.each_label(column)
    return [product.labels.get(column, "") for product in products]


def in_split(products: Sequence[Product], name: str) -> Sequence[Product]:
    """Those of one split."""
    if isinstance(products, ProductTable):
        return products.in_split(name)
    return [product for product in products if product.split == name]


def with_splits(products: Sequence[Product], splits: Sequence[str]) -> Sequence[Product]:
    """The same products in these splits."""
    if isinstance(products, ProductTable):
        return products.with_splits(splits)
    return [replace(product, split=split) for product, split in zip(products, splits, strict=True)]
