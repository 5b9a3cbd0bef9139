"""What is written appears whole or not at all, and what killed processes left half written goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from retail.files import whole
from retail.files.whole import clear, leftovers, partial_of, whole_file, whole_folder

KILLED = """
import os, sys
from pathlib import Path
from retail.files.whole import whole_file, whole_folder
path = Path(sys.argv[1])
with (whole_folder if sys.argv[2] == "folder" else whole_file)(path) as partial:
    (partial / "one" if sys.argv[2] == "folder" else partial).write_text("half")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    """As if this process had looked through no folder yet."""
    monkeypatch.setattr(whole, "_CLEARED", set())


def left_by_a_dead_process(path: Path, former: bool = False) -> Path:
    """A name that a process that is gone would have written under."""
    me, birth = os.getpid(), whole._birth(os.getpid())
    name = partial_of(path).name.replace(f"-{me}-{birth}.", f"-{me}-{birth + 500}.")
    return path.with_name(name.replace(".part", ".former.part") if former else name)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_with_the_next_write_beside_it(tmp_path, kind):
    path = tmp_path / "out"
    killed = subprocess.run([sys.executable, "-c", KILLED, path, kind], cwd=Path(__file__).parents[1], check=False)
    assert killed.returncode == -9 and len(leftovers(tmp_path)) == 1 and not path.exists()
    with whole_file(tmp_path / "other") as partial:
        partial.write_text("whole")
    assert sorted(os.listdir(tmp_path)) == ["other"]


def test_what_somebody_is_writing_stays_here_and_on_other_machines(tmp_path):
    ours, theirs = partial_of(tmp_path / "a"), tmp_path / "a.00000000-1-1.00000000.part"
    genuine = tmp_path / "000003.part"  # a part of a table
    for path in (ours, theirs, genuine):
        path.touch()
    clear(tmp_path)
    assert all(path.exists() for path in (ours, theirs, genuine))


def test_a_folder_on_its_way_out_gets_its_name_back_where_its_successor_never_came(tmp_path):
    for name, replaced in (("lost", False), ("there", True)):
        former = left_by_a_dead_process(tmp_path / name, former=True)
        former.mkdir()
        (former / "old").touch()
        if replaced:
            (tmp_path / name).mkdir()
    clear(tmp_path)
    assert os.listdir(tmp_path / "lost") == ["old"] and os.listdir(tmp_path / "there") == []
    assert sorted(os.listdir(tmp_path)) == ["lost", "there"]


def test_a_folder_is_replaced_as_a_whole_and_stays_where_the_new_one_fails(tmp_path):
    for content in ("first", "second"):
        with whole_folder(tmp_path / "out") as partial:
            (partial / content).touch()
    assert os.listdir(tmp_path / "out") == ["second"]
    with pytest.raises(OSError, match="no room"), whole_folder(tmp_path / "out"):
        raise OSError("no room")
    assert os.listdir(tmp_path / "out") == ["second"] and os.listdir(tmp_path) == ["out"]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    steps = []
    flush, replace = os.fsync, Path.replace
    monkeypatch.setattr("retail.files.whole.os.fsync", lambda number: steps.append("flush") or flush(number))
    monkeypatch.setattr(Path, "replace", lambda self, to: steps.append("name") or replace(self, to))
    with whole_file(tmp_path / "out") as partial:
        partial.write_text("whole")
    assert steps[:2] == ["flush", "name"]
