"""Does a promise hold? Made-up answers of known accuracy, drawn again and again.

In: how many draws. Out: a table: how often a threshold promises more than its answers hold (stated: 5 %), how often
there is one, and the share of answers that pass; and whether as many rows as are said to be needed do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta, norm

from retail.metrics.promises import GRID, rows_needed, thresholds

Curve = Callable[[np.ndarray], np.ndarray]

# Accuracy of answers of a confidence.
CURVES: Mapping[str, Curve] = {
    "as sure as right": lambda sure: sure,
    "too sure": lambda sure: expit(0.6 * logit(sure)),
    "too careful": lambda sure: expit(1.6 * logit(sure)),
    "right or a guess": lambda sure: np.where(sure > 0.6, 0.96, 0.6 * sure),
    "wrong at the top": lambda sure: np.where(sure > 0.97, 0.85, np.minimum(sure + 0.03, 0.99)),
}
# Groups, rows a group, and how alike these are.
DESIGNS = ((300, 1, 0.0), (24, 3, 0.5), (60, 5, 0.5), (60, 5, 0.9), (40, 20, 0.3), (15, 20, 0.3))


def draw(
    rng: np.random.Generator, curve: Curve, groups: int, size: int, alike: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Confidences, correctness and groups; a group shares a part of both, on a normal scale."""
    names = np.repeat(np.arange(groups), size)

    def uniform() -> np.ndarray:
        own = rng.normal(size=len(names))
        return norm.cdf(np.sqrt(alike) * rng.normal(size=groups)[names] + np.sqrt(1 - alike) * own)

    sure = beta.ppf(uniform(), 2.2, 0.6)
    return sure, uniform() < curve(sure), names if size > 1 else None


def promises_hold(draws: int) -> None:
    everyone = np.random.default_rng(99).beta(2.2, 0.6, 200_000)
    coverage = np.array([(everyone >= edge).mean() for edge in GRID])
    print(f"{draws} draws each; broken % (stated 5) / promised % / coverage %; groups x rows, likeness")
    print("curve, wish | " + " | ".join(f"{groups} x {size}, {alike}" for groups, size, alike in DESIGNS))
    for wished in (0.9, 0.95):
        below: Curve = lambda sure, wished=wished: np.full_like(sure, wished - 0.0005)  # noqa: E731
        for name, curve in {**CURVES, "just below the wish": below}.items():
            accuracy = np.array(
                [curve(everyone[everyone >= edge]).mean() if (everyone >= edge).any() else 1.0 for edge in GRID]
            )
            cells = []
            for design in DESIGNS:
                rng, found = np.random.default_rng(0), np.zeros(3)
                for _ in range(draws):
                    sure, right, groups = draw(rng, curve, *design)
                    threshold = thresholds(sure, right, [wished], groups)[0]
                    if np.isfinite(threshold):
                        place = int(np.argmin(np.abs(GRID - threshold)))
                        found += accuracy[place] < wished, 1, coverage[place]
                cells.append(" / ".join(f"{100 * share:.1f}" for share in found / draws))
            print(f"{name}, {100 * wished:g} | " + " | ".join(cells), flush=True)


def rows_would_do(draws: int) -> None:
    print(
        "rows said to be needed where there is no promise: median, and how often so many new rows allow one (aim 80 %)"
    )
    for name in ("as sure as right", "too careful", "too sure", "right or a guess"):
        for rows, wished in ((100, 0.9), (100, 0.95), (295, 0.95), (295, 0.99)):
            rng, said, enough, none = np.random.default_rng(0), [], [], 0
            for _ in range(draws):
                sure, right, _ = draw(rng, CURVES[name], rows, 1, 0.0)
                if np.isfinite(thresholds(sure, right, [wished])[0]):
                    continue
                needed = rows_needed(sure, right, [wished])[0]
                if np.isnan(needed):
                    none += 1
                    continue
                said.append(needed)
                sure, right, _ = draw(rng, CURVES[name], int(needed), 1, 0.0)
                enough.append(np.isfinite(thresholds(sure, right, [wished])[0]))
            if said:
                print(
                    f"{name}, {rows} rows, {100 * wished:g} %: without {len(said) + none} of {draws}, no number "
                    f"{none}, median {np.median(said):.0f} rows, enough {100 * np.mean(enough):.0f} %",
                    flush=True,
                )
