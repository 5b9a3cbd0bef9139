"""The charts of a report: those that Compare draws, as SVG.

In: a results dictionary. Out: `Figure`s, task by task; what the results lack is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retail import charts
from retail.charts.export import as_svg
from retail.report.verdict import scored_tasks

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """`title` asks what Compare asks above the same chart; `svg` is an element."""

    title: str
    svg: str


def figures(results: Results) -> dict[str, list[Figure]]:
    """The figures of each task of which some test product has a label."""
    return {task: list(_figures_of(results, task)) for task in scored_tasks(results)}


def _figures_of(results: Results, task: str) -> Iterator[Figure]:
    yield Figure("Accuracy with 95 % intervals", as_svg(charts.accuracy_chart(results, task)))
    for row in _rows(results, "calibration", task):
        yield Figure("Is it as sure as it is right?", as_svg(charts.reliability_chart(row)))
        if row["coverage"]:
            yield Figure("How sure is sure enough?", as_svg(charts.coverage_chart(row)))
    if rows := _rows(results, "cascade", task):
        yield Figure("One input first, more only when unsure", as_svg(charts.cascade_chart(rows, task)))


def _rows(results: Results, name: str, task: str) -> Sequence[Mapping[str, Any]]:
    return [row for row in results.get(name, []) if row["task"] == task]
