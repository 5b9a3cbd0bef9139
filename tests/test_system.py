"""What differs between systems: detached processes, files that others have open, times of birth."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from retail import system
from retail.files import ROOT, whole_file


def test_a_detached_process_has_its_own_environment_folder_and_log_and_no_terminal(tmp_path):
    code = (
        "import os, sys; print(os.environ['WORD'], os.getcwd(), repr(sys.stdin.read())); print('oh', file=sys.stderr)"
    )
    command = [sys.executable, "-S", "-c", code]
    for _ in range(2):
        process = system.start_detached(command, tmp_path, tmp_path / "log.txt", {**os.environ, "WORD": "hello"})
        assert process.wait() == 0
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert sorted(lines) == sorted(["oh", f"hello {tmp_path} ''"] * 2)
    with pytest.raises(FileNotFoundError):
        system.start_detached(command, tmp_path, tmp_path / "gone" / "log.txt", {})


@pytest.mark.skipif(sys.platform == "win32", reason="sessions are POSIX's")
def test_a_signal_to_our_group_does_not_reach_a_detached_process(tmp_path):
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
    process = system.start_detached(sleep, tmp_path, tmp_path / "log.txt", os.environ)
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    process.kill()
    assert process.wait() == system.KILLED


def test_the_time_of_birth_tells_processes_apart():
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen(sleep)
    assert system.born(process.pid) == system.born(process.pid) > system.born(os.getpid())
    process.kill()
    process.wait()
    with pytest.raises(psutil.Error):
        system.born(process.pid)


def refuse_twice(monkeypatch, platform: str):
    monkeypatch.setattr(sys, "platform", platform)
    refused = []

    def act() -> str:
        if len(refused) < 2:
            refused.append("no")
            raise PermissionError("another process has it open")
        return "done"

    return act


def test_windows_is_asked_again_while_another_process_reads_the_file(monkeypatch):
    assert system.patiently(refuse_twice(monkeypatch, "win32")) == "done"
    with pytest.raises(PermissionError):
        system.patiently(refuse_twice(monkeypatch, "linux"))


def test_windows_is_not_asked_for_ever(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(system, "PATIENCE_SECONDS", 0.05)

    def refuse() -> None:
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        system.patiently(refuse)


def test_a_file_is_written_whole_though_a_reader_holds_it_for_a_moment(monkeypatch, tmp_path):
    replace, held = type(tmp_path).replace, ["reader"]

    def held_once(path, target):
        if held:
            held.clear()
            raise PermissionError("the file is open")
        return replace(path, target)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(type(tmp_path), "replace", held_once)
    with whole_file(tmp_path / "a.txt") as partial:
        partial.write_text("all")
    assert (tmp_path / "a.txt").read_text() == "all" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not hold a process to it")
def test_a_process_gets_no_more_memory_than_it_may():
    code = "from retail.system import limit_memory; limit_memory(2**29); print('limited', flush=True); bytearray(2**30)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout == "limited\n" and "MemoryError" in done.stderr
