"""The known products that a recogniser learned from.

In: a bundle. Out: training rows while they are as they were.
"""

from __future__ import annotations

from pathlib import Path

from retail.dataset.reader import read_manifest
from retail.recognizer import Recognizer
from retail.schema import Product, UserError
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
