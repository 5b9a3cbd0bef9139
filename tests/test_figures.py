"""The report's figures: the charts of Compare with their questions, task by task."""

from __future__ import annotations

from xml.etree import ElementTree

from retail import charts
from retail.report.figures import figures
from tests.results_sample import sample_results


def test_each_task_has_the_charts_that_compare_draws():
    results = sample_results()
    found = figures(results)
    assert list(found) == list(results.tasks)
    cut = results.of_task("brand")
    drawn = [charts.accuracy_chart(results, "brand"), charts.reliability_chart(*cut.calibration)]
    drawn += [charts.coverage_chart(*cut.calibration), charts.cascade_chart(cut.cascade, "brand")]
    names = [ElementTree.fromstring(figure.svg).attrib["aria-label"] for figure in found["brand"]]
    assert names == [chart.description for chart in drawn]
    assert {"Gated sum", "Photo only", "accuracy on test"} <= set(
        ElementTree.fromstring(found["brand"][0].svg).itertext()
    )


def test_what_the_results_lack_has_no_figure():
    bare = sample_results().model_copy(update={"calibration": (), "cascade": ()})
    assert [len(own) for own in figures(bare).values()] == [1, 1]
