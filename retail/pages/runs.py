"""Runs: the history, what to take from a run, runs side by side, and recognisers from elsewhere."""

from __future__ import annotations

import streamlit as st

from retail.components.compare_runs import results_files
from retail.components.follow_run import draw_open_link
from retail.components.page_words import refusal
from retail.components.side_by_side import draw_side_by_side
from retail.components.uploads import uploaded
from retail.escaping import plain
from retail.files import PAGES
from retail.outside.limits import MAX_DATA_UPLOAD_MB
from retail.pages import _runs_health, _runs_list, _runs_open
from retail.schema import UserError
from retail.workspace import jobs, runs

TITLE = "Runs"
ICON = ":material/history:"
ORDER = 6


def draw_import() -> None:
    """A recogniser from another machine."""
    st.header("Import a recogniser", anchor=False)
    box = st.file_uploader("ZIP exported from this page", type=["zip"], max_upload_size=MAX_DATA_UPLOAD_MB)
    files = uploaded(box)
    if not files or not st.button("Import", type="primary"):
        return
    (upload,) = files
    try:
        with st.spinner("Checking it …"):
            folder = runs.import_bundle(upload.name, upload.getvalue())
    except UserError as error:
        st.error(refusal(error))
        return
    st.success(f"Imported as “{plain(folder.name)}”.")
    draw_open_link(folder)


st.title("Runs", anchor=False)
jobs.advance()
past = runs.history()
if past:
    run = _runs_list.draw(past)
    _runs_open.draw(run, past)
else:
    st.info("No runs yet. Make a recogniser on Train, or look at the demo comparison on Compare.")
    st.page_link(PAGES / "train.py", label="Train", icon=":material/model_training:")
st.divider()
if len(results_files()) > 1:
    draw_side_by_side()
    st.divider()
draw_import()
_runs_health.draw()
