"""Jobs: progress is read from files, Cancel ends the process group, a killed process has failed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from retail.workspace import jobs
from retail.workspace.requests import EmbedRequest


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


def test_a_cancelled_job_is_never_a_failed_one_though_its_process_says_that_it_runs_until_it_ends(job, monkeypatch):
    launch(job, "running", "; time.sleep(60)")
    wait_for(lambda: jobs.status(job)["stage"] == "training")
    seen, end = [], jobs._end

    def end_slowly(facts) -> None:
        seen.append(jobs.status(job)["state"])
        end(facts)
        (job.folder / "status.json").write_text('{"state": "running", "stage": "training", "done": 4, "total": 9}')
        seen.append(jobs.status(job)["state"])

    monkeypatch.setattr(jobs, "_end", end_slowly)
    jobs.cancel(job)
    assert seen == ["cancelled", "cancelled"] and jobs.status(job)["done"] == 4
    (job.folder / "status.json").write_text('{"state": "done"}')
    assert jobs.status(job)["state"] == "done"  # it was quicker than Cancel


def test_a_killed_job_has_failed_with_a_reason(job):
    pid = launch(job, "running", "; time.sleep(60)")
    wait_for(lambda: jobs.status(job)["stage"] == "training")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: jobs.status(job)["state"] == "failed")
    assert "ended before it was done" in jobs.status(job)["message"]


def sleeper() -> list[str]:
    """Writes when it began and ended beside the runs, so that an order can be seen."""
    code = (
        "import pathlib, sys, time\n"
        "log = pathlib.Path(sys.argv[1]).open('a', buffering=1)\n"
        "log.write('begin ' + sys.argv[2] + '\\n'); time.sleep(float(sys.argv[3]))\n"
        "log.write('end ' + sys.argv[2] + '\\n')"
    )
    return [sys.executable, "-c", code]


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Queues a sleeper under a name; whatever still works at the end is ended."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def add(name: str, seconds: float) -> jobs.Job:
        return jobs.enqueue([*sleeper(), str(tmp_path / "order"), name, str(seconds)], name)

    path = tmp_path / "order"
    add.order = lambda: path.read_text() if path.exists() else ""  # type: ignore[attr-defined]
    yield add
    for job in jobs.list_jobs():
        jobs.cancel(job)


def runs(job: jobs.Job) -> bool:
    return bool(job.facts.get("pid")) and jobs.status(job)["state"] in jobs.LIVE


def test_queued_jobs_run_one_after_the_other(queue):
    first, second = queue("first", 5.0), queue("second", 0.1)
    wait_for(lambda: runs(first))
    assert jobs.status(second)["state"] == "queued" and jobs.waiting() == [second]
    wait_for(lambda: queue.order().count("end") == 2)
    assert queue.order().split() == "begin first end first begin second end second".split()
    assert jobs.waiting() == []


def test_a_queued_job_is_cancelled_without_ever_running_and_can_be_queued_again(queue):
    first, second = queue("first", 30), queue("second", 0.1)
    wait_for(lambda: runs(first))
    jobs.cancel(second)
    assert jobs.status(second)["state"] == "cancelled" and jobs.waiting() == []
    jobs.cancel(first)
    assert jobs.status(first)["state"] == "cancelled"
    jobs.retry(second)
    wait_for(lambda: "end second" in queue.order())
    assert "end first" not in queue.order()


def test_a_worker_killed_from_outside_says_so_and_the_next_one_starts(queue):
    first, second = queue("first", 30), queue("second", 30)
    wait_for(lambda: first.facts.get("pid"))
    os.kill(first.facts["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while (now := jobs.status(first))["state"] in jobs.LIVE and time.monotonic() < deadline:
        time.sleep(0.001)  # the first end that is told is the whole one
    assert now["state"] == "failed" and "signal 9" in now["message"]
    wait_for(lambda: runs(second))


def test_helpers_of_a_killed_run_do_not_stay_behind(queue):
    helper = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    code = helper + "open(sys.argv[1], 'w').write(str(p.pid)); p.wait()"
    job = jobs.new_job()
    noted = job.folder / "helper.txt"
    jobs.enqueue([sys.executable, "-c", code, str(noted)], "with a helper", job)
    wait_for(lambda: noted.exists() and noted.read_text())
    pid = int(noted.read_text())
    assert jobs._born(pid) not in ("", "zombie")
    os.kill(job.facts["pid"], signal.SIGKILL)
    wait_for(lambda: jobs._born(pid) in ("", "zombie"))
    wait_for(lambda: jobs.status(job)["state"] == "failed")


def test_a_run_outlives_the_process_that_started_it_and_the_queue_goes_on(queue):
    first, second = queue("first", 5.0), queue("second", 0.1)
    wait_for(lambda: runs(first) and first.facts.get("pid"))
    parent = int(open(f"/proc/{first.facts['pid']}/stat").read().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    assert runs(first) and jobs.status(second)["state"] == "queued"
    wait_for(lambda: "zombie" in jobs._born(parent) or not jobs._locked())
    jobs.advance()
    wait_for(lambda: queue.order().count("end") == 2)
    assert queue.order().split() == "begin first end first begin second end second".split()


def test_a_request_is_kept_in_the_folder_of_its_run_and_its_command_names_that_folder(queue, monkeypatch):
    monkeypatch.setattr(jobs, "advance", lambda: None)
    request = EmbedRequest(data=Path("/data"))
    job = jobs.start(request, "a run")
    assert job.request == request and jobs.waiting() == [job]
    assert job.facts["command"][1:] == ["-m", "retail", "run", str(job.folder)]
    (job.folder / "request.json").unlink()
    assert job.request is None


@pytest.mark.parametrize("deleted", ["before its start", "just after"])
def test_a_run_that_is_deleted_as_its_turn_comes_neither_runs_nor_stops_the_queue(queue, monkeypatch, deleted):
    monkeypatch.setattr(jobs, "advance", lambda: None)
    job, launch, begun = queue("first", 30), jobs._launch, []

    def launch_and_delete(*arguments):
        begun.append(launch(*arguments))
        shutil.rmtree(job.folder)
        return begun[0]

    if deleted == "just after":
        monkeypatch.setattr(jobs, "_launch", launch_and_delete)
    else:
        shutil.rmtree(job.folder)
    jobs._work_off(job)
    assert len(begun) == (deleted == "just after")
    assert all(jobs._born(process.pid) == "" for process in begun)


def test_another_name_given_as_a_run_starts_is_kept(queue, monkeypatch):
    monkeypatch.setattr(jobs, "advance", lambda: None)
    job, launch = queue("first", 0), jobs._launch

    def launch_and_rename(*arguments):
        jobs.rename(job, "other")
        return launch(*arguments)

    monkeypatch.setattr(jobs, "_launch", launch_and_rename)
    jobs._work_off(job)
    assert job.facts["title"] == "other" and job.facts["pid"] > 0 and jobs.waiting() == []


def test_rename_and_delete(queue):
    job = queue("first", 30)
    wait_for(lambda: runs(job) and job.facts.get("pid"))
    pid = job.facts["pid"]
    jobs.rename(job, "another")
    assert jobs.status(job)["title"] == "another"
    jobs.delete(job)
    assert jobs.find(job.id) is None and not job.folder.exists()
    wait_for(lambda: jobs._born(pid) in ("", "zombie"))
