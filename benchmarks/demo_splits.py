"""Whether the demo's validation rows are as unlike its training rows as its test rows are, and as hard.

In: the demo or a data folder of its form. Out: per input the similarity to the nearest training row and the `Distance`
to the training rows; per subset of the inputs how often ten gated heads settle the product on either split.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.files import DEMO_DIR, DEMO_TASKS
from retail.metrics.distance import distance
from retail.schema import MODALITIES, SUBSETS
from retail.splits import Splits, prepare
from retail.store import EmbeddingBatch
from retail.training import fit, predict_probs

SEEDS = 10
TASK = "product"


def main(data: Path) -> None:
    splits = prepare(read_manifest(data, DEMO_TASKS), load_preset("bundled", MODALITIES))
    for modality in MODALITIES:
        known = splits.train.embeddings[modality][splits.train.present[modality]]
        for name, batch in (("val", splits.val), ("test", splits.test)):
            asked = batch.embeddings[modality][batch.present[modality]]
            nearest = _normed(asked) @ _normed(known).T
            apart = distance(known, asked)
            print(
                f"{modality:6}{name:5} n = {len(asked):3}  nearest {nearest.max(1).values.mean():.3f}  "
                f"AUC {apart.auc:.2f}  MMD2 {apart.mmd:.4f}  p = {apart.p_value:.3f}"
            )
    accuracies = torch.tensor([_accuracies(splits, seed) for seed in range(SEEDS)]).mean(0)  # (subsets, 2)
    for subset, (val, test) in zip(SUBSETS, accuracies.tolist(), strict=True):
        print(f"{' + '.join(subset):22} {TASK} val {val:5.1f}  test {test:5.1f}  gap {val - test:+5.1f}")


def _accuracies(splits: Splits, seed: int) -> list[list[float]]:
    """In %, of each subset of the inputs on validation and test rows that have one of them."""
    head = fit(splits.train, splits.val, splits.task_sizes, TrainConfig(strategy="gated", seed=seed)).head

    def accuracy(batch: EmbeddingBatch) -> float:
        asked = torch.stack(list(batch.present.values())).any(0)
        right = predict_probs(head, batch)[TASK].argmax(-1) == batch.targets[TASK]
        return 100 * float(right[asked].float().mean())

    return [[accuracy(batch.only(subset)) for batch in (splits.val, splits.test)] for subset in SUBSETS]


def _normed(embeddings: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(embeddings, dim=-1)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO_DIR)
