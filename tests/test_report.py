"""The HTML report: self-contained, small, escaped, and with the very numbers that are stored."""

from __future__ import annotations

import io
import re
import zipfile
from html import unescape
from html.parser import HTMLParser

import pytest

from retail.comparison.results import read_results
from retail.report.files import csv_zip, write_outputs
from retail.report.findings import findings
from retail.report.html import html_report
from retail.report.table_formats import as_csv
from retail.report.tables import all_tables, comparison_table
from retail.report.verdict import verdict
from retail.schema import UserError
from tests.made_up_data import made_up_results
from tests.results_sample import sample_results
from tests.test_side_by_side import without_test_labels


class Reader(HTMLParser):
    """Collects each table's whole numbers, the tags and the attributes that could fetch something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.numbers: dict[str, list[float]] = {}
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.table = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.add(tag)
        self.attributes |= set(values)
        self.table = values["id"] if tag == "table" else self.table
        if "data-value" in values:
            self.numbers.setdefault(self.table, []).append(float(values["data-value"]))


@pytest.fixture(scope="module")
def page() -> str:
    return html_report(made_up_results())


def test_nothing_is_fetched_from_anywhere(page):
    reader = Reader(page)
    assert not re.search(r"https?://|//\w|url\(|@import", page)
    assert not reader.tags & {"script", "link", "img", "iframe", "object", "embed", "base"}
    assert not reader.attributes & {"src", "href", "srcset", "action", "onload", "onclick", "style"}
    assert "default-src 'none'" in page
    assert len(page.encode()) < 5_000_000


def test_the_numbers_are_the_stored_ones(page):
    results, numbers = made_up_results(), Reader(page).numbers
    stored = {(r["model"], r["task"]): r["accuracy"] for r in results["scores"] if r["seed"] is None}
    order = [(model["model"], task) for model in results["models"] for task in results["tasks"]]
    assert numbers["accuracy"] == [stored[key] for key in order]
    keys = ("difference", "wins", "losses", "p_value", "p_holm", "cohens_h", "n")
    assert numbers["differences"] == [row[key] for row in results["differences"] for key in keys]
    assert numbers["dedicated"] == [
        row[key] for row in results["dedicated"] for key in ("accuracy", "dedicated", "loss", "n")
    ]


def test_verdicts_findings_charts_and_model_card_are_there(page):
    results, text = made_up_results(), unescape(page)
    for sentence in (*(verdict(results, task).sentence for task in results["tasks"]), *findings(results)):
        assert sentence in text
    assert page.count("<svg") == 4 * len(results["tasks"]) and 'aria-label="Reliability for pair, n = 120' in page
    card = text[text.index('id="model-card"') :]
    for word in ("Intended use", "Limits", "made-up:image", results["data"]["checksum"], "120 test products"):
        assert word in card


def test_every_reading_has_its_table():
    names = {table.name for table in all_tables(made_up_results())}
    assert names == set(
        "accuracy differences settings dedicated calibration thresholds reliability coverage conformal attribution "
        "costs cascade hierarchy doctor".split()
    )


def test_findings_name_what_the_made_up_data_hold():
    said = "\n".join(findings(made_up_results()))
    assert "For shape: the photo decides for" in said
    assert "pair lies within shape" in said
    assert "asking for photo + description" in said


def test_a_results_file_of_old_still_opens():
    old = sample_results()
    assert "Fusion pays for product" in comparison_table(old)
    assert "Fusion pays for product" in html_report(old) and {"accuracy"} <= set(Reader(html_report(old)).numbers)


def test_files_are_written_and_others_refused(tmp_path):
    files = write_outputs(made_up_results(), tmp_path / "csv", tmp_path / "tables.tex", tmp_path / "report.html")
    assert (tmp_path / "csv" / "conformal.csv") in files and all(path.stat().st_size for path in files)
    assert (tmp_path / "tables.tex").read_text().count(r"\toprule") == 14
    (tmp_path / "other.json").write_text('{"format": "retail-scores/1"}')
    with pytest.raises(UserError, match="holds format 'retail-scores/1'"):
        read_results(tmp_path / "other.json")
    with pytest.raises(UserError, match="cannot be read as JSON"):
        read_results(tmp_path / "missing.json")


def test_the_zip_holds_every_table_as_csv():
    with zipfile.ZipFile(io.BytesIO(csv_zip(sample_results()))) as archive:
        tables = {f"{table.name}.csv": as_csv(table) for table in all_tables(sample_results())}
        assert {name: archive.read(name).decode() for name in archive.namelist()} == tables


def cascade_row(then: list[str], share: float, val_accuracy: float, accuracy: float) -> dict:
    row = {"task": "kind", "then": then, "share": share, "asked": share}
    return row | {"val_accuracy": val_accuracy, "accuracy": accuracy}


def test_the_second_step_and_how_often_to_ask_come_from_validation():
    words, sound = ["image", "text"], ["audio", "image"]
    rows = [
        *(cascade_row(words, *figures) for figures in ((0.0, 0.7, 0.71), (0.5, 0.9, 0.81), (1.0, 0.9, 0.82))),
        *(cascade_row(sound, *figures) for figures in ((0.0, 0.7, 0.71), (0.5, 0.7, 0.95), (1.0, 0.8, 0.95))),
    ]
    results = {"tasks": {"kind": []}, "cascade": rows}
    assert findings(results) == [
        "kind: asking for photo + description only when unsure, for 50.0 % of the products, reaches 81.0 %; always "
        "asking 82.0 %, never 71.0 %."
    ]
    for row in rows:  # a file of old
        del row["val_accuracy"]
    assert "reaches 95.0 % (chosen on the test products themselves)" in findings(results)[0]


def threshold_sentence(threshold: float | None) -> str:
    wish = {"wished": 0.95, "threshold": threshold, "coverage": 0.0, "accuracy": None}
    (said,) = findings({"tasks": {"kind": []}, "calibration": [{"task": "kind", "thresholds": [wish]}]})
    return said


def test_a_threshold_that_no_test_row_reaches_is_not_called_missing():
    assert threshold_sentence(None) == "kind: no threshold makes the answers 95.0 % right on validation."
    assert "at least 99.0 % sure; for no test product the model is that sure" in threshold_sentence(0.99)


@pytest.mark.parametrize(("loss", "said"), [(0.02, 1), (-0.02, 0)])
def test_the_one_model_is_called_behind_only_where_it_loses(loss, said):
    row = {"task": "kind", "modalities": ["image"], "accuracy": 0.9, "dedicated": 0.9 + loss, "n": 100}
    row |= {"loss": loss, "loss_low": loss - 0.03, "loss_high": loss + 0.03}
    assert len(findings({"tasks": {}, "dedicated": [row]})) == said


def test_a_promise_is_called_broken_only_beyond_what_chance_explains():
    row = {"task": "kind", "promised": 0.9, "coverage": 0.84, "n": 120}
    for lowest, said in ((0.85, 1), (0.83, 0)):
        assert len(findings({"tasks": {"kind": []}, "conformal": [row | {"lowest_by_chance": lowest}]})) == said
    assert findings({"tasks": {"kind": []}, "conformal": [row]}) == []  # a file of old does not know


def test_an_old_file_with_a_task_without_test_labels_still_makes_a_report():
    page = html_report(without_test_labels(sample_results(), "product"))
    assert "Cannot tell for product: no test product has a label" in unescape(page)
    assert "<h3>brand</h3>" in page and "<h3>product</h3>" not in page
