"""Two models on the same test rows: is one better, by how much, and how many more rows would tell?

In: two (N,) columns of correctness (0 or 1, or the share of seeds that were right) and the rows' groups.
Out: a `PairedTest` and Holm-adjusted p-values. Rows of one group are never taken for independent evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, norm

from retail.metrics.scores import bootstrap_interval, by_group

SIGNIFICANT = 0.05
# Chance to see a difference that is there, as is customary when a study is planned (Cohen 1988).
POWER = 0.8


@dataclass(frozen=True)
class PairedTest:
    """Ours minus theirs; `wins` and `losses` count the groups (or rows) on which one was right more often."""

    n: int
    difference: float
    low: float
    high: float
    standard_error: float
    wins: int
    losses: int
    p_value: float
    cohens_h: float


def paired_test(ours: np.ndarray, theirs: np.ndarray, groups: np.ndarray | None = None, seed: int = 0) -> PairedTest:
    """Difference with its paired bootstrap interval (Efron 1979) and McNemar's exact test (1947).

    With several seeds correctness is a share, and the test becomes the sign test over rows, of which McNemar's is
    the case of one seed; with groups it counts groups.
    """
    if len(ours) != len(theirs):
        raise AssertionError("paired columns must hold the same rows")
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    sums, counts = by_group(ours - theirs, groups)
    mean = float(sums.sum() / counts.sum()) if len(ours) else math.nan
    low, high = bootstrap_interval(ours - theirs, seed, groups=groups, support=(-1.0, 1.0))
    # Sums of thirds and the like carry rounding noise: what is this close to zero is a tie.
    wins, losses = int((sums > 1e-9).sum()), int((sums < -1e-9).sum())
    return PairedTest(
        n=len(ours),
        difference=mean,
        low=low,
        high=high,
        standard_error=_standard_error(sums, counts),
        wins=wins,
        losses=losses,
        p_value=mcnemar(wins, losses),
        cohens_h=cohens_h(float(ours.mean()), float(theirs.mean())) if len(ours) else math.nan,
    )


def _standard_error(sums: np.ndarray, counts: np.ndarray) -> float:
    """Of a mean over rows that come in groups: the ratio estimator's (Cochran 1977, section 9A)."""
    if len(sums) < 2:
        return math.nan
    residual = sums - counts * sums.sum() / counts.sum()
    return float(math.sqrt(len(sums) * residual.var(ddof=1)) / counts.sum())


def mcnemar(wins: int, losses: int) -> float:
    """Two-sided exact p-value: would a fair coin split the rows that differ as unevenly as this?"""
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that hold for all comparisons together, in the order given (Holm 1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def cohens_h(ours: float, theirs: float) -> float:
    """Effect size of two shares: 0.2 is small, 0.5 medium, 0.8 large (Cohen 1988, chapter 6)."""
    return 2 * math.asin(math.sqrt(ours)) - 2 * math.asin(math.sqrt(theirs))


def rows_needed(difference: float, standard_error: float, n: int, negligible: float) -> int:
    """How many test rows in all would settle the question with 80 % chance, if the difference stays as it is.

    Either the interval leaves zero ("pays") or it stays below what is `negligible` ("does not"), whichever takes
    fewer rows. The interval shrinks with the root of n (Cohen 1988, chapter 2), the spread within groups included.
    """
    if not standard_error > 0:  # no row differs: enough rows to rule a negligible share out, as in `bootstrap_interval`
        return math.ceil(math.log(SIGNIFICANT / 2) / math.log(1 - negligible))
    effect = max(difference, negligible - difference)
    return math.ceil(n * ((norm.ppf(1 - SIGNIFICANT / 2) + norm.ppf(POWER)) * standard_error / effect) ** 2)
