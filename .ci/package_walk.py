"""Uses an installed `retail` from an empty folder: --help, two predictions, the dashboard's example.

In: the environment's folder. Out: seconds on stdout; a step that does not do what it should stops with an error.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

PROJECT = Path(__file__).parents[1]
FLAGS = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking".split()
START_SECONDS, ANSWER_MS, HELP_TRIES = 120, 180_000, 5
CONFIGURATION = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def seconds(command: list[str], **options) -> tuple[float, str]:
    """How long a command took, and what it printed; raises CalledProcessError when it fails."""
    started = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True, **options)
    return time.perf_counter() - started, done.stdout


@contextlib.contextmanager
def dashboard(retail: str, **options) -> Iterator[str]:
    """`retail dashboard` on a free port; yields its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tempfile.TemporaryFile("w+", encoding="utf-8")
    server = subprocess.Popen([retail, "dashboard", "--port", str(port)], stdout=log, stderr=log, **options)
    try:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert server.poll() is None, "the dashboard ended at once"
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5)
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    except BaseException:
        log.seek(0)
        print(log.read(), file=sys.stderr)
        raise
    finally:
        server.terminate()
        server.wait(timeout=20)


def try_example(address: str) -> None:
    """Presses the first page's button and follows a link; the colour of the theme shows that the settings arrived."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(color_scheme="light")
        page.set_default_timeout(ANSWER_MS)
        started = time.perf_counter()
        page.goto(address)
        page.get_by_role("button", name="Try an example").click()
        page.get_by_text("The example's label is").first.wait_for()
        page.locator(".st-key-answer").get_by_role("heading", level=2).wait_for()
        for task in ("Category", "Packaging", "Brand"):
            page.locator(".bars-name").get_by_text(task, exact=True).wait_for()
        print(f"example answered                  {time.perf_counter() - started:6.2f} s")
        colour = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).color")
        wanted = CONFIGURATION["theme"]["light"]["textColor"].lstrip("#")
        assert colour == f"rgb({', '.join(str(int(wanted[place : place + 2], 16)) for place in (0, 2, 4))})", colour
        page.get_by_role("link", name="How good is this?").click()
        page.wait_for_url("**/leaderboard**")
        page.get_by_role("heading", level=1).wait_for()
        browser.close()


def main(environment: Path) -> None:
    """Every step in one empty folder, with a home of its own."""
    retail = str(environment / "bin" / "retail")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "STREAMLIT"))}
        options = {"cwd": folder, "env": own | {"RETAIL_HOME": home, "HOME": home}}
        taken = sorted(seconds([retail, "--help"], **options)[0] for _ in range(HELP_TRIES))
        print(f"retail --help, median of {HELP_TRIES}        {taken[HELP_TRIES // 2]:6.2f} s (best {taken[0]:.2f})")
        said = seconds([retail, "demo"], **options)[1]
        photo = said.partition('--image "')[2].partition('"')[0]
        took, answer = seconds([retail, "predict", "demo", "--image", photo, "--text", "breakfast tea"], **options)
        assert "category: tea" in answer, answer
        print(f"retail predict demo               {took:6.2f} s\n{answer}", end="")
        photo = said.rpartition('--image "')[2].partition('"')[0]
        took, answer = seconds([retail, "predict", "groceries", "--image", photo], **options)
        assert "product: Banana" in answer, answer
        print(f"retail predict groceries          {took:6.2f} s\n{answer}", end="")
        started = time.perf_counter()
        with dashboard(retail, **options) as address:
            print(f"dashboard up                      {time.perf_counter() - started:6.2f} s")
            try_example(address)
        assert not list(Path(folder).iterdir()), "something was written where the commands were called"


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
