"""Processes of runs: known by number and birth, and ended with all that they started."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from retail.workspace import processes
from retail.workspace.records import ProcessRecord
from tests.runs_driving import noted, python, wait_for

SLEEP = "time.sleep(600)"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    (tmp_path / "runs").mkdir()


@pytest.fixture
def launch(tmp_path):
    """Starts code under a mark; all is ended afterwards."""
    marks = set()

    def start(code: str, mark: str) -> ProcessRecord:
        marks.add(mark)
        command = python(code, tmp_path, tmp_path / "runs" / "order")
        return processes.recorded(processes.launch(command, tmp_path / "log.txt", mark).pid)

    yield start
    for mark in marks:
        processes.end(ProcessRecord(), mark)


def child(code: str, environment: str = "None") -> str:
    """Code that starts this code as a process of its own and notes its number."""
    return f"c = subprocess.Popen([sys.executable, '-S', '-c', {code!r}], env={environment})\nnote(log, str(c.pid))\n"


def test_a_process_is_known_by_number_and_birth(launch, tmp_path):
    process = launch(SLEEP, str(tmp_path))
    assert processes.lives(process)
    assert not processes.lives(process.model_copy(update={"born": process.born - 1}))
    assert not processes.lives(ProcessRecord()) and processes.recorded(2**40) == ProcessRecord()


def test_one_that_ended_and_was_not_collected_does_not_live(tmp_path):
    ended = subprocess.Popen([sys.executable, "-S", "-c", "pass"])
    process = processes.recorded(ended.pid)
    wait_for(lambda: psutil.Process(ended.pid).status() == psutil.STATUS_ZOMBIE)
    assert not processes.lives(process)
    ended.wait()


def test_children_end_with_it_though_they_have_lost_the_mark(launch, tmp_path):
    process = launch(child("import time; time.sleep(600)", "{}") + SLEEP, str(tmp_path))
    wait_for(noted)
    helper = processes.recorded(int(noted()[0]))
    assert processes.lives(helper)
    processes.end(process, str(tmp_path))
    assert not processes.lives(process) and not processes.lives(helper)


def test_helpers_are_found_when_what_started_them_is_gone_and_those_of_others_stay(launch, tmp_path):
    process, other = launch(child("import time; time.sleep(600)"), "/runs/one"), launch(SLEEP, "/runs/one-more")
    wait_for(lambda: noted() and not processes.lives(process))
    helper = processes.recorded(int(noted()[0]))
    assert processes.lives(helper)
    processes.end(process, "/runs/one")
    assert not processes.lives(helper) and processes.lives(other)


def test_a_process_that_will_not_end_is_killed_and_one_that_will_is_not_waited_for(launch, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 60)
    willing = launch(SLEEP, str(tmp_path))
    begun = time.monotonic()
    processes.end(willing, str(tmp_path))
    assert time.monotonic() - begun < processes.GRACE_SECONDS and not processes.lives(willing)
    deaf = launch("signal.signal(signal.SIGTERM, signal.SIG_IGN); note(log, 'deaf'); " + SLEEP, str(tmp_path))
    wait_for(noted)
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    processes.end(deaf, str(tmp_path))
    assert not processes.lives(deaf)


def test_the_process_of_another_that_got_the_number_is_left_alone(launch):
    other = launch(SLEEP, "/runs/other")
    processes.end(other.model_copy(update={"born": other.born - 1}), "/runs/mine")
    assert processes.lives(other)
