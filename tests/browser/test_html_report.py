"""The HTML report as a browser shows it, with scripts forbidden and no network: light, dark and on a phone."""

from __future__ import annotations

import pytest

from retail.report.html import html_report
from tests.browser.driving import violations
from tests.results_sample import sample_results

PHONE = 390


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "report.html").write_text(html_report(sample_results()), encoding="utf-8")
    return folder


@pytest.fixture
def open_report(open_at, folder):
    return lambda **options: open_at(folder.as_uri(), "report.html", **options)


def test_it_asks_for_nothing_but_itself(open_report, folder):
    page = open_report()
    assert page.elsewhere == [f"{folder.as_uri()}/report.html"]
    assert page.locator("svg").count() == 8
    assert page.get_by_role("img", name="Gated sum is right most often for product: 84.0 %").is_visible()


@pytest.mark.parametrize(("scheme", "ink"), [("light", "rgb(20, 24, 31)"), ("dark", "rgb(232, 234, 238)")])
def test_words_on_charts_have_the_colour_of_the_page(open_report, scheme, ink):
    page = open_report(scheme=scheme)
    fills = page.locator("svg text").evaluate_all("all => all.map(text => getComputedStyle(text).fill)")
    assert set(fills) == {ink} and violations(page) == []


def test_a_phone_scrolls_tables_and_never_the_page(open_report):
    page = open_report(width=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    assert page.locator("svg").evaluate_all(f"all => all.every(svg => svg.clientWidth < {PHONE})")


def test_no_word_is_cut_off_at_the_edge_of_its_chart(open_report):
    out = """all => all.filter(text => {
        const [own, chart] = [text, text.closest("svg")].map(element => element.getBoundingClientRect());
        return own.left < chart.left - 1 || own.right > chart.right + 1;
    }).map(text => text.textContent)"""
    assert open_report().locator("svg text").evaluate_all(out) == []
