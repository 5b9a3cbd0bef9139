"""Large tables are read, answered and written piece by piece, with the same result as at once; a stop loses little."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import pyarrow.parquet
import pytest

from retail.dataset import pieces
from retail.dataset.tables import in_pieces, read_tables
from retail.files import DEMO_BUNDLE
from retail.recognizer.bundle import load_bundle
from retail.schema import UserError
from retail.workspace.answering import Answerer
from retail.workspace.execution import execute, recognising
from retail.workspace.requests import PredictRequest

NASTY = [
    '"sep=;"',
    "id;text;price",
    "1;tea;1",
    '2;"two',
    'lines; and a semicolon";2',
    "",
    '3;5" pipe;3',
    "4;too;many;fields",
    "5;caf\xe9;5",
    ';"";',
    "7;short",
    '8;"a ""quoted"" word";8',
    "9;<html> is no page;9",
    "10;sep=,;10",
]


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 100])
def test_a_csv_in_pieces_holds_what_it_holds_at_once(tmp_path, rows):
    path = tmp_path / "metadata.csv"
    path.write_bytes("\n".join(NASTY).encode("latin-1"))
    (whole,), parts = read_tables(path).values(), list(in_pieces(path, max(rows, 2)))
    assert len(parts) > 1 or rows > len(NASTY)
    assert {tuple(part.header) for part in parts} == {("id", "text", "price")}
    assert [row for part in parts for row in part.rows] == whole.rows
    assert [line for part in parts for line in part.starts] == whole.starts
    assert sorted(fault for part in parts for fault in part.faults) == sorted(whole.faults)


def test_a_stray_quote_or_utf_16_does_not_make_one_piece_of_a_whole_table(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_text("id,text\n" + "".join(f'{n},{n}" pipe\n' if n == 3 else f"{n},tea\n" for n in range(5000)))
    parts = list(in_pieces(path, 100))
    assert len(parts) > 30 and sum(len(part.rows) for part in parts) == 5000 and not any(parts[1].faults)
    path.write_text("id,text\n1,tea\n", encoding="utf-16")
    assert [part.rows for part in in_pieces(path, 1)] == [read_tables(path)[""].rows]
    assert in_pieces(tmp_path / "metadata.csv", 1) is not None
    (tmp_path / "rows.jsonl").write_text('{"id": 1}\n')
    assert in_pieces(tmp_path / "rows.jsonl", 1) is None


def test_a_parquet_in_pieces_holds_what_it_holds_at_once(tmp_path):
    path = tmp_path / "rows.parquet"
    columns = {"id": [str(n) for n in range(200)], "text": [f"tea {n}" for n in range(200)], "price": [*range(200)]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    (whole,), parts = read_tables(path).values(), list(in_pieces(path, 70))
    assert [len(part.rows) for part in parts] == [70, 70, 60]
    assert [row for part in parts for row in part.rows] == whole.rows
    assert [line for part in parts for line in part.starts] == whole.starts
    path.write_bytes(b"PAR1 but damaged")
    with pytest.raises(UserError, match="is not a usable Parquet file"):
        list(in_pieces(path, 70))


@pytest.fixture(scope="module")
def demo():
    return load_bundle(DEMO_BUNDLE)


@pytest.fixture
def answering(tmp_path, monkeypatch, demo):
    """Runs a request with one loaded recogniser; tells which pieces were answered."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    answered, stop_at = [], []

    class Told(Answerer):
        def answered(self, piece, progress=None):
            if piece.number in stop_at:
                raise KeyboardInterrupt
            answered.append(piece.number)
            return super().answered(piece, progress)

    made = SimpleNamespace(of=lambda request, progress: Told(demo, request.accuracy))
    monkeypatch.setattr(recognising, "Answerer", made)

    def run(data, out):
        answered.clear()
        return execute(PredictRequest(bundle=DEMO_BUNDLE, data=data, out=out)).text

    return SimpleNamespace(run=run, answered=answered, stop_at=stop_at)


@pytest.fixture
def table(tmp_path):
    """24 rows; an id comes again, a row has no input, one a photo that is missing, and a line is damaged."""
    path = tmp_path / "products.csv"
    rows = [["id", "text", "image_file_name"], *([f"p{n}", f"ground coffee {n} g", ""] for n in range(20))]
    rows[9:9] = [["p1", "tea", ""], ["empty", "", ""], ["lost", "oat drink", "gone.jpg"]]
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
        stream.write("damaged\n")
    return path


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_ROWS", 5)


def test_a_streamed_table_is_answered_as_one_read_at_once(answering, table, tmp_path, small_pieces, monkeypatch):
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    said = answering.run(table, one)
    assert "24 products written" in said and "3 of them without an answer" in said and answering.answered == [*range(5)]
    monkeypatch.setattr(pieces, "LARGE_BYTES", 0)
    assert answering.run(table, other).replace("other", "one") == said and answering.answered == [*range(5)]
    assert other.read_text() == one.read_text()
    rows = {row["id"]: row for row in csv.DictReader(one.open())}
    assert "already used in line 3" in one.read_text() and "gone.jpg" in rows["lost"]["notes"] and rows["p19"]["used"]


def test_a_run_that_was_stopped_goes_on_behind_its_last_part(answering, table, tmp_path, small_pieces):
    answering.run(table, tmp_path / "whole.csv")
    answering.stop_at.append(3)
    with pytest.raises(KeyboardInterrupt):
        answering.run(table, tmp_path / "out.csv")
    assert answering.answered == [0, 1, 2] and not (tmp_path / "out.csv").exists()
    answering.stop_at.clear()
    answering.run(table, tmp_path / "out.csv")
    assert answering.answered == [3, 4] and (tmp_path / "out.csv").read_text() == (tmp_path / "whole.csv").read_text()
    assert not (tmp_path / "out.csv.parts").exists()


def test_parts_of_other_data_are_not_gone_on_with(answering, table, tmp_path, small_pieces):
    answering.stop_at.append(3)
    with pytest.raises(KeyboardInterrupt):
        answering.run(table, tmp_path / "out.csv")
    answering.stop_at.clear()
    table.write_text(table.read_text().replace("ground coffee", "tomato sauce"))
    answering.run(table, tmp_path / "out.csv")
    assert answering.answered == [*range(5)] and "ground" not in (tmp_path / "out.csv").read_text()


def test_parquet_goes_in_and_comes_out(answering, table, tmp_path, small_pieces, monkeypatch):
    answering.run(table, tmp_path / "out.csv")
    expected = [row for row in csv.DictReader((tmp_path / "out.csv").open()) if row["id"] != "line-25"]
    rows = [row for row in csv.DictReader(table.open()) if row["text"] is not None]
    data = tmp_path / "data.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), data)
    monkeypatch.setattr(pieces, "LARGE_BYTES", 0)
    answering.run(data, tmp_path / "out.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist() == expected


def test_a_large_table_without_products_is_refused_in_one_sentence(answering, tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "LARGE_BYTES", 0)
    (tmp_path / "prices.csv").write_text("shelf,price\n1,2.50\n2,3.50\n")
    with pytest.raises(UserError, match="prices.csv has no"):
        answering.run(tmp_path / "prices.csv", tmp_path / "out.csv")
