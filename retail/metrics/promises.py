"""How sure must an answer be so that answers like it are right as often as wished: a threshold with a guarantee.

In: (N,) confidences and correctness of rows that nothing was trained on. Out: thresholds that hold with 95 %
confidence, how many rows would do where none can be promised, and what a threshold makes of other rows.

The risk of a threshold is tested from the surest answers downwards, each by an exact binomial test, until one fails:
the fixed-sequence test of Learn then Test (Angelopoulos et al. 2021, arXiv:2110.01052). Its weakness is a wrong answer
near the top. So a part of the error is kept for a second start at half of the rows, where some may be wrong; what the
first start has not used up by then is added (the fallback procedure of Wiens 2003). Where the starts lie depends on
the confidences alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from retail.metrics.scores import by_group

# Wishes that a recogniser keeps thresholds for; one between two of them is answered with the stricter.
WISHES = (*np.arange(0.50, 0.90, 0.05).round(2).tolist(), *np.arange(0.90, 0.995, 0.01).round(2).tolist())
ERROR = 0.05  # chance that a threshold does not keep its promise
STARTS = ((0.0, 0.04), (0.5, 0.01))  # from this share of the rows on, if a test can pass at all; its part of ERROR
# Fixed beforehand, as the test demands; dense where confidences crowd.
GRID = 1 / (1 + np.exp(-np.linspace(9, -4, 131)))
MOST_ROWS = 100_000  # a promise that needs more validation rows is out of reach
LIKELY = 0.8  # how often as many rows as `rows_needed` says are to be enough
MIXED = 10  # answers that are right as often as their confidence says, beside those seen
MORE = 1.5  # the steps in which `rows_needed` goes up


@dataclass(frozen=True)
class Kept:
    """What a threshold makes of n labelled rows; without a threshold nothing is answered."""

    wished: float
    threshold: float | None
    n: int
    answered: int = 0
    coverage: float = 0.0
    accuracy: float | None = None
    broken: bool = False  # fewer are right than chance explains if the promise holds


@dataclass(frozen=True)
class Likeness:
    """How alike the rows of a group are: the intraclass correlation of being right, and how many answers tell it."""

    correlation: float = 1.0
    told_by: float = 0.0

    @classmethod
    def of(cls, correct: np.ndarray, groups: np.ndarray) -> Likeness:
        """By analysis of variance (Donner 1986), from the rarer of right and wrong answers; all alike tells nothing."""
        sums, counts = by_group(correct, groups)
        n, rare = counts.sum(), min(sums.sum(), (counts - sums).sum())
        if not rare or len(counts) in (1, n):
            return cls()
        accuracy = sums.sum() / n
        between = float(((sums - counts * accuracy) ** 2 / counts).sum())
        among, within = between / (len(counts) - 1), (n * accuracy * (1 - accuracy) - between) / (n - len(counts))
        size = (n - (counts**2).sum() / n) / (len(counts) - 1)
        return cls(float(np.clip((among - within) / (among + (size - 1) * within), 0, 1)), float(rare))

    @classmethod
    def pooled(cls, found: Iterable[Likeness]) -> Likeness:
        """Of several sets of rows together."""
        known = [one for one in found if one.told_by]
        told_by = sum(one.told_by for one in known)
        return cls(sum(one.told_by * one.correlation for one in known) / told_by, told_by) if known else cls()

    def after(self, before: float = 1.0) -> float:
        """The correlation, where `before` counts as one answer more: few that are wrong leave it nearly as it was."""
        return (self.told_by * self.correlation + before) / (self.told_by + 1)


def thresholds(
    confidence: np.ndarray,
    correct: np.ndarray,
    wishes: Sequence[float] = WISHES,
    groups: np.ndarray | None = None,
    alike: float = 1.0,
) -> np.ndarray:
    """(W,) the lowest confidence for each wished accuracy from which on it holds with 95 % confidence; NaN: none.

    Rows of a group count as the number of independent rows that would tell as much; `alike` is the correlation within
    a group that is expected before these rows are seen.
    """
    rows, right = _counts(confidence, correct, groups, alike)
    found = np.full(len(wishes), np.nan)
    for place, wished in enumerate(wishes):
        if (last := _last_passed(rows, right, wished)) is not None:
            found[place] = GRID[last]
    return found


def _last_passed(rows: np.ndarray, right: np.ndarray, wished: float) -> int | None:
    """The last of the tested thresholds for which so many right answers are unlikely if fewer than wished are right."""
    chance = _chance(rows, right, wished)
    starts: dict[int, float] = {}
    for share, part in STARTS:
        if (enough := rows >= max(share * rows[-1], fewest_rows(wished, part))).any():
            place = int(np.argmax(enough))
            starts[place] = starts.get(place, 0.0) + part
    last, error = None, 0.0
    for place in range(min(starts, default=len(rows)), len(rows)):
        error += starts.get(place, 0.0)
        if chance[place] <= error + 1e-12:  # of 0.04 + 0.01
            last = place
        elif place >= max(starts):
            break
        else:
            error = 0.0
    return last


def _chance(rows: np.ndarray, right: np.ndarray, accuracy: float) -> np.ndarray:
    """(G,) of so many right answers or more among so many rows, which need not be whole numbers."""
    from scipy.special import betainc

    possible = right > 0
    wrong = np.maximum(rows - right, 0.0)
    return np.where(possible, betainc(np.where(possible, right, 1.0), wrong + 1, accuracy), 1.0)


def fewest_rows(wished: float, error: float = STARTS[0][1]) -> int:
    """How many answers, all of them right, can promise this accuracy."""
    return math.ceil(math.log(error) / math.log(wished))


def rows_needed(
    confidence: np.ndarray,
    correct: np.ndarray,
    wishes: Sequence[float] = WISHES,
    groups: np.ndarray | None = None,
    alike: float = 1.0,
) -> np.ndarray:
    """(W,) about how many rows like these would allow the promise 4 times in 5; NaN: no number in reach would.

    The same tests on the counts that so many rows would give, less what bad luck takes. What was right so far is mixed
    with what the confidences say: the luckiest of many thresholds looks better than it is.
    """
    from scipy.stats import norm

    rows, right = _counts(confidence, correct, groups, alike)
    order = np.sort(confidence)[::-1]
    answered = np.searchsorted(-order, -GRID, side="right")
    sure = np.where(answered > 0, np.concatenate([[0.0], np.cumsum(order)])[answered] / np.maximum(answered, 1), GRID)
    accuracy = (right + MIXED * sure) / (rows + MIXED)
    found = np.full(len(wishes), np.nan)
    for place, wished in enumerate(wishes):
        needed = len(confidence)
        while len(confidence) and (needed := math.ceil(needed * MORE)) <= MOST_ROWS:
            then = rows * needed / len(confidence)
            unlucky = then * accuracy - norm.ppf(LIKELY) * np.sqrt(then * accuracy * (1 - accuracy))
            if _last_passed(then, np.maximum(unlucky, 0.0), wished) is not None:
                found[place] = needed
                break
    return found


def kept(threshold: float, confidence: np.ndarray, correct: np.ndarray, wished: float) -> Kept:
    """What a threshold (NaN: none) makes of (N,) labelled rows."""
    from scipy.stats import binom

    answered = confidence >= threshold
    n = int(answered.sum())
    if math.isnan(threshold) or not n:
        return Kept(wished, None if math.isnan(threshold) else float(threshold), len(confidence))
    right = int(correct[answered].sum())
    broken = bool(binom.cdf(right, n, wished) < ERROR)
    return Kept(wished, float(threshold), len(confidence), n, n / len(confidence), right / n, broken)


def _counts(
    confidence: np.ndarray, correct: np.ndarray, groups: np.ndarray | None, alike: float
) -> tuple[np.ndarray, np.ndarray]:
    """(G,) independent answers at each threshold of the grid, and how many of them are right.

    One correlation for all thresholds makes the design effect (Kish 1965); few groups count for less still, by the
    quantiles of t (Korn and Graubard 1998).
    """
    from scipy.stats import t

    order = np.argsort(-confidence, kind="stable")
    answered = np.searchsorted(-confidence[order], -GRID, side="right")  # (G,)
    right = np.concatenate([[0.0], np.cumsum(correct[order])])[answered]
    rows = answered.astype(float)
    if groups is None:
        return rows, right
    correlation = Likeness.of(correct, groups).after(alike)
    codes = np.unique(groups.astype(str), return_inverse=True)[1][order]
    earlier = _earlier_of_the_same(codes)
    pairs = np.concatenate([[0.0], np.cumsum(2 * earlier)])[answered]  # of rows of one group, in both orders
    seen = np.concatenate([[0], np.cumsum(earlier == 0)])[answered]  # groups
    some = answered > 1
    effect = 1 + correlation * pairs / np.maximum(answered, 1)
    few = np.ones(len(GRID))
    few[some] = (t.isf(ERROR, answered[some] - 1) / t.isf(ERROR, np.maximum(seen[some] - 1, 1))) ** 2
    independent = np.where(seen > 1, rows / effect * np.minimum(few, 1), np.minimum(rows, 1))
    return independent, right * independent / np.maximum(rows, 1)


def _earlier_of_the_same(codes: np.ndarray) -> np.ndarray:
    """(N,) how many earlier rows have the same code."""
    order = np.argsort(codes, kind="stable")
    ranked = codes[order]
    first = np.searchsorted(ranked, ranked, side="left")
    found = np.empty(len(codes), dtype=int)
    found[order] = np.arange(len(codes)) - first
    return found
