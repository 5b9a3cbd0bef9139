"""Products that earlier versions kept beside each recogniser, moved once into the catalogue of one's own products.

In: the home folder. Out: nothing is left of the old folder but what cannot be read.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import ConfigDict

from retail.catalogue.record import CatalogueProduct
from retail.files import home
from retail.files.record import Record
from retail.schema import Product


class EarlierProduct(Record):
    """What stood beside a product's files; more may, and is passed over."""

    model_config = ConfigDict(extra="ignore")

    name: str
    text: str


Add = Callable[[list[tuple[CatalogueProduct, Product]]], object]


def earlier_folder() -> Path:
    """Where they were: a folder for each recogniser, and in it one for each product."""
    return home() / "catalogue"


def move_earlier(add: Add) -> None:
    """Adds each product and deletes its folder then; a killed move goes on, since it keeps the ids."""
    for folder in sorted(earlier_folder().glob("*/*")):
        try:
            found = _read(folder)
            add([found])
        except (OSError, ValueError):  # a UserError too
            continue  # stays where it is: somebody may repair it
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (*earlier_folder().glob("*"), earlier_folder()):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _read(folder: Path) -> tuple[CatalogueProduct, Product]:
    facts = EarlierProduct.model_validate_json((folder / "product.json").read_bytes())
    sound = folder / "sound"
    shown = Product(
        id=folder.name,
        images=tuple(sorted(folder.glob("image_*"))),
        text=facts.text,
        audio=sound if sound.is_file() else None,
    )
    return CatalogueProduct(folder.name, facts.name), shown
