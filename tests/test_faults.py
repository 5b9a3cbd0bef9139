"""What disks, memory and clocks do: one sentence each, nothing that was said is lost; short runs of the commands."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from retail.commands.shared import reported
from retail.files import home
from retail.files.faults import sentence_of
from retail.recognizer.bundle import load_bundle, save_bundle
from retail.review.queue import ReviewQueue
from retail.schema import UserError
from retail.workspace import datasets, jobs, processes, queue
from retail.workspace.parts import Parts
from retail.workspace.runs import history
from tests.runs_driving import noted, queued
from tests.serve_sample import real_recognizer

PROJECT = Path(__file__).parents[1]
pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "is full; free some space"),
        (sqlite3.OperationalError("database or disk is full"), "is full; free some space"),
        (RuntimeError("lance error: LanceError(IO): No space left on device (os error 28), x.rs"), "is full; free"),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 257280 vs 257168"), "is full; free"),
        (OSError(errno.EROFS, "Read-only file system", "/shop/x"), "'/shop/x' cannot be written (read-only file"),
        (PermissionError(errno.EACCES, "Permission denied", "/shop"), "'/shop' cannot be written (permission denied)"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "cannot be written (attempt to write"),
        (sqlite3.OperationalError("disk I/O error"), "cannot be reached any more (disk i/o error)"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "runs"), "cannot be reached any more"),
        (MemoryError(), "The memory of this machine is used up"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "The memory of this machine is used up"),
    ],
)
def test_what_the_machine_refuses_is_said_in_one_sentence(error, said):
    assert said in sentence_of(error)


@pytest.mark.parametrize("error", [ValueError("disk full"), RuntimeError("shapes differ"), KeyError("x"), OSError()])
def test_other_mistakes_are_none_of_the_machines(error):
    home().mkdir()
    assert sentence_of(error) == "" and sentence_of(FileNotFoundError(errno.ENOENT, "No such file", "/none")) == ""


def test_a_command_on_a_full_disk_ends_with_the_sentence_though_nothing_can_be_noted(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("retail.workspace.records.Status.write", full)
    with pytest.raises(typer.Exit), reported(tmp_path / "status.json"):
        full()
    assert "Error: The disk with" in capsys.readouterr().err


def test_history_needs_no_file_of_its_own_and_damage_to_it_costs_nothing(monkeypatch):
    job = jobs.new_job()
    jobs.JobRecord(title="first").write(job.folder / jobs.RECORD)
    assert [run.title for run in history()] == ["first"]
    (home() / "runs.sqlite").write_bytes(b"no database" * 100)
    assert [run.title for run in history()] == ["first"]

    def locked():
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("retail.workspace.runs._synchronised", locked)
    assert [run.title for run in history()] == ["first"]


@pytest.mark.parametrize("alive", [True, False])
def test_a_run_that_a_killed_queue_had_started_is_not_started_again(tmp_path, monkeypatch, alive):
    monkeypatch.setattr(jobs, "advance", lambda: None)
    home().mkdir()
    job = queued("""note(log, "begun"); status(me, '{"state": "done"}'); time.sleep(600)""")
    worker = processes.ProcessRecord(pid=4194303, born=1.0)
    job.record.model_copy(update={"worker": worker}).write(job.folder / jobs.RECORD)
    started = processes.launch(job.record.command, job.folder / jobs.LOG, str(job.folder))
    while not (job.folder / jobs.STATUS).exists():
        assert started.poll() is None
    if not alive:
        started.kill()
        started.wait()
    queue._work_off(job)
    assert not job.record.queued and processes.lives(job.record.process) == alive and noted() == ["begun"]
    jobs.delete(job)
    started.wait()


def test_a_run_that_a_killed_queue_had_not_started_yet_is_started(monkeypatch):
    monkeypatch.setattr(jobs, "advance", lambda: None)
    home().mkdir()
    job = queued("note(log, 'begun')")
    worker = processes.ProcessRecord(pid=4194303, born=1.0)
    job.record.model_copy(update={"worker": worker}).write(job.folder / jobs.RECORD)
    queue._work_off(job)
    assert noted() == ["begun"]


def test_a_deletion_that_was_killed_is_finished_by_the_next_one():
    job = jobs.new_job()
    (jobs.runs_folder() / jobs.DELETED / "earlier").mkdir(parents=True)
    jobs.delete(job)
    assert os.listdir(jobs.runs_folder() / jobs.DELETED) == [] and not job.folder.exists()


def test_a_process_that_cannot_be_noted_does_not_work_on_unseen(monkeypatch):
    job, begun = jobs.new_job(), []
    launch = processes.launch

    def started(*arguments, **more):
        begun.append(launch(*arguments, **more))
        monkeypatch.setattr(jobs.JobRecord, "write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        return begun[-1]

    monkeypatch.setattr(processes, "launch", started)
    with pytest.raises(OSError, match="full"):
        jobs.launch(job, jobs.JobRecord(command=(sys.executable, "-S", "-c", "import time; time.sleep(600)")))
    assert begun[0].poll() is not None


def test_a_clock_that_is_set_back_changes_neither_what_was_decided_last_nor_who_has_a_row(tmp_path, monkeypatch):
    now = [1_000_000.0]
    monkeypatch.setattr("retail.review.queue.time.time", lambda: now[0])
    rows = ReviewQueue(tmp_path)
    rows.fill([1, 2, 3])
    assert rows.next("ann") == 1
    rows.decide("ann", 1, "first")
    assert rows.next("bo") == 2
    now[0] -= 86_400
    assert rows.next("ann") == 2, "a lease that would last for a day counts no more"
    rows.decide("ann", 2, "second")
    assert rows.undo("ann").number == 2


def test_a_damaged_review_is_told_in_one_sentence(tmp_path):
    rows = ReviewQueue(tmp_path)
    rows.fill([1])
    rows.path.write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="is damaged; delete this file and begin it anew"):
        rows.next("ann")


def test_a_damaged_part_of_a_table_is_answered_again(tmp_path):
    parts, facts = Parts(tmp_path / "out.csv", "plan"), '{"header": ["id"], "rows": 1, "lost": 0, "decided": {}}'
    for number, content in enumerate((facts, facts[:20], "[]")):
        (parts.folder / f"{number:06}.json").write_text(content)
        (parts.folder / f"{number:06}.part").touch()
    assert [parts.has(number) for number in range(4)] == [True, False, False, False]


def test_a_recogniser_replaces_another_one_as_a_whole_and_what_lies_beside_it_stays(tmp_path, monkeypatch):
    recognizer, folder = real_recognizer(tmp_path), tmp_path / "bundle"
    save_bundle(recognizer, folder)
    (folder / "resume.pt").write_text("a checkpoint")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(OSError, match="full"), monkeypatch.context() as broken:
        broken.setattr("retail.recognizer.bundle.BundleRecord.write", lambda *_: (_ for _ in ()).throw(OSError("full")))
        save_bundle(recognizer, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    save_bundle(recognizer, folder)
    assert load_bundle(folder) and (folder / "resume.pt").read_text() == "a checkpoint"


def test_what_is_not_finished_is_no_data_set():
    datasets.add_files("mine", [("table.csv", b"id,text,kind\n1,fresh tea,tea\n")])
    (folder,) = datasets.datasets_folder().iterdir()
    folder.rename(folder.with_name(f"{folder.name}.part"))
    assert [one.name for one in datasets.list_datasets() if one.id != "demo"] == []


@pytest.mark.parametrize(
    "command",
    [
        "benchmarks.kills embed review --kills 1 --seed 3",
        "benchmarks.faults shard home data --kinds embed",
        "benchmarks.together --operations 60",
    ],
)
def test_a_short_run_of(command, tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    run = [sys.executable, "-m", *command.split()]
    done = subprocess.run(run, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
