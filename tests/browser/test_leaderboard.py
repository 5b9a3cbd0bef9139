"""Leaderboard in a browser: scoring survives a refresh, Recognise leads to the figures, and nobody is shut out."""

from __future__ import annotations

import pytest

from tests.browser.driving import (
    RUN_MS,
    nameless_charts,
    overflow,
    reload,
    settled,
    try_example,
    violations_by_scheme,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def scored(chromium, address):
    """The demo's recogniser is scored by the press of a button; the page is opened anew meanwhile."""
    page = chromium.new_page()
    page.goto(f"{address}/leaderboard")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    page.get_by_role("button", name="on the test products").click()
    page.get_by_role("button", name="Cancel").wait_for(timeout=RUN_MS)
    reload(page)
    page.get_by_text("leads with").wait_for(timeout=RUN_MS)
    page.get_by_role("button", name="Cancel").wait_for(state="detached", timeout=RUN_MS)
    page.close()


@pytest.mark.parametrize("section", ["All recognisers", "One recogniser"])
def test_no_section_shuts_anybody_out_or_scrolls_sideways_on_a_phone(scored, open_page, section):
    page = open_page("leaderboard", width=390)
    settled(page)
    page.get_by_role("radiogroup", name="Section").get_by_text(section, exact=True).click()
    settled(page)
    page.get_by_text("leads with" if section == "All recognisers" else "of the time").first.wait_for()
    assert page.get_by_test_id("stException").count() == 0
    assert overflow(page) == [] and nameless_charts(page) == 0
    assert violations_by_scheme(page) == {}


def test_how_good_is_this_opens_the_figures_for_the_inputs_that_are_given(scored, open_page):
    page = open_page()
    try_example(page)
    page.get_by_test_id("stCheckbox").filter(has_text="Sound").locator("label").click()  # off
    settled(page)
    page.get_by_role("link", name="How good is this?").click()
    page.get_by_role("heading", name="How good are the recognisers?").wait_for()
    settled(page)
    assert page.get_by_role("combobox", name="Inputs given").input_value() == "photo + description"
    assert page.get_by_text("of the time").count() >= 4
