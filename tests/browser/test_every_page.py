"""What holds for every page that is found: nothing asks elsewhere, scrolls sideways or shuts anybody out."""

from __future__ import annotations

import pytest

from tests.browser.driving import (
    PAGES,
    SCHEMES,
    WIDTHS,
    nameless_charts,
    overflow,
    settled,
    try_example,
    violations,
)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_nobody_else_and_shows_no_error(open_page, path):
    page = open_page(path)
    settled(page)
    assert page.elsewhere == []
    assert page.get_by_test_id("stException").count() == 0


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_scrolls_sideways_and_every_chart_has_words(open_page, path, width):
    page = open_page(path, width=width)
    settled(page) if path else try_example(page)
    assert overflow(page) == []
    assert nameless_charts(page) == 0


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing(open_page, path, scheme):
    page = open_page(path, scheme=scheme)
    settled(page) if path else try_example(page)
    assert violations(page) == []
