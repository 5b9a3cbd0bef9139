"""Shared by all tests: one thread, a home folder of their own and a small real data set made on the spot.

Three workers (pytest-xdist) share the files of tests between them. Each has a home of its own, and all one store of
embeddings and the same graphs of networks, so that a demo clip is encoded once.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import sys
import types
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image, ImageDraw
from xdist.scheduler import LoadScopeScheduling

from retail.files import DEMO_DIR
from retail.media import decode_audio

# Two threads on two busy cores spin; one is many times faster.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")

SPOKEN = {
    "tea": ("audio/lark_tea_original_01.ogg", "audio/lark_tea_original_10.ogg"),
    "coffee": ("audio/fen_coffee_original_12.ogg", "audio/lark_coffee_honey_12.ogg"),
}
COLOURS = {"red": (200, 30, 40), "green": (30, 150, 60), "blue": (30, 60, 190)}
PROJECT = Path(__file__).parents[1]
MADE_ONCE = ("embeddings", "graphs")  # of a home folder
# Tests with a dashboard of their own; the other browser tests share one with all of theirs, in one of two workers.
OWN_DASHBOARD = ("test_long_runs.py", "test_walk.py")
WAYS_IN = ("test_living_catalogue.py", "test_newcomer.py", "test_review.py", "test_ways_in.py")


class SharersTogether(LoadScopeScheduling):
    """A file's tests run in one worker, and so do all that share something made once: a dashboard, a comparison."""

    def _split_scope(self, nodeid: str) -> str:
        return _shared(PROJECT / nodeid.partition("::")[0])


@cache
def _shared(file: Path) -> str:
    if file.parent.name == "browser" and file.name not in OWN_DASHBOARD:
        return "ways in" if file.name in WAYS_IN else "dashboard"
    uses_comparison = re.search(r"made_up_(results|comparison)", file.read_text(encoding="utf-8"))
    return "comparison" if uses_comparison else str(file)


def pytest_xdist_make_scheduler(config, log):
    return SharersTogether(config, log)


def pytest_collection_modifyitems(items):
    """The longest first: what takes minutes at the end would keep one worker alone."""
    first = {"dashboard": 0, "ways in": 1, "comparison": 2}
    items.sort(key=lambda item: first.get(_shared(item.path), 3))


@pytest.fixture(scope="session")
def session_home(tmp_path_factory) -> Path:
    """A home folder of this worker; what takes long to make is that of all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    for name in MADE_ONCE:
        (shared / name).mkdir(exist_ok=True)
    return share(base / "home", shared)


def share(home: Path, other: Path) -> Path:
    """A home folder that takes embeddings and graphs from another one, and keeps them there."""
    home.mkdir(parents=True, exist_ok=True)
    for name in MADE_ONCE:
        (home / name).symlink_to(other / name)
    return home


@pytest.fixture(autouse=True)
def own_home(session_home, monkeypatch):
    """Caches and runs go to a folder of this test session, never to the user's."""
    monkeypatch.setenv("RETAIL_HOME", str(session_home))


@pytest.fixture
def no_event_loop():
    """For what begins an event loop of its own: Playwright's counts as running as long as a browser is open."""
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)


def write_small_data(folder: Path, rows: int = 48) -> Path:
    """Colour shows in the photo, drink only in words; a spoken clip of the demo stands for each drink."""
    (folder / "images").mkdir(parents=True)
    (folder / "audio").mkdir()
    rng = np.random.default_rng(0)
    spoken = {drink: [decode_audio(DEMO_DIR / file) for file in files] for drink, files in SPOKEN.items()}
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "image_file_name", "audio_file_name", "text", "colour", "drink", "split"])
        for row in range(rows):
            colour, drink = list(COLOURS)[row % 3], ("tea", "coffee")[row // 3 % 2]
            photo = Image.new("RGB", (64, 64), COLOURS[colour])
            corner = int(rng.integers(5, 30))
            ImageDraw.Draw(photo).rectangle((corner, corner, corner + 20, corner + 30), fill="white")
            photo.save(folder / "images" / f"{row}.png")
            clip = spoken[drink][row % 2]
            hiss = 0.003 * rng.normal(size=len(clip))
            soundfile.write(folder / "audio" / f"{row}.wav", (0.8 * clip + hiss).astype("float32"), 16000)
            words = f"fresh {drink} no {row}, best before {int(rng.integers(100))}"
            split = ("train", "train", "val", "test")[row // 6 % 4]
            writer.writerow([f"{row:03}", f"images/{row}.png", f"audio/{row}.wav", words, colour, drink, split])
    return folder


@pytest.fixture(scope="session")
def small_data(tmp_path_factory) -> Path:
    return write_small_data(tmp_path_factory.mktemp("small") / "data")


@pytest.fixture
def empty_home(tmp_path, monkeypatch):
    """A home of the test's own, where nothing is kept yet."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


@pytest.fixture
def spawning(monkeypatch):
    """Spawned processes run the main module first, and an AppTest has left its page there."""
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))


@pytest.fixture
def folder(tmp_path):
    """An empty folder for data, beside that home."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def photo(path: Path, colour: str = "red") -> None:
    """A small photo, with the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP of these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()
