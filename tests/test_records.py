"""Files of runs: whole, typed, forgiving to read, and never written into a folder that is gone."""

from __future__ import annotations

import json

import pytest

from retail.workspace.records import JobRecord, ProcessRecord, Status


def test_what_is_written_is_read_again(tmp_path):
    record = JobRecord(title="Füße", command=("a", "b c"), started=1.5, process=ProcessRecord(pid=7, born=0.25))
    record.write(tmp_path / "job.json")
    assert JobRecord.read(tmp_path / "job.json") == record
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]
    status = Status(state="running", stage="training", done=3, total=9, partial={"gated": 0.5})
    status.write(tmp_path / "status.json")
    assert Status.read(tmp_path / "status.json") == status
    assert json.loads((tmp_path / "status.json").read_text())["partial"] == {"gated": 0.5}


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b'{"state": "asleep"}', b'{"done": "many"}', b"\xff\xfe"])
def test_a_damaged_or_foreign_file_reads_as_one_that_says_nothing(tmp_path, text):
    (tmp_path / "status.json").write_bytes(text)
    assert Status.read(tmp_path / "status.json") == Status() == Status.read(tmp_path / "missing.json")


def test_fields_that_nobody_knows_are_passed_over(tmp_path):
    (tmp_path / "status.json").write_text('{"state": "done", "mood": "good"}')
    assert Status.read(tmp_path / "status.json") == Status(state="done")


def test_the_folder_of_a_deleted_run_is_not_made_again(tmp_path):
    Status().write(tmp_path / "gone" / "status.json")
    assert not (tmp_path / "gone").exists()


def test_the_share_of_a_stage_is_between_none_and_all():
    shares = [Status(done=done, total=total).share for done, total in ((0, 0), (1, 4), (5, 4))]
    assert shares == [0.0, 0.25, 1.0]
