"""The charts of a report: those that Compare draws, as SVG.

In: `Results`. Out: `Figure`s, task by task.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from retail import charts
from retail.charts.export import as_svg
from retail.comparison.results import Results


@dataclass(frozen=True)
class Figure:
    """`title` asks what Compare asks above the same chart; `svg` is an element."""

    title: str
    svg: str


def figures(results: Results) -> dict[str, list[Figure]]:
    """The figures of each task of which some test product has a label."""
    return {task: list(_figures_of(results.of_task(task), task)) for task in results.scored_tasks()}


def _figures_of(results: Results, task: str) -> Iterator[Figure]:
    yield Figure("Accuracy with 95 % intervals", as_svg(charts.accuracy_chart(results, task)))
    for row in results.calibration:
        yield Figure("Can you trust the percentages?", as_svg(charts.reliability_chart(row)))
        if row.coverage:
            yield Figure("How sure is sure enough?", as_svg(charts.coverage_chart(row)))
    if results.cascade:
        yield Figure("One input first, more only when unsure", as_svg(charts.cascade_chart(results.cascade, task)))
