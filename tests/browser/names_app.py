"""A page that shows names as markdown wherever Streamlit formats: for the test of `plain` in a browser.

In: `names.json`, a list in the home folder. Out: for each name a text, a button and a row of choices.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import streamlit as st

from retail.escaping import in_html, plain
from tests.hostile_names import NAMES_FILE

names = json.loads(Path(os.environ["RETAIL_HOME"], NAMES_FILE).read_text(encoding="utf-8"))
st.title("Names")
for place, name in enumerate(names):
    with st.container(key=f"text_{place}"):
        st.markdown(plain(name))
    with st.container(key=f"bold_{place}"):
        st.markdown(f"- **x{plain(name)}x**: {plain(name)}")
    with st.container(key=f"button_{place}"):
        st.button(plain(name), key=f"press_{place}")
    with st.container(key=f"html_{place}"):
        st.html(f"<p>{in_html(name)}</p>")
st.tabs([plain(name) for name in names[:20]])
st.radio("Names", range(len(names)), format_func=lambda place: plain(names[place]))
