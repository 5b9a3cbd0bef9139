"""Decisions about single rows: right labels, rows left out, the way back, and a table that is never written."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.dataset.decisions import keep_decisions
from retail.dataset.reader import read_manifest
from retail.schema import UserError

TABLE = "metadata.csv"


@pytest.fixture
def shop(tmp_path):
    """Forty things of two brands, each with tags, one of them with a colon in its id."""
    lines = ["id,text,brand,tags"]
    lines += [
        f"p{row},a thing of number {row},{'Nike' if row % 2 else 'Puma'},{'a|b' if row % 3 else 'a'}"
        for row in range(40)
    ]
    lines.append("odd:brand,one more thing,Nike,a")
    (tmp_path / TABLE).write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def brands(folder) -> dict[str, str]:
    return {product.id: product.labels["brand"] for product in read_manifest(folder).products}


def test_a_right_label_counts_and_moves_the_checksum_and_the_table_stays(shop):
    before, written = read_manifest(shop), (shop / TABLE).read_bytes()
    keep_decisions(shop, ["rows/p3:brand=Puma"])
    after = read_manifest(shop)
    assert brands(shop)["p3"] == "Puma" and after.checksum != before.checksum
    assert sum("as you decided; the table is untouched" in str(remark) for remark in after.remarks) == 1
    assert (shop / TABLE).read_bytes() == written
    assert [row.split for row in after.products] == [row.split for row in before.products]
    keep_decisions(shop, ["rows/p3:brand="])
    assert brands(shop)["p3"] == "Nike" and read_manifest(shop).checksum == before.checksum


def test_a_label_that_is_right_as_it_stands_is_remembered_and_changes_nothing(shop):
    before = read_manifest(shop).checksum
    keep_decisions(shop, ["rows/p3:brand=Nike"])
    after = read_manifest(shop)
    assert after.decided["p3"].labels == {"brand": ("Nike", "Nike")} and after.checksum == before


def test_a_second_thought_keeps_what_the_table_says(shop):
    keep_decisions(shop, ["rows/p3:brand=Puma", "rows/p3:brand=Puma"])
    assert read_manifest(shop).decided["p3"].labels["brand"] == ("Nike", "Puma")
    keep_decisions(shop, ["rows/p3:brand=Puma"])
    assert read_manifest(shop).decided["p3"].labels["brand"] == ("Nike", "Puma")


def test_a_decision_ends_where_the_row_says_something_else_by_now(shop):
    keep_decisions(shop, ["rows/p3:brand=Puma"])
    text = (shop / TABLE).read_text(encoding="utf-8")
    (shop / TABLE).write_text(text.replace("number 3,Nike", "number 3,Asics"), encoding="utf-8")
    assert brands(shop)["p3"] == "Asics"
    assert any("1 decision about a label does not count any more" in str(one) for one in read_manifest(shop).remarks)


def test_a_copy_is_left_out_and_comes_back(shop):
    before = read_manifest(shop).checksum
    keep_decisions(shop, ["rows/p4=copy-of/p3", "rows/p5=copy-of/p4"])
    after = read_manifest(shop)
    assert {"p4", "p5"}.isdisjoint(brands(shop)) and "p4" not in after.lines and after.checksum != before
    keep_decisions(shop, ["rows/p4=undecided/p3", "rows/p5=undecided/p4"])
    assert read_manifest(shop).checksum == before


def test_rows_that_copy_each_other_do_not_both_vanish(shop):
    keep_decisions(shop, ["rows/p4=copy-of/p3"])
    with pytest.raises(UserError, match="no usable row 'p4'"):
        keep_decisions(shop, ["rows/p3=copy-of/p4"])
    assert "p3" in brands(shop)


def test_rows_that_stay_apart_are_remembered(shop):
    keep_decisions(shop, ["rows/p4=apart-from/p3", "rows/p4=apart-from/p6"])
    assert read_manifest(shop).decided["p4"].apart_from == ("p3", "p6")
    keep_decisions(shop, ["rows/p4=undecided/p3", "rows/p4=undecided/p6"])
    assert not read_manifest(shop).decided


def test_one_label_of_a_cell_with_several_is_put_right(shop):
    keep_decisions(shop, ["tags=each"])
    keep_decisions(shop, ["rows/p0:tags: b=yes"])
    assert {row.id: row.labels["tags: b"] for row in read_manifest(shop).products}["p0"] == "yes"


def test_an_id_may_hold_the_signs_of_a_decision(shop):
    keep_decisions(shop, ["rows/odd:brand:brand=Puma"])
    assert brands(shop)["odd:brand"] == "Puma"


def test_a_row_named_after_its_line_is_not_taken_for_the_one_that_moved_there(tmp_path):
    rows = [f"a thing of number {row},{'Nike' if row % 2 else 'Puma'}" for row in range(40)]
    (tmp_path / TABLE).write_text("\n".join(["text,brand", *rows]), encoding="utf-8")
    keep_decisions(tmp_path, ["rows/line-4=copy-of/line-2"])
    assert len(read_manifest(tmp_path).products) == 39
    (tmp_path / TABLE).write_text("\n".join(["text,brand", "something new,Nike", *rows]), encoding="utf-8")
    assert len(read_manifest(tmp_path).products) == 41


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ("rows/nobody:brand=Puma", "no usable row 'nobody'"),
        ("rows/p3:brand=Pumma", "No row has 'Pumma' as its brand"),
        ("rows/p3=twin-of/p4", "decides nothing about a row; write rows/ID:COLUMN=LABEL"),
        ("rows/p3=copy-of/p3", "cannot be a copy of itself"),
    ],
)
def test_a_decision_that_means_nothing_is_refused_and_none_is_kept(shop, decision, words):
    with pytest.raises(UserError, match=words):
        keep_decisions(shop, ["rows/p5:brand=Puma", decision])
    assert not read_manifest(shop).decided


def test_check_decides_about_rows_and_says_so(shop):
    result = CliRunner().invoke(app, ["check", str(shop), "--decide", "rows/p3:brand=Puma"])
    assert result.exit_code == 0 and "1 row has another label than the table says ('p3')" in result.output
