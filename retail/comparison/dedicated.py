"""One model for all seven subsets of inputs, beside models trained for one subset only: what does that cost?

In: the main plans and outputs of a comparison. Out: plans of dedicated models, and one row per task and subset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from retail.comparison.fits import FitOutput, FitPlan
from retail.comparison.result_rows import Dedicated, Selected
from retail.comparison.scoring import Scoring
from retail.metrics.paired import paired_test
from retail.schema import SUBSETS


def plan_dedicated(selected: Mapping[str, Selected], plans: Sequence[FitPlan]) -> list[FitPlan]:
    """For each chosen fusion a model per subset of two or more inputs, with and without hidden inputs in training.

    A dedicated model never misses an input, so it may train with all of them; validation chooses between the two.
    Single inputs have theirs already: the baselines. So has the full subset with dropout: the model itself.
    """
    names = {chosen.fusion for chosen in selected.values() if chosen.fusion}
    found = []
    for plan in plans:
        if plan.kind == "fusion" and plan.model in names:
            for subset in SUBSETS:
                if len(subset) > 1 and set(subset) <= set(plan.config.modalities):
                    own = replace(plan.config, modalities=subset)
                    whole = replace(own, modality_dropout=0.0, single_inputs=0.0)
                    found += [replace(plan, kind="dedicated", config=c) for c in (whole, own) if c != plan.config]
    return found


def dedicated_rows(
    scoring: Scoring,
    main: Mapping[str, list[FitOutput]],
    alone: Sequence[FitOutput],
    selected: Mapping[str, Selected],
) -> list[Dedicated]:
    """The chosen fusion's accuracy on each subset, the dedicated model's, and the loss with its paired interval."""
    rows = []
    for task, chosen in selected.items():
        if chosen.fusion is None:
            continue
        outputs = main[chosen.fusion]
        for subset in outputs[0].subset_preds:
            rivals = _rivals(subset, chosen.fusion, main, alone)
            if not rivals:
                continue
            rival = max(rivals, key=lambda group: float(np.mean([out.val_accuracy[task] for out in group])))
            ours = scoring.correct_preds(task, [out.subset_preds[subset][task] for out in outputs])
            theirs = scoring.correct(rival, task)
            test = paired_test(theirs, ours, scoring.groups(task))
            low, high = (0.0, 0.0) if rival is outputs else (test.low, test.high)  # nothing beat the model itself
            row = Dedicated(
                task=task,
                model=chosen.fusion,
                modalities=subset,
                **vars(scoring.accuracy(ours, task)),
                dedicated=float(theirs.mean()) if len(theirs) else float("nan"),
                loss=test.difference,
                loss_low=low,
                loss_high=high,
            )
            rows.append(row)
    return rows


def _rivals(subset, model: str, main: Mapping[str, list[FitOutput]], alone: Sequence[FitOutput]) -> list:
    """Groups of outputs, one output a seed, of everything trained for just this subset."""
    if len(subset) == 1:
        return [main[subset[0]]] if subset[0] in main else []
    groups: dict[float, list[FitOutput]] = {}
    for output in alone:
        config = output.plan.config
        if output.plan.kind == "dedicated" and output.plan.model == model and config.modalities == subset:
            groups.setdefault(config.modality_dropout, []).append(output)
    own = [main[model]] if main[model][0].plan.config.modalities == subset else []
    return [*groups.values(), *own]


def largest_loss(rows: Sequence[Dedicated]) -> Dedicated | None:
    """The row where the one model falls furthest behind a dedicated one; a task without a test label has no loss."""
    return max((row for row in rows if row.n), key=lambda row: row.loss, default=None)
