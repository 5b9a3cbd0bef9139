"""The known products that a recogniser answers with: its catalogue's, and those that it learned from.

In: a bundle. Out: training rows while they are as they were, and a `Shelf` for runs and the command line.
"""

from __future__ import annotations

from pathlib import Path

from retail.catalogue.database import Catalogue
from retail.catalogue.shelf import Shelf
from retail.dataset.reader import read_manifest
from retail.recognizer import Recognizer
from retail.schema import Product, Progress, UserError
from retail.workspace.recognizers import training_data


def learned_products(bundle: Path, recognizer: Recognizer) -> list[Product]:
    """The rows that it was trained on; none where its data is not on this machine. Raises UserError when it changed."""
    source = training_data(bundle)
    if source is None:
        return []
    group = recognizer.info.data.group if recognizer.info else ()
    manifest = read_manifest(source[0], list(recognizer.vocabularies), source[1], group=group)
    if recognizer.learned_from and recognizer.learned_from != manifest.checksum:
        raise UserError(f"The data in {manifest.title} changed since this recogniser was trained; train it again.")
    return list(manifest.in_split("train"))


def shelf_with(recognizer: Recognizer, catalogue: str, progress: Progress | None = None) -> Shelf | None:
    """The named catalogue beside the recogniser; None where no catalogue is asked for."""
    return Shelf.of(recognizer, Catalogue.open(catalogue), progress=progress) if catalogue else None
