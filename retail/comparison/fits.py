"""One planned fit and what it answered: the unit of work that a comparison runs many times.

In: `FitPlan` and `Splits`. Out: `FitOutput` with validation accuracy and test predictions, for every subset.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Literal

import numpy as np
import torch

from retail.certainty.calibration import Calibration
from retail.certainty.judged import judged_rows
from retail.config import TrainConfig
from retail.schema import SUBSETS, Modality, UserError
from retail.splits import Splits
from retail.training import FitResult, fit, known_targets, predict_logits, predict_probs

# A worker costs about 0.6 GiB; two of them stay far below the 3 GiB that a comparison may take.
MAX_WORKERS = 2


@dataclass(frozen=True)
class FitPlan:
    """What to train: a strategy on some inputs for some tasks with one seed."""

    model: str
    kind: Literal["single", "fusion", "setting", "dedicated"]
    tasks: tuple[str, ...]
    config: TrainConfig


@dataclass
class FitOutput:
    """What one fit answered on the test rows; predicted classes are indices into the vocabulary."""

    plan: FitPlan
    val_accuracy: dict[str, float]
    preds: dict[str, np.ndarray]  # task -> (N_test,)
    confidence: dict[str, np.ndarray]  # task -> (N_test,)
    subset_preds: dict[tuple[Modality, ...], dict[str, np.ndarray]]
    seconds: float
    note: str = ""  # what was done otherwise than asked for
    trained: FitResult | None = None  # of the first seed of a main model, so that nobody trains it again


def run_fit(plan: FitPlan, splits: Splits) -> FitOutput:
    """Trains one head and predicts the test rows with all its inputs and with each subset of them.

    An input that no training row has is none of the head's.
    """
    sizes = {task: splits.task_sizes[task] for task in plan.tasks}
    result = fit(splits.train, splits.val, sizes, plan.config)
    calibration = Calibration.fit(result.head, judged_rows(result.head, splits.val))
    probs = calibration.all_probs(predict_logits(result.head, splits.test), splits.test)
    val_probs = predict_probs(result.head, splits.val)
    subset_preds = {}
    if plan.kind == "fusion":
        for subset in (subset for subset in SUBSETS if set(subset) <= set(result.head.dims)):
            subset_probs = predict_probs(result.head, splits.test.only(subset))
            subset_preds[subset] = {task: value.argmax(1).numpy() for task, value in subset_probs.items()}
    return FitOutput(
        plan=plan,
        val_accuracy={task: _accuracy(val_probs[task], splits.val.targets[task]) for task in plan.tasks},
        preds={task: probs[task].argmax(1).numpy() for task in plan.tasks},
        confidence={task: probs[task].max(1).values.numpy() for task in plan.tasks},
        subset_preds=subset_preds,
        seconds=result.seconds,
        note=result.note,
        trained=result if plan.kind in ("fusion", "single") and plan.config.seed == 0 else None,
    )


def _accuracy(probs: torch.Tensor, target: torch.Tensor) -> float:
    """Over the labelled rows; a class that training never had counts as wrong."""
    labelled = target >= 0
    return int((probs.argmax(1) == target)[labelled].sum()) / int(labelled.sum()) if labelled.any() else 0.0


_worker_splits: Splits | None = None


def _start_worker(splits: Splits) -> None:
    global _worker_splits
    torch.set_num_threads(1)  # two threads on two busy cores spin and are slower than one
    _worker_splits = splits


def _run_in_worker(plan: FitPlan) -> FitOutput:
    assert _worker_splits is not None
    return run_fit(plan, _worker_splits)


def run_fits(
    plans: Sequence[FitPlan], splits: Splits, on_done: Callable[[FitOutput], None], workers: int | None = None
) -> list[FitOutput]:
    """Runs every plan, in two processes where that pays; outputs come in the order of the plans.

    Raises UserError for a task without a validation label that training knows: nothing could be chosen.
    """
    for task in dict.fromkeys(task for plan in plans for task in plan.tasks):
        if not (known_targets(splits.val.targets[task], splits.task_sizes[task]) >= 0).any():
            raise UserError(
                f"No validation row has a label for {task!r} that training rows have too, so no model can be chosen; "
                f"label some, or leave {task!r} out of the tasks."
            )
    workers = workers or min(MAX_WORKERS, os.cpu_count() or 1)
    if workers == 1 or len(plans) < 8:
        return list(_run_here(plans, splits, on_done))
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (splits,)) as pool:
        futures = [pool.submit(_run_in_worker, plan) for plan in plans]
        for future in as_completed(futures):
            on_done(future.result())
        return [future.result() for future in futures]


def _run_here(plans: Sequence[FitPlan], splits: Splits, on_done: Callable[[FitOutput], None]) -> Iterator[FitOutput]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for plan in plans:
            output = run_fit(plan, splits)
            on_done(output)
            yield output
    finally:
        torch.set_num_threads(threads)
