"""The dashboard's router: finds the pages, sets title and sidebar, and runs the chosen page."""

from __future__ import annotations

import ast
from pathlib import Path

import streamlit as st

from retail.components.mark import NAME, mark, wordmark
from retail.components.steps import draw_steps
from retail.files import PAGES


@st.cache_data(show_spinner=False, max_entries=64)
def page_facts(path: Path, changed: float) -> dict:
    """TITLE, ICON and ORDER of a page, read without running it; `changed` is its time stamp."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)]
    names = {node.targets[0].id: node.value for node in assigned if isinstance(node.targets[0], ast.Name)}
    return {name: ast.literal_eval(names[name]) for name in ("TITLE", "ICON", "ORDER")}


found = [(page_facts(path, path.stat().st_mtime), path) for path in PAGES.glob("[!_]*.py")]
pages = [
    st.Page(path, title=facts["TITLE"], icon=facts["ICON"], default=place == 0)
    for place, (facts, path) in enumerate(sorted(found, key=lambda pair: pair[0]["ORDER"]))
]
current = st.navigation(pages)
title = getattr(current, "title", NAME)  # a worker process that starts from this file has no page
st.set_page_config(page_title=f"{title} · {NAME}", page_icon=mark(), layout="wide")
st.logo(wordmark(), size="large", icon_image=mark())
with st.sidebar:
    draw_steps()
st.sidebar.caption("Recognise products from photo, description and sound. Everything stays on this machine.")
current.run()
