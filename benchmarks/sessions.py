"""Twenty browsers that recognise at once: is each answer right, does nobody see another's upload, what does it take?

In: how many. Out: a line a browser that got something else, then times and memory. `python -m benchmarks.sessions`
starts a dashboard on a home of its own and drives Chromium, a context a session, each with a test product of the demo.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from retail.files import DEMO_BUNDLE, DEMO_DIR
from retail.recognizer import Recognizer
from retail.schema import Product
from tests.browser.conftest import CHROMIUM, FLAGS, dashboard, free_port

WAIT_MS = 300_000


def products(count: int) -> list[dict[str, str]]:
    """Test rows with a photo."""
    with (DEMO_DIR / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "test" and row["image_file_name"]]
    return rows[:count]


def photo_of(row: dict[str, str]) -> Path:
    return DEMO_DIR / row["image_file_name"].partition(";")[0]


def expected(rows: Sequence[dict[str, str]]) -> list[set[str]]:
    """The class of each question, as the recogniser alone answers."""
    recognizer = Recognizer.load(DEMO_BUNDLE)
    answers = [recognizer.predict(Product("", (photo_of(row),))) for row in rows]
    return [{answer.label for answer in one.answers.values()} for one in answers]


def sent(number: int, row: dict[str, str]) -> dict[str, Any]:
    """A session's photo under a name that tells whose it is."""
    content = photo_of(row).read_bytes()
    return {"name": f"photo-of-{number}-only.jpg", "mimeType": "image/jpeg", "buffer": content}


def recognise(pages: Sequence[Any], rows: Sequence[dict[str, str]]) -> list[float]:
    """All give their photo and wait for their answers; seconds of each from its photo."""
    given = {}
    for number, (page, row) in enumerate(zip(pages, rows, strict=True)):
        page.locator("[class*=st-key-photos_] input[type=file]").set_input_files(sent(number, row))
        given[page] = time.monotonic()
    found: dict[Any, float] = {}
    while len(found) < len(pages):
        if time.monotonic() - max(given.values()) > WAIT_MS / 1000:
            raise TimeoutError(f"{len(pages) - len(found)} sessions have no answer")
        for page in pages:
            if page not in found and page.get_by_text("Used: photo.").count():
                found[page] = time.monotonic() - given[page]
    return [found[page] for page in pages]


def wrong(number: int, text: str, labels: set[str]) -> str:
    """What a page shows that it should not, or does not that it should."""
    others = [
        word for word in text.split() if word.startswith("photo-of-") and not word.startswith(f"photo-of-{number}-")
    ]
    if others:
        return f"session {number} sees {others[0]}"
    shown = [label for label in labels if label in text]
    return "" if shown else f"session {number} is answered otherwise: none of {sorted(labels)} in {text[:300]!r}"


def memory_mib(port: int) -> float:
    """Of the server."""
    for process in psutil.process_iter(["cmdline"]):
        if f"--server.port={port}" in (process.info["cmdline"] or []):
            return process.memory_info().rss / 2**20
    return float("nan")


def run(count: int) -> list[str]:
    """What went wrong."""
    from playwright.sync_api import sync_playwright

    rows, port = products(count), free_port()
    labels = expected(rows)
    with tempfile.TemporaryDirectory() as home, dashboard(Path(home), port) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        pages = []
        for _ in rows:
            page = browser.new_context().new_page()
            page.set_default_timeout(WAIT_MS)
            page.goto(url)
            page.get_by_role("heading", level=1).wait_for()
            pages.append(page)
        before = memory_mib(port)
        seconds = recognise(pages, rows)
        texts = [page.locator("body").inner_text() for page in pages]
        after = memory_mib(port)
        browser.close()
    print(f"{len(rows)} sessions, photo to answer p50 {statistics.median(seconds):.1f} s, last {max(seconds):.1f} s")
    print(f"server {before:.0f} MiB before, {after:.0f} MiB after, load {os.getloadavg()[0]:.1f}")
    return [said for number, text in enumerate(texts) if (said := wrong(number, text, labels[number]))]


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    problems = run(parser.parse_args().sessions)
    print("\n".join(problems) or "every session got its own answer and saw nobody else's photo")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
