"""A catalogue: the known products of a shop in an embedded database (LanceDB), with vectors and full-text search.

In: the name of a catalogue. Out: `Catalogue`, which adds, edits, finds and removes products.

It is one folder below the home folder: `products.lance` holds a row for each product with its views,
`vectors_….lance` the vectors of one encoder, `media/` the photos and clips that were copied. A product and its views
are one row, so each change is one commit: it is there as a whole or not at all. `benchmarks/catalogue.md` says why
LanceDB.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from retail.catalogue.filters import among, condition
from retail.catalogue.media_files import delete_files, each_once, moved, views_of
from retail.catalogue.places import PRODUCTS, folder_of, names, open_products
from retail.catalogue.record import CatalogueProduct, Origin, View
from retail.catalogue.shipped import fill
from retail.catalogue.tables import FIELD, KEPT, LABEL, columns_for, names_in, products_of, table_of, view_of
from retail.catalogue.vectors import VectorTable, ViewVectors, owner_of
from retail.catalogue.writing import flushed, writing
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
        """The catalogue of this name, made when there is none, with its products if it ships.

        Raises UserError for a name that cannot be a folder's, and for a folder that is no catalogue.
        """
        folder = folder_of(name)
        database, table = open_products(folder)
        catalogue = cls(folder.name, folder, database, table)
        fill(catalogue)
        return catalogue

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
        with self._writing():
            kept: dict[str, CatalogueProduct] = {}
            for facts, shown in products:
                facts = facts if facts.id else replace(facts, id=secrets.token_hex(8))
                views = [moved(view, facts.id) for view in facts.views]
                views += views_of(facts.id, shown, origin, self.folder, keep_files)
                kept[facts.id] = replace(facts, views=each_once(views))
            return self._upsert(list(kept.values()))

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
        if ids is None or wanted:
            found = self._ids(wanted)
            chosen = found if ids is None else [key for key in ids if key in set(found)]
        else:
            chosen = list(dict.fromkeys(ids))
        chosen = chosen[offset:] if limit is None else chosen[offset : offset + limit]
        rows: list[pa.Table] = []
        if len(chosen) > ASKED_AT_ONCE:  # one scan costs less than many conditions
            rows = [self._table.to_arrow()]
        elif chosen:
            rows = [self._table.search().where(among("id", chosen)).to_arrow()]
        wanted_ids = set(chosen)
        by_id = {
            one.id: one
            for table in rows
            for one in products_of(table.filter(pc.is_in(table["id"], pa.array(list(wanted_ids)))), self.folder)
        }
        return [by_id[key] for key in chosen if key in by_id]

    def field_names(self) -> list[str]:
        """What products may be filtered by beside their labels, in the order in which it came."""
        return names_in(self._table.schema.names, FIELD)

    def label_names(self) -> list[str]:
        """The questions that some products have a label for."""
        return names_in(self._table.schema.names, LABEL)

    def views(self) -> list[View]:
        """All views, in the order in which they were added."""
        rows = self._table.search().select(["id", "views"]).to_arrow()
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
        return notes

    def vectors(self, encoder: Encoder) -> ViewVectors:
        """The vectors of all views that this encoder has embedded, in the order of `views`."""
        views = [view for view in self.views() if view.modality == encoder.modality]
        return self._vectors(encoder).of([view.id for view in views], [view.product for view in views])

    def _vectors(self, encoder: Encoder) -> VectorTable:
        return VectorTable(self._database, self.folder, owner_of(encoder), encoder.dim)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with writing(self.folder), flushed(self.folder / f"{PRODUCTS}.lance"):
            yield

    def _known(self, product_id: str) -> CatalogueProduct:
        known = self.get(product_id)
        if known is None:
            raise UserError(
                f"The catalogue {self.name!r} has no product {product_id!r}; it may have been removed. Reload the list."
            )
        return known

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

    def _ids(self, wanted: str) -> list[str]:
        """The ids of the products that pass a condition, by name."""
        query = self._table.search()
        rows = (query.where(wanted) if wanted else query).select(["id", "name"]).to_arrow()
        keys = pa.table({"name": pc.utf8_lower(rows["name"]), "id": rows["id"]})
        return keys.take(pc.sort_indices(keys, [("name", "ascending"), ("id", "ascending")]))["id"].to_pylist()

    def _delete_unnamed(self, sources: Sequence[object]) -> None:
        """Deletes those of these copies that no product names any more."""
        own = {source for source in sources if isinstance(source, Path) and source.is_relative_to(self.folder)}
        if own:
            rows = self._table.search().select(["views"]).to_arrow()["views"].combine_chunks()
            left = {name for name in rows.flatten().field("source").to_pylist() if name and name.startswith(KEPT)}
            delete_files(path for path in own if path.relative_to(self.folder).as_posix() not in left)
