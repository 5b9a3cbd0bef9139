"""The products of a data set: the shop's master data, or the rows that a recogniser learned from.

In: any data set that is read elsewhere too, and perhaps the column of names and the one that says which rows are one
product. Out: products in a catalogue and `Imported`. Importing again updates them.

Label columns become labels, all other columns fields; photos, descriptions and clips become views. Where several rows
are one product, what differs between them says nothing of the product and is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from retail.catalogue.record import CatalogueProduct
from retail.dataset.columns import AUDIO, GROUP, IMAGE, SPLIT, read_pointer
from retail.dataset.labels.missing import is_missing
from retail.dataset.manifest import Manifest, Problem
from retail.dataset.reader import read_manifest, read_rows
from retail.dataset.remarks import few
from retail.dataset.rows import Rows, roles_of
from retail.dataset.source import is_own
from retail.files import SHIPPED_DATA, or_shipped
from retail.schema import Product, Progress, UserError
from retail.wording import number_of

# What a column of names is called, the surest first; the last ones name products and may also be labels.
NAMES = (
    *("name", "product_name", "productname", "display_name", "product_display_name", "productdisplayname"),
    *("title", "product_title", "titel", "titre", "titolo", "título", "nom", "nombre", "nome", "nazwa"),
    *("bezeichnung", "produktname", "artikelbezeichnung", "artikelname", "item_name", "article_name"),
    *("product", "item", "article", "produkt", "artikel", "produit", "producto", "prodotto"),
)
SAME_NAME_SAME_PRODUCT = NAMES[NAMES.index("product") :]
NO_INPUT = (
    "no photo, sound or description is left"  # what the reader says of a row that a name alone makes a product here
)
AT_ONCE = 500  # products a commit: a killed import keeps those before
LISTED_AS_ID = {"id", "ids", "index", ""}  # an id column of this name says nothing that a SKU would


@dataclass(frozen=True)
class Imported:
    """What came of it; `problems` are those of the data set, in its reader's words, and what rows disagreed on."""

    products: int
    new: int
    rows: int
    problems: tuple[Problem, ...] = ()
    name_column: str = ""  # "" where a product is called by its labels
    by: str = ""  # the column whose equal values made one product of several rows

    @property
    def sentence(self) -> str:
        """How many products came from how many rows."""
        again = self.products - self.new
        parts = [f"{self.new:,} new" if self.new else "", f"{again:,} updated" if again else ""]
        counted = f"{number_of(self.products, 'product')} ({', '.join(filter(None, parts)) or 'none'})"
        joined = f", those with the same {self.by} as one product" if self.by else ""
        return f"{counted} from {number_of(self.rows, 'row')}{joined}."


@dataclass
class _Row:
    """A usable row: what shows it, and its cells under the user's own names."""

    product: Product
    cells: Mapping[str, str]
    number: int


@dataclass
class _Merged:
    """Rows that are one product."""

    id: str
    rows: list[_Row] = field(default_factory=list)


def read_products(
    data: Path, name_column: str = "", by: str = "", progress: Progress | None = None
) -> tuple[list[tuple[CatalogueProduct, list[Product]]], Imported, bool]:
    """The products, what was found of them, and whether their files are to be copied; raises UserError."""
    data = or_shipped(data, SHIPPED_DATA)
    manifest = read_manifest(data, progress=progress, use_split=False)
    table = read_rows(data)
    for column, what in ((name_column, "names"), (by, "what makes rows one product")):
        if column and column not in table.header:
            raise UserError(f"There is no column {column!r} for {what}; the columns are {few(table.header)}.")
    rows, problems = _rows(manifest, table, name_column := name_column or guessed_name(table.header))
    by = by or _joining(rows, name_column, manifest)
    fields = _field_columns(data, manifest, table, name_column)
    found = []
    for one in _merged(rows, by, name_column, manifest):
        facts, disagreed = _facts(one, name_column, fields, manifest)
        found.append((facts, [row.product for row in one.rows]))
        problems += disagreed
    joined = by if len(found) < len(rows) else ""
    result = Imported(len(found), len(found), len(rows), tuple(problems), name_column, joined)
    return found, result, not is_own(manifest.root)


def guessed_name(header: Sequence[str]) -> str:
    """The column that names products, "" where none is called so."""
    plain = {re.sub(r"[\s-]+", "_", column.strip().lower()): column for column in reversed(header)}
    return next((plain[name] for name in NAMES if name in plain), "")


def _rows(manifest: Manifest, table: Rows, name_column: str) -> tuple[list[_Row], list[Problem]]:
    """The usable rows, among them those with a name alone, which is taken for their description."""
    cells = {number: dict(zip(table.header, row, strict=True)) for number, row in table.by_number.items()}
    rows = [_Row(one, cells[manifest.lines[one.id]], manifest.lines[one.id]) for one in manifest.products]
    problems = []
    for problem in manifest.problems:
        name = cells.get(problem.line or 0, {}).get(name_column, "")
        if problem.message.startswith(NO_INPUT) and problem.line and name:
            rows.append(_Row(Product(problem.id, text=name), cells[problem.line], problem.line))
        else:
            problems.append(problem)
    return sorted(rows, key=lambda row: row.number), problems


def _joining(rows: Sequence[_Row], name_column: str, manifest: Manifest) -> str:
    """The column of names, where rows of one name are one product: it repeats, and is a label or named like one."""
    called = name_column.strip().lower()
    if name_column not in manifest.label_columns and called not in SAME_NAME_SAME_PRODUCT:
        return ""
    names = Counter(filter(None, (_cell(row, name_column) for row in rows)))
    return name_column if any(count > 1 for count in names.values()) else ""


def _merged(rows: Sequence[_Row], by: str, name_column: str, manifest: Manifest) -> list[_Merged]:
    found: dict[str, _Merged] = {}
    names = Counter(_cell(row, name_column) for row in rows)
    for row in rows:
        key = _cell(row, by) if by else ""
        if not key:
            name = _cell(row, name_column)
            given = row.product.id in row.cells.values()
            key = (
                row.product.id if given else name if names[name] == 1 and name else f"{manifest.title}/{row.product.id}"
            )
        found.setdefault(key, _Merged(key)).rows.append(row)
    return list(found.values())


def _facts(
    one: _Merged, name_column: str, fields: Sequence[str], manifest: Manifest
) -> tuple[CatalogueProduct, list[Problem]]:
    """What all rows of a product agree on; of labels the most frequent counts, and the others are named."""
    labels, problems = {}, []
    for task in manifest.label_columns:
        said = Counter(filter(None, (row.product.labels.get(task, "") for row in one.rows)))
        if said:
            labels[task] = said.most_common(1)[0][0]
        if len(said) > 1:
            sentence = f"{few(list(said))} for the rows of one product, {one.id!r}; {labels[task]!r} is kept."
            problems.append(Problem(one.rows[0].number, task, sentence, one.id))
    agreed = {column: {_cell(row, column) for row in one.rows} - {""} for column in fields}
    names = Counter(filter(None, (_cell(row, name_column) for row in one.rows)))
    name = names.most_common(1)[0][0] if names else ""
    values = {column: next(iter(said)) for column, said in agreed.items() if len(said) == 1}
    return CatalogueProduct(one.id, name, labels, values), problems


def _cell(row: _Row, column: str) -> str:
    """What a row says in a column, as it was settled where that is a label; "" for words that mean nothing."""
    value = row.product.labels.get(column) or row.cells.get(column, "").strip()
    return "" if is_missing(value) else value


def _field_columns(data: Path, manifest: Manifest, table: Rows, name_column: str) -> list[str]:
    """The columns that are neither input, label nor name, and say something of a product."""
    pointer = read_pointer(data) if data.is_dir() else None
    columns = pointer.columns if pointer else roles_of(table)
    role_of = dict(zip(table.header, columns.renamed(table.header), strict=True))
    inputs = {name for names in manifest.inputs.values() for name in names}
    left_out = {*inputs, *manifest.label_columns, name_column}
    return [
        column
        for column, role in role_of.items()
        if column not in left_out
        and role not in (IMAGE, AUDIO, SPLIT, GROUP)
        and not (role == "id" and column.strip().lower() in LISTED_AS_ID)
    ]
