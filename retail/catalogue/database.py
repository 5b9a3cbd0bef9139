"""A catalogue: the known products of a shop in an embedded database (LanceDB), with vectors and full-text search.

In: the name of a catalogue. Out: `Catalogue`, which adds, edits, finds and removes products.

It is one folder below the home folder: `products.lance` holds a row for each product with its views,
`vectors_….lance` the vectors of one encoder, `media/` the photos and clips that were copied. A product and its views
are one row, so each change is one commit: it is there as a whole or not at all. `benchmarks/catalogue.md` says why
LanceDB.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retail.catalogue.choice import OWN
from retail.catalogue.earlier import earlier_folder, move_earlier
from retail.catalogue.export import write_products
from retail.catalogue.filters import among, condition
from retail.catalogue.importing import AT_ONCE, Imported, read_products
from retail.catalogue.media_files import delete_files, each_once, moved, views_of
from retail.catalogue.places import PRODUCTS, SHIPPED_CATALOGUES, folder_of, names, open_products, table_folder
from retail.catalogue.record import CatalogueProduct, Origin, View
from retail.catalogue.search import Found, Near, match_misspelt, match_words, nearest_views, search
from retail.catalogue.tables import FIELD, KEPT, LABEL, column_of, columns_for, names_in, products_of, table_of, view_of
from retail.catalogue.upkeep import join, tidy, waiting
from retail.catalogue.vectors import VectorTable, ViewVectors, owner_of
from retail.catalogue.writing import writing
from retail.schema import Modality, Note, Product, Progress, UserError

if TYPE_CHECKING:  # both import torch, which writing and searching by words do without
    from retail.encoders import Encoder
    from retail.store import EmbeddingStore

__all__ = ["Catalogue", "names"]

EMBEDDED_AT_ONCE = 512  # sources between two commits of vectors: a killed run loses at most these
ASKED_AT_ONCE = 1000  # ids in one condition


class Catalogue:
    """Known products under one name; several processes may read and write at once.

    A write is on the disk when its call returns. An object is cheap to keep and notices what others write.
    """

    def __init__(self, name: str, folder: Path, database: Any, table: Any) -> None:
        self.name, self.folder = name, folder
        self._database, self._table = database, table

    @classmethod
    def open(cls, name: str) -> Catalogue:
        """The catalogue of this name, made when there is none.

        Raises UserError for a name that cannot be a folder's, and for a folder that is no catalogue.
        """
        folder = folder_of(name)
        database, table = open_products(folder)
        opened = cls(folder.name, folder, database, table)
        if opened.name == OWN and earlier_folder().is_dir():
            move_earlier(opened.add)
        if (shipped := SHIPPED_CATALOGUES.get(opened.name)) and shipped.is_dir() and not len(opened):
            opened.import_data(shipped)
        return opened

    @property
    def version(self) -> int:
        """Moves on with every change of products by any process; a compaction moves it too."""
        return int(self._table.version)

    def __len__(self) -> int:
        return int(self._table.count_rows())

    def add(
        self,
        products: Sequence[tuple[CatalogueProduct, Product]],
        origin: Origin = "enrolled",
        keep_files: bool = True,
    ) -> list[CatalogueProduct]:
        """Keeps products with the views they have and those that a `Product` shows; all of them or none.

        A product without an id gets one; one whose id is there already is replaced. Files are copied into the
        catalogue, or without `keep_files` stay where they are. Raises UserError for a file that cannot be read.
        """
        return self._keep([(facts, [shown]) for facts, shown in products], origin, keep_files)

    def add_views(self, product_id: str, product: Product, origin: Origin) -> CatalogueProduct:
        """Adds what shows a product to what is there; its files are copied into the catalogue."""
        with self._writing():
            known = self._known(product_id)
            added = views_of(product_id, product, origin, self.folder, keep_files=True)
            return self._upsert([replace(known, views=each_once([*known.views, *added]))])[0]

    def edit(
        self,
        product_id: str,
        *,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> CatalogueProduct:
        """Replaces the name, all labels or all fields; what is None stays."""
        with self._writing():
            known = self._known(product_id)
            changed = replace(
                known,
                name=known.name if name is None else name,
                labels=known.labels if labels is None else dict(labels),
                fields=known.fields if fields is None else dict(fields),
            )
            return self._upsert([changed])[0]

    def merge(self, keep: str, others: Sequence[str]) -> CatalogueProduct:
        """Makes one product of several: `keep` gets the others' views, and the labels and fields that it lacks."""
        others = [other for other in dict.fromkeys(others) if other != keep]
        with self._writing():
            known = self._known(keep)
            rest = [self._known(other) for other in others]
            views = each_once([*known.views, *(moved(view, keep) for other in rest for view in other.views)])
            labels, fields = dict(known.labels), dict(known.fields)
            for other in rest:
                labels, fields = {**other.labels, **labels}, {**other.fields, **fields}
            changed = replace(known, views=views, labels=labels, fields=fields)
            return self._upsert([changed], without=others)[0]

    def remove(self, ids: Sequence[str]) -> None:
        """Forgets these products, and the copies of their files that no other product has."""
        with self._writing():
            files = [view.source for product in self.products(ids) for view in product.views]
            for start in range(0, len(ids), ASKED_AT_ONCE):
                self._table.delete(among("id", ids[start : start + ASKED_AT_ONCE]))
            self._delete_unnamed(files)

    def remove_views(self, view_ids: Sequence[str]) -> None:
        """Forgets these views; a product that loses its last one stays."""
        wanted = set(view_ids)
        with self._writing():
            owners = {view.product for view in self.views() if view.id in wanted}
            known = self.products(sorted(owners))
            files = [view.source for product in known for view in product.views if view.id in wanted]
            self._upsert(
                [replace(one, views=tuple(view for view in one.views if view.id not in wanted)) for one in known]
            )
            self._delete_unnamed(files)

    def get(self, product_id: str) -> CatalogueProduct | None:
        """The product of this id."""
        return next(iter(self.products([product_id])), None)

    def products(
        self,
        ids: Sequence[str] | None = None,
        *,
        words: str = "",
        where: Mapping[str, str] | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> list[CatalogueProduct]:
        """These products in the order of `ids`, else by name: those that have all `words` and pass the filters.

        A word may be a part of one, as while somebody types. See `filters` for ranges of numbers.
        """
        wanted = condition(where, self._table.schema.names, words)
        chosen = self._by_name(wanted) if ids is None else list(dict.fromkeys(ids))
        if ids is not None and wanted:
            passing = set(self._column("id", wanted))
            chosen = [key for key in chosen if key in passing]
        chosen = chosen[offset:] if limit is None else chosen[offset : offset + limit]
        by_id = {one.id: one for one in products_of(self._rows(None, chosen), self.folder)}
        return [by_id[key] for key in chosen if key in by_id]

    def count(self, where: Mapping[str, str] | None = None, words: str = "") -> int:
        """How many products have all `words` and pass the filters."""
        return int(self._table.count_rows(condition(where, self._table.schema.names, words) or None))

    def ids(self, where: Mapping[str, str] | None = None) -> list[str]:
        """The ids of the products that pass the filters, in no order."""
        return self._column("id", condition(where, self._table.schema.names))

    def ids_by_words(self, words: str, where: Mapping[str, str] | None = None, count: int = 20) -> list[str]:
        """The ids of the products whose names, labels, fields or descriptions fit the words best."""
        wanted = condition(where, self._table.schema.names)
        if not words.strip():
            return []
        if found := match_words(self._table, words, wanted, count):
            return found
        if waiting(self._table):
            with writing(table_folder(self.folder, PRODUCTS)):
                join(self._table)
        return match_misspelt(self._table, words, wanted, count)

    def view_ids(self, products: Collection[str]) -> set[str]:
        """The ids of these products' views."""
        rows = self._rows(["id", "views"], list(products))
        return set(rows["views"].combine_chunks().flatten().field("id").to_pylist())

    def field_names(self) -> list[str]:
        """What products may be filtered by beside their labels, in the order in which it came."""
        return names_in(self._table.schema.names, FIELD)

    def label_names(self) -> list[str]:
        """The questions that some products have a label for."""
        return names_in(self._table.schema.names, LABEL)

    def values(self, name: str) -> list[str]:
        """What products say in a field, or in a label, each once, the most frequent first."""
        column = next((c for kind in (FIELD, LABEL) if (c := column_of(kind, name)) in self._table.schema.names), "")
        if not column:
            return []
        said = self._select([column], "")[column].drop_null()
        return [value for value, _ in Counter(said.to_pylist()).most_common()]

    def counts(self) -> dict[Modality, int]:
        """How many photos, descriptions and sounds show its products."""
        views = self._select(["views"], "")["views"].combine_chunks().flatten()
        return dict(Counter(views.field("modality").to_pylist()))

    def views(self) -> list[View]:
        """All views, in the order in which they were added."""
        rows = self._select(["id", "views"], "")
        found = [
            view_of(product, values, self.folder)
            for product, views in zip(rows["id"].to_pylist(), rows["views"].to_pylist(), strict=True)
            for values in views
        ]
        return sorted(found, key=lambda view: (view.added, view.id))

    def embed(
        self,
        encoders: Mapping[Modality, Encoder],
        store: EmbeddingStore | None = None,
        progress: Progress | None = None,
    ) -> list[Note]:
        """Embeds the views that lack a vector of these encoders; one note for each that cannot be read."""
        from retail.store import EmbeddingStore

        store = store or EmbeddingStore()
        notes: list[Note] = []
        views = self.views()
        for modality, encoder in encoders.items():
            vectors = self._vectors(encoder)
            kept = vectors.kept()
            own = {view.id: view for view in views if view.modality == modality}
            missing = [view for key, view in own.items() if key not in kept]
            for start in range(0, len(missing), EMBEDDED_AT_ONCE):
                part = missing[start : start + EMBEDDED_AT_ONCE]
                rows, ok, errors = store.fetch(encoder, [view.source for view in part])
                good = [view for view, fine in zip(part, ok.tolist(), strict=True) if fine]
                if good:
                    vectors.keep([view.id for view in good], [view.product for view in good], rows[ok].numpy())
                notes += [
                    Note(view.product, modality, error) for view, error in zip(part, errors, strict=True) if error
                ]
                if progress:
                    progress(f"Encoding {modality}", start + len(part), len(missing))
            if gone := sorted(kept - set(own)):
                vectors.sweep(gone)
            if gone or missing:
                vectors.tidy()
        return notes

    def vectors(self, encoder: Encoder) -> ViewVectors:
        """The vectors of all views that this encoder has embedded, in the order of `views`."""
        views = [view for view in self.views() if view.modality == encoder.modality]
        return self._vectors(encoder).of([view.id for view in views], [view.product for view in views])

    def import_data(
        self, data: Path, *, name_column: str = "", by: str = "", progress: Progress | None = None
    ) -> Imported:
        """The products of any data set; importing it again updates them. See `importing`.

        Rows with the same value `by` a column are one product; by default those with the same name, where a column
        such as product names several rows. Files in a folder of one's own stay where they are.
        """
        found, result, keep_files = read_products(data, name_column, by, progress)
        known = set(self.ids())
        for start in range(0, len(found), AT_ONCE):
            self._keep(found[start : start + AT_ONCE], "import", keep_files)
            if progress:
                progress("importing", min(start + AT_ONCE, len(found)), len(found))
        return replace(result, new=sum(facts.id not in known for facts, _ in found))

    def export(self, path: Path) -> Path:
        """All products as a table, CSV, Excel or Parquet by the ending; see `export`."""
        return write_products(path, self.products())

    def nearest(
        self, encoder: Encoder, vectors: np.ndarray, count: int, where: Mapping[str, str] | None = None
    ) -> list[list[Near]]:
        """For each of Q vectors (Q, D) the `count` nearest views of products that pass the filters, nearest first."""
        return [nearest_views(self, self._vectors(encoder), query, count, where) for query in np.asarray(vectors)]

    def search(
        self,
        words: str = "",
        product: Product | None = None,
        encoders: Mapping[Modality, Encoder] | None = None,
        where: Mapping[str, str] | None = None,
        count: int = 20,
    ) -> list[Found]:
        """The products that fit words and whatever a `Product` shows, best first; see `search`."""
        return search(self, words, product, encoders or {}, where, count)

    def _vectors(self, encoder: Encoder) -> VectorTable:
        return VectorTable(self._database, self.folder, owner_of(encoder), encoder.dim)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with writing(table_folder(self.folder, PRODUCTS)):
            yield
            tidy(self._table)

    def _known(self, product_id: str) -> CatalogueProduct:
        known = self.get(product_id)
        if known is None:
            raise UserError(
                f"The catalogue {self.name!r} has no product {product_id!r}; it may have been removed. Reload the list."
            )
        return known

    def _keep(
        self, products: Sequence[tuple[CatalogueProduct, Sequence[Product]]], origin: Origin, keep_files: bool
    ) -> list[CatalogueProduct]:
        """Like `add`, where several of a data set's rows may show one product."""
        with self._writing():
            kept: dict[str, CatalogueProduct] = {}
            for facts, rows in products:
                facts = facts if facts.id else replace(facts, id=secrets.token_hex(8))
                views = [moved(view, facts.id) for view in facts.views]
                for shown in rows:
                    views += views_of(facts.id, shown, origin, self.folder, keep_files)
                kept[facts.id] = replace(facts, views=each_once(views))
            return self._upsert(list(kept.values()))

    def _upsert(self, products: Sequence[CatalogueProduct], without: Sequence[str] = ()) -> list[CatalogueProduct]:
        """One commit: these rows are there, those `without` are gone. Gives the products as they are kept."""
        if not products:
            return []
        names = set(self._table.schema.names)
        if new := [column for column in columns_for(products) if column not in names]:
            self._table.add_columns(pa.schema([pa.field(column, pa.string()) for column in new]))
        rows = table_of(products, self._table.schema, self.folder)
        change = self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        if without:
            change = change.when_not_matched_by_source_delete(among("id", without))
        change.execute(rows)
        return products_of(rows, self.folder)

    def _by_name(self, wanted: str) -> list[str]:
        """The ids of the products that pass a condition, by name."""
        rows = self._select(["id", "name"], wanted)
        keys = pa.table({"name": pc.utf8_lower(rows["name"]), "id": rows["id"]})
        return keys.take(pc.sort_indices(keys, [("name", "ascending"), ("id", "ascending")]))["id"].to_pylist()

    def _rows(self, columns: list[str] | None, ids: Sequence[str]) -> pa.Table:
        """The rows of these ids; of many, one scan costs less than many conditions."""
        if len(ids) <= ASKED_AT_ONCE:
            return self._select(columns, among("id", ids) if ids else "false")
        rows = self._select(columns, "")
        return rows.filter(pc.is_in(rows["id"], pa.array(ids)))

    def _select(self, columns: list[str] | None, wanted: str) -> pa.Table:
        query = self._table.search()
        query = query.where(wanted) if wanted else query
        return (query.select(columns) if columns else query).to_arrow()

    def _column(self, column: str, wanted: str) -> list[str]:
        return self._select([column], wanted)[column].to_pylist()

    def _delete_unnamed(self, sources: Sequence[object]) -> None:
        """Deletes those of these copies that no product names any more."""
        own = {source for source in sources if isinstance(source, Path) and source.is_relative_to(self.folder)}
        if own:
            left = {
                name
                for name in self._select(["views"], "")["views"].combine_chunks().flatten().field("source").to_pylist()
                if name and name.startswith(KEPT)
            }
            delete_files(path for path in own if path.relative_to(self.folder).as_posix() not in left)
