"""Embedded rows of two tasks, made up, for the tests of frozen features."""

from __future__ import annotations

import numpy as np
import torch

from retail.config import FrozenConfig
from retail.frozen.results import FoldedData, FrozenResults, MethodScore
from retail.frozen.rows import FrozenRows

SIZES = {"colour": 4, "shape": 3}
VISIT_CLASSES = ("blue", "green", "red")
VISIT_SIZES = {"colour": 3}
SIGNAL = 3.0  # how far a colour of a visit moves one feature of spread 1


def rows(count: int = 240, seed: int = 0) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """20 features of unequal spread: colour shows in the first four, shape in the next three; some labels miss."""
    generator = torch.Generator().manual_seed(seed)
    colour, shape = (torch.randint(0, size, (count,), generator=generator) for size in SIZES.values())
    features = torch.randn(count, 20, generator=generator)
    features[:, :4] += 4 * torch.nn.functional.one_hot(colour, 4)
    features[:, 4:7] += 4 * torch.nn.functional.one_hot(shape, 3)
    features = features * torch.linspace(0.5, 3, 20) + 1
    missing = torch.rand(count, generator=generator) < 0.2
    return features, {"colour": torch.where(missing, -1, colour), "shape": shape}


def accuracy(logits: torch.Tensor, target: torch.Tensor) -> float:
    return float((logits.argmax(1) == target)[target >= 0].float().mean())


def visits(count: int = 12, copies: int = 5, seed: int = 0) -> FrozenRows:
    """Each visit shows one colour in `copies` photos that hardly differ from one another."""
    generator = torch.Generator().manual_seed(seed)
    target = (torch.arange(count) % 3).repeat_interleave(copies)
    centres = torch.randn(count, 30, generator=generator)
    embeddings = centres.repeat_interleave(copies, 0) + 0.05 * torch.randn(count * copies, 30, generator=generator)
    embeddings[:, :3] += SIGNAL * torch.nn.functional.one_hot(target, 3)
    labels = np.array([VISIT_CLASSES[place] for place in target], dtype=object)
    return FrozenRows(embeddings, {"colour": target}, {"colour": labels}, ("",) * len(target))


def frozen_results(*scores: tuple[str, str, float]) -> FrozenResults:
    """What `frozen` writes where these tasks, methods and accuracies were found; NaN: no row has a label."""
    rows = [
        MethodScore(
            method=method,
            task=task,
            config=FrozenConfig.named(method),
            n=0 if np.isnan(accuracy) else 20,
            accuracy=accuracy,
            seconds=0.1,
            parameters=30,
            **dict.fromkeys(("cv_accuracy", "cv_spread", "accuracy_low", "accuracy_high"), accuracy),
            **dict.fromkeys(("balanced_accuracy", "macro_f1", "ece"), accuracy),
        )
        for task, method, accuracy in scores
    ]
    data = FoldedData(name="sample", checksum="0", split="val", n_train=60, n_scored=20, groups=12, support={})
    return FrozenResults(encoder="tiny:image", data=data, folds=5, rows=tuple(rows), machine="none")
