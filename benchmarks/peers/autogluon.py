"""AutoGluon's `MultiModalPredictor`, with the same encoders from local folders; it always trains the encoders too.

In: the work of `measure.py`. Out: a predictor's folder.
"""

from __future__ import annotations

import pandas
from autogluon.multimodal import MultiModalPredictor

from benchmarks.peers.measure import BATCH, TASK, Answer, Asked, Work, main

COLUMNS = {"image": "image_path", "text": "text"}


def table(rows: list[dict]) -> pandas.DataFrame:
    """The columns that it is given."""
    return pandas.DataFrame([{name: row.get(name) for name in (*COLUMNS, TASK)} for row in rows])


def train(work: Work, mode: str) -> None:
    """With its own settings, but for encoders, epochs and a processor's batches."""
    predictor = MultiModalPredictor(label=TASK, problem_type="multiclass", path=str(work.own("autogluon", mode)))
    predictor.fit(
        table(work.rows["train"]),
        tuning_data=table(work.rows["val"]),
        column_types=COLUMNS | {TASK: "categorical"},
        seed=0,
        hyperparameters={
            "model.names": ["timm_image", "hf_text", "fusion_mlp"],
            "model.timm_image.checkpoint_name": work.encoders["image"],
            "model.hf_text.checkpoint_name": work.encoders["text"],
            "optim.max_epochs": work.epochs[mode],
            "env.num_gpus": 0,
            "env.precision": 32,
            "env.per_gpu_batch_size": BATCH,
            "env.batch_size": BATCH,
            "env.num_workers": 0,
            "env.num_workers_inference": 0,
        },
    )


def load(work: Work, mode: str) -> Asked:
    """The predictor as it was kept."""
    predictor = MultiModalPredictor.load(str(work.own("autogluon", mode)))

    def asked(rows: list[dict]) -> list[Answer]:
        probs = predictor.predict_proba(table(rows)[list(COLUMNS)])
        return [Answer({str(name): float(value) for name, value in own.items()}) for _, own in probs.iterrows()]

    return asked


if __name__ == "__main__":
    main(train, load)
