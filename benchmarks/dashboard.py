"""What the dashboard costs: rerun time of each page, first view of Compare, a large gallery, large uploads.

In: nothing, or a results file. Out: one line each with its limit, and the machine with its load.
`python benchmarks/dashboard.py [reruns content compare gallery drop memory] [--results results.json | --full]`, on an
otherwise idle machine. `--full` measures with made-up results as large as those of a full comparison.
Reruns are timed in this process with Streamlit's AppTest: the script and what it sends, without the browser's drawing.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
from dashboard_states import PRODUCTS, many_products, reruns
from made_up_results import made_up_results

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PAGES = ROOT / "retail" / "pages"
DROPS, PHONE_PX = 7, (4000, 3000)  # 12 megapixels
READY_MS = 900_000  # to embed the demo's training products, once
UPLOADS, SIDE_PX = 20, 2600  # 2600 x 2600 pixels without compression are 20.3 MB


def own_results(home: Path, results: Path) -> None:
    """A finished run in the home folder, as the dashboard finds it."""
    folder = home / "runs" / "20260101-000000-full"
    folder.mkdir(parents=True)
    shutil.copyfile(results, folder / "results.json")
    (folder / "job.json").write_text('{"title": "full run", "pid": 0, "started": 0, "command": []}', encoding="utf-8")
    (folder / "status.json").write_text('{"state": "done"}', encoding="utf-8")


@contextlib.contextmanager
def served(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A server of its own; its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true"]
    environment = os.environ | {"RETAIL_HOME": str(home)}
    command.append(f"--server.port={port}")
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=5)
                break
            time.sleep(0.2)
        yield url, psutil.Process(server.pid)
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:  # it still embeds
            server.kill()
            server.wait()


@contextlib.contextmanager
def opened(url: str):
    """A page of headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page()
        page.set_default_timeout(180_000)
        page.goto(url)
        yield page
        browser.close()


def content(home: Path) -> None:
    """From the address of each page to its heading and a settled page, in a warm server."""
    with served(home) as (url, _), opened(url) as page:
        page.get_by_role("button", name="Try an example").wait_for()
        for path in sorted(PAGES.glob("[!_]*.py")):
            address = f"{url}/{'' if path.stem == 'recognise' else path.stem}"
            for visit in ("first", "again"):
                started = time.perf_counter()
                page.goto(address)
                page.get_by_role("heading", level=1).wait_for()
                # Once a page has a heading its script runs to its end; the sign of a running script comes too late.
                page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
                page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
                seconds = time.perf_counter() - started
                print(f"content {path.stem:<10}{visit} {seconds:.1f} s" + " (limit 5)" * (visit == "again"))


def compare(home: Path) -> None:
    """From the address to the drawn accuracy chart, in a server that has loaded its modules but not this page."""
    with served(home) as (url, server), opened(url) as page:
        page.get_by_role("button", name="Try an example").wait_for()
        started, worked = time.perf_counter(), sum(server.cpu_times()[:2])
        page.goto(f"{url}/compare")
        page.locator("[aria-label*='Accuracy for']").first.wait_for()
        clock, processor = time.perf_counter() - started, sum(server.cpu_times()[:2]) - worked
        print(f"first Compare     {clock:.1f} s (limit 3, in the browser); the server's processor {processor:.1f} s")


def gallery(home: Path) -> None:
    """From the address of Data with 10,000 products to the first photo: the first visit reads the table, then none."""
    many_products(home / "many")
    with served(home) as (url, server), opened(url) as page:
        page.get_by_role("button", name="Try an example").wait_for()
        page.goto(f"{url}/data")
        choose = page.get_by_role("combobox", name="Data set")
        for visit in ("first", "again"):
            choose.click()
            started, worked = time.perf_counter(), sum(server.cpu_times()[:2])
            page.get_by_role("option", name="Many products").click()
            page.get_by_text(f"{PRODUCTS:,} products").first.wait_for()
            page.get_by_alt_text("Photo of 0", exact=True).wait_for()
            seconds, processor = time.perf_counter() - started, sum(server.cpu_times()[:2]) - worked
            print(
                f"gallery {visit:<10}{seconds:.2f} s from the choice to the first photo (limit 1), the server's "
                f"processor {processor:.2f} s, load {os.getloadavg()[0]:.0f}",
                flush=True,
            )
            choose.click()
            page.get_by_role("option", name="Demo products").click()
            page.get_by_text("600 products").first.wait_for()
        choose.click()
        page.get_by_role("option", name="Many products").click()
        page.get_by_text(f"{PRODUCTS:,} products").first.wait_for()
        page.wait_for_function("!document.querySelector('[data-stale=true]')")
        for word, found in (("number 77", "77"), ("kind 7", "7")):
            started, worked = time.perf_counter(), sum(server.cpu_times()[:2])
            page.get_by_role("textbox", name="Search").last.fill(word)
            page.keyboard.press("Enter")
            page.get_by_text(f"of {PRODUCTS:,} products").wait_for()
            page.get_by_alt_text(f"Photo of {found}", exact=True).wait_for()
            seconds, processor = time.perf_counter() - started, sum(server.cpu_times()[:2]) - worked
            print(
                f"gallery search    {seconds:.2f} s for “{word}” (limit 1), the server's processor {processor:.2f} s",
                flush=True,
            )


def phone_photo(number: int) -> bytes:
    """A JPEG of 12 megapixels and some 3 MB: shapes with a sensor's noise."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(number)
    shapes = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize(
        PHONE_PX, Image.Resampling.BICUBIC
    )
    noisy = np.asarray(shapes, dtype=np.int16) + rng.integers(-12, 12, (PHONE_PX[1], PHONE_PX[0], 1), dtype=np.int16)
    stream = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def drop(home: Path) -> None:
    """From the drop of a photo on Recognise to its answer, in a warm server and the browser."""
    with served(home) as (url, server), opened(url) as page:
        page.get_by_role("button", name="Try an example").click()
        page.get_by_text("The nearest of").first.wait_for(timeout=READY_MS)
        seconds, processor = [], []
        for number in range(DROPS):
            page.wait_for_timeout(1500)
            page.get_by_role("button", name="Clear", exact=True).click()
            page.get_by_text("Any one input is enough").first.wait_for()
            page.wait_for_timeout(1500)
            sent = {"name": f"phone{number}.jpg", "mimeType": "image/jpeg", "buffer": phone_photo(number)}
            started, worked = time.perf_counter(), sum(server.cpu_times()[:2])
            page.locator("[class*=st-key-photos_] input[type=file]").set_input_files(sent)
            page.get_by_text("Used: photo.").wait_for()
            seconds.append(time.perf_counter() - started)
            processor.append(sum(server.cpu_times()[:2]) - worked)
        size = len(sent["buffer"]) / 1e6
        print(
            f"drop of 12 megapixels ({size:.1f} MB) to its answer: p50 {statistics.median(seconds):.2f} s (limit 1.5), "
            f"first {seconds[0]:.2f} s, max {max(seconds):.2f} s; "
            f"processor of the server p50 {statistics.median(processor):.2f} s"
        )


def memory(home: Path) -> None:
    """Resident MiB of the server before and after uploads of 20 MB each, one after the other."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    with served(home) as (url, server), opened(url) as page:
        page.get_by_role("button", name="Try an example").click()
        page.get_by_text("The nearest of").first.wait_for()
        page.get_by_role("button", name="Clear", exact=True).click()
        page.get_by_text("Any one input is enough").first.wait_for()
        start, peak = server.memory_info().rss / 2**20, 0.0
        for number in range(UPLOADS):
            stream = io.BytesIO()
            Image.fromarray(rng.integers(0, 255, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)).save(stream, "BMP")
            name = f"upload{number}.bmp"
            sent = {"name": name, "mimeType": "image/bmp", "buffer": stream.getvalue()}
            page.locator("[class*=st-key-photos_] input[type=file]").set_input_files(sent)
            page.get_by_role("button", name=f"✕ {name}").wait_for()
            page.get_by_text("Used: photo.").wait_for()
            page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
            peak = max(peak, server.memory_info().rss / 2**20)
            page.get_by_role("button", name="Clear", exact=True).click()
            page.get_by_text("Any one input is enough").first.wait_for()
            page.wait_for_function("!document.querySelector('[data-stale=true]')")
        gc.collect()
        time.sleep(5)
        end = server.memory_info().rss / 2**20
        print(
            f"upload memory     start {start:.0f} MiB, after {UPLOADS} uploads of 20 MB {end:.0f} MiB "
            f"(limit start + 300), highest seen {peak:.0f} MiB"
        )


if __name__ == "__main__":
    names = {"reruns": reruns, "content": content, "compare": compare, "gallery": gallery, "drop": drop}
    names |= {"memory": memory}
    arguments = sys.argv[1:]
    results = ROOT / "data" / "demo_results.json"
    if "--results" in arguments:
        place = arguments.index("--results")
        results = Path(arguments[place + 1])
        del arguments[place : place + 2]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if "--full" in arguments:
            arguments.remove("--full")
            results = Path(folder) / "made_up_full.json"
            made_up_results().write(results)
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        print(
            f"{machine}, load {os.getloadavg()[0]:.1f}, results {results.name} of {results.stat().st_size / 1e6:.1f} MB"
        )
        os.environ["RETAIL_HOME"] = folder
        own_results(Path(folder), results)
        for name in arguments or names:
            names[name](Path(folder))
