"""The plan at the top of Data: what will be learned, what to mend first, and what was not used or read otherwise.

In: the chosen `Dataset` and its `Manifest`. Out: the lines of `check` on the page.
"""

from __future__ import annotations

import streamlit as st

from retail.components.page_words import page_words
from retail.components.read_data import counted
from retail.dataset.manifest import Manifest
from retail.dataset.plan import mend_first, plan
from retail.escaping import in_html, plain
from retail.wording import task_words

LISTED = 50  # remarks
LOOKS = """<style>
.plan {display: grid; grid-template-columns: max-content 1fr; gap: 0.4rem 1.25rem; line-height: 1.5}
.plan, .plan dt, .plan dd {margin: 0 !important; padding: 0 !important}
.plan dt {opacity: 0.75}
.plan dd {overflow-wrap: anywhere}
@media (max-width: 640px) {.plan {grid-template-columns: 1fr; gap: 0} .plan dd {padding-bottom: 0.5rem !important}}
</style>"""


def draw_plan(manifest: Manifest, new: bool) -> None:
    """Readable in ten seconds; open where the data is new, folded once it is known. What to mend is always in sight."""
    st.markdown(f"**{counted(manifest)}**")
    if mend := mend_first(manifest):
        st.markdown("**Mend first**")
        st.markdown("\n".join(f"{place}. {plain(page_words(text))}" for place, text in enumerate(mend, start=1)))
    tasks = ", ".join(task_words(task) for task in manifest.tasks) or "nothing yet"
    with st.expander(plain(f"What will be learned: {tasks}"), expanded=new or bool(mend)):
        lines = [line for line in plan(manifest) if not line.heading.startswith("Mend")]
        pairs = [f"<dt>{in_html(line.heading)}</dt><dd>{in_html(page_words(line.text))}</dd>" for line in lines]
        st.html(f"{LOOKS}<dl class='plan'>{''.join(pairs)}</dl>")
        _draw_remarks(manifest)


def _draw_remarks(manifest: Manifest) -> None:
    """Every remark; those on labels are the desk's."""
    said = [remark for remark in manifest.remarks if remark.kind != "labels"]
    if not said:
        return
    st.markdown("**Not used or read otherwise**")
    st.markdown("\n".join(f"- {plain(page_words(remark.sentence))}" for remark in said[:LISTED]))
    if len(said) > LISTED:
        st.caption(f"And {len(said) - LISTED:,} more.")
