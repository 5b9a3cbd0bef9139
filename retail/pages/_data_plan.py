"""The plan at the top of Data: what will be learned, what to mend first, and what was not used or read otherwise.

In: the chosen `Dataset` and its `Manifest`. Out: the lines of `check` on the page.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from retail.components.page_words import page_words
from retail.components.read_data import counted
from retail.components.words import plain
from retail.dataset.manifest import Manifest
from retail.dataset.plan import mend_first, plan
from retail.files import PAGES

LISTED = 50  # remarks


def draw_plan(manifest: Manifest) -> None:
    """Readable in ten seconds."""
    st.markdown(f"**{counted(manifest)}**")
    lines = [line for line in plan(manifest) if not line.heading.startswith("Mend")]
    frame = pd.DataFrame(
        {"what": [plain(page_words(line.text)) for line in lines]}, index=[line.heading for line in lines]
    )
    st.table(frame, border="horizontal", hide_header=True)
    if mend := mend_first(manifest):
        st.markdown("**Mend first**")
        st.markdown("\n".join(f"{place}. {plain(page_words(text))}" for place, text in enumerate(mend, start=1)))
    if manifest.label_columns:
        st.page_link(PAGES / "train.py", label="Train on this data", icon=":material/model_training:")
    _draw_remarks(manifest)


def _draw_remarks(manifest: Manifest) -> None:
    """Every remark; those on labels are the desk's."""
    said = [remark for remark in manifest.remarks if remark.kind != "labels"]
    if not said:
        return
    with st.expander(f"Not used or read otherwise ({len(said):,})"):
        st.markdown("\n".join(f"- {plain(page_words(remark.sentence))}" for remark in said[:LISTED]))
        if len(said) > LISTED:
            st.caption(f"{len(said) - LISTED:,} more are listed by `check`.")
