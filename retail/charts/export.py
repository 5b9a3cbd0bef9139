"""A chart outside the dashboard: inside an HTML page, and as a file. No script, nothing fetched.

In: a chart of this room. Out: an <svg> element with its words in the colour of the page's text, and the description as
its accessible name; a PNG or SVG of its own; the figures that are drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar
from xml.etree import ElementTree  # nosec B405  # reads our own charts

import altair as alt
import pandas as pd
import vl_convert

from retail.charts.palette import GREY
from retail.escaping import CONTROLS, INSTEAD, NOT_IN_XML

WIDTH = 460  # px: two stand side by side on a desk's screen, and one on a phone's is still readable
INK = "currentColor"
WORDS = {"labelColor": INK, "titleColor": INK, "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal"}
STYLE: dict[str, Any] = {
    "background": None,
    "aria": False,  # the description says it all; a name for each mark doubles the size
    # vl-convert measures with Liberation Sans, which is as wide as Arial: labels keep the room they were given.
    "font": "Arial, 'Liberation Sans', Helvetica, sans-serif",
    "view": {"stroke": None},
    "axis": WORDS
    | {"labelSeparation": 6, "gridColor": GREY, "gridOpacity": 0.35, "domainColor": GREY, "tickColor": GREY},
    "legend": WORDS | {"symbolStrokeWidth": 0},
    "text": {"fontSize": 13},
}
# vl-convert 1.9 ends the whole process, not only the conversion, on a character that XML does not know.
NOT_DRAWN = re.compile(f"{NOT_IN_XML.pattern}|{CONTROLS.pattern}")
# It also refuses a label that is cut off in the middle of one of these.
TWO_UNITS = re.compile("[\U00010000-\U0010ffff]")
VEGA_NAMES = ("role", "aria-", "class")
FILE_WIDTH = 760  # px
ROOM_OF_TITLE = 60  # px with the padding around the picture
INK_OF_A_FILE = "#14181F"
ON_WHITE = {"labelColor": INK_OF_A_FILE, "titleColor": INK_OF_A_FILE}
FILE_STYLE: dict[str, Any] = STYLE | {
    "background": "#FFFFFF",
    "axis": STYLE["axis"] | ON_WHITE,
    "legend": STYLE["legend"] | ON_WHITE,
    "title": {"color": INK_OF_A_FILE, "fontSize": 16, "anchor": "start", "offset": 12},
}

Chart = alt.Chart | alt.LayerChart
Drawn = TypeVar("Drawn", str, bytes)


def as_svg(chart: Chart) -> str:
    """Selections and tooltips are lost. Made for HTML: as a file of its own it would lack its namespace."""
    sized = chart.properties(width=WIDTH, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    spec = _replaced(sized.to_dict(), NOT_DRAWN)
    drawn = _drawn(spec, lambda spec: vl_convert.vegalite_to_svg(spec, config=STYLE, allowed_base_urls=[]))
    return _inline(drawn, spec["description"])


def _drawn(spec: dict[str, Any], draw: Callable[[dict[str, Any]], Drawn]) -> Drawn:
    try:
        return draw(spec)
    except ValueError:
        return draw(_replaced(spec, TWO_UNITS))


def _inline(drawn: str, name: str) -> str:
    """One picture with one name: Vega gives each of its parts a role too, and none of them a name."""
    root = ElementTree.fromstring(drawn)  # nosec B314  # our own
    size = {key: root.attrib[key] for key in ("width", "height", "viewBox")}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {key: held for key, held in element.attrib.items() if not key.startswith(VEGA_NAMES)}
    root.attrib = {"role": "img", "aria-label": name} | size
    return ElementTree.tostring(root, encoding="unicode")


def _replaced(value: Any, signs: re.Pattern[str]) -> Any:
    """The same with a � for each of the signs, however deep in it a text lies."""
    if isinstance(value, str):
        return signs.sub(INSTEAD, value)
    if isinstance(value, dict):
        return {_replaced(key, signs): _replaced(held, signs) for key, held in value.items()}
    return [_replaced(held, signs) for held in value] if isinstance(value, list) else value


def svg_file(chart: Chart, title: str) -> str:
    """A picture of its own, dark on white, under a title."""
    return _of_a_file(
        chart, title, lambda spec: vl_convert.vegalite_to_svg(spec, config=FILE_STYLE, allowed_base_urls=[])
    )


def png_file(chart: Chart, title: str) -> bytes:
    """The same in pixels, two for one of a page."""
    return _of_a_file(
        chart, title, lambda spec: vl_convert.vegalite_to_png(spec, config=FILE_STYLE, scale=2, allowed_base_urls=[])
    )


def _of_a_file(chart: Chart, title: str, draw: Callable[[dict[str, Any]], Drawn]) -> Drawn:
    sized = chart.properties(
        width=FILE_WIDTH,
        height=chart.height + ROOM_OF_TITLE,
        title=title,
        padding=16,
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
    )
    return _drawn(_replaced(sized.to_dict(), NOT_DRAWN), draw)


def figures_of(chart: Chart) -> pd.DataFrame:
    """The figures that are drawn, without columns that only place or word them, whose names begin with _."""
    frames = [part.data for part in (chart, *getattr(chart, "layer", ())) if isinstance(part.data, pd.DataFrame)]
    frame = max(frames, key=lambda frame: frame.size)
    return frame[[name for name in frame.columns if not str(name).startswith("_")]]
