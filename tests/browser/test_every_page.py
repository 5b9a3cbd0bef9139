"""What holds for every page that is found: nothing asks elsewhere, scrolls sideways or shuts anybody out."""

from __future__ import annotations

import pytest

from tests.browser.driving import PAGES, SCHEMES, WIDTHS, settled, try_example

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_nobody_else_and_shows_no_error(open_page, path):
    page = open_page(path)
    settled(page)
    assert page.elsewhere == []
    assert page.get_by_test_id("stException").count() == 0


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_scrolls_sideways(open_page, path, width):
    page = open_page(path, width=width)
    settled(page) if path else try_example(page)
    sizes = page.evaluate(
        "() => ['[data-testid=stMain]', 'html'].map(q => document.querySelector(q))"
        ".map(e => [e.scrollWidth, e.clientWidth])"
    )
    assert all(inner <= outer for inner, outer in sizes), sizes


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_serious(open_page, path, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(path, scheme=scheme)
    settled(page) if path else try_example(page)
    found = [
        (violation["id"], violation["help"], [node["html"][:160] for node in violation["nodes"][:3]])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert found == []
