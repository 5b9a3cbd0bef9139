"""One hostile name through every file and line that leaves the product: it is text in all of them."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import yaml
from typer.testing import CliRunner

from retail.__main__ import app
from retail.catalogue.export import write_products
from retail.catalogue.record import CatalogueProduct
from retail.escaping import in_line, printable
from retail.recognizer import Recognizer
from retail.recognizer.card import card_text
from retail.report.files import csv_zip, latex_text
from retail.report.html import html_report
from retail.report.tables import comparison_table
from retail.schema import Vocabulary
from retail.serve.logs import JsonFormatter
from retail.workspace.log import read_lines
from tests.hostile_home import named, renamed_results, write_data
from tests.hostile_names import EVIL, HOSTILE, HOSTILE_FILE, NAMES
from tests.results_sample import as_results

CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.fixture(scope="module")
def results():
    return as_results(renamed_results(HOSTILE))


def test_no_cell_of_a_table_is_a_formula(results):
    with zipfile.ZipFile(io.BytesIO(csv_zip(results))) as archive:
        cells = [
            cell
            for name in archive.namelist()
            for row in csv.reader(io.StringIO(archive.read(name).decode(), newline=""))
            for cell in row
        ]
    assert any("HYPERLINK" in cell for cell in cells)
    assert [cell for cell in cells if re.match(r"[=+\-@\t\r＝＋－＠](?![\d.]+(e-\d+)?$)", cell)] == []


def test_latex_has_our_commands_alone(results):
    ours = set(
        "begin end caption label toprule midrule bottomrule usepackage textbackslash textasciitilde "
        "textasciicircum".split()
    )
    text = latex_text(results)
    assert EVIL in text and r"\textbackslash{}input\{x\}" in text
    assert set(re.findall(r"\\([a-zA-Z]+)", text)) <= ours
    assert not re.search(r"\\\\\n\s*[\[*]", text), "the end of a row takes no argument"


def test_the_report_has_no_element_that_a_name_made(results):
    tags: list[str] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    page = html_report(results)
    reader.feed(page)
    assert EVIL in page and not {"script", "img", "a", "iframe", "link"} & set(tags)
    assert not CONTROLS.search(page)


def test_the_terminal_shows_a_line_for_a_line(results):
    other = as_results(renamed_results("two\nError: lines \x1b[31m"))
    assert len(comparison_table(other).splitlines()) == len(
        comparison_table(as_results(renamed_results("x"))).splitlines()
    )
    assert not CONTROLS.search(printable(comparison_table(results)))


def test_a_workbook_holds_text(tmp_path):
    products = [
        CatalogueProduct(name, name, {"kind": name}, {name: name})
        for name in NAMES
        if name.strip() and "\ud800" not in name
    ]
    path = write_products(tmp_path / "names.xlsx", products)
    with zipfile.ZipFile(path) as archive:
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    cells = [one for one in sheet.iter() if one.tag.endswith("}c")]
    assert {one.get("t") for one in cells} == {"inlineStr"} and not any(one.tag.endswith("}f") for one in sheet.iter())
    assert len([one for one in sheet.iter() if one.tag.endswith("}row")]) == 1 + len(products)


def test_a_table_of_a_catalogue_runs_nothing(tmp_path):
    path = write_products(tmp_path / "names.csv", [CatalogueProduct(HOSTILE, HOSTILE, {HOSTILE: HOSTILE})])
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    assert [cell for row in rows for cell in row if cell.startswith("=")] == []
    assert rows[1][0] == f"'{HOSTILE}"


def test_a_model_card_has_no_link_picture_or_tag_of_a_name():
    demo = Recognizer.load("demo")
    words = {task: Vocabulary(tuple(named(n) for n in range(len(known)))) for task, known in demo.vocabularies.items()}
    text = card_text(replace(demo, vocabularies=words), "somebody/names")
    lines = [line for line in text.splitlines() if EVIL in line]
    assert lines and not re.search(r"(?<!\\)(<(?!!-- -->)|\[)|https?://", "".join(lines))
    assert {line.replace("\\|", "").count("|") for line in lines} == {4}, "no cell ends early"


def test_the_metadata_of_a_card_is_read_as_it_was_written():
    from huggingface_hub import ModelCardData

    for name in NAMES:
        if in_line(name) == name:
            written = ModelCardData(license="mit", tags=[name], model_name=name).to_yaml()
            assert yaml.safe_load(written)["tags"] == [name] and "\n---" not in written


def test_a_line_of_the_servers_log_is_one_object():
    for name in NAMES:
        record = logging.makeLogRecord({"msg": name, "levelname": "INFO", "facts": {"path": name}})
        line = JsonFormatter().format(record)
        assert json.loads(line)["event"] == name and len(line.splitlines()) == 1 and not CONTROLS.search(line)


def test_commands_print_names_that_steer_no_terminal(tmp_path):
    folder = write_data(tmp_path / "data", HOSTILE, HOSTILE_FILE)
    shown = CliRunner().invoke(app, ["check", str(folder)])
    assert EVIL in shown.output and not CONTROLS.search(shown.output)
    refused = CliRunner().invoke(
        app, ["check", str(tmp_path / "\x1b]8;;http://evil.example\x07"), "--tasks", "a\nError: b"]
    )
    assert refused.exit_code == 1 and not CONTROLS.search(refused.output) and len(refused.output.splitlines()) == 1


def test_a_name_in_a_runs_log_is_not_the_next_line():
    from retail.commands.shared import Reporter

    runner = CliRunner()
    with runner.isolation() as streams:
        Reporter(timed=True).line("name\n12:00:00 Error: made up \x1b[31m")
        lines = read_lines(streams[0].getvalue().decode())
    assert [line.level for line in lines] == [""] and not CONTROLS.search(lines[0].text)
