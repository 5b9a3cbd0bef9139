"""The HTML report: self-contained, small, escaped, and with the very numbers that are stored."""

from __future__ import annotations

import io
import re
import zipfile
from html import unescape
from html.parser import HTMLParser

import pytest

from retail.comparison.chosen_rows import Attribution, Calibration, Cascade, Conformal, JudgedSplits, Threshold
from retail.comparison.result_rows import Dedicated
from retail.report.files import csv_zip, write_outputs
from retail.report.findings import deciding, findings
from retail.report.html import html_report
from retail.report.table_formats import as_csv
from retail.report.tables import all_tables
from retail.report.verdict import verdict
from tests.made_up_data import made_up_results
from tests.results_sample import as_results, results_of, sample_json, sample_results
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
    assert page.count("<svg") == 4 * len(results.tasks) and 'aria-label="Reliability for pair"' in page
    card = text[text.index('id="model-card"') :]
    for word in ("Intended use", "Limits", "made-up:image", results.data.checksum, "120 test products"):
        assert word in card


def test_what_comes_from_the_data_is_escaped(page):
    assert "made_up &lt;data&gt;" in page and "<data>" not in page


def test_every_reading_has_its_table():
    names = {table.name for table in all_tables(made_up_results())}
    assert names == set(
        "accuracy differences settings dedicated calibration thresholds reliability coverage conformal attribution "
        "costs cascade hierarchy doctor".split()
    )


def test_findings_name_what_the_made_up_data_hold():
    said = "\n".join(findings(made_up_results()))
    assert "For shape: the photo decides for" in said
    assert "pair belongs to shape" in said
    assert "asking for photo + description" in said


def test_files_are_written(tmp_path):
    files = write_outputs(made_up_results(), tmp_path / "csv", tmp_path / "tables.tex", tmp_path / "report.html")
    assert (tmp_path / "csv" / "conformal.csv") in files and all(path.stat().st_size for path in files)
    assert (tmp_path / "tables.tex").read_text().count(r"\toprule") == 14


def test_the_zip_holds_every_table_as_csv():
    with zipfile.ZipFile(io.BytesIO(csv_zip(sample_results()))) as archive:
        tables = {f"{table.name}.csv": as_csv(table) for table in all_tables(sample_results())}
        assert {name: archive.read(name).decode() for name in archive.namelist()} == tables


def cascade_row(then: tuple[str, ...], share: float, val_accuracy: float, accuracy: float) -> Cascade:
    row = {"task": "kind", "model": "gated", "then": then, "share": share, "asked": share, "threshold": share}
    return Cascade(**row, val_accuracy=val_accuracy, accuracy=accuracy, kept=1.0, n=100)


def test_the_second_step_and_how_often_to_ask_come_from_validation():
    words, sound = ("image", "text"), ("audio", "image")
    rows = [
        *(cascade_row(words, *figures) for figures in ((0.0, 0.7, 0.71), (0.5, 0.9, 0.81), (1.0, 0.9, 0.82))),
        *(cascade_row(sound, *figures) for figures in ((0.0, 0.7, 0.71), (0.5, 0.7, 0.95), (1.0, 0.8, 0.95))),
    ]
    assert findings(results_of(tasks={"kind": []}, cascade=rows)) == [
        "kind: asking for photo + description when unsure, for 50.0 % of the products, reaches 81.0 % "
        "(71.0 % without asking, 82.0 % with asking every time)."
    ]


def test_asking_that_gains_nothing_is_called_so():
    rows = [
        cascade_row(("image", "text"), *figures) for figures in ((0.0, 0.7, 0.82), (0.5, 0.9, 0.81), (1.0, 0.9, 0.82))
    ]
    assert findings(results_of(tasks={"kind": []}, cascade=rows)) == [
        "kind: asking for photo + description when unsure gains nothing here "
        "(82.0 % without asking, 82.0 % with asking every time)."
    ]


def threshold_sentence(threshold: float | None) -> str:
    wish = Threshold(wished=0.95, threshold=threshold, coverage=0.0, accuracy=None)
    names = "ece_before brier_before ece_after brier_after temperature n"
    judged = {"confidence": (), "correct": ()}
    row = Calibration(
        task="kind",
        model="gated",
        **dict.fromkeys(names.split(), 0),
        reliability_before=(),
        reliability_after=(),
        coverage=(),
        thresholds=(wish,),
        judged=JudgedSplits(val=judged, test=judged),
    )
    (said,) = findings(results_of(tasks={"kind": []}, calibration=[row]))
    return said


def test_a_threshold_that_no_test_row_reaches_is_not_called_missing():
    assert threshold_sentence(None) == "kind: no threshold reaches an accuracy of 95.0 % on validation."
    assert "at least 99.0 % sure; the model is that sure for no test product" in threshold_sentence(0.99)


@pytest.mark.parametrize(("loss", "said"), [(0.02, 1), (-0.02, 0)])
def test_the_one_model_is_called_behind_only_where_it_loses(loss, said):
    row = {"task": "kind", "model": "gated", "modalities": ["image"], "n": 100}
    row |= {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 1.0, "dedicated": 0.9 + loss}
    behind = Dedicated(**row, loss=loss, loss_low=loss - 0.03, loss_high=loss + 0.03)
    assert len(findings(results_of(dedicated=[behind]))) == said


def test_a_promise_is_called_broken_only_beyond_what_chance_explains():
    row = {"task": "kind", "model": "gated", "promised": 0.9, "least_probability": 0.5, "coverage": 0.84, "n": 120}
    for lowest, said in ((0.85, 1), (0.83, 0)):
        kept = Conformal(**row, size=1.0, single=1.0, lowest_by_chance=lowest)
        assert len(findings(results_of(tasks={"kind": []}, conformal=[kept]))) == said


def decided(label: str, n: int, gain: float) -> Attribution:
    return Attribution(task="kind", model="gated", label=label, n=n, decides="image", image=gain)


def test_a_long_list_of_classes_is_cut_and_small_classes_are_not_named():
    rows = [decided(f"c{place}", 9, 1 - place / 100) for place in range(9)]
    assert deciding(rows) == ["The photo decides for c0, c1, c2, c3, c4, c5 and 3 more."]
    assert deciding(rows[1::-1]) == ["The photo decides for c0 and c1."]
    assert deciding([decided("c0", 4, 1.0)]) == []


def test_a_task_without_test_labels_still_makes_a_report():
    page = html_report(as_results(without_test_labels(sample_json(), "product")))
    assert "No verdict for product: no test product has a label" in unescape(page)
    drawn = '<h3>{}</h3><div class="charts">'
    assert drawn.format("brand") in page and drawn.format("product") not in page
