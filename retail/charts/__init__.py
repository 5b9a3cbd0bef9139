"""Results as Altair figures with a text alternative each. Knows no Streamlit.

In: rows of a comparison's results. Out: Altair charts whose `description` says the numbers in words.
"""

from __future__ import annotations

from retail.charts.board import board_chart
from retail.charts.certainty import bin_chart, coverage_chart, reliability_chart
from retail.charts.history import training_chart
from retail.charts.inputs import attribution_chart, cascade_chart, cost_chart, dedicated_chart, gain_chart
from retail.charts.mistakes import confusion_chart
from retail.charts.models import accuracy_chart, subset_chart, subset_table, summary_rows
from retail.charts.plane import curve_chart, plane_chart
from retail.charts.sets import class_chart, runs_chart
from retail.wording import INPUT_WORDS, inputs_words

WORDS = INPUT_WORDS

__all__ = [
    "WORDS",
    "accuracy_chart",
    "attribution_chart",
    "bin_chart",
    "board_chart",
    "cascade_chart",
    "class_chart",
    "confusion_chart",
    "cost_chart",
    "coverage_chart",
    "curve_chart",
    "dedicated_chart",
    "gain_chart",
    "inputs_words",
    "plane_chart",
    "reliability_chart",
    "runs_chart",
    "subset_chart",
    "subset_table",
    "summary_rows",
    "training_chart",
]
