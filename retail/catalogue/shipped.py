"""Catalogues that ship: filled from a table the first time somebody opens one.

In: an open catalogue. Out: the same with its products. Nothing is embedded here; no torch.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retail.catalogue.media_files import views_of
from retail.catalogue.record import CatalogueProduct, Origin
from retail.files import SHIPPED_CATALOGUES
from retail.schema import Product

if TYPE_CHECKING:
    from retail.catalogue.database import Catalogue

FILLED = "filled"  # a file that says so: whoever removes products afterwards does not get them back
NAME, LABELS = "product", ("product", "category")
ORIGIN: Origin = "import"


def fill(catalogue: Catalogue) -> None:
    """Adds what ships under this name, once; two processes that do it at the same time add the same."""
    data = SHIPPED_CATALOGUES.get(catalogue.name)
    if data is None or (catalogue.folder / FILLED).exists():
        return
    catalogue.add([(facts, Product(facts.id)) for facts in shipped_products(data, catalogue.folder)])
    (catalogue.folder / FILLED).touch()


def shipped_products(data: Path, folder: Path) -> list[CatalogueProduct]:
    """The products of a table, their clips copied into a catalogue's folder; rows of one name are one product."""
    with (data / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    by_name: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_name.setdefault(row[NAME], []).append(row)
    return [_product(name, own, data, folder) for name, own in by_name.items()]


def _product(name: str, rows: Sequence[dict[str, str]], data: Path, folder: Path) -> CatalogueProduct:
    key = name.lower().replace(" ", "-")
    shown = [Product(key, text=row["text"], audio=data / row["audio_file_name"]) for row in rows]
    views = [view for one in shown for view in views_of(key, one, ORIGIN, folder, keep_files=True)]
    labels = {task: rows[0][task] for task in LABELS}
    return CatalogueProduct(key, name, labels, {"department": rows[0]["department"]}, tuple(views))
