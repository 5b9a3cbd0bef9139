"""What every browser test does with a page: wait, try an example, read the answer."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import TimeoutError

from retail.workspace import jobs

# The address of each page: its file's name, but the first one lives at the root.
PAGES = [
    "" if path.stem == "recognise" else path.stem
    for path in sorted((Path(__file__).parents[2] / "retail" / "pages").glob("[!_]*.py"))
]
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
TRIES, TRY_MS = 5, 5_000
QUIET_MS = 40_000
BLANK_MS = 60_000
RUN_MS = 600_000  # a run of the test's own: a process starts, embeds and trains
# Streamlit notes at its root whether the script of this page runs, but only once the server has said so: a click that
# nobody has answered yet looks like a quiet page. So every page notes when it sent something, and when a script ran.
NOTES = """(() => {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (...all) { window.sentAt = performance.now(); return send.apply(this, all); };
  new MutationObserver(() => {
    const state = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState;
    if (state && state !== 'notRunning') window.ranAt = performance.now();
  }).observe(document, {subtree: true, attributes: true, attributeFilter: ['data-test-script-state']});
})()"""
# Not everything that is sent makes a script run, and charts are drawn by code that comes late.
QUIET = """() => {
  const now = performance.now(), all = query => [...document.querySelectorAll(query)].filter(e => e.offsetWidth);
  const answered = !window.sentAt || window.ranAt >= window.sentAt || now - window.sentAt > 3000;
  const drawn = !all('[data-testid=stSkeleton]').length && all('[data-testid=stVegaLiteChart]').every(
    chart => chart.querySelector("[aria-label]:not([aria-label=''])"));
  const state = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState;
  if (state === 'notRunning' && answered && drawn) window.quietSince ??= now; else window.quietSince = undefined;
  return now - window.quietSince > 500;
}"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def settled(page) -> None:
    """Waits until nothing is drawn any more for a moment; a page that keeps refreshing is not waited for for ever."""
    page.evaluate("window.quietSince = undefined")
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(QUIET, timeout=QUIET_MS)
    page.wait_for_function("!document.querySelector('[data-stale=true]')")


def reload(page) -> None:
    """Loads the page anew; once more where the browser shows nothing at all, which happened once in some hundred."""
    page.reload()
    try:
        page.wait_for_function("document.body.innerText.trim()", timeout=BLANK_MS)
    except TimeoutError:
        page.reload()


def upload(page, box, name: str, file) -> None:
    """Gives `file` to an uploader and waits until the server has it; its name alone is shown earlier.

    A page that is still being drawn may put another box in this one's place, which shows nothing of the file.
    """
    settled(page)
    box.set_input_files(file)
    page.get_by_role("button", name=f"Remove {name}").wait_for()
    settled(page)


def try_example(page) -> None:
    settled(page)
    page.get_by_role("button", name="Try an example").click()
    page.get_by_text("The example's label is").first.wait_for()
    settled(page)


def answered(page) -> bool:
    """Whether Recognise shows an answer, be it that nothing known is like it."""
    return page.locator(".st-key-answer").get_by_role("heading", level=2).count() == 1


def answers(page) -> dict[str, tuple[str, int]]:
    """{Question: (class, per cent)} as Recognise says; nothing of an upload that is unlike everything known."""
    card, rows = page.locator(".st-key-answer"), page.locator("ul.bars li:has(.bars-name)")
    found = {}
    if asked := re.match(r"(.+) · [<>]?(\d+) %", card.locator(".answer-small").inner_text()) if card.count() else None:
        found[asked[1]] = card.get_by_role("heading", level=2).inner_text(), int(asked[2])
    for row in rows.all():
        name, label = row.locator(".bars-name").inner_text(), row.locator("strong").inner_text()
        found[name] = label, int(row.locator(".bars-value").inner_text().strip("<>% "))
    return found


def choose(page, label: str, option: str) -> None:
    """Takes an option of a select box."""
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def open_add(page) -> None:
    """On Data: opens the form for new data where it is folded; with the demo alone it stands open."""
    settled(page)
    if not page.get_by_role("button", name="Add", exact=True).is_visible():
        page.get_by_text("Use my data").click()
        page.get_by_role("button", name="Add", exact=True).wait_for()
        settled(page)


def run_of(page) -> jobs.Job:
    """The run that the address names as soon as one was started."""
    page.wait_for_url("**run=*")
    (name,) = parse_qs(urlsplit(page.url).query)["run"]
    job = jobs.find(name)
    assert job is not None
    return job


def choose_yourself(page) -> None:
    """On Train: opens the form with all methods where it is closed."""
    if not page.get_by_role("button", name="Start", exact=True).count():
        page.get_by_text("Choose yourself", exact=True).click()
        page.get_by_role("button", name="Start", exact=True).wait_for()
        settled(page)


def keep_it_small(page, strategies: list[str]) -> None:
    """On Train: only these strategies, one seed, nothing beyond the main table."""
    choose_yourself(page)
    page.get_by_text("Expert options", exact=True).click()
    settled(page)
    box = page.get_by_test_id("stMultiSelect").filter(has_text="Fusion methods")
    box.get_by_role("button", name="Clear all").click()
    settled(page)
    for title in strategies:
        _pick(page, box, title)
    page.get_by_role("spinbutton", name="Seeds").fill("1")
    page.get_by_role("spinbutton", name="Seeds").press("Enter")
    settled(page)
    page.get_by_text("Also train with multi-task").click()
    settled(page)


def _pick(page, box, title: str) -> None:
    """Adds an option; a page that is drawn again while one types forgets what was typed, so it is typed again."""
    option = page.get_by_role("option", name=title, exact=True)
    for _ in range(TRIES):
        box.get_by_role("combobox").fill(title)
        with contextlib.suppress(TimeoutError):
            option.click(timeout=TRY_MS)
        page.keyboard.press("Tab")
        settled(page)
        if box.get_by_text(title, exact=True).count():
            return
    raise AssertionError(f"{title} could not be chosen")


def show_in(page, scheme: str) -> None:
    """The open page in the other theme, once every part of it wears its colours: they fade, and a busy page is late."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(
        "scheme => getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme.includes(scheme)"
        " && document.getAnimations().every(one => one.playState !== 'running')",
        arg=scheme,
    )


def violations(page) -> list[tuple]:
    """What axe finds against WCAG 2.2 AA, with the elements concerned."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}}).response["violations"]
    return [(item["id"], item["help"], [node["html"][:160] for node in item["nodes"][:3]]) for item in found]


def violations_by_scheme(page) -> dict[str, list[tuple]]:
    """The same in each theme in which there are any; the page changes its theme as it stands."""
    found = {}
    for scheme in SCHEMES:
        show_in(page, scheme)
        settled(page)  # charts are drawn anew
        found[scheme] = violations(page)
    return {scheme: some for scheme, some in found.items() if some}


def primaries(page) -> list[str]:
    """The buttons and links in sight that say "this is the next step"; a disabled one says that something lacks."""
    kinds = "[data-testid^=stBaseButton-primary]:enabled, [class*=st-key-next_step] a"
    return [found.inner_text().split("\n")[-1] for found in page.locator(kinds).all() if found.is_visible()]


def misordered(page) -> list[str]:
    """Headings that skip a level, and what leads there."""
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all(
        "all => all.filter(e => e.checkVisibility()).map(e => [+e.tagName[1], e.innerText])"
    )
    steps = zip([(0, ""), *levels], levels, strict=False)
    return [
        f"{words} (h{level}) after {last} (h{before})" for (before, last), (level, words) in steps if level > before + 1
    ]


def overflow(page) -> list[str]:
    """The containers whose content is wider than they are, so that one would have to scroll sideways."""
    return page.evaluate(
        "() => ['[data-testid=stMain]', 'html'].filter(q => (e => e.scrollWidth > e.clientWidth)"
        "(document.querySelector(q)))"
    )


def nameless_charts(page) -> int:
    """Charts that a screen reader could not tell from a hole."""
    charts = page.get_by_test_id("stVegaLiteChart")
    return charts.count() - charts.filter(has=page.locator("[aria-label]:not([aria-label=''])")).count()


def problem_cells(page) -> list[str]:
    """On Data: line, column and message of every problem, one after the other."""
    cells = page.get_by_role("tabpanel", name="Problems").get_by_role("cell")
    cells.first.wait_for()
    settled(page)
    return cells.all_inner_texts()
