"""Which input decided? Exact Shapley values over photo, description and sound.

In: the answers that one model gives with each subset of the inputs. Out: what each input adds to a probability.
Shapley 1953. With at most three inputs all eight subsets are asked, so nothing is sampled. Knowing nothing, every
class is equally likely: the empty subset's probability is 1 / C.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any, TypeVar

import numpy as np

from retail.evaluation.subsets import TaskAnswers
from retail.schema import Modality, Prediction, Subset
from retail.wording import INPUT_WORDS, whole_percent

Value = TypeVar("Value", float, np.ndarray)

# An input decides for a class when it brings at least half of what all helpful inputs add to the right answer.
DECIDES = 0.5


def shapley(values: Mapping[Subset, Value]) -> dict[Modality, Value]:
    """Each input's mean gain over all orders in which the inputs could be added; they sum to v(all) - v(none).

    `values` holds every subset of the inputs, () among them; a value is a number or an array.
    """
    players = max(values, key=len)
    return {player: _mean_gain(values, players, player) for player in players}


def _mean_gain(values: Mapping[Subset, Any], players: Subset, player: Modality) -> Any:
    others = [other for other in players if other != player]
    gain = 0.0
    for size in range(len(players)):
        weight = factorial(size) * factorial(len(others) - size) / factorial(len(players))
        for before in combinations(others, size):
            after = tuple(name for name in players if name in (*before, player))
            gain = gain + weight * (values[after] - values[before])
    return gain


@dataclass(frozen=True)
class Attribution:
    """`prob` of the answer `label` = `base` (knowing nothing) + the sum of `parts`."""

    label: str
    prob: float
    base: float
    parts: dict[Modality, float]

    @property
    def sentence(self) -> str:
        """The inputs in the order of what they said for the answer, in points of probability."""
        ranked = sorted(self.parts.items(), key=lambda part: -part[1])
        words = ", ".join(f"the {INPUT_WORDS[name]} {100 * part:+.1f}" for name, part in ranked)
        return f"Evidence for {self.label} ({whole_percent(self.prob)}), in points: {words}."


def attribution_of(predictions: Mapping[Subset, Prediction], task: str) -> Attribution:
    """Of the answer to one task; `predictions` as `Recognizer.predict_subsets` gives them."""
    everything = predictions[max(predictions, key=len)]
    label, prob = everything.best(task)
    base = 1 / len(everything.probs[task])
    values: dict[Subset, float] = {subset: answer.probs[task][label] for subset, answer in predictions.items()}
    return Attribution(label, prob, base, shapley({**values, (): base}))


@dataclass(frozen=True)
class ClassAttribution:
    """What each input adds to the probability of one class, mean over its n test rows; `decides` may be nobody."""

    label: str
    n: int
    decides: Modality | None
    parts: dict[Modality, float]


def class_attribution(answers: TaskAnswers) -> list[ClassAttribution]:
    """For each class what each input adds to its probability, mean over the test rows of that class."""
    rows = np.flatnonzero((answers.test_target >= 0) & (answers.test_target < len(answers.classes)))
    target, base = answers.test_target[rows], 1 / len(answers.classes)
    values: dict[Subset, np.ndarray] = {(): np.full(len(rows), base)}
    for subset, probs in answers.test.items():
        given = np.any([answers.present[modality][rows] for modality in subset], axis=0)
        values[subset] = np.where(given, probs[rows, target], base)  # (N,)
    gains = shapley(values)
    return [
        ClassAttribution(answers.classes[place], int(inside.sum()), _decides(means), means)
        for place in np.unique(target)
        if (inside := target == place).any()
        and (means := {modality: float(gain[inside].mean()) for modality, gain in gains.items()})
    ]


def _decides(means: Mapping[Modality, float]) -> Modality | None:
    best = max(means, key=lambda name: means[name])
    helpful = sum(max(mean, 0.0) for mean in means.values())
    return best if helpful > 0 and means[best] >= DECIDES * helpful else None
