"""The fusion doctor on its own: trains the single inputs and one fusion, examines them and writes what it found.

In: `Splits` and a `CompareConfig`. Out: the `Diagnosis` of `doctor.examine`.
"""

from __future__ import annotations

from retail.comparison.doctor import examine
from retail.comparison.doctor_rows import Diagnosis
from retail.comparison.fits import FitOutput, run_fits
from retail.comparison.plans import plan_models, select
from retail.comparison.scoring import Scoring
from retail.config import CompareConfig
from retail.schema import MODALITIES, Progress, UserError
from retail.splits import Splits


def visit(splits: Splits, config: CompareConfig, progress: Progress | None = None) -> Diagnosis:
    """Trains what is to be examined; raises UserError when there is only one kind of input."""
    modalities = tuple(m for m in MODALITIES if m in splits.train.present and bool(splits.train.present[m].any()))
    if len(modalities) < 2:
        raise UserError("The doctor examines fusion, but the training rows have only one kind of input; add another.")
    plans = plan_models(config, tuple(splits.vocabularies), modalities)
    done = 0

    def count(_: FitOutput) -> None:
        nonlocal done
        done += 1
        if progress:
            progress("training", done, len(plans))

    outputs = run_fits(plans, splits, count)
    groups: dict[str, list[FitOutput]] = {}
    for output in outputs:
        groups.setdefault(output.plan.model, []).append(output)
    found = examine(Scoring(splits), groups, select(outputs, tuple(splits.vocabularies)), concatenate=True)
    assert found is not None  # two kinds of input
    return found
