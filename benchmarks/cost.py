"""What the main jobs cost on this machine: embedding, comparison, one product, opening the dashboard.

In: a data folder (the fashion set by default). Out: a table on stdout with the machine it ran on.
Run one at a time on an otherwise idle machine: `python benchmarks/cost.py embed compare predict dashboard`.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
FASHION = ROOT.parent / "shared" / "datasets" / "fashion"
TASKS = "article_type,base_colour,gender,season,usage"


def timed(command: list[str], home: Path) -> tuple[float, float, str]:
    """Seconds, peak resident MiB of the whole process tree (shared pages counted once by PSS), last line printed."""
    started = time.perf_counter()
    environment = os.environ | {"RETAIL_HOME": str(home)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    peak = 0.0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            try:
                root = psutil.Process(process.pid)
                tree = [root, *root.children(recursive=True)]
                peak = max(peak, sum(member.memory_full_info().pss for member in tree) / 2**20)
            except psutil.Error:
                pass
            time.sleep(1.0)  # reading the maps of every process is work too

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - started, peak, output.strip().splitlines()[-1]


def embed(home: Path) -> None:
    seconds, peak, last = timed([sys.executable, "-m", "retail", "embed", str(FASHION)], home)
    print(f"first embedding   {last}  whole command {seconds:.1f} s, peak {peak:.0f} MiB")


def compare(home: Path) -> None:
    command = [sys.executable, "-m", "retail", "compare", str(FASHION), "--tasks", TASKS, "--out", str(home / "r.json")]
    subprocess.run([sys.executable, "-m", "retail", "embed", str(FASHION)], env=os.environ | {"RETAIL_HOME": str(home)})
    seconds, peak, _ = timed(command, home)
    print(f"comparison warm   {seconds:.1f} s (limit 150), peak {peak:.0f} MiB (limit 3072)")


def predict(home: Path) -> None:
    """One product with all three inputs, loaded encoders, no cache."""
    os.environ["RETAIL_HOME"] = str(home)
    sys.path.insert(0, str(ROOT))
    import torch

    from retail.recognizer.bundle import load_bundle
    from retail.workspace.demo import ensure_demo_bundle, example_products

    torch.set_num_threads(2)
    recognizer = load_bundle(ensure_demo_bundle())
    products = example_products()[:30]
    recognizer.predict(products[0])
    milliseconds = []
    for product in products:
        started = time.perf_counter()
        recognizer.predict(product)
        milliseconds.append(1000 * (time.perf_counter() - started))
    ranked = sorted(milliseconds)
    p50, p95 = statistics.median(ranked), ranked[int(0.95 * len(ranked))]
    print(f"one product       p50 {p50:.0f} ms (limit 250), p95 {p95:.0f} ms, n = {len(ranked)}")


def dashboard(home: Path) -> None:
    """From the command to a page on which "Try an example" can be pressed."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true"]
    server = subprocess.Popen(
        [*command, f"--server.port={port}"],
        cwd=ROOT,
        env=os.environ | {"RETAIL_HOME": str(home)},
        stdout=subprocess.DEVNULL,
    )
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page()
            while True:
                try:
                    page.goto(f"http://127.0.0.1:{port}")
                    break
                except Exception:
                    time.sleep(0.1)
            page.get_by_role("button", name="Try an example").wait_for(timeout=60_000)
            print(f"dashboard usable  {time.perf_counter() - started:.1f} s (limit 15)")
            browser.close()
    finally:
        server.terminate()


if __name__ == "__main__":
    jobs = {"embed": embed, "compare": compare, "predict": predict, "dashboard": dashboard}
    chosen = sys.argv[1:] or list(jobs)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    if not FASHION.is_dir() and {"embed", "compare"} & set(chosen):
        raise SystemExit(f"The measuring data is absent: {FASHION} does not exist.")
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            jobs[name](Path(folder))
