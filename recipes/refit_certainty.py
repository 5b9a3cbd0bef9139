"""Fits what a bundle's answers are worth again, on the data that it learned from; its head and encoders stay.

In: a bundle and its data. Out: the same bundle, whose certainty also weighs the products of a catalogue.

    python -m recipes.refit_certainty data/demo_bundle data/demo
    python -m recipes.refit_certainty data/groceries_bundle ../shared/datasets/grocery
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from retail.certainty import Certainty
from retail.dataset.reader import read_manifest
from retail.recognizer import Recognizer
from retail.recognizer.bundle import BUNDLE, read_record
from retail.schema import UserError
from retail.splits import prepare
from retail.store import EmbeddingStore


def refit(bundle: Path, data: Path, text_column: str = "text") -> Recognizer:
    """Saves the bundle with a certainty fitted anew; raises UserError where the data are not those it learned from."""
    with tempfile.TemporaryDirectory() as folder:
        recognizer = _without_certainty(bundle, Path(folder) / bundle.name)
        _fit(recognizer, bundle, data, text_column)
        recognizer.save(bundle)
    return recognizer


def _without_certainty(bundle: Path, copy: Path) -> Recognizer:
    """What is fitted anew is not read, for it may have another form by now."""
    shutil.copytree(bundle, copy)
    read_record(copy).model_copy(update={"certainty_sha256": None}).write(copy / BUNDLE)
    return Recognizer.load(copy)


def _fit(recognizer: Recognizer, bundle: Path, data: Path, text_column: str) -> None:
    group = recognizer.info.data.group if recognizer.info else ()
    manifest = read_manifest(data, list(recognizer.vocabularies), text_column, group=group)
    encoders = {modality: recognizer.encoders[modality] for modality in recognizer.modalities}
    splits = prepare(manifest, encoders, EmbeddingStore(), need_test=False)
    if splits.vocabularies != recognizer.vocabularies:
        raise UserError(f"{data} has other classes than {bundle} was trained on; name the data that it learned from.")
    config = recognizer.info.config if recognizer.info else None
    rows = splits.train, splits.val, splits.val_groups
    recognizer.certainty = Certainty.fit(recognizer.head, *rows).with_matching(recognizer.head, *rows, config)


if __name__ == "__main__":
    refit(*map(Path, sys.argv[1:3]))
