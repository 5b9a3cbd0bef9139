"""Storage and health, folded on Runs: what the home folder takes, what is wrong with it, what can go.

In: the home folder. Out: a list, and dialogs that show what would be done before it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from retail.components.announce import announce
from retail.components.folded import draw_folded
from retail.components.page_words import refusal
from retail.escaping import plain
from retail.files import home
from retail.wording import number_of, size_words
from retail.workspace.health import Finding, Health, examine, mend

TITLE = "Storage and health"
NOTED = "health_noted"  # of the session: what was done last
SHOWN = 5  # paths of one finding
LOOKED_SECONDS = 60  # a look stays true for so long; "Look again" asks for a new one
SOUND = "Nothing is damaged, nothing is left over."


@st.cache_resource(show_spinner="Looking at what is kept …", ttl=LOOKED_SECONDS)
def looked(home_folder: str) -> Health:
    """The same for all who look."""
    return examine()


def draw() -> None:
    """Closed until somebody asks."""
    draw_folded(TITLE, _draw_open)


def _draw_open() -> None:
    found = looked(str(home()))
    if noted := st.session_state.pop(NOTED, ""):
        st.markdown(plain(noted))
        announce(noted)
    st.markdown(f"{size_words(found.size)} in {plain(str(home()))}. {'' if found.findings else SOUND}")
    if found.uses:
        rows = [{"Part": use.name, "Size": size_words(use.size), "What it is": use.meaning} for use in found.uses]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", alt="What each part takes")
    st.markdown("\n".join(f"- {_line(finding)}" for finding in found.findings))
    with st.container(horizontal=True):
        if found.repairs and st.button("Repair …"):
            ask_repair(found.repairs)
        if found.cleanings and st.button("Clean up …"):
            ask_clean(found.cleanings)
        st.button("Look again", on_click=looked.clear)


@st.dialog("Repair this?")
def ask_repair(findings: Sequence[Finding]) -> None:
    """Lists it and asks once more."""
    _draw_asked(findings, "Repair it", "repaired")


@st.dialog("Delete this?")
def ask_clean(findings: Sequence[Finding]) -> None:
    """Lists it and asks once more."""
    st.write("Nobody needs this any more, or it is made again when somebody does. What is in use stays.")
    _draw_asked(findings, "Delete it", "deleted")


def _draw_asked(findings: Sequence[Finding], button: str, done: str) -> None:
    for finding in findings:
        lines = [f"- {plain(_below_home(path))}" for path in finding.paths[:SHOWN]]
        more = [f"- and {len(finding.paths) - SHOWN:,} more"] * (len(finding.paths) > SHOWN)
        st.markdown("\n".join([f"{_line(finding)}\n", *lines, *more]))
    if st.button(button, type="primary"):
        mend(findings)
        size = sum(finding.size for finding in findings)
        st.session_state[NOTED] = (
            f"{number_of(len(findings), 'thing')} {done}{f', {size_words(size)}' if size else ''}."
        )
        looked.clear()
        st.rerun()


def _line(finding: Finding) -> str:
    room = f" ({size_words(finding.size)})" if finding.size else ""
    return f"**{plain(finding.kind.capitalize())}:** {refusal(finding.sentence)}{room}"


def _below_home(path: Path) -> str:
    return str(path.relative_to(home()) if path.is_relative_to(home()) else path)
