"""The dashboard's router: finds the pages, sets title and sidebar, and runs the chosen page."""

from __future__ import annotations

import ast
from pathlib import Path

import streamlit as st

from retail.components.mark import NAME, mark, wordmark
from retail.components.steps import draw_steps
from retail.files import PAGES

# A chosen segment in the theme's colour would be too faint on dark.
LOOKS = """<style>[data-testid="stButtonGroup"] button[aria-checked="true"] {
color: inherit !important; font-weight: 600}</style>"""


def page_facts(path: Path) -> dict:
    """TITLE, ICON and ORDER of a page, read without running it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)]
    names = {node.targets[0].id: node.value for node in assigned if isinstance(node.targets[0], ast.Name)}
    return {name: ast.literal_eval(names[name]) for name in ("TITLE", "ICON", "ORDER")}


found = [(page_facts(path), path) for path in PAGES.glob("[!_]*.py")]
pages = [
    st.Page(path, title=facts["TITLE"], icon=facts["ICON"], default=place == 0)
    for place, (facts, path) in enumerate(sorted(found, key=lambda pair: pair[0]["ORDER"]))
]
# Before the pages are named: a browser would fetch the icon of the first one from outside.
st.set_page_config(page_icon=mark(), layout="wide")
st.html(LOOKS)
current = st.navigation(pages)
st.set_page_config(page_title=f"{current.title} · {NAME}")
st.logo(wordmark(), size="large", icon_image=mark())
with st.sidebar:
    draw_steps()
st.sidebar.caption("Recognise products from photo, description and sound. Everything stays on this machine.")
current.run()
