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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retail.catalogue.choice import OWN
from retail.catalogue.earlier import earlier_folder, move_earlier
from retail.catalogue.embedding import embed_views
from retail.catalogue.export import write_products
from retail.catalogue.importing import AT_ONCE, Imported, read_products
from retail.catalogue.media_files import delete_files, each_once, moved, views_of
from retail.catalogue.places import FILLED, folder_of, names, open_products
from retail.catalogue.product_table import ProductTable
from retail.catalogue.record import CatalogueProduct, Origin, View
from retail.catalogue.search import Found, Near, nearest_views, search
from retail.catalogue.tables import FIELD, KEPT, LABEL, MEDIA, names_in
from retail.catalogue.vectors import VectorTable, ViewVectors, drop_old_vectors, owner_of
from retail.files import SHIPPED_CATALOGUES
from retail.schema import Modality, Note, Product, Progress, UserError

if TYPE_CHECKING:  # both import torch, which writing and searching by words do without
    from retail.encoders import Encoder
    from retail.store import EmbeddingStore

__all__ = ["Catalogue", "names"]


class Catalogue:
    """Known products under one name; several processes may read and write at once.

    A write is on the disk when its call returns. An object is cheap to keep and notices what others write.
    """

    def __init__(self, name: str, folder: Path, database: Any, table: Any) -> None:
        self.name, self.folder = name, folder
        self._database, self._rows = database, ProductTable(folder, table)
        self._cleared = False  # of copies that nothing names

    @classmethod
    def open(cls, name: str) -> Catalogue:
        """The catalogue of this name, made when there is none, with its products if it ships.

        Raises UserError for a name that cannot be a folder's, and for a folder that is no catalogue.
        """
        folder = folder_of(name)
        database, table = open_products(folder)
        opened = cls(folder.name, folder, database, table)
        if opened.name == OWN and earlier_folder().is_dir():
            move_earlier(opened.add)
        shipped, mark = SHIPPED_CATALOGUES.get(opened.name), folder / FILLED
        if shipped and shipped.is_dir() and not mark.exists():
            opened.import_data(shipped)
            mark.touch()
        return opened

    @property
    def version(self) -> int:
        """Moves on with every change of products by any process; a compaction moves it too."""
        return int(self._rows.table.version)

    def __len__(self) -> int:
        return self._rows.count()

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
        with self._rows.writing():
            known = self._known(product_id)
            added = views_of(product_id, product, origin, self.folder, keep_files=True)
            return self._rows.put([replace(known, views=each_once([*known.views, *added]))])[0]

    def edit(
        self,
        product_id: str,
        *,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> CatalogueProduct:
        """Replaces the name, all labels or all fields; what is None stays."""
        with self._rows.writing():
            known = self._known(product_id)
            changed = replace(
                known,
                name=known.name if name is None else name,
                labels=known.labels if labels is None else dict(labels),
                fields=known.fields if fields is None else dict(fields),
            )
            return self._rows.put([changed])[0]

    def merge(self, keep: str, others: Sequence[str]) -> CatalogueProduct:
        """Makes one product of several: `keep` gets the others' views, and the labels and fields that it lacks."""
        others = [other for other in dict.fromkeys(others) if other != keep]
        with self._rows.writing():
            known = self._known(keep)
            rest = [self._known(other) for other in others]
            views = each_once([*known.views, *(moved(view, keep) for other in rest for view in other.views)])
            labels, fields = dict(known.labels), dict(known.fields)
            for other in rest:
                labels, fields = {**other.labels, **labels}, {**other.fields, **fields}
            changed = replace(known, views=views, labels=labels, fields=fields)
            return self._rows.put([changed], without=others)[0]

    def remove(self, ids: Sequence[str]) -> None:
        """Forgets these products, and the copies of their files that no other product has."""
        with self._rows.writing():
            files = [view.source for product in self.products(ids) for view in product.views]
            self._rows.delete(ids)
            self._delete_unnamed(files)

    def remove_views(self, view_ids: Sequence[str]) -> None:
        """Forgets these views; a product that loses its last one stays."""
        wanted = set(view_ids)
        with self._rows.writing():
            owners = {view.product for view in self.views() if view.id in wanted}
            known = self.products(sorted(owners))
            files = [view.source for product in known for view in product.views if view.id in wanted]
            self._rows.put(
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
        wanted = self._rows.condition(where, words)
        chosen = self._rows.ids_by_name(wanted) if ids is None else list(dict.fromkeys(ids))
        if ids is not None and wanted:
            passing = set(self._rows.ids(wanted))
            chosen = [key for key in chosen if key in passing]
        return self._rows.products(chosen[offset:] if limit is None else chosen[offset : offset + limit])

    def count(self, where: Mapping[str, str] | None = None, words: str = "") -> int:
        """How many products have all `words` and pass the filters."""
        return self._rows.count(self._rows.condition(where, words))

    def ids(self, where: Mapping[str, str] | None = None) -> list[str]:
        """The ids of the products that pass the filters, in no order."""
        return self._rows.ids(self._rows.condition(where))

    def ids_by_words(self, words: str, where: Mapping[str, str] | None = None, count: int = 20) -> list[str]:
        """The ids of the products whose names, labels, fields or descriptions fit the words best."""
        return self._rows.ids_by_words(words, self._rows.condition(where), count)

    def view_ids(self, products: Collection[str]) -> set[str]:
        """The ids of these products' views."""
        return set(self._rows.of_views("id", products))

    def cells_holding(self, part: str, fields: Sequence[str]) -> list[tuple[str, str, str]]:
        """(product's id, field, cell) where a field holds a text; the cell's case, spaces and hyphens do not count."""
        return [(key, field, cell) for field in fields for key, cell in self._rows.holding(field, part)]

    def field_names(self) -> list[str]:
        """What products may be filtered by beside their labels, in the order in which it came."""
        return names_in(self._rows.columns, FIELD)

    def label_names(self) -> list[str]:
        """The questions that some products have a label for."""
        return names_in(self._rows.columns, LABEL)

    def values(self, name: str) -> list[str]:
        """What products say in a field, or in a label, each once, the most frequent first."""
        return self._rows.values(name)

    def counts(self) -> dict[Modality, int]:
        """How many photos, descriptions and sounds show its products."""
        return dict(Counter(self._rows.of_views("modality")))

    def views(self) -> list[View]:
        """All views, in the order in which they were added."""
        return self._rows.views()

    def embed(
        self,
        encoders: Mapping[Modality, Encoder],
        store: EmbeddingStore | None = None,
        progress: Progress | None = None,
    ) -> list[Note]:
        """Embeds the views that lack a vector of these encoders; one note for each that cannot be read."""
        from retail.store import EmbeddingStore

        store, views = store or EmbeddingStore(), self.views()
        tables = {encoder.modality: self._vectors(encoder) for encoder in encoders.values()}
        notes = [
            note
            for encoder in encoders.values()
            for note in embed_views(views, encoder, tables[encoder.modality], store, progress)
        ]
        drop_old_vectors(self._database, self.folder, {table.name for table in tables.values()})
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
        with self._rows.writing():
            kept: dict[str, CatalogueProduct] = {}
            for facts, rows in products:
                facts = facts if facts.id else replace(facts, id=secrets.token_hex(8))
                views = [moved(view, facts.id) for view in facts.views]
                for shown in rows:
                    views += views_of(facts.id, shown, origin, self.folder, keep_files)
                kept[facts.id] = replace(facts, views=each_once(views))
            return self._rows.put(list(kept.values()))

    def _delete_unnamed(self, sources: Sequence[object]) -> None:
        """Deletes those of these copies that no product names any more, and once those that a killed process left."""
        own = {source for source in sources if isinstance(source, Path) and source.is_relative_to(self.folder)}
        if not self._cleared:
            own |= {path for path in (self.folder / MEDIA).rglob("*") if path.is_file()}
            self._cleared = True
        if own:
            left = {name for name in self._rows.of_views("source") if name and name.startswith(KEPT)}
            delete_files(path for path in own if path.relative_to(self.folder).as_posix() not in left)
