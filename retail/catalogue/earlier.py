"""Products that earlier versions kept beside each recogniser, moved once into the catalogue of one's own products.

In: the home folder. Out: nothing is left of the old folder but what cannot be read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from retail.catalogue.record import CatalogueProduct
from retail.files import home
from retail.schema import Product, UserError

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
        except (OSError, ValueError, KeyError, TypeError, UserError):
            continue  # stays where it is: somebody may repair it
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (*earlier_folder().glob("*"), earlier_folder()):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _read(folder: Path) -> tuple[CatalogueProduct, Product]:
    facts = json.loads((folder / "product.json").read_text(encoding="utf-8"))
    sound = folder / "sound"
    shown = Product(
        id=folder.name,
        images=tuple(sorted(folder.glob("image_*"))),
        text=str(facts["text"]),
        audio=sound if sound.is_file() else None,
    )
    return CatalogueProduct(folder.name, str(facts["name"])), shown
