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
    violations_by_scheme,
)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("scheme", "width"), list(zip(SCHEMES, WIDTHS, strict=True)))
def test_a_page_asks_nobody_else_fails_nowhere_and_shuts_nobody_out(open_page, path, scheme, width):
    page = open_page(path, scheme=scheme, width=width)
    settled(page) if path else try_example(page)
    assert page.elsewhere == []
    assert page.get_by_test_id("stException").count() == 0
    assert overflow(page) == []
    assert nameless_charts(page) == 0
    assert violations(page) == []


@pytest.mark.parametrize("path", ["", "data"])
def test_no_tab_shuts_anybody_out_or_scrolls_sideways_on_a_phone(open_page, path):
    page = open_page(path, width=390)
    settled(page)
    names = page.get_by_role("tab").all_inner_texts()
    assert len(names) > 1
    for name in names:
        page.get_by_role("tab", name=name, exact=True).click()
        settled(page)
        assert page.get_by_test_id("stException").count() == 0, name
        assert overflow(page) == [], name
        assert violations_by_scheme(page) == {}, name
