"""A catalogue's rows as Arrow tables: one row a product, with its views inside it, so that one commit holds it whole.

In: `CatalogueProduct`s. Out: Arrow tables, and the products again.

Each field and each label is a column of its own, which filters read alone. Its name is the true name in hexadecimal
digits, since a shop may call a field anything: quotes, dots, line breaks, or "id".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from retail.catalogue.record import CatalogueProduct, View

FIELD, LABEL = "f_", "l_"  # what the columns of fields and of labels begin with
MEDIA = "media"  # the folder of kept files, below the catalogue's
KEPT = f"{MEDIA}/"  # what the source of a kept file begins with; other files have an absolute path

VIEW = pa.struct(
    [
        ("id", pa.string()),
        ("modality", pa.string()),
        ("source", pa.string()),  # words, or where the file lies
        ("origin", pa.string()),
        ("added", pa.float64()),
    ]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("name", pa.string()),
        ("words", pa.string()),  # all that can be searched for, in lower case
        ("views", pa.list_(VIEW)),
    ]
)


def column_of(kind: str, name: str) -> str:
    """The column of a field or a label: 'price' -> 'f_7072696365'."""
    return kind + name.encode("utf-8", "surrogatepass").hex()


def true_name(column: str) -> str:
    """The field or label of a column."""
    return bytes.fromhex(column[len(FIELD) :]).decode("utf-8", "surrogatepass")


def names_in(columns: Iterable[str], kind: str) -> list[str]:
    """The true names of the fields, or labels, among these columns, in their order."""
    return [true_name(column) for column in columns if column.startswith(kind)]


def columns_for(products: Iterable[CatalogueProduct]) -> list[str]:
    """The columns that these products' fields and labels need, each once."""
    needed: dict[str, None] = {}
    for product in products:
        needed.update(dict.fromkeys(_values(product)))
    return list(needed)


def table_of(products: Sequence[CatalogueProduct], schema: pa.Schema, folder: Path) -> pa.Table:
    """N products -> N rows with these columns; where a product says nothing there is a null."""
    rows = [_row(product, folder) for product in products]
    arrays = [pa.array([row.get(column.name) for row in rows], column.type) for column in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def products_of(table: pa.Table, folder: Path) -> list[CatalogueProduct]:
    """The products of such rows, in their order."""
    fields = [(column, true_name(column)) for column in table.column_names if column.startswith(FIELD)]
    labels = [(column, true_name(column)) for column in table.column_names if column.startswith(LABEL)]
    return [
        CatalogueProduct(
            id=row["id"],
            name=row["name"],
            labels={name: row[column] for column, name in labels if row[column] is not None},
            fields={name: row[column] for column, name in fields if row[column] is not None},
            views=tuple(view_of(row["id"], view, folder) for view in row["views"]),
        )
        for row in table.to_pylist()
    ]


def view_of(product: str, values: Mapping[str, Any], folder: Path) -> View:
    """A view from its row's values."""
    source = values["source"]
    if values["modality"] != "text":
        source = folder / source if source.startswith(KEPT) else Path(source)
    return View(values["id"], product, values["modality"], source, values["origin"], values["added"])


def storable(text: str) -> str:
    """The same text with a question mark for what UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()


def searchable(text: str) -> str:
    """Text as it is searched: without case."""
    return storable(text).casefold()


def _row(product: CatalogueProduct, folder: Path) -> dict[str, Any]:
    words = [product.name, *product.labels.values(), *product.fields.values(), product.id]
    words += [str(view.source) for view in product.views if view.modality == "text"]
    views = [
        {
            "id": view.id,
            "modality": view.modality,
            "source": _stored_source(view, folder),
            "origin": view.origin,
            "added": view.added,
        }
        for view in product.views
    ]
    base = {"id": product.id, "name": storable(product.name), "words": searchable("\n".join(words)), "views": views}
    return base | _values(product)


def _values(product: CatalogueProduct) -> dict[str, str]:
    """Column -> value of the fields and labels that say something."""
    fields = {column_of(FIELD, name): storable(value) for name, value in product.fields.items() if value and name}
    labels = {column_of(LABEL, name): storable(value) for name, value in product.labels.items() if value and name}
    return fields | labels


def _stored_source(view: View, folder: Path) -> str:
    if view.modality == "text":
        return storable(str(view.source))
    path = Path(str(view.source))
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder / MEDIA) else str(path)
