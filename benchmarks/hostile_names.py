"""Names that act wherever somebody forgot to make text of them, tried on every page and in every file.

In: how many names, and how many of them go through all pages. Out: a line each for what was tried and what acted.
`python benchmarks/hostile_names.py [--names 2000] [--homes 100]`: names are put together from the parts in
`tests/hostile_names.py`, the same for the same number. A home is a data set, a comparison, a recogniser, a bulk run and
a catalogue that have this name in all places; it is walked through in a browser.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
A_PAGE = 200  # names that one page shows


def main() -> None:
    """Both parts."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM, FLAGS
    from tests.browser.driving import NOTES
    from tests.browser.hostile_walk import watched

    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--names", type=int, default=2000)
    asked.add_argument("--homes", type=int, default=100)
    given = asked.parse_args()
    os.chdir(ROOT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 390, "height": 900})
        context.add_init_script(NOTES)
        page = context.new_page()
        page.set_default_timeout(300_000)
        seen = watched(page)
        _shown(page, given.names)
        _walked(page, given.homes)
        print(f"asked of others or opened: {len(seen)} {seen[:3]}")
        browser.close()


def _shown(page, count: int) -> None:
    """Names as text, in bold, on buttons and in HTML; each has to read as it is."""
    from tests.browser.conftest import dashboard, free_port
    from tests.browser.hostile_walk import misread
    from tests.hostile_names import NAMES, NAMES_FILE, made_up

    names = [name for name in (*NAMES, *made_up(count)) if name.strip()][:count]
    wrong: list[str] = []
    for start in range(0, count, A_PAGE):
        with tempfile.TemporaryDirectory() as folder:
            part = names[start : start + A_PAGE]
            Path(folder, NAMES_FILE).write_text(json.dumps(part), encoding="utf-8")
            with dashboard(Path(folder), free_port(), "tests/browser/names_app.py") as address:
                wrong += misread(page, address, part)
    print(f"shown: {len(names):,} names in 6 places each, {len(wrong)} not as they are {wrong[:3]}", flush=True)


def _walked(page, count: int) -> None:
    """A home a name."""
    from tests.browser.conftest import dashboard, free_port
    from tests.browser.hostile_walk import walk

    wrong: Counter[str] = Counter()
    states, started = 0, time.monotonic()
    for number, name in enumerate(_names(count), start=1):
        folder = Path(tempfile.mkdtemp())
        try:
            home = _built(folder, name)
            with dashboard(folder, free_port()) as address:
                for state, found in walk(page, address, home):
                    states += 1
                    wrong.update(f"{name!r} in {state}: {one}" for one in found)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if wrong or not number % 10:
            print(
                f"{number} names, {states:,} states, {len(wrong)} acted, {time.monotonic() - started:.0f} s", flush=True
            )
    print(f"walked: {count} names through {states:,} states, {len(wrong)} acted")
    for one in wrong:
        print(f"  {one[:400]}")


def _names(count: int) -> Iterator[str]:
    """Hostile ones that a table can hold: first each part between two others, then made up ones."""
    from tests.hostile_names import HOSTILE, NAMES, made_up

    whole = [HOSTILE, *(f"{name} {HOSTILE}" for name in NAMES), *made_up(10 * count, seed=1)]
    usable = [name for name in whole if _fits(name)]
    yield from usable[:count]


def _fits(name: str) -> bool:
    """Whether CSV and UTF-8 can hold it, on one line and not over what a catalogue keeps of a name."""
    return bool(name.strip()) and name.isprintable() | ("\x1b" in name) and "\0" not in name and len(name) < 400


def _built(folder: Path, name: str):
    """In a process of its own: what reads a home keeps what it has read."""
    from tests.hostile_home import Home

    store = os.environ.get("RETAIL_HOME")
    if store and (Path(store) / "embeddings").exists():
        (folder / "embeddings").symlink_to((Path(store) / "embeddings").resolve())
    code = (
        "import json, sys; from dataclasses import asdict; from pathlib import Path\n"
        "from tests.hostile_home import build\n"
        "print('\\n' + json.dumps(asdict(build(Path(sys.argv[1]), json.loads(sys.argv[2])))))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(folder), json.dumps(name)],
        env=os.environ | {"RETAIL_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"{name!r}: {ran.stderr[-2000:]}")
    return Home(**json.loads(ran.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
