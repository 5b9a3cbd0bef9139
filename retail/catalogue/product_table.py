"""The table of a catalogue's products: reading rows by id, name or filter, and writing them in one commit.

In: ids, conditions, products. Out: Arrow tables, ids. `Catalogue` says what they mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from retail.catalogue.filters import among, condition, holds
from retail.catalogue.places import PRODUCTS, table_folder
from retail.catalogue.record import CatalogueProduct, View
from retail.catalogue.search import match_misspelt, match_words
from retail.catalogue.tables import FIELD, LABEL, column_of, columns_for, products_of, table_of, view_of
from retail.catalogue.upkeep import join, tidy, waiting
from retail.catalogue.writing import writing

ASKED_AT_ONCE = 1000  # ids in one condition; of more, one scan of the table costs less


class ProductTable:
    """One row a product; what other processes write is seen by the next call."""

    def __init__(self, folder: Path, table: Any) -> None:
        self.folder, self.table = folder, table

    @property
    def columns(self) -> list[str]:
        """Their names, those of fields and labels encoded."""
        return list(self.table.schema.names)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else writes meanwhile, so what is read within may be written back."""
        with writing(table_folder(self.folder, PRODUCTS)):
            yield
            tidy(self.table)

    def condition(self, where: Mapping[str, str] | None, words: str = "") -> str:
        """Filters and words in SQL; raises UserError for a field that there is not."""
        return condition(where, self.columns, words) if where or words else ""

    def count(self, wanted: str = "") -> int:
        """How many rows pass a condition."""
        return int(self.table.count_rows(wanted or None))

    def select(self, columns: list[str] | None, wanted: str = "") -> pa.Table:
        """These columns of the rows that pass."""
        query = self.table.search()
        query = query.where(wanted) if wanted else query
        return (query.select(columns) if columns else query).to_arrow()

    def ids(self, wanted: str = "") -> list[str]:
        """The ids of the rows that pass, in no order."""
        return self.select(["id"], wanted)["id"].to_pylist()

    def ids_by_name(self, wanted: str = "") -> list[str]:
        """The same, by name."""
        rows = self.select(["id", "name"], wanted)
        keys = pa.table({"name": pc.utf8_lower(rows["name"]), "id": rows["id"]})
        return keys.take(pc.sort_indices(keys, [("name", "ascending"), ("id", "ascending")]))["id"].to_pylist()

    def ids_by_words(self, words: str, wanted: str, count: int) -> list[str]:
        """The same, those whose words fit best first; wrong letters are forgiven where nothing else fits."""
        if not words.strip():
            return []
        if found := match_words(self.table, words, wanted, count):
            return found
        if waiting(self.table):
            with writing(table_folder(self.folder, PRODUCTS)):
                join(self.table)
        return match_misspelt(self.table, words, wanted, count)

    def of(self, ids: Sequence[str], columns: list[str] | None = None) -> pa.Table:
        """The rows of these ids, in no order."""
        if len(ids) <= ASKED_AT_ONCE:
            return self.select(columns, among("id", ids) if ids else "false")
        rows = self.select(columns)
        return rows.filter(pc.is_in(rows["id"], pa.array(ids)))

    def products(self, ids: Sequence[str]) -> list[CatalogueProduct]:
        """The products of those of these ids that are there, in their order, each once."""
        ids = list(dict.fromkeys(ids))
        by_id = {one.id: one for one in products_of(self.of(ids), self.folder)}
        return [by_id[key] for key in ids if key in by_id]

    def views(self) -> list[View]:
        """All views, in the order in which they were added."""
        rows = self.select(["id", "views"])
        found = [
            view_of(product, values, self.folder)
            for product, views in zip(rows["id"].to_pylist(), rows["views"].to_pylist(), strict=True)
            for values in views
        ]
        return sorted(found, key=lambda view: (view.added, view.id))

    def of_views(self, part: str, products: Collection[str] | None = None) -> list[Any]:
        """One part, such as `source`, of all views, or of these products' views."""
        rows = self.select(["id", "views"]) if products is None else self.of(list(products), ["id", "views"])
        return rows["views"].combine_chunks().flatten().field(part).to_pylist()

    def holding(self, field: str, part: str) -> list[tuple[str, str]]:
        """(id, cell) where a field holds a text; the cell's case, spaces and hyphens do not count."""
        column = column_of(FIELD, field)
        rows = self.select(["id", column], holds(field, part))
        return list(zip(rows["id"].to_pylist(), rows[column].to_pylist(), strict=True))

    def values(self, name: str) -> list[str]:
        """What products say in a field, or in a label, each once, the most frequent first."""
        column = next((c for kind in (FIELD, LABEL) if (c := column_of(kind, name)) in self.columns), "")
        if not column:
            return []
        said = self.select([column])[column].drop_null()
        return [value for value, _ in Counter(said.to_pylist()).most_common()]

    def put(self, products: Sequence[CatalogueProduct], without: Sequence[str] = ()) -> list[CatalogueProduct]:
        """One commit: these rows are there, those `without` are gone. Gives the products as they are kept."""
        if not products:
            return []
        known = set(self.columns)
        if new := [column for column in columns_for(products) if column not in known]:
            self.table.add_columns(pa.schema([pa.field(column, pa.string()) for column in new]))
        rows = table_of(products, self.table.schema, self.folder)
        change = self.table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        if without:
            change = change.when_not_matched_by_source_delete(among("id", without))
        change.execute(rows)
        return products_of(rows, self.folder)

    def delete(self, ids: Sequence[str]) -> None:
        """These rows are gone, in one commit."""
        if not ids:
            return
        self.table.delete(among("id", ids))
