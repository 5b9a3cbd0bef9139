"""Fits what a bundle's answers are worth again, on the data that it learned from; its head and encoders stay.

In: a bundle and its data. Out: the same bundle, whose certainty also weighs the products of a catalogue.

    python -m recipes.refit_certainty data/demo_bundle data/demo
    python -m recipes.refit_certainty data/groceries_bundle ../shared/datasets/grocery
"""

from __future__ import annotations

import sys
from pathlib import Path

from retail.certainty import Certainty
from retail.dataset.reader import read_manifest
from retail.recognizer import Recognizer
from retail.schema import UserError
from retail.splits import prepare
from retail.store import EmbeddingStore


def refit(bundle: Path, data: Path, text_column: str = "text") -> Recognizer:
    """Saves the bundle with a certainty fitted anew; raises UserError where the data are not those it learned from."""
    recognizer = Recognizer.load(bundle)
    group = recognizer.info.data.group if recognizer.info else ()
    manifest = read_manifest(data, list(recognizer.vocabularies), text_column, group=group)
    encoders = {modality: recognizer.encoders[modality] for modality in recognizer.modalities}
    splits = prepare(manifest, encoders, EmbeddingStore(), need_test=False)
    if splits.vocabularies != recognizer.vocabularies:
        raise UserError(f"{data} has other classes than {bundle} was trained on; name the data that it learned from.")
    rows = splits.train, splits.val, splits.val_groups
    recognizer.certainty = Certainty.fit(recognizer.head, *rows).with_matching(recognizer.head, *rows)
    recognizer.save(bundle)
    return recognizer


if __name__ == "__main__":
    refit(*map(Path, sys.argv[1:3]))
