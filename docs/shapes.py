"""Five data sets of different shape through every page: pictures to look at, and what must never be on any of them.

In: nothing; chromium must be installed. Out: SHAPE-PAGE-LOOK.png in the folder that is named, and a line for each
page that shows an error, "None" or "nan", scrolls sideways, or draws an empty chart.
`python docs/shapes.py FOLDER [two four groceries many one]`. Takes a while: each set is compared, bulk-recognised
and imported into a catalogue first.
"""

from __future__ import annotations

import csv
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "docs")]

from screenshots import FLAGS, LOOKS, chromium, dashboard, settled  # noqa: E402

SIDE = 96
FIGURES = ("ellipse", "rectangle", "triangle", "cross", "ring")
ADJECTIVES = ("small", "large", "old", "new", "light", "heavy", "round", "flat", "long", "short", "plain", "fine")
NOUNS = ("cup", "bowl", "lamp", "chair", "kettle", "basket", "blanket", "mirror", "clock", "shelf", "candle", "tray")
MUST_NOT = re.compile(r"\b(None(?! of)|nan|NaN|1 seeds|1 rows)\b")
LONG_RUN_S = 1800
Row = dict[str, str]


@dataclass(frozen=True)
class Shape:
    """A made-up data set: how many classes, rows of each, and which inputs there are."""

    title: str
    classes: int
    rows: int  # of a class
    photos: int  # rows that have one; the first
    words: bool

    def write(self, folder: Path) -> Path:
        """The table and its photos; every class has rows in all three splits where it has three."""
        (folder / "images").mkdir(parents=True)
        rng = random.Random(0)
        rows = []
        for place in range(self.classes * self.rows):
            kind, copy = place % self.classes, place // self.classes
            row = {"id": f"{place:05}", "kind": name_of(kind), "shade": ("light", "dark")[kind % 2]}
            row["split"] = ("train", "test", "val", "train")[copy % 4] if self.rows >= 3 else "train"
            if self.words:
                row["text"] = f"{rng.choice(('a', 'one', 'the'))} {name_of(kind)} for {rng.choice(('home', 'work'))}"
            if place < self.photos:
                row["image_file_name"] = f"images/{place}.jpg"
                picture(kind, rng).save(folder / row["image_file_name"])
            rows.append(row)
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(rows)
        return folder


SHAPES = {
    "two": Shape("Two classes of 15 rows", 2, 15, 30, True),
    "four": Shape("Four classes", 4, 20, 80, True),
    "groceries": Shape("81 classes", 81, 8, 648, True),
    "many": Shape("3,000 classes", 3000, 3, 300, True),
    "one": Shape("Photos only", 6, 12, 72, False),
}


def name_of(kind: int) -> str:
    """'small lamp', with a number where there are more kinds than words."""
    words = f"{ADJECTIVES[kind % len(ADJECTIVES)]} {NOUNS[kind // len(ADJECTIVES) % len(NOUNS)]}"
    number = kind // (len(ADJECTIVES) * len(NOUNS))
    return f"{words} {number + 1}" if number else words


def picture(kind: int, rng: random.Random) -> Image.Image:
    """A figure in the colour of its kind, at a random place."""
    image = Image.new("RGB", (SIDE, SIDE), tuple(rng.randint(200, 255) for _ in range(3)))
    draw, colours = ImageDraw.Draw(image), random.Random(kind)
    colour = tuple(colours.randint(0, 220) for _ in range(3))
    left, top = rng.randint(4, 28), rng.randint(4, 28)
    box = (left, top, left + 56, top + 56)
    figure = FIGURES[kind % len(FIGURES)]
    if figure == "ellipse":
        draw.ellipse(box, fill=colour)
    elif figure == "rectangle":
        draw.rectangle(box, fill=colour)
    elif figure == "triangle":
        draw.polygon([(left, top + 56), (left + 28, top), (left + 56, top + 56)], fill=colour)
    elif figure == "cross":
        draw.line(box, fill=colour, width=12)
        draw.line((left, top + 56, left + 56, top), fill=colour, width=12)
    else:
        draw.ellipse(box, outline=colour, width=10)
    return image


def prepare(shape: Shape, folder: Path) -> None:
    """The data set, a comparison with a recogniser, a bulk run and a catalogue of it, in the home folder."""
    from retail.catalogue.database import Catalogue
    from retail.config import CompareConfig
    from retail.workspace import bulk, datasets, jobs
    from retail.workspace.requests import CompareRequest

    data = datasets.add_folder(shape.title, shape.write(folder))
    config = CompareConfig(strategies=("concatenation",), seeds=1, tasks=("kind", "shade"))
    request = CompareRequest(data=data.path.absolute(), config=config, bundles=Path("bundles"))
    job = _finished(jobs.start(request, f"Comparison of {shape.title}"))
    bundle = next(path for path in sorted((job.folder / "bundles").iterdir()) if path.is_dir())
    _finished(bulk.start(bundle, data.path, f"Bulk of {shape.title}"))
    Catalogue.open(shape.title).import_data(data.path)


def _finished(job):
    from retail.workspace import jobs

    deadline = time.monotonic() + LONG_RUN_S
    while jobs.status(job).state in jobs.UNFINISHED:
        if time.monotonic() > deadline:
            raise SystemExit(f"{job.folder} did not end within {LONG_RUN_S} s.")
        time.sleep(0.5)
    if (state := jobs.status(job)).state != "done":
        raise SystemExit(f"{state.title} is {state.state}: {state.message}")
    return job


def choose(box: str, option: str) -> Callable[[Page], None]:
    """Takes an option of a box, where the page has the box."""

    def take(page: Page) -> None:
        if page.get_by_role("combobox", name=box).count():
            page.get_by_role("combobox", name=box).first.click()
            page.get_by_role("option", name=option).first.click()
            settled(page)

    return take


def wrong(page: Page) -> list[str]:
    """What no page may show."""
    found = []
    if page.get_by_test_id("stException").count():
        found.append("an error")
    text = page.locator("[data-testid=stMain]").inner_text()
    found += sorted({f"“{match}”" for match in MUST_NOT.findall(text)})
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        found.append("scrolls sideways")
    if page.evaluate("[...document.querySelectorAll('canvas.marks')].some(one => one.clientHeight < 30)"):
        found.append("an empty chart")
    return found


def look_at(browser: Browser, url: str, name: str, shape: Shape, out: Path) -> None:
    """Every page with this data, in every look, whole."""
    tabs = ("Products", "Classes", "Labels", "Problems")
    stops = {
        "recognise": ("", [choose("Recogniser", shape.title)]),
        "train": ("train", [choose("Data set", shape.title)]),
        "leaderboard": ("leaderboard", [choose("Data set", shape.title)]),
        "runs": ("runs", []),
        "catalogue": ("catalogue", [choose("Catalogue", shape.title)]),
        "review": ("review", [choose("Run", shape.title)]),
        "compare": ("compare", [choose("Results", shape.title)]),
    } | {f"data-{tab.lower()}": (f"data?tab={tab}", [choose("Data set", shape.title)]) for tab in tabs}
    for stop, (path, steps) in stops.items():
        for look, (scheme, width, height) in LOOKS.items():
            context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
            page = context.new_page()
            page.goto(f"{url}/{path}")
            page.get_by_role("heading", level=1).wait_for()
            settled(page)
            for step in steps:
                step(page)
            for problem in wrong(page):
                print(f"{name} {stop} {look}: {problem}", flush=True)
            height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": width, "height": min(int(height) + 80, 6000)})
            settled(page)
            page.screenshot(path=out / f"{name}-{stop}-{look}.png")
            context.close()


def main(out: Path, names: list[str]) -> None:
    """Makes the data sets, then looks."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["RETAIL_HOME"] = home
        for name in names or SHAPES:
            started = time.monotonic()
            prepare(SHAPES[name], Path(home) / "made" / name)
            print(f"{name}: prepared in {time.monotonic() - started:.0f} s", flush=True)
        with dashboard(Path(home)) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS.split())
            for name in names or SHAPES:
                look_at(browser, url, name, SHAPES[name], out)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("Name a folder for the pictures: python docs/shapes.py FOLDER")
    main(Path(sys.argv[1]), sys.argv[2:])
