"""Walks through every page, state, tab and folded part of a home, and looks for what names have become there.

In: a page of a browser, the dashboard's address and a `Home`, or the address of names_app.py and its names. Out: what
was found, state by state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from playwright.sync_api import Page

from retail.escaping import in_line
from tests.browser.driving import overflow, settled
from tests.hostile_home import DONE, RUNNING, Home
from tests.hostile_names import EVIL, HOSTILE, HOSTILE_FILE

# What a name becomes where it is not taken for text, in the page as a browser holds it.
ACTS = """evil => {
  const main = document.querySelector('[data-testid=stApp]'), said = [];
  const note = (what, found) => found.forEach(e => said.push(what + ': ' + e.outerHTML.slice(0, 200)));
  const all = query => [...main.querySelectorAll(query)];
  const out = e => e.protocol === 'javascript:' || e.hostname !== location.hostname;
  note('link', all('a').filter(e => out(e) && (e.href + e.textContent).match(evil + '|alert')));
  note('picture', all('img').filter(e => e.src.includes(evil) || e.closest('[data-testid=stMarkdownContainer]')));
  note('formula', all('.katex'));
  note('icon', all('[role=img]').filter(e => (e.ariaLabel || '').startsWith('home')));
  note('colour', all('.stMarkdownColoredText, .stMarkdownColoredBackground').filter(e => e.textContent === 'r'));
  note('bold', all('strong, em, code').filter(e => ['b', 'c'].includes(e.textContent)));
  note('tag', all('img[onerror], script').filter(e => e.outerHTML.includes('alert(1)')));
  if (all('[data-testid=stMarkdownContainer]').some(e => e.textContent.includes('\u202e'))) said.push('turned around');
  const shown = main.innerText;
  for (const sign of ['\\u{1F604}', '\\u2192 a@', ':color[', '\\\\[', '\\\\*', '\\\\$', '\\\\<', '\\\\`', '\\\\:'])
    if (shown.includes(sign)) said.push('shown ' + sign + ': ' + shown.slice(shown.indexOf(sign) - 60).slice(0, 160));
  return said;
}"""


# What is shown of each name, by where it stands; of elements without a style nothing can be seen.
SHOWN = """count => [...Array(count).keys()].map(place => Object.fromEntries(['text', 'bold', 'button', 'html'].map(
  kind => [kind, document.querySelector(`.st-key-${kind}_${place}`).textContent])))"""
# Elements that only markdown makes; the page has one heading of its own.
MADE = """() => [...document.querySelectorAll('[data-testid=stMain]')[0].querySelectorAll(
  ':is(img, svg.icon, a[target], .katex, em, code, del, h2, h3, blockquote, ol, table, hr, pre, [role=img], '
  + '[class*=stMarkdownColored], [class*=stMarkdownBadge], .stTooltipIcon)')].map(e => e.outerHTML.slice(0, 160))"""


def misread(page: Page, address: str, names: Sequence[str]) -> list[str]:
    """Names that the page of names_app.py shows otherwise than they are, and elements that they made."""
    page.goto(address)
    page.locator(f".st-key-html_{len(names) - 1}").wait_for()
    page.get_by_role("radio").nth(len(names) - 1).wait_for(state="attached")
    settled(page)
    wrong = page.evaluate(MADE)
    for name, shown in zip(names, page.evaluate(SHOWN, len(names)), strict=True):
        wanted = {kind: name for kind in ("text", "button", "html")} | {"bold": f"x{name}x: {name}"}
        wrong += [f"{kind} {name!r}: {shown[kind]!r}" for kind in wanted if _line(shown[kind]) != _line(wanted[kind])]
    return wrong


def _line(text: str) -> str:
    """What a browser shows of spaces; a mark of the order of bytes is none in front."""
    return re.sub(r"[\s\ufeff]+", " ", in_line(text)).strip()


def watched(page: Page) -> list[str]:
    """What the page asks of others, and what it opens over itself, as it happens."""
    seen: list[str] = []
    page.on("dialog", lambda dialog: (seen.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("popup", lambda popup: seen.append(f"window: {popup.url}"))
    page.on(
        "request",
        lambda request: (
            None
            if "//127.0.0.1" in request.url or request.url.startswith(("data:", "blob:"))
            else seen.append(f"request: {request.url}")
        ),
    )
    return seen


def walk(page: Page, address: str, home: Home) -> Iterator[tuple[str, list[str]]]:
    """Every address with each of its tabs."""
    known = set()
    for path, query in home.addresses():
        _open(page, address, path, query)
        settled(page)
        yield f"{path}?{urlencode(query)[:60]}", found(page)
        tabs = 0 if path in known else page.get_by_role("tab").count()
        known.add(path)
        for number in range(1, tabs):
            tab = page.get_by_role("tab").nth(number)
            name = tab.inner_text()
            tab.click()
            settled(page)
            yield f"{path}, {name}", found(page)


def pointed_at(page: Page, address: str) -> tuple[str, list[str]]:
    """What a pointer is told by the charts of the comparison: the words, and what is wrong in them."""
    _open(page, address, "compare", {"run": DONE})
    settled(page)
    chart = page.get_by_test_id("stVegaLiteChart").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    told = page.locator("#vg-tooltip-element.visible")
    for across in range(30, 70, 2):
        for down in range(10, 90, 4):
            page.mouse.move(box["x"] + box["width"] * across / 100, box["y"] + box["height"] * down / 100)
            if told.count():
                acts = told.evaluate("e => [...e.querySelectorAll('a, img, script, b')].map(e => e.outerHTML)")
                return told.inner_text(), acts
    return "", ["no tooltip was found"]


def at_work(page: Page, address: str) -> Iterator[tuple[str, list[str]]]:
    """The pages of a run at work, which never rest."""
    for path in ("train", "runs"):
        _open(page, address, path, {"run": RUNNING})
        page.get_by_text("11 of 31").first.wait_for()
        yield f"{path}, a run at work", _wrong(page)


def _open(page: Page, address: str, path: str, query: dict[str, str]) -> None:
    page.goto(f"{address}/{path}?{urlencode(query)}")
    page.get_by_role("heading", level=1).wait_for()


def found(page: Page) -> list[str]:
    """What is wrong now, folded parts opened."""
    for _ in range(3):  # one may hold another
        closed = page.locator("details:not([open]) > summary")
        if not closed.count():
            break
        closed.evaluate_all("all => all.filter(e => e.checkVisibility()).forEach(e => e.click())")
        settled(page)
    return _wrong(page)


def _wrong(page: Page) -> list[str]:
    wrong = page.evaluate(ACTS, EVIL)
    wrong += [f"wider than it is: {one}" for one in overflow(page)]
    return wrong + ["an exception"] * page.get_by_test_id("stException").count()


def recognise(page: Page, address: str, home: Home, photo: bytes) -> list[str]:
    """An upload with hostile names, answered by a recogniser with hostile classes."""
    page.goto(f"{address}/?{urlencode({'recogniser': home.recogniser})}")
    settled(page)
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(
        {"name": f"{HOSTILE_FILE}.png", "mimeType": "image/png", "buffer": photo}
    )
    page.get_by_role("textbox", name="Description").fill(HOSTILE.replace("\x1b", "").replace("\x07", ""))
    page.get_by_role("textbox", name="Description").press("Control+Enter")
    page.locator(".st-key-answer").get_by_role("heading", level=2).wait_for()
    settled(page)
    return found(page)
