"""Jobs: progress is read from files, Cancel ends the processes, a process that is gone has failed."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest

from retail.workspace import jobs, processes
from retail.workspace.records import JobRecord, Status
from retail.workspace.requests import EmbedRequest
from tests.runs_driving import noted, queued, started, wait_for

TRAINING = """status(me, '{"state": "running", "stage": "training", "done": 3, "total": 9}')\n"""
SLEEP = "time.sleep(600)\n"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Runs of our own, and nothing that works off the queue; whatever still works at the end is ended."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    monkeypatch.setattr(jobs, "advance", lambda: None)
    yield
    for job in jobs.list_jobs():
        jobs.delete(job)


def state(job: jobs.Job) -> str:
    return jobs.status(job).state


def training() -> jobs.Job:
    """A run in the middle of its training."""
    job = started(TRAINING + SLEEP)
    wait_for(lambda: jobs.status(job).stage == "training")
    return job


def test_a_finished_job_is_found_again():
    job = started("""print('hello'); status(me, '{"state": "done"}')""", "a run")
    wait_for(lambda: state(job) == "done")
    assert jobs.list_jobs() == [job] and jobs.find(job.id) == job
    assert jobs.find("../runs/../../etc") is None and jobs.find("") is None
    assert jobs.status(job).title == "a run" and "hello" in job.log_tail()


def test_cancel_ends_the_process():
    job = training()
    assert (state(job), jobs.status(job).done, jobs.status(job).share) == ("running", 3, 3 / 9)
    process = job.record.process
    jobs.cancel(job)
    assert state(job) == "cancelled" and not processes.lives(process)
    jobs.cancel(job)  # a second time changes nothing
    assert state(job) == "cancelled"


@pytest.mark.parametrize(("last", "end"), [("running", "cancelled"), ("done", "done")])
def test_a_cancelled_job_is_never_a_failed_one_whatever_its_process_says_until_it_ends(last, end):
    text = f'{{"state": "{last}", "stage": "training", "done": 4, "total": 9}}'
    ending = f"def end(*_): status(me, '{text}'); time.sleep(0.2); os._exit(1)\nsignal.signal(signal.SIGTERM, end)\n"
    job = started(ending + TRAINING + SLEEP)
    wait_for(lambda: jobs.status(job).stage == "training")
    cancelling, seen = threading.Thread(target=jobs.cancel, args=(job,)), []
    cancelling.start()
    while cancelling.is_alive():
        seen.append(state(job))
    after_the_mark = seen[next(place for place, now in enumerate(seen) if now != "running") :]
    assert set(after_the_mark) <= {"cancelled", end}
    assert state(job) == end and jobs.status(job).done == 4  # done: it was quicker than Cancel


def test_a_killed_job_has_failed_with_a_reason():
    job = training()
    psutil.Process(job.record.process.pid).kill()
    wait_for(lambda: state(job) == "failed")
    assert "ended before it was done" in jobs.status(job).message and jobs.status(job).done == 3


def test_a_process_number_that_is_used_again_is_not_ours():
    other, job = training(), jobs.new_job()
    process = other.record.process.model_copy(update={"born": other.record.process.born - 60})
    JobRecord(title="long ago", process=process).write(job.folder / jobs.RECORD)
    Status(state="running").write(job.folder / jobs.STATUS)
    assert state(job) == "failed"
    jobs.delete(job)
    assert jobs.list_jobs() == [other] and state(other) == "running"


def test_jobs_wait_in_the_order_in_which_they_were_asked_for():
    first, second = queued("", "first"), queued("", "second")
    assert jobs.waiting() == [first, second]
    assert (state(first), state(second)) == ("starting", "queued")
    training()
    assert state(first) == "queued"  # something is at work


def test_a_queued_job_is_cancelled_and_can_be_queued_again():
    first, second = queued("", "first"), queued("", "second")
    jobs.cancel(first)
    assert state(first) == "cancelled" and jobs.waiting() == [second]
    jobs.retry(second)  # it waits already
    jobs.retry(first)
    assert jobs.waiting() == [second, first] and state(first) == "queued"


def test_a_failed_job_is_queued_again_with_the_same_command():
    job = started("", "tried")
    command = job.record.command
    wait_for(lambda: state(job) == "failed")
    jobs.retry(job)
    assert jobs.waiting() == [job] and state(job) == "starting"
    assert (job.record.command, job.record.title, job.record.process.pid) == (command, "tried", 0)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"title": 7}', b'{"command": "x"}', b"\xff"])
def test_a_damaged_or_foreign_file_hides_no_other_run(text):
    job, other = training(), jobs.new_job()
    for name in (jobs.RECORD, jobs.NAME, jobs.STATUS):
        (other.folder / name).write_bytes(text)
    assert {found.id: state(found) for found in jobs.list_jobs()} == {job.id: "running", other.id: "failed"}
    assert jobs.waiting() == []


def test_a_request_is_kept_in_the_folder_of_its_run_and_its_command_names_that_folder():
    request = EmbedRequest(data=Path("/data"))
    job = jobs.start(request, "a run")
    assert job.request == request and jobs.waiting() == [job]
    assert job.record.command[1:] == ("-m", "retail", "run", str(job.folder))
    (job.folder / "request.json").unlink()
    assert job.request is None


def test_rename():
    job = training()
    jobs.rename(job, "another")
    assert jobs.status(job).title == "another" and state(job) == "running"


def test_delete_ends_the_process_and_leaves_nothing():
    job = training()
    process = job.record.process
    jobs.delete(job)
    assert jobs.find(job.id) is None and not job.folder.exists() and not processes.lives(process)
    assert not list(jobs.runs_folder().rglob("*.json"))
    jobs.delete(job)  # a second browser did the same


def test_a_deleted_job_does_not_come_back_though_it_is_written_to_until_it_is_gone():
    jobs_deleted = [started("") for _ in range(10)]
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for job in jobs_deleted:
                Status(state="failed").write(job.folder / jobs.STATUS)

    writing = threading.Thread(target=write)
    writing.start()
    for job in jobs_deleted:
        jobs.delete(job)
    stop.set()
    writing.join()
    assert not any(job.folder.exists() for job in jobs_deleted)


def test_a_process_of_a_job_that_another_session_has_cancelled_ends_when_the_job_is_deleted(monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); note(log, 'deaf')\n"
    job = started(deaf + TRAINING + SLEEP)
    wait_for(noted)
    process = job.record.process
    (job.folder / jobs.CANCELLED).touch()  # the other session still waits for it to end
    jobs.delete(job)
    assert not processes.lives(process) and not job.folder.exists()


def test_runs_of_the_same_second_never_share_a_folder(monkeypatch):
    chances = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr(jobs.secrets, "token_hex", lambda _: next(chances))
    monkeypatch.setattr(jobs.time, "strftime", lambda _: "20260101-000000-")
    assert [jobs.new_job().id for _ in range(2)] == ["20260101-000000-aaaa", "20260101-000000-bbbb"]
