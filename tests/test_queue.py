"""The queue: jobs run one after the other whoever ends, and how a process ended is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from filelock import Timeout

from retail import system
from retail.workspace import jobs, processes, queue
from tests.runs_driving import noted, python, queued, started, wait_for

TURN = "note(log, 'begin'); {}; note(log, 'end')"
ENQUEUE = "import sys; from retail.workspace import jobs; jobs.enqueue(sys.argv[1:], 'first')"
PROJECT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Runs of our own; whatever still works at the end is ended."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    yield
    for job in jobs.list_jobs():
        jobs.delete(job)


@pytest.fixture
def by_hand(monkeypatch):
    """Nothing works off the queue but the test itself, which calls `queue.work`."""
    monkeypatch.setattr(jobs, "advance", lambda: None)


@pytest.fixture
def as_it_starts(monkeypatch):
    """Gives a function that says what happens as a process was just started, before that is written down."""

    def say(then) -> list[subprocess.Popen[bytes]]:
        start, begun = system.start_detached, []

        def start_and_then(*arguments):
            begun.append(start(*arguments))
            then()
            return begun[-1]

        monkeypatch.setattr(system, "start_detached", start_and_then)
        return begun

    return say


def state(job: jobs.Job) -> str:
    return jobs.status(job).state


def somebody_works_off_the_queue() -> bool:
    try:
        jobs.queue_lock().acquire(blocking=False).lock.release()
        return False
    except Timeout:
        return True


def test_queued_jobs_run_one_after_the_other_in_a_process_that_enqueue_starts(tmp_path):
    wait = f"wait({str(tmp_path / 'go')!r})"
    first, second = queued(TURN.format(wait), "first"), queued(TURN.format("pass"), "second")
    wait_for(lambda: noted() == ["begin"] and jobs.waiting() == [second])
    assert (state(first), state(second)) == ("starting", "queued")
    (tmp_path / "go").touch()
    wait_for(lambda: state(second) == "failed")  # it kept no status
    assert noted() == ["begin", "end"] * 2 and jobs.waiting() == []
    assert jobs.status(first).message.startswith("The process ended with exit code 0 before it was done.")


def test_a_cancelled_job_makes_way_for_the_next(tmp_path):
    first, second = queued("note(log, 'first'); time.sleep(600)"), queued("note(log, 'second')")
    third = queued("note(log, 'third')")
    wait_for(noted)
    jobs.cancel(second)
    jobs.cancel(first)
    wait_for(lambda: "third" in noted())
    assert (state(first), state(second)) == ("cancelled", "cancelled") and noted() == ["first", "third"]
    wait_for(lambda: state(third) == "failed")


def test_a_run_outlives_its_starter_and_the_queues_process_and_the_queue_goes_on(tmp_path):
    go = tmp_path / "go"
    (tmp_path / "runs").mkdir()
    turn = python(TURN.format(f"wait({str(go)!r})"), "", tmp_path / "runs" / "order")
    subprocess.run([sys.executable, "-c", ENQUEUE, *turn], check=True, cwd=PROJECT)  # it has ended
    wait_for(lambda: noted() == ["begin"])
    (first,) = jobs.list_jobs()
    wait_for(lambda: first.record.process.pid)
    second = queued(TURN.format("pass"), "second")
    worker = first.record.worker
    psutil.Process(worker.pid).kill()
    wait_for(lambda: not processes.lives(worker))
    assert state(first) == "starting" and state(second) == "queued"
    jobs.advance()  # as a page does that looks
    wait_for(somebody_works_off_the_queue)
    assert state(second) == "queued" and noted() == ["begin"]
    go.touch()
    wait_for(lambda: noted() == ["begin", "end"] * 2)
    assert state(first) == "failed" and "ended before it was done" in jobs.status(first).message


def test_a_run_killed_from_outside_says_so_from_the_first_moment_on_and_the_next_one_starts():
    first, second = queued("note(log, 'first'); time.sleep(600)"), queued("note(log, 'second')")
    wait_for(lambda: noted() and first.record.process.pid)
    psutil.Process(first.record.process.pid).kill()
    wait_for(lambda: state(first) not in jobs.LIVE)  # the first end that is told is the whole one
    assert state(first) == "failed" and "was stopped by signal 9" in jobs.status(first).message
    wait_for(lambda: "second" in noted())
    wait_for(lambda: state(second) == "failed")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit(3)", "The process ended with exit code 3 before it was done. The log has its last lines."),
        ("os.kill(os.getpid(), 9)", "stopped by signal 9 before it was done. The machine may have run out of memory."),
        ("os.kill(os.getpid(), 15)", "stopped by signal 15 before it was done. The log has its last lines."),
    ],
)
def test_how_a_process_ended_is_told_beside_how_far_it_was(by_hand, code, said):
    job = queued("""status(me, '{"state": "running", "stage": "training", "done": 3, "total": 9}')\n""" + code)
    queue.work()
    assert said in jobs.status(job).message
    assert (state(job), jobs.status(job).stage, jobs.status(job).done) == ("failed", "training", 3)


def test_what_a_process_said_of_its_end_stands(by_hand):
    done = queued("""status(me, '{"state": "done"}')""")
    failed = queued("""status(me, '{"state": "failed", "message": "No room."}'); sys.exit(1)""")
    queue.work()
    assert state(done) == "done" and (state(failed), jobs.status(failed).message) == ("failed", "No room.")


def test_the_status_of_an_earlier_try_is_not_taken_for_this_one(by_hand):
    job = queued("sys.exit(os.path.exists(me + '/status.json'))")
    (job.folder / jobs.STATUS).write_text('{"state": "done"}')
    queue.work()
    assert state(job) == "failed" and "exit code 0" in jobs.status(job).message


def test_helpers_of_a_killed_run_do_not_stay_behind(by_hand):
    helper = (
        "h = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)']); note(log, str(h.pid)); "
    )
    job = queued(helper + "os.kill(os.getpid(), 9)")
    queue.work()
    assert not psutil.pid_exists(int(noted()[0])) or psutil.Process(int(noted()[0])).status() == psutil.STATUS_ZOMBIE
    assert state(job) == "failed" and "signal 9" in jobs.status(job).message


def test_a_command_that_cannot_be_started_stops_nobody(by_hand):
    job = jobs.enqueue(["/no/such/program"], "broken")
    good = queued("note(log, 'good')")
    queue.work()
    assert "could not be started" in jobs.status(job).message and state(job) == "failed"
    assert noted() == ["good"] and state(good) == "failed" and jobs.waiting() == []


ENDS = pytest.mark.parametrize("end", [jobs.delete, jobs.cancel], ids=["deleted", "cancelled"])


@ENDS
def test_a_run_that_is_ended_just_before_its_start_neither_runs_nor_stops_the_queue(by_hand, monkeypatch, end):
    first = queued("time.sleep(3); note(log, 'first')")
    queued("note(log, 'second')")
    start, ends = system.start_detached, [first]

    def end_and_start(*arguments):
        while ends:
            end(ends.pop())
        return start(*arguments)

    monkeypatch.setattr(system, "start_detached", end_and_start)
    queue.work()
    assert noted() == ["second"] and first.folder.exists() == (end is jobs.cancel)
    assert end is jobs.delete or state(first) == "cancelled"


@ENDS
def test_a_run_that_is_ended_just_after_its_start_does_not_stop_the_queue(by_hand, as_it_starts, end):
    first, second = queued("time.sleep(600)"), queued("note(log, 'second')")
    begun = as_it_starts(lambda: end(first))
    queue.work()
    assert [process.poll() is None for process in begun] == [False, False] and noted() == ["second"]
    assert first.folder.exists() == (end is jobs.cancel) and state(second) == "failed"
    assert end is jobs.delete or state(first) == "cancelled"


def test_another_name_given_as_a_run_starts_is_kept(by_hand, as_it_starts):
    job = queued("pass", "first")
    as_it_starts(lambda: jobs.rename(job, "other"))
    queue.work()
    assert jobs.status(job).title == "other" and job.record.process.pid > 0 and jobs.waiting() == []


def test_a_run_past_the_queue_is_waited_for(by_hand, monkeypatch, tmp_path):
    started(f"wait({str(tmp_path / 'go')!r}); note(log, 'first')")
    queued("note(log, 'second')")
    at_work, looks = jobs.at_work, []

    def look() -> bool:
        looks.append(at_work())
        if len(looks) == 2:
            (tmp_path / "go").touch()
        return looks[-1]

    monkeypatch.setattr(jobs, "at_work", look)
    monkeypatch.setattr(queue, "POLL_SECONDS", 0.02)
    queue.work()
    assert noted() == ["first", "second"] and looks[:2] == [True, True]


def test_only_one_process_works_off_the_queue(monkeypatch):
    begun = []
    monkeypatch.setattr(queue, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(system, "start_detached", lambda command, *_: begun.append(command))
    jobs.advance()
    assert begun == []  # nothing waits
    jobs.runs_folder().mkdir()
    with jobs.queue_lock():
        job = queued("note(log, 'first')")
        queue.work()
        assert begun == [] and jobs.waiting() == [job] and noted() == []
    jobs.advance()
    assert [command[1:] for command in begun] == [["-m", "retail.workspace.queue"]]
