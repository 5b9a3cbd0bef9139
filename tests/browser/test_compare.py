"""Compare in a real browser: clicks on charts, the same by keyboard, and every section without an error."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile

import pytest
from playwright.sync_api import TimeoutError, expect

from retail.report.html import html_report
from retail.report.mistakes import rows_in
from retail.report.tables import all_tables
from retail.report.verdict import verdict
from retail.wording import percent
from tests.browser.conftest import WAIT_MS
from tests.browser.driving import nameless_charts, overflow, settled, violations, violations_by_scheme
from tests.results_sample import CLASSES, MODELS, ids, sample_json, sample_results

pytestmark = pytest.mark.browser

GROUPS = ("Answer", "Mistakes", "Trust", "Details")
WRONG = (0, 1)  # beans answered as cocoa


def open_group(page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    settled(page)


def unfold(page, title: str) -> None:
    """Opens a section of the chosen tab."""
    page.locator("summary").filter(has_text=title).click()
    settled(page)


def unfold_all(page) -> None:
    """Every section that is closed, also those within others."""
    for _ in range(12):
        closed = page.locator("details:not([open]) > summary:visible")
        if not closed.count():
            return
        closed.first.click()
        settled(page)


def listed(page, count: int) -> set[str]:
    """The products whose cards are shown, once there are so many."""
    page.wait_for_function(
        "count => [...document.querySelectorAll('strong')].filter(e => e.innerText.startsWith('row ')).length >= count",
        arg=count,
    )
    settled(page)
    return {text for text in page.locator("strong").all_inner_texts() if text.startswith("row ")}


def expected(pair: tuple[int, int]) -> list[str]:
    return [ids()[row] for row in rows_in(sample_results(), "product", "gated", "0", pair)]


def words(pair: tuple[int, int]) -> str:
    true, said = (CLASSES["product"][place] for place in pair)
    return f"{true} answered as {said} ({len(expected(pair))})"


def test_the_verdict_and_every_model_with_its_interval_are_the_stored_ones(open_page):
    page = open_page("compare")
    answer = verdict(sample_results(), "product")
    page.get_by_role("heading", level=2, name=answer.decision).wait_for()
    page.get_by_text(answer.reason).wait_for()
    chart = page.locator("[aria-label*='is right most often for product']").first
    chart.wait_for()
    said = chart.get_attribute("aria-label")
    for _, _, _, title, accuracy in MODELS:
        assert f"{title} {percent(accuracy['product'])}" in said
    assert page.elsewhere == []


def test_a_click_on_a_cell_lists_only_its_products_with_photo_words_and_sound(open_page):
    page = open_page("compare")
    open_group(page, "Mistakes")
    chart = page.get_by_test_id("stVegaLiteChart").first
    cell = chart.locator("path[aria-label*='answered: cocoa; true: beans']").first
    cell.scroll_into_view_if_needed()
    cell.click(position={"x": 6, "y": 5}, force=True)  # beside its number
    page.get_by_text("Would have been right alone").first.wait_for()
    settled(page)
    wanted = expected(WRONG)
    assert len(wanted) > 0 and listed(page, min(12, len(wanted))) == set(wanted[:12])
    assert page.get_by_text(f"words of {wanted[0]}").count() == 1
    players = "count => document.querySelectorAll('[data-testid=stAudio]').length === count"
    page.wait_for_function(players, arg=min(12, len(wanted)))  # the browser fetches its player first
    assert page.get_by_role("img", name=f"Photo of {wanted[0]}").count() == 1


def test_the_select_box_opens_the_same_cell_by_keyboard(open_page):
    page = open_page("compare")
    open_group(page, "Mistakes")
    box = page.get_by_role("combobox", name="Products of")
    option = page.get_by_role("option", name=words(WRONG))
    cards = page.get_by_text("Would have been right alone").first
    for _ in range(6):  # a page that is drawn again meanwhile forgets what was typed, or what Enter took
        box.fill("")
        box.press_sequentially("beans answered as cocoa")
        with contextlib.suppress(TimeoutError):
            option.wait_for(timeout=10_000)
            box.press("Enter")
            cards.wait_for(timeout=10_000)
            break
    cards.wait_for()
    settled(page)
    wanted = expected(WRONG)[:12]
    assert listed(page, len(wanted)) == set(wanted)


def test_a_click_on_a_model_marks_it_in_the_other_charts(open_page):
    page = open_page("compare")
    settled(page)
    chart = page.get_by_test_id("stVegaLiteChart").first
    dot = chart.locator("path[aria-label*='title: Photo only']").last
    dot.scroll_into_view_if_needed()
    dot.click()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("Photo only", timeout=WAIT_MS)
    open_group(page, "Mistakes")
    page.get_by_text("Photo only, seed 0").first.wait_for()


def test_no_section_fails_scrolls_sideways_or_shuts_anybody_out(open_page):
    page = open_page("compare", width=390)
    settled(page)
    for name in GROUPS:
        open_group(page, name)
        unfold_all(page)
        assert page.get_by_test_id("stException").count() == 0, name
        assert overflow(page) == [] and nameless_charts(page) == 0, name
        assert violations_by_scheme(page) == {}, name
    assert page.elsewhere == []


def test_a_box_on_the_map_lists_products_and_so_does_a_class(open_page):
    page = open_page("compare")
    open_group(page, "Details")
    unfold(page, "Map of the test products")
    page.get_by_role("button", name="Draw the map").click()
    page.get_by_text("PCA of the embeddings").wait_for()
    settled(page)
    chart = page.get_by_test_id("stVegaLiteChart").first
    chart.scroll_into_view_if_needed()
    area = chart.locator("path.background").first.bounding_box()
    page.mouse.move(area["x"] + 2, area["y"] + 2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2, steps=5)
    page.mouse.move(area["x"] + area["width"] - 2, area["y"] + area["height"] - 2, steps=5)
    page.mouse.up()
    page.get_by_text("200 products", exact=True).wait_for()
    settled(page)
    assert len(listed(page, 12)) == 12 and violations(page) == []
    box = page.get_by_role("combobox", name="Products in class")
    box.focus()
    page.keyboard.type("tea")
    page.get_by_role("option", name="tea", exact=True).wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("66 products", exact=True).wait_for()


def test_the_downloads_hold_every_table_and_name_no_folder_of_this_machine(open_page):
    page = open_page("compare")
    open_group(page, "Details")
    found = {}
    for label in ("Tables (CSV, zipped)", "Tables (LaTeX)", "Report (HTML)", "Results (JSON)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        found[label] = download.value.path().read_bytes()
    tables = [table.name for table in all_tables(sample_results())]
    with zipfile.ZipFile(io.BytesIO(found["Tables (CSV, zipped)"])) as archive:
        assert archive.namelist() == [f"{name}.csv" for name in tables]
    assert found["Tables (LaTeX)"].decode().count(r"\begin{table}") == len(tables)
    assert found["Report (HTML)"].decode() == html_report(sample_results())
    assert json.loads(found["Results (JSON)"]) == sample_json()


def test_a_chart_is_taken_along_as_picture_and_as_figures(open_page):
    page = open_page("compare", scheme="dark", width=390)
    settled(page)
    page.get_by_test_id("stPopoverButton").first.click()  # Streamlit's own, on the chart, gives a PNG alone
    page.get_by_role("button", name="PNG", exact=True).wait_for()
    assert violations(page) == []
    found = {}
    for kind in ("PNG", "SVG", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind, exact=True).click()
        assert download.value.suggested_filename == f"how-often-right-product.{kind.lower()}"
        found[kind] = download.value.path().read_bytes()
    assert found["PNG"].startswith(b"\x89PNG") and b"<svg" in found["SVG"]
    lines = found["CSV"].decode().splitlines()
    assert lines[0] == "title,kind,accuracy,accuracy_low,accuracy_high,n"
    assert {line.split(",")[0] for line in lines[1:]} == {model[3] for model in MODELS}


@pytest.mark.parametrize("width", [1280, 390])
def test_no_figure_beside_a_row_is_cut_off(open_page, width):
    page = open_page("compare", width=width)
    settled(page)
    outside = """charts => charts.flatMap(chart => {
        const box = chart.getBoundingClientRect();
        return [...chart.querySelectorAll("svg text")].filter(text => {
            const own = text.getBoundingClientRect();
            return own.width && (own.right > box.right + 1 || own.left < box.left - 1);
        }).map(text => text.textContent);
    })"""
    charts = page.get_by_test_id("stVegaLiteChart")
    assert charts.locator("svg text").filter(has_text="84.0 %").count() == 1
    assert charts.evaluate_all(outside) == []
