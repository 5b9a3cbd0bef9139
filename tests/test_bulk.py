"""Many products: a run of its own answers every row or says why not, can be started again, and is searched."""

from __future__ import annotations

import csv
import io
import time
import zipfile

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.files import DEMO_BUNDLE, DEMO_DIR
from retail.workspace import bulk, jobs, records
from retail.workspace.answers import AnswerColumns


@pytest.fixture
def own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


def write_rows(folder, rows: int = 6):
    """Descriptions, one photo; a formula as id, an unreadable photo beside words, a missing photo alone, a taken id."""
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"not a photo")
    (folder / "tin.jpg").write_bytes(next((DEMO_DIR / "images").glob("*tin*.jpg"), None) or _photo())
    lines = [["id", "image_file_name", "text"], ["=1+1", "tin.jpg", "ground coffee"]]
    lines += [["words and damage", "broken.jpg", "oat drink"], ["lost", "missing.jpg", ""]]
    lines += [["damaged", "broken.jpg", ""], ["=1+1", "", "tea"]]
    lines += [[f"plain {place}", "", "tomato sauce with basil"] for place in range(rows)]
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(lines)
    return folder


def _photo() -> bytes:
    return sorted((DEMO_DIR / "images").glob("*.jpg"))[0].read_bytes()


def finished(job: jobs.Job) -> records.Status:
    deadline = time.monotonic() + 180
    while (now := jobs.status(job)).state in jobs.LIVE:
        assert time.monotonic() < deadline, job.log_tail()
        time.sleep(0.2)
    return now


def test_every_row_comes_back_with_an_answer_or_a_reason(own_runs, tmp_path):
    job = bulk.start(DEMO_BUNDLE, write_rows(tmp_path / "data"), "Recognise data")
    assert finished(job).state == "done", job.log_tail()
    table = bulk.predictions(job)
    assert table.tasks == ["product", "category", "packaging", "brand"] and table.answered() == len(table.rows) - 3
    first, *_, again = (row for row in table.rows if row["id"] == "'=1+1")
    rows = {row["id"]: row for row in table.rows if row is not again}
    assert len(rows) + 1 == len(table.rows) == 11
    assert first["used"] == "image text" and first["product"]
    assert "is not a usable photo" in rows["words and damage"]["notes"] and rows["words and damage"]["used"] == "text"
    lost = {name: row["notes"] for name, row in rows.items() if not row["used"]}
    assert set(lost) == {"lost", "damaged"} and not again["used"]
    assert "'missing.jpg' does not exist" in lost["lost"] and "is not a usable photo" in lost["damaged"]
    assert "is already used in line 2" in again["notes"]
    assert bulk.bulk_jobs() == [job]


def test_notes_stand_beside_the_answer_of_their_row_and_rows_of_one_id_stay_apart(tmp_path):
    lines = [
        "id,text,kind,split,caf\xe9",
        "a,caf\xe9 au lait,x,,",
        "b,tea,x,later,",
        "c,,x,,",
        "c,,x,,",
        "c,oat,x,test,",
    ]
    (tmp_path / "metadata.csv").write_bytes("\n".join([*lines, "d,\xe9"]).encode("latin-1"))
    options = ["predict", str(DEMO_BUNDLE), "--data", str(tmp_path), "--out", str(tmp_path / "out.csv")]
    assert CliRunner().invoke(app, options).exit_code == 0
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["id"], row["used"]) for row in rows] == [
        *[("a", "text"), ("b", "text"), ("c", ""), ("c", "")],
        *[("c", "text"), ("line-7", "")],
    ]
    assert "line 2: byte 0xe9 is not UTF-8" in rows[0]["notes"] and not rows[4]["notes"]
    assert "line 4: no photo" in rows[2]["notes"] and "line 5: no photo" in rows[3]["notes"]
    assert "0xe9" in rows[5]["notes"] and "2 fields instead of 5" in rows[5]["notes"]


def test_a_run_that_is_started_again_finds_its_data_and_bundle(own_runs, tmp_path):
    data = tmp_path / "data"
    first = bulk.start(DEMO_BUNDLE, data.parent, "Recognise data", "words")
    assert finished(first).state == "failed" and "has no table" in jobs.status(first).message
    (tmp_path / "metadata.csv").write_text("id,words\n1,tea\n", encoding="utf-8")
    again = bulk.restart(first)
    assert again != first and finished(again).state == "done", again.log_tail()
    assert jobs.status(again).title == "Recognise data" and len(bulk.predictions(again).rows) == 1


def test_more_rows_than_allowed_are_one_sentence(tmp_path):
    (tmp_path / "metadata.csv").write_text("id,text\n" + "\n".join(f"{row},tea" for row in range(4)), encoding="utf-8")
    options = ["predict", str(DEMO_BUNDLE), "--data", str(tmp_path), "--out", str(tmp_path / "out.csv"), "--limit", "3"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 1 and "metadata.csv has 4 rows, but the limit is 3" in result.output
    assert bulk.MAX_ROWS == 10_000


def test_an_upload_is_kept_under_its_content_and_other_files_are_refused(own_runs):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("metadata.csv", "id,text\n1,tea\n")
    path = bulk.keep_upload("my.ZIP", stream)
    assert path.read_bytes() == stream.getvalue() and bulk.keep_upload("my.ZIP", stream) == path
    assert path.name == "my.ZIP" and bulk.keep_upload("other.zip", stream).name == "other.zip"  # as errors call it
    table = bulk.keep_upload("words.csv", io.BytesIO(b"id,text\n1,tea\n"))
    assert table.name == "words.csv" and table.read_bytes().startswith(b"id,text")
    with pytest.raises(bulk.UserError, match="is no ZIP, no table and no photo or sound"):
        bulk.keep_upload("notes.pdf", io.BytesIO(b"%PDF"))
    photos = [(f"{n}.jpg", io.BytesIO(bytes([n]))) for n in range(3)]
    loose = bulk.keep_uploads(photos)
    assert sorted(child.name for child in loose.iterdir()) == ["0.jpg", "1.jpg", "2.jpg"]
    assert bulk.keep_uploads(photos) == loose != bulk.keep_uploads(photos[:2])
    assert bulk.rows_in(loose) == 3 and bulk.rows_in(table) == 1
    with pytest.raises(bulk.UserError, match="one ZIP is taken at a time"):
        bulk.keep_uploads([*photos, ("my.zip", stream)])
    with pytest.raises(bulk.UserError, match="Two of the files are called '0.jpg'"):
        bulk.keep_uploads([*photos, ("more/0.jpg", io.BytesIO(b"other"))])


def test_an_upload_that_cannot_be_read_is_called_as_its_owner_calls_it(own_runs):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("notes.txt", "nothing")
    with pytest.raises(bulk.UserError, match="^shop.zip has no table"):
        bulk.rows_in(bulk.keep_upload("shop.zip", stream))
    with pytest.raises(bulk.UserError, match="^broken.xlsx "):
        bulk.rows_in(bulk.keep_upload("broken.xlsx", io.BytesIO(b"PK\3\4 no workbook")))


def test_what_cannot_be_a_path_does_not_exist(own_runs, tmp_path):
    with pytest.raises(bulk.UserError, match="does not exist"):
        bulk.start(DEMO_BUNDLE, tmp_path / "nothing", "x")


def test_rows_are_found_by_words_certainty_and_failure():
    columns = AnswerColumns.of(["id"], ["kind", "brand"])

    def row(name: str, label: str, kind: str, brand: str, sure: str, used: str = "text", notes: str = "") -> bulk.Row:
        cells = dict.fromkeys(columns.header, "") | {"id": name, "kind": label, "used": used, "notes": notes}
        return cells | {"kind_decision": kind, "brand_decision": brand, "kind_probability": sure}

    sure, unsure = row("1", "tea", "accept", "review", "0.6"), row("2", "milk", "review", "accept", "0.74")
    likely, strange = row("5", "milk", "review", "accept", "0.75"), row("3", "tea", "unknown", "unknown", "0.99")
    lost = row("4", "", "", "", "", "", "photo.jpg does not exist")
    table = bulk.Predictions([sure, unsure, likely, strange, lost], columns)
    assert table.matching() == table.rows and table.answered() == 4
    assert table.matching("text MILK") == [unsure, likely] and table.matching("milk", "kind", "Likely") == [likely]
    assert table.matching("", "kind", "Unsure") == [unsure] and table.matching("", "brand", "Unsure") == [sure]
    assert table.matching("", "brand", "Not in your range") == [strange]
    assert table.matching("tea", "kind", "Sure") == [sure]
    assert table.matching("", "kind", "failed") == [lost] == table.matching("photo", "kind", "failed")
    assert table.counted("kind") == {"Sure": 1, "Unsure": 1, "Likely": 1, "Not in your range": 1, None: 1}
    assert bulk.Predictions(table.rows, None).matching("", "kind", "Sure") == table.rows  # nobody knows the questions


@pytest.mark.parametrize("path", ["a" * 300, "~nobody-of-this-name/data"])
def test_a_path_that_cannot_be_one_does_not_exist(own_runs, path):
    with pytest.raises(bulk.UserError, match="does not exist on this machine; name a folder"):
        bulk.start(DEMO_BUNDLE, bulk.Path(path), "x")


def test_the_home_folder_may_be_written_short(own_runs, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(jobs, "start_command", lambda command, job, title: None)
    job = bulk.start(DEMO_BUNDLE, bulk.Path("~/data"), "x")
    assert job.request is not None and job.request.data == tmp_path / "data"
