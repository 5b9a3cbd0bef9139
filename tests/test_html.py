"""The HTML report: names are text wherever they stand, the charts are those of Compare, numbers stay whole."""

from __future__ import annotations

import subprocess
import sys
from html import unescape
from html.parser import HTMLParser

import pytest

from retail.charts import accuracy_chart
from retail.report.html import html_report
from tests.results_sample import sample_results

NAME = """<script>alert(1)</script> & "quoted" 'so' \u202eback\u202c <img src=x onerror=alert(1)>"""
TAGS = set(
    "html head meta title style body main h1 h2 h3 p ul li section figure figcaption svg g path line text div table "
    "thead tbody tr th td details summary dl dt dd".split()
)


class Reader(HTMLParser):
    """Collects the tags, and every text and accessible name as the browser understands it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: dict[str, list[str]] = {}
        self.names: list[str] = []
        self.tag = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.tag = tag
        self.names += [value for key, value in attrs if key == "aria-label"]

    def handle_data(self, data):
        self.texts.setdefault(self.tag, []).append(data)


def renamed(held, names: dict[str, str]):
    """The same results with other names for tasks, classes, models and the data."""
    if isinstance(held, dict):
        return {names.get(key, key): renamed(value, names) for key, value in held.items()}
    if isinstance(held, list):
        return [renamed(value, names) for value in held]
    return names.get(held, held) if isinstance(held, str) else held


@pytest.fixture(scope="module")
def hostile() -> Reader:
    words = {"product": "task", "tea": "class", "Gated sum": "title", "sample": "data", "gated": "model"}
    return Reader(html_report(renamed(sample_results(), {word: f"{kind} {NAME}" for word, kind in words.items()})))


@pytest.mark.parametrize(
    ("kind", "tag"),
    [("data", "h1"), ("data", "title"), ("task", "h3"), ("task", "td"), ("class", "td"), ("model", "td")],
)
def test_a_hostile_name_is_text(hostile, kind, tag):
    assert f"{kind} {NAME}" in "".join(hostile.texts[tag])


def test_a_hostile_name_is_text_in_charts_and_sentences_too(hostile):
    assert any(f"for task {NAME}" in name for name in hostile.names)
    assert any(f"title {NAME} 84.0%" in name for name in hostile.names)
    assert any(text.startswith("title <script>") for text in hostile.texts["text"])  # cut to the width of the axis
    assert f"Fusion pays for task {NAME}: title {NAME} 84.0 %" in "".join(hostile.texts["p"])


def test_a_hostile_name_makes_no_element(hostile):
    assert hostile.tags == TAGS


def test_the_charts_are_those_of_the_page():
    results = sample_results()
    found = Reader(html_report(results))
    assert found.names[0] == accuracy_chart(results, "product").description
    assert {"Gated sum", "Photo only", "accuracy on test"} <= set(found.texts["text"])


def test_cells_show_the_rounded_number_and_hold_the_whole_one():
    results = sample_results()
    score = next(row for row in results["scores"] if row["seed"] is None)
    score["accuracy"] = 0.84123456789
    assert 'data-value="0.84123456789">84.1 [' in html_report(results)


def test_tables_that_are_long_are_folded_and_keep_their_notes():
    page = html_report(sample_results())
    assert page.count("<details>") == 4 and "<summary>Reliability by bin</summary>" in page
    assert "p is McNemar" in unescape(page)


def test_nothing_of_it_is_imported_before_a_report_is_made():
    code = "import sys, retail.report.html; sys.exit(bool({'jinja2', 'vl_convert', 'altair'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
