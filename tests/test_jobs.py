"""Jobs: progress is read from files, Cancel ends the process group, a killed process has failed."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from retail import jobs


def write_code(state: str) -> str:
    status = {"state": state, "stage": "training", "done": 3, "total": 9, "message": ""}
    return f"import json, pathlib, time; pathlib.Path('STATUS').write_text(json.dumps({status})); print('hello')"


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    folder = jobs.runs_folder() / "one"
    folder.mkdir(parents=True)
    return jobs.Job("one", folder)


def launch(job, state: str, then: str = "") -> int:
    code = write_code(state).replace("STATUS", str(job.folder / "status.json")) + then
    jobs.start_command([sys.executable, "-c", code], job, "a run")
    return json.loads((job.folder / "job.json").read_text())["pid"]


def wait_for(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.05)


def test_a_finished_job_is_found_again(job):
    launch(job, "done")
    wait_for(lambda: jobs.status(job)["state"] == "done")
    assert [found.id for found in jobs.list_jobs()] == ["one"]
    assert jobs.find("one") == job and jobs.find("../one/../../etc") is None
    assert jobs.status(job)["title"] == "a run" and "hello" in job.log_tail()


def test_cancel_ends_the_process(job):
    pid = launch(job, "running", "; time.sleep(60)")
    wait_for(lambda: jobs.status(job)["stage"] == "training")
    assert jobs.status(job)["state"] == "running" and jobs.status(job)["done"] == 3
    jobs.cancel(job)
    assert jobs.status(job)["state"] == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    jobs.cancel(job)  # a second time changes nothing
    assert jobs.status(job)["state"] == "cancelled"


def test_a_killed_job_has_failed_with_a_reason(job):
    pid = launch(job, "running", "; time.sleep(60)")
    wait_for(lambda: jobs.status(job)["stage"] == "training")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: jobs.status(job)["state"] == "failed")
    assert "ended before it was done" in jobs.status(job)["message"]
