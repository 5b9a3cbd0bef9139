"""Pictures of every page and state as a visitor sees it: the real dashboard on the demo data in headless Chromium.

In: nothing; Debian's chromium must be installed. Out: docs/screenshots/PAGE-light.png, -dark.png and -phone.png, and
PAGE-STATE-LOOK.png. Run it with `python docs/screenshots.py`, or with names of pages or pictures to take only those.
docs/screenshots/before holds the pages of 7f4388b, before they were drawn anew.
"""

from __future__ import annotations

import atexit
import contextlib
import csv
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[1]
DEMO_DIR = PROJECT / "data" / "demo"
DELIVERED = 60  # products of the bulk run that is reviewed
PICTURES = Path(__file__).with_name("screenshots")
FIRST_PAGE = "recognise"  # it lives at the root
# name -> colour scheme, width and the height that is shown
LOOKS = {"light": ("light", 1280, 1000), "dark": ("dark", 1280, 1000), "phone": ("light", 390, 844)}
COLOURS = 128  # a palette this large keeps a picture of a page under 150 KB
START_SECONDS, WAIT_MS, TRAIN_MS = 120, 180_000, 900_000
FLAGS = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"


def settled(page: Page) -> None:
    """Waits until the server has no more to say and the figures stand."""
    page.wait_for_timeout(1000)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_function("!document.querySelector('[data-stale=true]')")
    page.wait_for_timeout(1500)


def try_example(page: Page) -> None:
    """Recognise with all three inputs filled."""
    page.get_by_role("button", name="Try an example").click()
    page.get_by_text("The example's label is").first.wait_for()
    page.get_by_text("Nearest known").first.wait_for()  # the known products are encoded once


def see_form(page: Page) -> None:
    """Recognise with nothing given."""
    page.get_by_role("button", name="Try an example").wait_for()


def describe(words: str) -> Callable[[Page], None]:
    """Recognise with a description alone."""

    def type_it(page: Page) -> None:
        page.get_by_role("textbox", name="Description").fill(words)
        page.keyboard.press("Tab")
        page.locator(".st-key-answer").wait_for()

    return type_it


def try_groceries(page: Page) -> None:
    """Recognise with the recogniser of real groceries."""
    choose(page, "Recogniser", "Groceries (81 real products)")
    try_example(page)


def choose(page: Page, box: str, option: str) -> None:
    """Takes an option of a box."""
    page.get_by_role("combobox", name=box).first.click()
    page.get_by_role("option", name=option).first.click()
    settled(page)


def open_product(page: Page) -> None:
    """Data with a product of the gallery opened."""
    page.locator("[class*=st-key-open_gallery_] button").locator("visible=true").nth(3).click()
    page.get_by_role("button", name="All products").wait_for()


def open_tab(name: str) -> Callable[[Page], None]:
    """A page with another tab open, from that tab on."""

    def open_it(page: Page) -> None:
        tab = page.get_by_role("tab", name=name, exact=True)
        tab.click()
        settled(page)
        tab.evaluate("tab => tab.scrollIntoView({block: 'start'})")

    return open_it


def choose_yourself(page: Page) -> None:
    """Train with what is behind the button."""
    page.get_by_text("Choose yourself", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).wait_for()
    page.get_by_text("Choose yourself", exact=True).evaluate("box => box.scrollIntoView({block: 'start'})")


MADE: list[str] = []  # the address of the run that Train has made


def make_one(page: Page) -> None:
    """Train while a recogniser is made; the first look starts it."""
    if MADE:
        page.goto(MADE[0])
    else:
        settled(page)
        page.get_by_role("button", name="Make a recogniser").click()
        page.wait_for_url("**run=*")
        MADE.append(page.url)
    page.get_by_role("button", name="Cancel").wait_for()


def have_made_one(page: Page) -> None:
    """Train when it is made."""
    if not MADE:
        make_one(page)
    page.goto(MADE[0])
    page.get_by_role("link", name="Open your recogniser").wait_for(timeout=TRAIN_MS)


def open_run(page: Page) -> None:
    """Runs with that run opened."""
    have_made_one(page)
    address, _, run = MADE[0].partition("?")
    page.goto(f"{address.rpartition('/')[0]}/runs?{run}")
    page.get_by_role("heading", level=1).wait_for()


def see_bulk(page: Page) -> None:
    """Recognise with a bulk run that has ended."""
    page.goto(f"{page.url.partition('?')[0].rstrip('/')}/review")
    review_a_run(page)
    page.goto(f"{page.url.partition('?')[0].rpartition('/')[0]}/")
    page.get_by_role("tab", name="Many products").click()
    page.get_by_text("Earlier runs").click()
    page.get_by_role("button", name="Recognise autumn_delivery").click()
    page.get_by_text("need no look").first.wait_for()
    settled(page)


def open_group(name: str, section: str = "") -> Callable[[Page], None]:
    """Compare with one of its groups, and a section of it opened, scrolled to."""

    def open_it(page: Page) -> None:
        tab = page.get_by_role("tab", name=name, exact=True)
        tab.click()
        settled(page)
        top = tab
        if section:
            top = page.locator("summary").filter(has_text=section)
            top.click()
            settled(page)
        top.evaluate("box => box.scrollIntoView({block: 'start'})")

    return open_it


def look_for_leaks(page: Page) -> None:
    """Data with the findings of an audit; the first look takes it, the others find it done."""
    page.get_by_role("tab", name="Leaks").click()
    settled(page)
    button = page.get_by_role("button", name="Look for leaks")
    if button.count():
        button.click()
    page.get_by_role("button", name="Look again").wait_for()
    page.get_by_role("tab", name="Leaks").evaluate("tab => tab.scrollIntoView({block: 'start'})")


def score_recognisers(page: Page) -> None:
    """Leaderboard with the board of all strategies on the demo data; the first look trains and scores them."""
    page.get_by_role("radiogroup", name="Section").wait_for()
    settled(page)
    button = page.get_by_role("button", name="on the test products")
    if button.count():
        address = page.url
        page.goto(address.rpartition("/")[0])
        try_example(page)
        page.get_by_text("The same upload through other recognisers").click()
        page.get_by_role("button", name="Train the other fusion methods").click()
        page.get_by_text("All share the same embeddings").wait_for(timeout=TRAIN_MS)
        page.goto(address)
        button.click()
        page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_text("leads with").wait_for(timeout=TRAIN_MS)
    page.get_by_role("button", name="Cancel").wait_for(state="detached")


def import_demo(page: Page) -> None:
    """Catalogue with the demo's products; the first look imports them, and waits until they can be searched."""
    page.get_by_role("tab", name="Import").wait_for()
    settled(page)
    if page.get_by_text("This catalogue has no products yet.").count():
        page.get_by_role("tab", name="Import").click()
        page.get_by_role("button", name="Import").click()
        page.get_by_text("from 600 rows").wait_for(timeout=TRAIN_MS)
        page.get_by_role("tab", name="Products").click()
    page.get_by_text("24 products, by name.").wait_for(timeout=TRAIN_MS)
    page.get_by_text("Bringing the catalogue up to date").wait_for(state="detached", timeout=TRAIN_MS)


def review_a_run(page: Page) -> None:
    """Review with a bulk run of some test products of the demo; the first look makes it."""
    address, empty = page.url, page.get_by_text("Nothing to review.")
    empty.or_(page.get_by_role("combobox", name="Run")).first.wait_for()
    if empty.count():
        page.goto(f"{address.partition('?')[0].rpartition('/')[0]}/?bulk=new")
        page.get_by_text("Folder, ZIP or table on this machine").click()
        page.get_by_role("textbox", name="Path").fill(str(_some_rows()))
        page.keyboard.press("Tab")
        settled(page)
        page.get_by_role("button", name="Recognise all").click()
        page.get_by_text("need no look").wait_for(timeout=TRAIN_MS)
        page.goto(address)
    page.get_by_role("button", name="Accept").wait_for(timeout=TRAIN_MS)


def _some_rows() -> Path:
    """Test products of the demo with their photos and words, as a delivery would be; removed with the script."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with (DEMO_DIR / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "test" and row["image_file_name"]]
    table = folder / "autumn_delivery.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "image_file_name", "text"])
        for row in rows[:DELIVERED]:
            photo = DEMO_DIR / row["image_file_name"].partition(";")[0]
            writer.writerow([row["id"], str(photo), row["text"]])
    return table


# picture -> page, and what is done there first; a page that is not named is taken as it opens.
PREPARED: dict[str, tuple[str, Callable[[Page], None]]] = {
    FIRST_PAGE: (FIRST_PAGE, try_example),
    "leaderboard": ("leaderboard", score_recognisers),
    "catalogue": ("catalogue", import_demo),
    "review": ("review", review_a_run),
    "recognise-empty": (FIRST_PAGE, see_form),
    "recognise-unsure": (FIRST_PAGE, describe("Fennimore ground coffee in a tin")),
    "recognise-unknown": (FIRST_PAGE, describe("a bicycle tyre with a puncture")),
    "recognise-groceries": (FIRST_PAGE, try_groceries),
    "recognise-bulk": (FIRST_PAGE, see_bulk),
    "data-product": ("data", open_product),
    "data-classes": ("data", open_tab("Classes")),
    "data-labels": ("data", open_tab("Labels")),
    "data-leaks": ("data", look_for_leaks),
    "train-choose": ("train", choose_yourself),
    "train-running": ("train", make_one),
    "train-done": ("train", have_made_one),
    "runs-one": ("runs", open_run),
    "compare-missing": ("compare", open_group("Answer", "If an input is missing")),
    "compare-mistakes": ("compare", open_group("Mistakes")),
    "compare-trust": ("compare", open_group("Trust")),
    "compare-details": ("compare", open_group("Details")),
}


def shots() -> dict[str, tuple[str, Callable[[Page], None]]]:
    """Every page that is found, and the prepared ones."""
    found = [path.stem for path in sorted((PROJECT / "retail" / "pages").glob("[!_]*.py"))]
    return {page: (page, settled) for page in found} | {
        name: shot for name, shot in PREPARED.items() if shot[0] in found
    }


def chromium() -> str:
    """The browser; says how to get it where there is none."""
    found = shutil.which("chromium")
    if found is None:
        raise SystemExit("Pictures need Debian's chromium: apt-get install chromium")
    return found


@contextlib.contextmanager
def dashboard(home: Path) -> Iterator[str]:
    """The address of a server of its own with this home folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={port}"]
        environment = os.environ | {"RETAIL_HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
        server = subprocess.Popen(
            [*command, "--server.headless=true"],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{url}/_stcore/health", server)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait_for(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5)
            return
        time.sleep(0.2)
    raise SystemExit("The dashboard did not start; run 'streamlit run streamlit_app.py' to see why.")


def take(browser: Browser, url: str, name: str, page_name: str, prepare: Callable[[Page], None]) -> None:
    """One picture a look, as a palette PNG."""
    for look, (scheme, width, height) in LOOKS.items():
        size = {"width": width, "height": height}
        context = browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{url}/{'' if page_name == FIRST_PAGE else page_name}")
        page.get_by_role("heading", level=1).wait_for()
        settled(page)
        prepare(page)
        settled(page)
        path = PICTURES / f"{name}-{look}.png"
        page.screenshot(path=path)
        context.close()
        Image.open(path).convert("RGB").quantize(COLOURS).save(path, optimize=True)
        print(f"{path.relative_to(PROJECT)}: {path.stat().st_size / 1000:.0f} kB")


def main(wanted: list[str]) -> None:
    """Takes all pictures, or those that are named, or whose page is."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        dashboard(Path(home)) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS.split())
        for name, (page_name, prepare) in shots().items():
            if not wanted or {name, page_name} & set(wanted):
                take(browser, url, name, page_name, prepare)


if __name__ == "__main__":
    main(sys.argv[1:])
