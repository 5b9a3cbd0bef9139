"""The known products that a recogniser answers with: its catalogue's, and those that it learned from.

In: a bundle. Out: training rows while they are as they were, and answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retail.catalogue.database import Catalogue
from retail.catalogue.shelf import Shelf
from retail.config.wish import DEFAULT_WISH
from retail.dataset.reader import read_manifest
from retail.recognizer import Recognizer
from retail.schema import Prediction, Product, Progress, UserError
from retail.store import EmbeddingStore
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


def answered(
    products: Sequence[Product],
    recognizer: Recognizer,
    catalogue: str,
    accuracy: float = DEFAULT_WISH,
    progress: Progress | None = None,
) -> list[Prediction]:
    """One prediction a product, with the products of the named catalogue beside the classes, or of classes alone."""
    if not catalogue or not len(known := Catalogue.open(catalogue)):
        return recognizer.predict_many(products, EmbeddingStore(), progress, accuracy)
    shelf = Shelf.of(recognizer, known, progress=progress)
    return shelf.answer(*shelf.embed(products, EmbeddingStore(), progress), accuracy)
