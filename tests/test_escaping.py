"""A name is text on every target: what it may act on there, and that it reads as it is where it is harmless."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import pytest

from retail.escaping import (
    INSTEAD,
    in_card,
    in_cell,
    in_file_name,
    in_html,
    in_json,
    in_latex,
    in_line,
    in_xml,
    no_device,
    plain,
    printable,
)
from tests.hostile_names import HOSTILE, NAMES, made_up

SPAN = re.compile(r":color\[(\\?.+?)\]")


def read_back(markdown: str) -> str:
    """The text that a browser shows of what `plain` made: without elements that have no style, and backslashes."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", SPAN.sub(r"\1", markdown))


@pytest.mark.parametrize("name", [*NAMES, *made_up(100)])
def test_markdown_of_a_page_reads_as_the_name(name):
    assert read_back(plain(name)) == re.sub(" +", " ", in_line(name))


# What is looked for after backslashes are gone, in each piece of text; as Streamlit 1.67 and its parsers have it.
IN_TEXT = re.compile(
    r"https?://[-.\w]|www\.[-.\w]|[-.\w+]@[-\w]+\.[-\w]|:material_\w+:|:material/|:streamlit:|:(?:smile|red|\+1|100):"
    r"|(?:^|\s)(?:<->|->|<-|--|>=|<=|~=)(?:\s|$)",
    re.IGNORECASE,
)
# What begins something by itself.
SIGNS = re.compile(
    r"(?<!\\)(?:\\\\)*(?:[`*_$|#<]|\[(?!\\?[-:.@<>~]+\])|&(?=[#\w]))"
    r"|(?<!\\):(?=(?!color\[)[a-z])|\n|^(?:[-+] |> |\d+[.)] )"
)


def pieces(markdown: str) -> list[str]:
    """The pieces of text that the parser makes of it: what stands in an element without a style is one of its own."""
    return [re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", part) for part in SPAN.split(markdown)]


def test_nothing_in_the_markdown_of_a_page_acts():
    assert sum(bool(IN_TEXT.search(name)) for name in NAMES) > 20, "there is something to find"
    for name in (*NAMES, *made_up(2000)):
        made = plain(name)
        assert not SIGNS.search(made), name
        assert [part for part in pieces(made) if IN_TEXT.search(part)] == [], name


@pytest.mark.parametrize("name", ["Oat drink, 1 l", "-5", "3.5 %", "10:30:00", "a-b", "Äpfel & Birnen", "C++", "a.b.c"])
def test_a_usual_name_stays_as_it_is(name):
    assert plain(name) == in_line(name) == in_cell(name) == name
    assert in_latex(name) == name.replace("&", r"\&").replace("%", r"\%")


def test_html_and_xml_have_no_tags_and_no_signs_that_break_them():
    for name in NAMES:
        assert not re.search(r"[<>\"']", in_html(name)) and html.unescape(in_html(name)) == printable(name)
        assert not re.search("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", in_xml(name))


@pytest.mark.parametrize("first", [*"=+-@\t\r\n＝＋－＠"])
def test_a_spreadsheet_runs_no_cell(first):
    formula = f"{first}HYPERLINK(1)"
    assert in_cell(formula) == f"'{formula}"
    assert in_cell(f"oat;{formula}") == f"oat;'{formula}" or first in "\t\r\n"


@pytest.mark.parametrize("number", ["-5", "+3.5", "-1,5", "-2e-3", "-12 %", "1.000,5"])
def test_a_number_stays_one(number):
    assert in_cell(number) == number


@pytest.mark.parametrize("formula", ["-5+cmd|' /C calc'!A0", "+1-1", "-A1", "@SUM(1)", "-5\n=1"])
def test_what_only_begins_as_a_number_is_none(formula):
    assert in_cell(formula).startswith("'")


def test_a_table_of_hostile_cells_is_read_back_with_every_sign():
    stream = io.StringIO()
    csv.writer(stream).writerow([in_cell(name) for name in NAMES])
    (row,) = csv.reader(io.StringIO(stream.getvalue(), newline=""))
    assert [cell.replace("'", "") for cell in row] == [
        name.replace("'", "").replace("\ud800", INSTEAD) for name in NAMES
    ]


@pytest.mark.parametrize("name", NAMES)
def test_latex_has_no_command_that_is_not_ours(name):
    commands = set(re.findall(r"\\[a-zA-Z]+", in_latex(name)))
    assert commands <= {r"\textbackslash", r"\textasciitilde", r"\textasciicircum"}
    assert not re.search(r"(?<!\\)[&%$#_]", in_latex(name)) and "\n" not in in_latex(name)
    assert not re.match(r"\s*[\[*]", in_latex(name)), "an argument of what ends the row before"


@pytest.mark.parametrize("name", NAMES)
def test_a_line_of_a_terminal_or_log_is_one_line_that_steers_nothing(name):
    line = in_line(name)
    assert len(line.splitlines()) <= 1 and not re.search("[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line)
    assert line.encode()  # no half of a pair


@pytest.mark.parametrize("name", NAMES)
def test_json_keeps_the_name_and_steers_no_terminal(name):
    written = in_json(json.dumps({name: name}, ensure_ascii=False))
    assert json.loads(written) == {name: name}
    assert not re.search("[\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]", written)


@pytest.mark.parametrize("name", [*NAMES, "", "..", "/", "a" * 500, "漢" * 500])
def test_a_file_name_leads_nowhere_else(name):
    made = in_file_name(name, "run")
    assert re.fullmatch(r"[\w-]+", made) and len(f"{made}_2026-11-28.csv".encode()) <= 255
    assert no_device(f"{made}.csv") == f"{made}.csv"


@pytest.mark.parametrize("device", ["con", "NUL", "com1", "LPT9"])
def test_no_file_has_the_name_of_a_device(device):
    assert in_file_name(device, "run") == f"{device}_"
    assert no_device(f"{device}.jpg") == f"{device}_.jpg" and no_device(f"{device}sole.jpg") == f"{device}sole.jpg"


@pytest.mark.parametrize("name", NAMES)
def test_a_model_card_holds_no_tag_link_or_end_of_a_cell(name):
    made = in_card(name).replace("<!-- -->", "")
    assert not re.search(r"(?<!\\)[<|\[`]", made) and "\n" not in made
    assert not re.search(r"https?://|www\.\w", in_card(name), re.IGNORECASE)


def test_the_hostile_name_has_everything_that_acts_somewhere():
    for part in (
        "=HYPERLINK",
        "![x](",
        "javascript:",
        "$x^2$",
        ":material/",
        ":red[",
        "<img",
        "\x1b]8;;",
        "../..",
        r"\input",
    ):
        assert part in HOSTILE
