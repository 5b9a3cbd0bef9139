"""Ludwig, declared as its documentation has it, with the same encoders from local folders.

In: the work of `measure.py`. Out: a model's folder.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from typing import Any

import pandas
from ludwig.api import LudwigModel

from benchmarks.peers.ludwig_photos import PIXELS
from benchmarks.peers.measure import BATCH, TASK, Answer, Asked, Work, main

PLACES = {"train": 0, "val": 1}  # in Ludwig's column of splits


def declared(work: Work, mode: str) -> dict[str, Any]:
    """Two inputs, one question; in frozen mode the encoders do not learn."""
    learns = mode == "tuned"
    photo = {"type": "timm_folder", "folder": work.encoders["image"], "trainable": learns}
    words = {"type": "auto_transformer", "pretrained_model_name_or_path": work.encoders["text"], "trainable": learns}
    return {
        "input_features": [
            {
                "name": "image",
                "type": "image",
                "encoder": photo,
                "preprocessing": {"height": PIXELS, "width": PIXELS, "num_channels": 3},
            },
            {"name": "text", "type": "text", "encoder": words},
        ],
        "output_features": [{"name": TASK, "type": "category"}],
        "preprocessing": {"split": {"type": "fixed", "column": "split"}},
        "trainer": {"epochs": work.epochs[mode], "batch_size": BATCH, "early_stop": -1},
        "backend": {"type": "local"},
    }


def table(rows: list[dict], split: int | None = None) -> pandas.DataFrame:
    """The columns that it is given."""
    found = pandas.DataFrame([{name: row.get(name) for name in ("image", "text", TASK)} for row in rows])
    return found if split is None else found.assign(split=split)


def train(work: Work, mode: str) -> None:
    """Keeps the model that was best on validation."""
    model = LudwigModel(declared(work, mode), logging_level=logging.WARNING)
    data = pandas.concat([table(work.rows[name], place) for name, place in PLACES.items()], ignore_index=True)
    with tempfile.TemporaryDirectory() as results:
        model.train(
            dataset=data,
            output_directory=results,
            skip_save_processed_input=True,
            skip_save_log=True,
            skip_save_progress=True,
            random_seed=0,
        )
    shutil.rmtree(work.own("ludwig", mode), ignore_errors=True)
    model.save(str(work.own("ludwig", mode)))


def load(work: Work, mode: str) -> Asked:
    """The model as it was kept."""
    model = LudwigModel.load(str(work.own("ludwig", mode)), logging_level=logging.ERROR, backend="local")
    front = f"{TASK}_probabilities_"

    def asked(rows: list[dict]) -> list[Answer]:
        found, _ = model.predict(dataset=table(rows).drop(columns=TASK), skip_save_predictions=True)
        names = [name for name in found.columns if name.startswith(front)]
        return [Answer({name.removeprefix(front): float(own[name]) for name in names}) for _, own in found.iterrows()]

    return asked


if __name__ == "__main__":
    main(train, load)
