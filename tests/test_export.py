"""Charts as SVG: what stands on them, that any text may stand on them, and that they bring nothing along."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import altair as alt
import pandas as pd
import pytest

from retail.charts.export import INK, WIDTH, as_svg, figures_of, png_file, svg_file
from retail.escaping import printable

HOSTILE = (
    "<script>alert(1)</script>",
    "salt & \"pepper\" 'x'",
    "\u202ebackwards\u202c",
    "שוקולד",
    "]]><!-- &lt; &#0;",
    "😀 tea",
)
# Each of these ended the process or the conversion.
CONTROLS = ("nul\x00", "tab\x0b", "nothing\uffff")
LONG = "".join(("🍫" * 9, " a chocolate with a name that is cut off in its middle ", "🍫" * 30))


def bars(names, description: str = "What it shows") -> alt.Chart:
    frame = pd.DataFrame({"name": list(names), "n": range(len(names))})
    return alt.Chart(frame).mark_bar().encode(x="n:Q", y="name:N").properties(height=200, description=description)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def test_a_chart_is_one_picture_of_a_fixed_width_named_by_its_description():
    root = ElementTree.fromstring(as_svg(bars(["tea"], 'More "tea" & <milk>')))
    assert root.attrib == {
        "role": "img",
        "aria-label": 'More "tea" & <milk>',
        "width": str(WIDTH),
        "height": root.attrib["height"],
        "viewBox": f"0 0 {WIDTH} {root.attrib['height']}",
    }
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("aria") and element != root]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_and_nothing_else(name):
    svg = as_svg(bars([name], name))
    name = printable(name)  # what turns text around is replaced
    assert name in texts(svg) and ElementTree.fromstring(svg).attrib["aria-label"] == name
    assert {element.tag for element in ElementTree.fromstring(svg).iter()} <= {"svg", "g", "path", "line", "text"}


@pytest.mark.parametrize("name", CONTROLS)
def test_what_vl_convert_dies_of_is_shown_as_a_replacement(name):
    assert re.sub("[\x00\x0b\uffff]", "\ufffd", name) in texts(as_svg(bars([name])))


def test_a_name_that_is_cut_off_in_the_middle_of_a_sign_does_not_stop_the_report():
    names = [LONG[place:] for place in range(len(LONG))]
    assert len(texts(as_svg(bars(names).properties(height=20 * len(names))))) >= len(names)


def test_words_take_the_colour_of_the_page_and_nothing_is_fetched():
    svg = as_svg(bars(["tea"]))
    assert {element.get("fill") for element in ElementTree.fromstring(svg).iter("text")} == {INK}
    assert not re.search(r"https?:|url\(|href|xmlns", svg)


@pytest.mark.parametrize("name", [*HOSTILE, *CONTROLS, LONG])
def test_any_name_can_be_taken_along_as_a_picture_with_its_title(name):
    svg = svg_file(bars([name]), f"Title {name}")
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and INK not in svg
    assert any("Title" in (element.text or "") for element in root.iter())
    assert png_file(bars([name]), name).startswith(b"\x89PNG")


def test_the_figures_of_a_chart_leave_out_what_only_places_them():
    frame = pd.DataFrame({"name": ["tea", "oats"], "n": [1, 2], "_left": [0, 0]})
    line = alt.Chart(pd.DataFrame({"n": [1.5]})).mark_rule().encode(x="n:Q")
    chart = line + alt.Chart(frame).mark_bar().encode(x="n:Q", y="name:N")
    assert figures_of(chart).to_dict("list") == {"name": ["tea", "oats"], "n": [1, 2]}
