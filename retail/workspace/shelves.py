"""The known products that a recogniser answers with: its catalogue's, and those that it learned from.

In: a bundle. Out: training rows while they are as they were, and what answers.
"""

from __future__ import annotations

from pathlib import Path

from retail.catalogue.database import Catalogue
from retail.catalogue.shelf import Shelf
from retail.cluster import Maker
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


def answering(
    recognizer: Recognizer,
    catalogue: str,
    accuracy: float = DEFAULT_WISH,
    store: EmbeddingStore | None = None,
    progress: Progress | None = None,
) -> Maker[list[Prediction]]:
    """Gives one prediction a product, with those of the named catalogue beside the classes, or of classes alone."""
    store = store or EmbeddingStore()
    if not catalogue or not len(known := Catalogue.open(catalogue)):
        return lambda products, told: recognizer.predict_many(products, store, told, accuracy)
    shelf = Shelf.of(recognizer, known, progress=progress)
    return lambda products, told: shelf.answer(*shelf.embed(products, store, told), accuracy)
