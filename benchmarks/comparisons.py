"""What a comparison costs: fits, seconds, peak memory and the machine; how far one model falls behind dedicated ones.

In: a data folder whose embeddings are cached. Out: a table on stdout. The large run is every strategy with 5 seeds on
the fashion set, the small one 2 strategies with 1 seed on the demo: `python benchmarks/comparisons.py small large`.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

from cost import FASHION, ROOT, TASKS, timed

DEMO_TASKS = "product,category,packaging,brand"
# What each run may cost: seconds, MiB.
LARGE, SMALL = (600, 4096), (60, 4096)
BEHIND = 0.015  # how far the one model may fall behind a model trained for the subset


def compare(data: Path, tasks: str, options: list[str], limits: tuple[int, int], keep: Path) -> None:
    home = Path(os.environ.get("RETAIL_HOME") or Path.home() / ".retail")
    command = [sys.executable, "-m", "retail"]
    timed([*command, "embed", str(data)], home)  # warm
    load, before = os.getloadavg()[0], resource.getrusage(resource.RUSAGE_CHILDREN)
    command += ["compare", str(data), "--tasks", tasks, "--out", str(keep), *options]
    seconds, peak, _ = timed(command, home)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = json.loads(keep.read_text(encoding="utf-8"))
    print(
        f"{keep.stem}: {found['cost']['fits']} fits, {seconds:.1f} s (limit {limits[0]}), processor {processor:.1f} s, "
        f"peak {peak:.0f} MiB (limit {limits[1]}), load {load:.1f} before and {os.getloadavg()[0]:.1f} after"
    )
    pairs = found["dedicated"]
    behind = sorted((row for row in pairs if row["loss"] > BEHIND), key=lambda row: -row["loss"])
    print(f"  behind a dedicated model by more than {100 * BEHIND:.1f} points: {len(behind)} of {len(pairs)} pairs")
    for row in behind:
        low, high = 100 * row["loss_low"], 100 * row["loss_high"]
        inputs = "+".join(row["modalities"])
        print(f"  {row['task']}, {inputs}: {row['model']} {100 * row['loss']:.1f} points [{low:.1f}, {high:.1f}]")


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["small", "large"]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"
    )
    with tempfile.TemporaryDirectory() as folder:
        keep = Path(os.environ.get("LABORATORY_RESULTS") or folder)
        if "small" in chosen:
            options = ["--strategies", "concatenation,gated", "--seeds", "1"]
            compare(ROOT / "data" / "demo", DEMO_TASKS, options, SMALL, keep / "small.json")
        if "large" in chosen:
            if not FASHION.is_dir():
                raise SystemExit(f"The measuring data is absent: {FASHION} does not exist.")
            compare(FASHION, TASKS, ["--strategies", "all", "--seeds", "5"], LARGE, keep / "large.json")
