"""The methods that are sensible to try without being asked, the simplest first, and which of them is kept.

In: the inputs of a data set, and what was tried. Out: `Method`s in their order, and the one to keep.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retail.best.record import Tried
from retail.encoders import Encoder
from retail.encoders.tunable import TunableEncoder
from retail.fusion import strategies
from retail.metrics.paired import paired_test
from retail.schema import Modality, UserError
from retail.wording import INPUT_WORDS

# Three different ideas: all embeddings at once, inputs weighed for each product, and learning from what each answers.
FUSIONS = ("concatenation", "gated", "stacking")
FINETUNED = "finetuned"


@dataclass(frozen=True)
class Method:
    """One thing to try."""

    kind: Literal["logistic", "head", "finetuned"]
    name: str
    title: str
    rank: int  # 0 is the simplest; single inputs are all equally simple
    inputs: tuple[Modality, ...]
    strategy: str = "concatenation"
    tuned: Modality | None = None  # the input whose encoder learns too


def sensible_methods(inputs: Sequence[Modality], encoders: Mapping[Modality, Encoder]) -> list[Method]:
    """Each input alone by logistic regression, then what combines them, last the fine-tuning of one encoder.

    Where there is nothing to combine, one input gets a trained layer of its own.
    """
    ordered = [modality for modality in INPUT_WORDS if modality in inputs]
    found = [Method("logistic", m, f"{INPUT_WORDS[m].capitalize()} only", 0, (m,)) for m in ordered]
    known, names = strategies(), FUSIONS if len(ordered) > 1 else FUSIONS[:1]
    for place, name in enumerate(names, 1):
        title = known[name].title if len(ordered) > 1 else f"{INPUT_WORDS[ordered[0]].capitalize()} and a trained layer"
        found.append(Method("head", name, title, place, tuple(inputs), name))
    for modality in [m for m in ordered if _can_learn(encoders[m])][:1]:
        title = f"Fine-tuned {INPUT_WORDS[modality]} encoder"
        found.append(Method("finetuned", FINETUNED, title, len(FUSIONS) + 1, tuple(inputs), tuned=modality))
    return found


def _can_learn(encoder: Encoder) -> bool:
    try:
        if isinstance(encoder, TunableEncoder):
            encoder.check_tunable()
            return True
    except UserError:
        pass
    return False


def choose(tried: Sequence[Tried], groups: np.ndarray | None = None) -> Tried:
    """The simplest method within one standard error of the best (Breiman et al. 1984, section 3.4.3).

    The error is that of the paired difference over the same products, whole groups together. Of equally simple ones
    the better is kept.
    """
    best = max(tried, key=lambda one: one.accuracy)
    near = [one for one in tried if _within_noise(best, one, groups)]
    return min(near, key=lambda one: (one.rank, -one.accuracy))


def _within_noise(best: Tried, other: Tried, groups: np.ndarray | None) -> bool:
    test = paired_test(np.array(best.right), np.array(other.right), groups)
    noise = 0.0 if math.isnan(test.standard_error) else test.standard_error
    return test.difference <= noise + 1e-9  # one product more is one standard error exactly
