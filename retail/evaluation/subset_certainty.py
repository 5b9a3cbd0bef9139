"""Is a recogniser as sure as right with each subset of its inputs, and does it keep its promises?

In: what was fitted on validation, and labelled rows. Out: a `SubsetCertainty` for each task and subset.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from retail.certainty import Certainty
from retail.config.wish import DEFAULT_WISH
from retail.evaluation.reports import PromiseKept, SubsetCertainty
from retail.fusion import FusionHead
from retail.metrics.calibration import WISHED_ACCURACIES, error_by_chance
from retail.metrics.conformal import covered
from retail.metrics.promises import kept
from retail.metrics.scores import bootstrap_interval, expected_calibration_error
from retail.schema import SUBSETS, Subset
from retail.store import EmbeddingBatch
from retail.training import predict_logits


def subset_certainty(
    certainty: Certainty,
    head: FusionHead,
    batch: EmbeddingBatch,
    targets: Mapping[str, np.ndarray],
    groups: np.ndarray | None = None,
) -> list[SubsetCertainty]:
    """One row for each of the tasks that `targets` names, (N,) each, and each subset that some row has.

    Only rows that have every input of the subset count; a target of C_t or more is a class that nobody taught.
    """
    found: dict[Subset, dict[str, np.ndarray]] = {}
    rows = []
    for subset in (subset for subset in SUBSETS if set(subset) <= set(head.dims)):
        whole = batch.having(subset)
        shown = batch.only(subset).rows(whole)
        if not len(shown):
            continue
        places, logits = whole.numpy(), predict_logits(head, shown)
        strange = _strange(certainty, shown, logits)
        found[subset] = {}
        for task, target in targets.items():
            probs = certainty.calibration.probs(task, subset, logits[task]).numpy().astype(float)
            sure = np.full(len(batch), np.nan)
            sure[places] = probs.max(1)
            found[subset][task] = sure
            known = target[places] >= 0
            if known.any():
                own_groups = None if groups is None else groups[places][known]
                before = logits[task].softmax(-1).numpy().astype(float)[known]
                rises = _rises({s: tasks[task] for s, tasks in found.items()}, subset, places & (target >= 0))
                row = _row(certainty, task, subset, before, probs[known], target[places][known], own_groups, rises)
                taught = known & (target[places] < probs.shape[1])
                alarms = None if strange is None or not taught.any() else float(strange[taught].mean())
                rows.append(row.model_copy(update={"unknown": alarms}))
    return rows


def _strange(certainty: Certainty, batch: EmbeddingBatch, logits: Mapping[str, Tensor]) -> np.ndarray | None:
    """(N,) bool: taken for none of the known products; None where nobody can tell."""
    if certainty.novelty is None or bool(certainty.novelty.limits(batch).isnan().any()):
        return None
    return certainty.novelty.unknown(batch, logits).numpy()


def _row(
    certainty: Certainty,
    task: str,
    subset: Subset,
    before: np.ndarray,
    probs: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray | None,
    rises: float | None,
) -> SubsetCertainty:
    confidence, correct = probs.max(1), probs.argmax(1) == target
    low, high = bootstrap_interval(correct, groups=groups)
    sets = certainty.sets.of(task, subset, probs, DEFAULT_WISH)
    wishes = [
        kept(certainty.promises.threshold(task, subset, wished), confidence, correct, wished)
        for wished in WISHED_ACCURACIES
    ]
    return SubsetCertainty(
        task=task,
        modalities=subset,
        n=len(target),
        accuracy=float(correct.mean()),
        accuracy_low=low,
        accuracy_high=high,
        temperature=certainty.calibration.temperature(task, subset),
        ece_before=expected_calibration_error(before.max(1), before.argmax(1) == target),
        ece=expected_calibration_error(confidence, correct),
        ece_by_chance=error_by_chance(confidence),
        promises=tuple(
            PromiseKept(**vars(wish), needed=certainty.promises.rows_needed(task, subset, wish.wished))
            for wish in wishes
        ),
        set_coverage=float(covered(sets, target).mean()),
        set_size=float(sets.sum(1).mean()),
        rises=rises,
    )


def _rises(sure: Mapping[Subset, np.ndarray], subset: Subset, rows: np.ndarray) -> float | None:
    """Share of products whose confidence rises when one input of several is taken away (Ma et al. 2023)."""
    fewer = [sure[part] for part in sure if len(part) == len(subset) - 1 and set(part) < set(subset)]
    if not fewer or not rows.any():
        return None
    return float((np.max(fewer, axis=0) > sure[subset] + 1e-9)[rows].mean())
