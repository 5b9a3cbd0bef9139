"""The HTML report: self-contained, names are text wherever they stand, numbers are the stored ones."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser

import pytest

from retail.escaping import printable
from retail.report.findings import findings
from retail.report.html import html_report
from retail.report.verdict import verdict
from tests.made_up_data import made_up_results
from tests.results_sample import as_results, sample_json, sample_results
from tests.test_side_by_side import without_test_labels

NAME = """<script>alert(1)</script> & "quoted" 'so' \u202eback\u202c <img src=x onerror=alert(1)>"""
SHOWN = printable(NAME)
TAGS = set(
    "html head meta title style body main h1 h2 h3 p ul li section figure figcaption svg g path line text div table "
    "thead tbody tr th td details summary dl dt dd strong br".split()
)


class Reader(HTMLParser):
    """Collects tags, attributes, texts by tag, accessible names and each table's whole numbers, as a browser would."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: dict[str, list[str]] = {}
        self.names: list[str] = []
        self.numbers: dict[str, list[float]] = {}
        self.tag = self.table = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tag = tag
        self.tags.add(tag)
        self.attributes |= set(values)
        self.table = values["id"] if tag == "table" else self.table
        if "aria-label" in values:
            self.names.append(values["aria-label"])
        if "data-value" in values:
            self.numbers.setdefault(self.table, []).append(float(values["data-value"]))

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
def page() -> str:
    return html_report(made_up_results())


@pytest.fixture(scope="module")
def hostile() -> Reader:
    words = {"product": "task", "tea": "class", "Gated sum": "title", "sample": "data", "gated": "model"}
    results = renamed(sample_json(), {word: f"{kind} {NAME}" for word, kind in words.items()})
    return Reader(html_report(as_results(results | {"config": sample_json()["config"]})))


def test_nothing_is_fetched_from_anywhere(page):
    reader = Reader(page)
    assert not re.search(r"https?://|//\w|url\(|@import", page)
    assert not reader.tags & {"script", "link", "img", "iframe", "object", "embed", "base"}
    assert not reader.attributes & {"src", "href", "srcset", "action", "onload", "onclick", "style"}
    assert "default-src 'none'" in page
    assert len(page.encode()) < 1_000_000


def test_the_numbers_are_the_stored_ones(page):
    results, numbers = made_up_results(), Reader(page).numbers
    stored = {(r.model, r.task): r.accuracy for r in results.scores if r.seed is None}
    order = [(model.model, task) for model in results.models for task in results.tasks]
    assert numbers["accuracy"] == [stored[key] for key in order]
    keys = ("difference", "wins", "losses", "p_value", "p_holm", "cohens_h", "n")
    assert numbers["differences"] == [getattr(row, key) for row in results.differences for key in keys]
    assert numbers["dedicated"] == [
        getattr(row, key) for row in results.dedicated for key in ("accuracy", "dedicated", "loss", "n")
    ]


def test_verdicts_findings_charts_and_model_card_are_there(page):
    results, text = made_up_results(), unescape(page)
    for sentence in (*(verdict(results, task).sentence for task in results.tasks), *findings(results)):
        assert sentence in text
    assert page.count("<svg") == 4 * len(results.tasks)
    card = text[text.index('id="model-card"') :]
    for word in ("Intended use", "Limits", "made-up:image", results.data.checksum, "120 test products"):
        assert word in card


@pytest.mark.parametrize(
    ("kind", "tag"),
    [("data", "h1"), ("data", "title"), ("task", "h3"), ("task", "td"), ("class", "td"), ("model", "td")],
)
def test_a_hostile_name_is_text(hostile, kind, tag):
    assert f"{kind} {SHOWN}" in "".join(hostile.texts[tag])


def test_a_hostile_name_is_text_in_charts_and_sentences_too(hostile):
    assert any(f"for task {SHOWN}" in name for name in hostile.names)
    assert any(f"title {SHOWN} 84.0 %" in name for name in hostile.names)
    assert any(text.startswith("title <script>") for text in hostile.texts["text"])  # cut to the width of the axis
    assert f"Fusion pays for task {SHOWN}. Use photo, description and sound. title {SHOWN} 84.0 %" in "".join(
        hostile.texts["p"]
    )


def test_a_hostile_name_makes_no_element(hostile):
    assert hostile.tags == TAGS


def test_tables_that_are_long_are_folded_and_keep_their_notes():
    page = html_report(sample_results())
    assert page.count("<details>") == 4 and "<summary>Reliability by bin</summary>" in page
    assert "p is McNemar" in unescape(page)


def test_a_task_without_test_labels_has_a_verdict_and_no_chart():
    page = html_report(as_results(without_test_labels(sample_json(), "product")))
    assert "No test product has a label for it" in unescape(page)
    assert "<h3>brand</h3>" in page and "<h3>product</h3>" not in page


def test_nothing_of_it_is_imported_before_a_report_is_made():
    code = "import sys, retail.report.html; sys.exit(bool({'jinja2', 'vl_convert', 'altair'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
