"""Training with the rule that confidence must not rise when an input is taken away: was it worth it?

In: `Splits`. Out: a line for each weight of the rule with figures of the validation rows. Ma et al., Calibrating
Multimodal Learning (ICML 2023, arXiv:2306.01265).
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

import retail.training.fitting as fitting
from retail.certainty.calibration import Calibration
from retail.certainty.judged import judged_rows
from retail.config import TrainConfig
from retail.metrics.scores import expected_calibration_error
from retail.schema import Subset
from retail.splits import Splits
from retail.training.rows import StandardRows, drop_modalities
from retail.training.step import Step
from retail.training.views import answer_views, one_input

WEIGHTS = (0.0, 0.5, 2.0)


def compare_rule(splits: Splits, strategies: list[str], seeds: int) -> None:
    """A strategy that learns without gradient descent is left as it is."""
    for strategy in strategies:
        for weight in WEIGHTS:
            figures = [_figures(splits, TrainConfig(strategy=strategy, seed=seed), weight) for seed in range(seeds)]
            subsets, whole, ece, before, after, seconds = np.mean(figures, axis=0)
            print(
                f"{strategy}, weight {weight:g}: accuracy of all subsets {100 * subsets:.2f}, with all inputs "
                f"{100 * whole:.2f}, ECE before calibration {100 * ece:.2f}, confidence rises in "
                f"{100 * before:.1f} % before calibration and {100 * after:.1f} % after, {seconds:.1f} s a fit",
                flush=True,
            )


def _figures(splits: Splits, config: TrainConfig, weight: float) -> tuple[float, ...]:
    class Ruled(Step):
        def forward(self, rows: StandardRows, generator: torch.Generator) -> tuple[Tensor, Tensor]:
            dropped = drop_modalities(rows.present, self.config.modality_dropout, generator)
            answers = answer_views(self.head, rows, [dropped, one_input(rows.present, generator), rows.present])
            *fewer, whole = [
                {task: logits.softmax(-1).max(-1).values for task, logits in view.items()} for view in answers.logits
            ]
            rises = torch.stack([(part[task] - whole[task]).clamp(min=0).mean() for part in fewer for task in whole])
            seen = self.loss_of(answers.logits[0], rows.targets)
            loss = seen + self.config.single_inputs * self.loss_of(answers.logits[1], rows.targets)
            if self.auxiliary:
                loss = loss + self.config.auxiliary * self.auxiliary_loss(answers.features, rows)
            return loss + weight * rises.sum(), seen

    started, before = time.perf_counter(), fitting.Step
    fitting.Step = Ruled if weight else Step  # type: ignore[misc]
    try:
        head = fitting.fit(splits.train, splits.val, splits.task_sizes, config).head
    finally:
        fitting.Step = before  # type: ignore[misc]
    seconds = time.perf_counter() - started
    rows = judged_rows(head, splits.val)
    calibration = Calibration.fit(head, rows)
    right, gaps = {}, []
    raw: dict[tuple[str, Subset], np.ndarray] = {}
    calibrated: dict[tuple[str, Subset], np.ndarray] = {}
    for subset, judged in rows.items():
        for task, logits in judged.logits.items():
            key = task, subset
            raw[key] = logits.softmax(-1).max(-1).values.numpy()
            calibrated[key] = calibration.probs(task, subset, logits).max(-1).values.numpy()
            right[key] = (logits.argmax(-1) == judged.targets[task]).numpy()
            gaps.append(expected_calibration_error(raw[key].astype(float), right[key]))
    whole = max(rows, key=len)
    return (
        float(np.mean([own.mean() for own in right.values()])),
        float(np.mean([right[task, whole].mean() for task in head.tasks])),
        float(np.mean(gaps)),
        _rises(raw),
        _rises(calibrated),
        seconds,
    )


def _rises(sure: dict[tuple[str, Subset], np.ndarray]) -> float:
    """Share of answers whose confidence rises when one input of several is taken away; every row has all inputs."""
    found = []
    for task, subset in sure:
        fewer = [
            own for (t, s), own in sure.items() if t == task and len(s) == len(subset) - 1 and set(s) < set(subset)
        ]
        if fewer:
            found.append((np.max(fewer, axis=0) > sure[task, subset] + 1e-9).mean())
    return float(np.mean(found))
