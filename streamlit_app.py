"""The dashboard's router: finds the pages, sets title and sidebar, and runs the chosen page."""

from __future__ import annotations

import streamlit as st

from retail.components.door import guard
from retail.components.mark import NAME, mark, wordmark
from retail.components.page_facts import page_facts
from retail.components.steps import draw_steps
from retail.components.your_uploads import draw_your_uploads
from retail.escaping import plain
from retail.files import PAGES
from retail.files.faults import sentence_of

# A chosen segment in the theme's colour would be too faint on dark.
LOOKS = """<style>[data-testid="stButtonGroup"] button[aria-checked="true"] {
 color: inherit !important; font-weight: 600}</style>"""

found = [(page_facts(path, path.stat().st_mtime), path) for path in PAGES.glob("[!_]*.py")]
pages = [
    st.Page(path, title=facts["TITLE"], icon=facts["ICON"], default=place == 0)
    for place, (facts, path) in enumerate(sorted(found, key=lambda pair: pair[0]["ORDER"]))
]
# Before the pages are named: a browser would fetch the icon of the first one from outside.
st.set_page_config(page_icon=mark(), layout="wide")
st.html(LOOKS)
current = st.navigation(pages)
title = getattr(current, "title", NAME)  # a worker process that starts from this file has no page
st.set_page_config(page_title=f"{title} · {NAME}")
st.logo(wordmark(), size="large", icon_image=mark())
guard()
with st.sidebar:
    draw_steps()
st.sidebar.caption("Recognise products from photo, description and sound. Everything stays on this machine.")
with st.sidebar:
    draw_your_uploads()
try:
    current.run()
except Exception as error:
    if not (sentence := sentence_of(error)):
        raise
    st.error(plain(sentence))
