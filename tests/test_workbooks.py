"""Workbooks: every sheet, values as they are meant, and files that would fill the memory."""

from __future__ import annotations

import base64
import zipfile
import zlib

import pytest

from retail.dataset.tables import Fault, excel, read_tables
from retail.schema import UserError
from tests.workbook_sample import cell, rows_of, write_ods, write_xlsx

# One sheet "Items": id, text, day / 4006381333931, tea, 2024-01-05 / 2, #DIV/0!; of the binary format before 2007.
XLS = (
    "c-rk)O=wd=5dQWhX?|$_YAUp12nDOw_8?xow9!&69#X0os|cE!97=5}F`yOHYR$1Acv8F+>cLCZi$CbWpNj{fq6a|`5<Pkn6g;$f"
    "&dhtSO(Q}BTBz<9c6N4lW_Gf(yYKCLGaoI@+;1(T20d`0V*1fgB~w)VP9p;9H%(@p+DFCISXc1-D3J{wJPE$`at=A)Wf-{Ueohql"
    "MCBMxV_-a&O{^h$C5E)(7`lln+#*Q`EfQ6e(33(p2)!$sPlfIg$+XaJ(k-c@m`@IL?6z0&kkKZ6A+X<vV)H>HJJF0+yoxVfQ<km="
    "d-EgdQ|qiF?ry{^D53q?TsF_`Fm59N93gb2QeAz0CB!J%v-oZ%fN##OewNVkwUsN7{KrbU_cwAMC9zh1-EaewFi*%PDIy4;n|nMs"
    "P{@v*Ss-<8bD<SJk|Cy$Jy&o6ne>E<8|eU_>v9f6R-6Mt*&mHWGYAVGm0c2{Ko;(NeVZB{Odc1>q@4ZM6JiSo1QVCpf{a7b<65E}"
    "VzEQ$74f=B_*S7Y3Y_Zp!DgG;KP5U>rMI2N*(G?F+*-wNBfj|M;G=l)b8<WJbN%J>vAOrj8MM(8D?|4Dn?k4RR5x!h9w(hz*{8`z"
    "p)J3hEIuP*$8Oq>!7vtiFA<_btrpLYT51{gT(PyPv3Aj%D9d_i?84dh>0Y)`;(=%AqQNbL;(GDY5D$iUT=u{khIj}_t~T4*v1Zw{"
    "6}^Zn#Hqi>Xu<>5r=xKh0cdDwXlQ6?XlVR*P}aRb-W=U>ZLr?`z4mvVMJg5jndG0vA&k?nK)1ww$WfigL|yA=BRtCSrB-R<d@p1i"
    "rqS~l#jwONTKD>;yPK;1KdUy3{JAYu@A#E^;{40w{{%F5)%g"
)


def test_values_are_written_as_they_are_meant(tmp_path):
    header = rows_of(["id", "price", "day", "sold", "stock"])
    body = {
        2: [
            cell("A2", 4006381333931.0),
            cell("B2", 0.1 + 0.2),
            cell("C2", 45296, "day"),
            cell("D2", True),
            cell("E2", "#N/A", "e"),
        ],
        3: [cell("A3", " 007 "), cell("B3", 3.0), cell("C3", 45296.4375, "day"), cell("D3", False), cell("E3", 0.5)],
    }
    table = read_tables(write_xlsx(tmp_path / "shop.xlsx", {"Items": header | body}))["Items"]
    assert table.header == ["id", "price", "day", "sold", "stock"] and table.starts == [2, 3]
    assert table.rows[0] == (2, ["4006381333931", "0.3", "2024-01-05", "True", ""])
    assert table.rows[1] == (3, ["007", "3", "2024-01-05 10:30:00", "False", "0.5"])


def test_a_workbook_of_the_old_format_is_read(tmp_path):
    (tmp_path / "shop.xls").write_bytes(zlib.decompress(base64.b85decode(XLS)))
    table = read_tables(tmp_path / "shop.xls")["Items"]
    assert table.rows == [(2, ["4006381333931", "tea", "2024-01-05"]), (3, ["2", "", ""])]


def test_a_sheet_of_libreoffice_is_read_without_its_million_empty_rows(tmp_path):
    def row(*words):
        cells = [
            f'<table:table-cell office:value-type="string"><text:p>{word}</text:p></table:table-cell>' for word in words
        ]
        return f"<table:table-row>{''.join(cells)}</table:table-row>"

    empty = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
    path = write_ods(tmp_path / "shop.ods", row("id", "text") + row("1", "tea") + empty)
    assert read_tables(path)["Blatt"].rows == [(2, ["1", "tea"])]


def test_every_sheet_with_cells_is_read_hidden_ones_too(tmp_path):
    sheets = {"A": rows_of(["id"], ["1"]), "B": rows_of(["id"], ["2"]), "Empty": {}}
    tables = read_tables(write_xlsx(tmp_path / "shop.xlsx", sheets, hidden="B"))
    assert {name: table.rows for name, table in tables.items()} == {"A": [(2, ["1"])], "B": [(2, ["2"])]}


def test_empty_rows_and_columns_around_a_table_are_no_part_of_it(tmp_path):
    lines = {
        3: [cell("B3", "id"), cell("C3", "text"), cell("E3", " ")],
        5: [cell("B5", "1"), cell("C5", "tea")],
        9: [cell("B9", "2")],
    }
    table = read_tables(write_xlsx(tmp_path / "shop.xlsx", {"A": lines}))["A"]
    assert (table.header, table.rows) == (["id", "text"], [(5, ["1", "tea"]), (9, ["2", ""])])


def test_a_title_above_the_header_is_said_and_an_unnamed_first_column_is_no_title(tmp_path):
    rows = [["Our list"], [], ["id", "text", "kind"], ["1", "tea", "x"], ["2", "oat", "y"]]
    table = read_tables(write_xlsx(tmp_path / "shop.xlsx", {"A": rows_of(*rows)}))["A"]
    assert table.header == ["id", "text", "kind"] and table.rows[0] == (4, ["1", "tea", "x"])
    assert table.faults == [Fault(1, "stands above the header and was read as a title: 'Our list'.")]
    rows = [["", "text"], ["0", "tea"], ["1", "oat"]]
    assert read_tables(write_xlsx(tmp_path / "index.xlsx", {"A": rows_of(*rows)}))["A"].header == ["", "text"]


def test_a_cell_merged_over_several_rows_means_each_of_them(tmp_path):
    rows = [["id", "text", "kind"], ["1", "tea", "x"], ["2", "oat"], ["3", "rye"], ["4", "mug"]]
    table = read_tables(write_xlsx(tmp_path / "shop.xlsx", {"A": rows_of(*rows)}, merged="C2:C4"))["A"]
    assert [cells[2] for _, cells in table.rows] == ["x", "x", "x", ""]


def test_a_sheet_that_is_no_table_costs_no_other(tmp_path):
    sheets = {"Sums": rows_of(["a", "a"], [1, 2]), "Items": rows_of(["id"], ["1"])}
    tables = read_tables(write_xlsx(tmp_path / "shop.xlsx", sheets))
    sentence = "Column 'a' appears twice in sheet 'Sums' of shop.xlsx; rename one of them."
    assert tables["Items"].header == ["id"] and tables["Sums"].header == []
    assert tables["Sums"].faults == [Fault(1, sentence)]
    with pytest.raises(UserError, match="^Column 'a' appears twice in sheet 'Sums' of only.xlsx"):
        read_tables(write_xlsx(tmp_path / "only.xlsx", {"Sums": sheets["Sums"]}))
    with pytest.raises(UserError, match="^empty.xlsx has no sheet with cells"):
        read_tables(write_xlsx(tmp_path / "empty.xlsx", {"A": {}}))


def test_what_a_file_is_counts_for_more_than_its_ending(tmp_path):
    path = write_xlsx(tmp_path / "shop.csv", {"A": rows_of(["id"], ["1"])})
    assert read_tables(path)["A"].rows == [(2, ["1"])]
    (tmp_path / "shop.xls").write_text("id\ttext\n1\ttea\n")
    assert read_tables(tmp_path / "shop.xls")[""].rows == [(2, ["1", "tea"])]
    (tmp_path / "page.xls").write_text("\ufeff <HTML><table><tr><td>id</td></tr></table></html>", encoding="utf-8")
    with pytest.raises(
        UserError, match="^page.xls is a web page or XML, but a table was expected; save it as .xlsx or"
    ):
        read_tables(tmp_path / "page.xls")
    with zipfile.ZipFile(tmp_path / "photos.csv", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(UserError, match="^photos.csv is a ZIP and no workbook, but a table was expected"):
        read_tables(tmp_path / "photos.csv")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    def started(*_):
        raise AssertionError("the workbook was opened")

    monkeypatch.setattr(excel, "Helper", started)
    path = write_xlsx(tmp_path / "ratio.xlsx", {"A": rows_of(["id"])})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b" " * (11 * 2**20))
    with pytest.raises(UserError, match="^ratio.xlsx unpacks to over 200 times its size"):
        read_tables(path)
    far = {1: [cell("A1", "id")], 1048576: [cell("XFD1048576", "1")]}
    with pytest.raises(
        UserError, match="^far.xlsx spans 1,048,576 rows × 16,384 columns, but at most 20,000,000 cells"
    ):
        read_tables(write_xlsx(tmp_path / "far.xlsx", {"A": far}))
    monkeypatch.setattr(excel, "MAX_WORKBOOK_BYTES", 500)
    with pytest.raises(UserError, match="^size.xlsx unpacks to 0.0 GB, but the limit is 1 GB"):
        read_tables(write_xlsx(tmp_path / "size.xlsx", {"A": rows_of(["id"])}))


def test_a_damaged_workbook_is_one_sentence(tmp_path):
    path = write_xlsx(tmp_path / "cut.xlsx", {"A": rows_of(["id"], ["1"])})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        UserError,
        match="^cut.xlsx is not a usable workbook: it is cut off, or no ZIP at all; open it in a spreadsheet",
    ):
        read_tables(path)
    xls = bytearray(zlib.decompress(base64.b85decode(XLS)))
    (tmp_path / "cut.xls").write_bytes(xls[:600])
    with pytest.raises(UserError, match="^cut.xls is (not a usable|a damaged) workbook"):
        read_tables(tmp_path / "cut.xls")


def test_a_library_that_ends_its_process_ends_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(excel, "READER", "tests.a_crash")
    with pytest.raises(UserError, match="^shop.xlsx is a damaged workbook, or one too large to read; open it in a"):
        read_tables(write_xlsx(tmp_path / "shop.xlsx", {"A": rows_of(["id"], ["1"])}))
