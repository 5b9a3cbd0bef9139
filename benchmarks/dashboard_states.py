"""Reruns of the dashboard's pages, each in the states that cost most: tabs, 200 runs, 10,000 products.

In: a home folder with a finished run. Out: one line a state, by the clock and of the processor. Each page runs in this
process with Streamlit's AppTest: the script and what it sends, without the browser's drawing.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RERUNS, LIMIT_MS = 15, 150
RUNS, PRODUCTS = 200, 10_000
PHOTOS, SIDE_PX = 100, 640  # of the catalogue, the first by name
COMPARE_TABS = ("Answer", "Mistakes", "Trust", "Details")
DATA_TABS = ("Products", "Classes", "Labels", "Problems")
READY_S = 600.0


def reruns(home: Path) -> None:
    """Every page as it opens, then Compare's tabs, then long lists."""
    for path in sorted((ROOT / "retail" / "pages").glob("[!_]*.py")):
        _print(path.stem, "", timed_reruns(path.stem))
    for tab in COMPARE_TABS:
        _print("compare", tab, timed_reruns("compare", {"compare_group": tab}))
    many_products(home / "many")
    for tab in DATA_TABS:
        state = {"dataset": _dataset("Many products"), "tab": tab}
        _print("data", f"{PRODUCTS:,}, {tab}", timed_reruns("data", state))
    _print("train", f"{PRODUCTS:,} products", timed_reruns("train", {"dataset": _dataset("Many products")}))
    many_known(home / "many")
    _print("catalogue", f"{PRODUCTS:,} products", timed_reruns("catalogue", {"catalogue": "Many"}, _catalogue_ready))
    many_runs(home / "runs")
    for page in ("runs", "compare", "train", "leaderboard"):
        _print(page, f"{RUNS} runs", timed_reruns(page))


def _print(page: str, state: str, milliseconds: list[tuple[float, float]]) -> None:
    clock, processor = zip(*milliseconds, strict=True)
    print(
        f"rerun {f'{page} {state}'.strip():<27} p50 {statistics.median(clock):.0f} ms (limit {LIMIT_MS}), "
        f"max {max(clock):.0f} ms; processor p50 {statistics.median(processor):.0f} ms",
        flush=True,
    )


def timed_reruns(
    page: str, state: Mapping[str, str] | None = None, ready: Callable[[Any], bool] = lambda app: True
) -> list[tuple[float, float]]:
    """Milliseconds by the clock and of the processor, of warm runs of one page; Recognise has all three inputs."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=READY_S).run()
    for key, value in (state or {}).items():
        app.session_state[key] = value
    if page == "recognise":
        next(item for item in app.button if item.label == "Try an example").click().run()
        ready = _answered
    else:
        app.switch_page(f"retail/pages/{page}.py")
    app.run()
    while not ready(app):
        time.sleep(1)
        app.run()
    app.run()
    assert not app.exception, app.exception
    milliseconds = []
    for _ in range(RERUNS):
        started, worked = time.perf_counter(), time.process_time()
        app.run()
        milliseconds.append((1000 * (time.perf_counter() - started), 1000 * (time.process_time() - worked)))
    return milliseconds


def _answered(app: Any) -> bool:
    return "The nearest of" in " ".join(item.value for item in app.caption)


def _catalogue_ready(app: Any) -> bool:
    listed = any(f"{PRODUCTS:,} products, by name" in item.value for item in app.caption)
    return listed and "Bringing the catalogue" not in str([item.proto for item in app.get("progress")])


def _dataset(name: str) -> str:
    from retail.workspace import datasets

    return next(dataset.id for dataset in datasets.list_datasets() if dataset.name == name)


def many_products(folder: Path) -> None:
    """A data set of photos of 640 px with a description and a class each, added under the name Many products."""
    import numpy as np
    from PIL import Image

    from retail.workspace import datasets

    if folder.is_dir():
        return
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    lines = ["id,image_file_name,text,kind"]
    for row in range(PRODUCTS):
        coarse = Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8))
        coarse.resize((SIDE_PX, SIDE_PX)).save(folder / "images" / f"{row}.jpg")
        lines.append(f"{row},images/{row}.jpg,thing number {row},kind {row % 80}")
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    datasets.add_folder("Many products", folder)


def many_known(folder: Path) -> None:
    """A catalogue named Many: all have words and a label, the first by name a photo too."""
    from retail.catalogue.database import Catalogue
    from retail.catalogue.record import CatalogueProduct
    from retail.schema import Product

    facts = [
        (
            CatalogueProduct(str(row), f"thing {row:05}", {"kind": f"kind {row % 80}"}),
            Product(
                id=str(row),
                images=(folder / "images" / f"{row}.jpg",) if row < PHOTOS else (),
                text=f"thing number {row}",
            ),
        )
        for row in range(PRODUCTS)
    ]
    Catalogue.open("Many").add(facts, "import", keep_files=False)


def many_runs(folder: Path) -> None:
    """Copies of the finished run that is there, under other names."""
    (pattern,) = folder.iterdir()
    for place in range(1, RUNS):
        copy = folder / f"20260102-{place:06}-copy"
        copy.mkdir()
        os.link(pattern / "results.json", copy / "results.json")
        for name in ("job.json", "status.json"):
            (copy / name).write_bytes((pattern / name).read_bytes())
