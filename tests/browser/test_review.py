"""Review in a browser: keys decide, typing does not, Tab and Enter press what has focus, two people share a queue."""

from __future__ import annotations

import pytest

from retail.review.corrections import Corrections
from tests.browser.conftest import dashboard, free_port
from tests.browser.driving import settled, violations
from tests.conftest import share
from tests.review_sample import write_bulk_run

pytestmark = pytest.mark.browser
# Enough vague rows for two people.
TEXTS = tuple(f"{what} {number}" for number in range(4) for what in ("something new", "a jar of", "for the kitchen"))


@pytest.fixture(scope="module")
def review(installed, session_home, tmp_path_factory):
    """A server of its own with a finished bulk run."""
    home = tmp_path_factory.mktemp("review")
    share(home, session_home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(home))
        write_bulk_run(home / "data", TEXTS)
    with dashboard(home, free_port()) as url:
        yield home, url


@pytest.fixture
def desk(review, open_at, monkeypatch):
    """Opens the page for one more person, once the catalogue is ready."""
    home, url = review
    monkeypatch.setenv("RETAIL_HOME", str(home))

    def opened(**options):
        page = open_at(url, "review", **options)
        page.get_by_role("button", name="Accept").wait_for()
        settled(page)
        return page

    return opened


def row(page) -> str:
    return page.locator("[class*='st-key-shown']").inner_text()


def count() -> int:
    return len(Corrections().all())


def press(page, key: str) -> None:
    page.keyboard.press(key)
    settled(page)


def decided(page, key: str) -> str:
    """Presses the key until the row, whatever it asks, is decided; the row that was."""
    before = row(page)
    for _ in range(6):
        press(page, key)
        if row(page) != before:
            return before
    raise AssertionError(f"{key} does not decide a row")


def test_keys_decide_skip_name_and_take_back(desk):
    page, before = desk(), count()
    first = decided(page, "Enter")
    assert count() == before + 1
    decided(page, "2")
    assert count() == before + 2
    press(page, "u")
    press(page, "u")
    assert row(page) == first and count() == before
    press(page, "s")
    assert row(page) != first and count() == before
    press(page, "n")
    page.wait_for_function("document.activeElement.tagName === 'INPUT'")  # one types at once
    page.keyboard.type("Medlar 1")
    press(page, "Enter")
    page.get_by_text("Added: “Medlar 1”").wait_for()  # it is kept before the page says so
    assert count() == before + 1


def test_keys_do_nothing_while_somebody_types(desk):
    page, before = desk(), count()
    shown = row(page)
    page.get_by_label("Something else").click()
    page.keyboard.type("s1nu")
    settled(page)
    press(page, "Enter")
    assert row(page) == shown and count() == before


def test_enter_presses_what_tab_has_reached(desk):
    page, before = desk(), count()
    shown = row(page)
    page.get_by_role("button", name="New product").focus()
    page.keyboard.press("Tab")
    press(page, "Enter")
    assert row(page) != shown and count() == before, "Tab led to Skip, so nothing is accepted"


def test_two_people_never_have_the_same_row(desk):
    one, two = desk(), desk()
    assert row(one) != row(two)
    decided(one, "Enter")
    assert row(one) != row(two)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_desk_shuts_nobody_out(desk, scheme, width):
    page = desk(scheme=scheme, width=width)
    assert page.elsewhere == [] and violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
