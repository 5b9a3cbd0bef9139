"""Charts as Streamlit sends them, made once for the same figures: building and checking one takes 40 to 80 ms.

In: a function of `retail.charts` with its arguments, as a `partial`. Out: a `Drawing`, shared by all sessions.
"""

from __future__ import annotations

import copy
import hashlib
import pickle  # nosec B403  # writes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import pyarrow as pa
import streamlit as st

Charted = partial[alt.Chart] | partial[alt.LayerChart]  # a chart's function with its arguments


@dataclass(frozen=True)
class Drawing:
    """A chart's Vega-Lite, its figures, and the description that becomes its accessible name."""

    spec: Mapping[str, Any]
    figures: Mapping[str, pa.Table]
    words: str

    def sent(self) -> dict[str, Any]:
        """What `st.vega_lite_chart` takes, and may change."""
        return {**copy.deepcopy(self.spec), "datasets": dict(self.figures)}


def drawing(chart: Charted) -> Drawing:
    """The chart of this function and these arguments, from the cache where both were there before."""
    return _made(f"{chart.func.__module__}.{chart.func.__qualname__}", _checksum((chart.args, chart.keywords)), chart)


@st.cache_resource(show_spinner=False, max_entries=128)
def _made(function: str, arguments: str, _chart: Charted) -> Drawing:
    spec = _chart().to_dict()
    for param in spec.get("params", []):  # a drawn box is a picture too, and Altair's schema lets nobody name it
        if isinstance(select := param.get("select"), dict) and select["type"] == "interval":
            select.setdefault("mark", {})["description"] = "The chosen part"
    spec.pop("config", None)  # Altair's own theme, whose size is not the page's
    words = spec.pop("description")  # on the page it would be a second name
    figures = {name: pa.Table.from_pandas(pd.DataFrame(rows)) for name, rows in spec.pop("datasets").items()}
    return Drawing(spec, figures, words)


def _checksum(arguments: object) -> str:
    return hashlib.blake2b(pickle.dumps(arguments), digest_size=16).hexdigest()
