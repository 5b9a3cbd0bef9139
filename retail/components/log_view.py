"""The log of a run: its last lines with time and level, and a search in all of them.

In: a `Job`. Out: a folded box on the page; nothing where there is no log.
"""

from __future__ import annotations

import streamlit as st

from retail.escaping import printable
from retail.workspace import log
from retail.workspace.jobs import Job

FEW_LINES = 15  # are looked at without a search
SHOWN_LINES = 200


def draw_log(job: Job, opened: bool) -> None:
    """The end of it; with many lines, what is searched for."""
    lines = log.log_of(job)
    if not lines:
        return
    with st.expander("Log", expanded=opened):
        found = lines
        if len(lines) > FEW_LINES:
            left, right = st.columns([3, 1], vertical_alignment="bottom")
            words = left.text_input("Search the log", key=f"log_words_{job.id}")
            leveled = right.toggle("Only notes and errors", key=f"log_leveled_{job.id}")
            found = log.matching(lines, words, leveled)
            several = "the last " * (len(found) > SHOWN_LINES)
            st.caption(f"{len(found):,} of {len(lines):,} lines" + (f", {several}{SHOWN_LINES} shown" * bool(several)))
        text = "\n".join(line.shown for line in found[-SHOWN_LINES:])
        st.code(
            printable(text) or "No line matches.",
            language=None,
            wrap_lines=True,
            height=400 if len(found) > 20 else "content",
        )
