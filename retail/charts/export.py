"""A chart as SVG to stand inside an HTML page: no script, nothing fetched, its words in the colour of the page's text.

In: a chart of this room. Out: an <svg> element whose accessible name is the chart's description.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import altair as alt
import vl_convert

from retail.charts.palette import GREY

WIDTH = 460  # px: two stand side by side on a desk's screen, and one on a phone's is still readable
INK = "currentColor"
WORDS = {"labelColor": INK, "titleColor": INK, "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal"}
STYLE = {
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
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# It also refuses a label that is cut off in the middle of one of these.
TWO_UNITS = re.compile("[\U00010000-\U0010ffff]")
VEGA_NAMES = ("role", "aria-", "class")


def as_svg(chart: alt.Chart | alt.LayerChart) -> str:
    """Selections and tooltips are lost. Made for HTML: as a file of its own it would lack its namespace."""
    sized = chart.properties(width=WIDTH, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    spec = _replaced(sized.to_dict(), NOT_XML)
    try:
        drawn = _converted(spec)
    except ValueError:
        drawn = _converted(_replaced(spec, TWO_UNITS))
    return _inline(drawn, spec["description"])


def _converted(spec: dict[str, Any]) -> str:
    return vl_convert.vegalite_to_svg(spec, config=STYLE, allowed_base_urls=[])


def _inline(drawn: str, name: str) -> str:
    """One picture with one name: Vega gives each of its parts a role too, and none of them a name."""
    root = ElementTree.fromstring(drawn)
    size = {key: root.attrib[key] for key in ("width", "height", "viewBox")}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {key: held for key, held in element.attrib.items() if not key.startswith(VEGA_NAMES)}
    root.attrib = {"role": "img", "aria-label": name} | size
    return ElementTree.tostring(root, encoding="unicode")


def _replaced(value: Any, signs: re.Pattern[str]) -> Any:
    """The same with a � for each of the signs, however deep in it a text lies."""
    if isinstance(value, str):
        return signs.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_replaced(key, signs): _replaced(held, signs) for key, held in value.items()}
    return [_replaced(held, signs) for held in value] if isinstance(value, list) else value
