"""Tables as text, JSON and Parquet: separators, lists, numbers as written, media inside, damaged files."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from retail.dataset.tables import OFTEN_NO_TABLE, TABLE_ENDINGS, Fault, Table, read_tables
from retail.dataset.tables.csv import parse_table
from retail.dataset.tables.damage import rounded_numbers
from retail.schema import UserError

PNG = b"\x89PNG\r\n\x1a\nno photo, but bytes \xff"


def parsed(*lines: str) -> Table:
    return parse_table("\n".join(lines).encode(), "metadata.csv")


def written(path: Path, *lines: str) -> Table:
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_tables(path)[""]


def test_every_format_says_its_endings():
    assert {".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx", ".xls", ".ods"} <= set(
        TABLE_ENDINGS
    )
    assert set(OFTEN_NO_TABLE) < set(TABLE_ENDINGS)


@pytest.mark.parametrize(
    ("lines", "header", "first"),
    [
        (["id|text|kind", "1|tea, black|x", "2|oat; fine, raw|y"], ["id", "text", "kind"], ["1", "tea, black", "x"]),
        (['id;"a,b,c,d";x', "1;2;3"], ["id", "a,b,c,d", "x"], ["1", "2", "3"]),
        (['id;"a,b,c,d";x', '1;"2,3,4,5";6'], ["id", "a,b,c,d", "x"], ["1", "2,3,4,5", "6"]),
        (["id;text, in English, long", "1;tea", "2;oat"], ["id", "text, in English, long"], ["1", "tea"]),
        (["id^text, long^kind", "1^a^x", "2^b,c,d^y"], ["id", "text, long", "kind"], ["1", "a", "x"]),
        (["id\x1ftext", "1\x1fa, b", "2\x1fc"], ["id", "text"], ["1", "a, b"]),
        (["", "id,text", "1,a"], ["id", "text"], ["1", "a"]),
        (["id\ttext", '1\t"a', 'b"', "2\tc"], ["id", "text"], ["1", "a\nb"]),
        (["text", "red tin, black lid; round", "oat"], ["text"], ["red tin, black lid; round"]),
        (["product text", "red tin", "oat"], ["product text"], ["red tin"]),
        (["text", '"red, tin"', "oat"], ["text"], ["red, tin"]),
        (["note: text", "tea", "oat"], ["note: text"], ["tea"]),
    ],
)
def test_the_separator_is_the_one_that_the_rows_agree_on(lines, header, first):
    found = parsed(*lines)
    assert (found.header, found.rows[0][1], found.faults) == (header, first, [])


def test_a_long_table_is_judged_by_whole_records():
    found = parsed("id;text, short", *(f'{row};"a, b\nc, d"' for row in range(300)))
    assert found.header == ["id", "text, short"] and len(found.rows) == 300 and not found.faults


@pytest.mark.parametrize(
    ("lines", "between"),
    [
        (['"id,text,kind"', '"1,""red"",x"', '"2,oat,y"'], "','"),
        (["id||text||kind", "1||a||x", "2||b||y"], r"'\|\|'"),
        (["id::text", "1::a", "2::b:c"], "':'"),
        (["id  text  kind", "1   tea   x", "2   oat   y"], "blanks"),
        (["id text kind", "1 tea x", "2 oat y"], "blanks"),
        (["id~text", "1~a", "2~b~c"], "'~'"),
    ],
)
def test_names_stuck_together_are_never_one_column(lines, between):
    with pytest.raises(UserError, match=f"^The header .* of metadata.csv looks like several names between {between}, "):
        parsed(*lines)


@pytest.mark.parametrize("title", ["Our list", "Our list,,"])
def test_a_title_above_the_header_is_said(title):
    found = parsed(title, "", "id,text,kind", "1,tea,x", "2,oat,y")
    assert found.header == ["id", "text", "kind"] and found.rows[0] == (4, ["1", "tea", "x"])
    assert found.faults == [Fault(1, "stands above the header and was read as a title: 'Our list'.")]


def test_rows_of_one_cell_are_no_title():
    rows = [*(f"tea {row}" for row in range(20)), *["red, round, big"] * 30]
    found = parsed("text", *rows)
    assert found.header == ["text"] and len(found.rows) == 50 and not found.faults
    with pytest.raises(UserError, match=r"^metadata.csv has columns without a name \(2, 3\); write names"):
        parsed("", "text,,", *["tea"] * 20, *["1,2,3"] * 30)


def test_separators_alone_are_no_table():
    assert parsed(";;;").header == [] and not parsed(";;;", ";;").rows


def test_notes_are_no_table_and_text_with_columns_is(tmp_path):
    assert written(tmp_path / "items.txt", "id\ttext", "1\ttea").rows == [(2, ["1", "tea"])]
    with pytest.raises(UserError, match="^notes.txt has one column only, so it is taken for notes; call it .csv"):
        written(tmp_path / "notes.txt", "These are photos", "of mugs")
    with pytest.raises(UserError, match="^page.csv is a web page or XML"):
        written(tmp_path / "page.csv", "<!DOCTYPE html>", "<p>404</p>")


def test_lines_of_json_keep_what_was_written(tmp_path):
    found = written(
        tmp_path / "metadata.jsonl",
        '\ufeff{"id": 3, "text": " tea ", "price": 3.50, "new": true}',
        "",
        '{"id": 3.0, "tags": ["a", "b;c"], "text": null, "more": {"size": 1.10, "note": [null, false]}}',
        '{"id": NaN, "price": 12345678901234567890, "text": "one\u2028line"}',
    )
    assert found.header == ["id", "text", "price", "new", "tags", "more"] and not found.faults
    assert found.rows == [
        (1, ["3", "tea", "3.50", "true", "", ""]),
        (3, ["3.0", "", "", "", '["a", "b;c"]', '{"size": 1.10, "note": [null, false]}']),
        (4, ["", "one\u2028line", "12345678901234567890", "", "", ""]),
    ]


def test_a_broken_line_of_json_costs_no_other(tmp_path):
    deep = "[" * 200_000
    found = written(
        tmp_path / "a.jsonl", '{"id": 1}', '{"id": 2,', '["id"]', '{"id": 1, " id": 2}', "4", deep, '{"id": 7}'
    )
    assert found.rows == [(1, ["1"]), (7, ["7"])] and found.starts == [1, 2, 3, 4, 5, 6, 7]
    said = dict(found.faults)
    assert said[2].startswith("is not JSON (") and said[2].endswith("; mend or remove it.")
    assert said[3].startswith("holds a list, but an object such as") and said[5].startswith("holds a number")
    assert said[4] == "has the key 'id' twice; remove one of them." and said[6].startswith("is nested too deeply")


def test_a_list_of_objects_is_a_table(tmp_path):
    found = written(tmp_path / "a.json", "[", ' {"id": 1,', '  "text": "a"},', ' {"id": 1, "id": 2}, 5', ",{}", "]")
    assert found.header == ["id", "text"] and found.rows == [(2, ["1", "a"]), (5, ["", ""])]
    assert [fault.line for fault in found.faults] == [4, 4] and found.starts == [2, 4, 4, 5]
    assert written(tmp_path / "b.json", '{"id": 1}', '{"id": 2}').rows == [(1, ["1"]), (2, ["2"])]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'[{"id": 1},\n {"id": ', r"^a.json is not usable JSON \(.*, line 2\); write it again.$"),
        (b"{\n}", r"^a.json is no table: .* was expected \(line 1 is not JSON"),
        (b"", "^a.json is no table: an object in each line, or a list of objects, was expected.$"),
        (b'{"id": 1}\n{"id": "caf\xe9"}', r"^a.json is not UTF-8 \(line 2\), as JSON must be; save it as UTF-8"),
        ('{"id": 1}'.encode("utf-16-le"), "^a.json is not UTF-8"),
        ('{"id": 1}'.encode("utf-16"), "^a.json is not UTF-8"),
    ],
)
def test_what_is_no_json_is_one_sentence(tmp_path, content, sentence):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_tables(tmp_path / "a.json")


def parquet_file(path: Path, columns: dict, **types: object) -> Path:
    import pyarrow
    import pyarrow.parquet

    arrays = {name: pyarrow.array(values, type=types.get(name)) for name, values in columns.items()}
    pyarrow.parquet.write_table(pyarrow.table(arrays), path, row_group_size=2)
    return path


def test_values_of_parquet_are_written_as_they_are_meant(tmp_path):
    import pyarrow

    columns = {
        "id": [1, None, 3],
        "ean": [4006381333931.0, None, 3.5],
        "price": [Decimal("3.00"), None, Decimal("12.50")],
        "short": [0.1, 16777216.0, None],
        "sold": [True, False, None],
        "day": [date(2024, 1, 5), None, None],
        "time": [datetime(2024, 1, 5), datetime(2024, 1, 5, 10, 30), None],
        "tags": [["a", "b"], [], None],
        "kind": ["x", "y", None],
        "raw": [b"caf\xc3\xa9", None, b""],
        " more ": [{"size": 1, "day": date(2024, 1, 5)}, None, None],
    }
    types = {"short": pyarrow.float32(), "kind": pyarrow.dictionary(pyarrow.int8(), pyarrow.string())}
    found = read_tables(parquet_file(tmp_path / "a.parquet", columns, **types))[""]
    assert found.header == [*list(columns)[:-1], "more"] and found.starts == [2, 3, 4] and not found.faults
    assert found.rows[0] == (
        2,
        ["1", "4006381333931", "3.00", "0.1", "True", "2024-01-05", "2024-01-05", '["a", "b"]', "x", "café"]
        + ['{"size": 1, "day": "2024-01-05"}'],
    )
    assert found.rows[1][1] == ["", "", "", "16777216", "False", "", "2024-01-05 10:30:00", "[]", "y", "", ""]
    assert found.rows[2][1] == ["3", "3.5", "12.50", "", "", "", "", "", "", "", ""]


def test_media_inside_are_written_once_under_safe_names(tmp_path, monkeypatch):
    import pyarrow

    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    medium = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    columns = {
        "im/age": [{"bytes": PNG, "path": "../../evil shoe.png"}, {"bytes": PNG + b"2", "path": None}, None],
        "sounds": [[{"bytes": b"RIFF\xff\0\0\0WAVE", "path": None}] * 2, [], None],
        "plain": [b"\xff\xd8\xff\xe0", None, None],
        "linked": [{"bytes": None, "path": "a/b.jpg"}, None, None],
    }
    types = {"im/age": medium, "linked": medium, "sounds": pyarrow.list_(medium)}
    path = parquet_file(tmp_path / "a.parquet", columns, **types)
    rows = [cells for _, cells in read_tables(path)[""].rows]
    shoe = Path(rows[0][0])
    assert shoe.is_absolute() and shoe.read_bytes() == PNG and Path(rows[1][0]).read_bytes() == PNG + b"2"
    assert shoe.name == "0000002-im_age-evil_shoe.png" and Path(rows[1][0]).name == "0000003-im_age.png"
    assert shoe.parent.parent == (tmp_path / "home" / "unpacked").resolve() and shoe.parent.name.endswith("-media")
    sounds = json.loads(rows[0][1])
    assert [Path(sound).suffix for sound in sounds] == [".wav", ".wav"] and len(set(sounds)) == 2
    assert Path(rows[0][2]).suffix == ".jpg" and rows[0][3] == "a/b.jpg" and rows[2] == ["", "", "", ""]

    written = {file: file.stat().st_mtime_ns for file in (tmp_path / "home" / "unpacked").rglob("*.*")}
    assert [cells for _, cells in read_tables(path)[""].rows] == rows
    assert written == {file: file.stat().st_mtime_ns for file in written}, "written again"


def test_a_damaged_or_doubled_parquet_is_one_sentence(tmp_path, monkeypatch):
    path = parquet_file(tmp_path / "a.parquet", {"id": [1, 2], " id": [1, 2]})
    with pytest.raises(UserError, match="^Column 'id' appears twice in a.parquet; rename one of them.$"):
        read_tables(path)
    path = parquet_file(tmp_path / "a.parquet", {"id": [1, 2]})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="^a.parquet is not a usable Parquet file: it is cut off; write it again.$"):
        read_tables(path)


def test_a_table_that_cannot_be_opened_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"^gone.csv could not be read \(No such file or directory\); check the disk"):
        read_tables(tmp_path / "gone.csv")


def test_numbers_that_a_spreadsheet_rounded_are_counted():
    assert rounded_numbers(["4.00638E+12", "4,00638E+12", " 4E+12 ", "-1.5e+07"]) == 4
    assert rounded_numbers(["4006381333931", "2E5", "1.5E-05", "E+12", "tea 4.0E+12", "", "4.00638"]) == 0


def test_rows_of_titles_above_a_header_and_columns_without_a_name(tmp_path):
    body = [f"{n},thing {n},x,y" for n in range(3)]
    found = written(tmp_path / "a.csv", "Shop,,,", "Basics,,Labels,", "id,text,kind,brand", *body)
    assert found.header == ["id", "text", "kind", "brand"] and len(found.rows) == 3
    assert [fault.message for fault in found.faults] == [
        "stands above the header and was read as a title: 'Shop'.",
        "stands above the header and was read as a title: 'Basics Labels'.",
    ]
    found = written(tmp_path / "a.csv", "id,text,,", "1,tea,,a note", "2,jam,z,", "3,oat,,", "4,rye,,")
    assert found.header == ["id", "text", "column 3", "column 4"] and not found.faults
    assert written(tmp_path / "a.csv", "id,text,", "1,tea,x").header == ["id", "text", ""], "one is none, as before"


def test_a_cell_may_be_long(tmp_path):
    assert len(written(tmp_path / "a.csv", "id,text", "1," + "word " * 60_000).rows[0][1][1]) > 200_000


def test_comments_above_a_table_are_said_and_a_header_may_begin_with_the_sign(tmp_path):
    found = written(tmp_path / "a.csv", "# exported by X", "# on Monday, with commas, here", "id,text,kind", "1,tea,x")
    assert found.header == ["id", "text", "kind"] and found.rows == [(4, ["1", "tea", "x"])]
    assert found.faults[0] == Fault(1, "begins with # and was read as a comment: 'exported by X'.")
    assert len(found.faults) == 2
    assert written(tmp_path / "a.csv", "#,text,kind", "1,tea,x").header == ["#", "text", "kind"]
