"""What is kept of uploads, where and for how long: a line where they are given, a button that deletes this visitor's.

In: the session. Out: captions, and a dialog that lists what would go and asks. What a session holds in memory is
reached by that session alone; files for many products and data sets are shared by all who use the dashboard.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from retail.components.announce import announce
from retail.escaping import plain
from retail.wording import joined, number_of, size_words
from retail.workspace import bulk, datasets, jobs

# Where it is given -> what becomes of it.
KEPT = {
    "recognise": "Stays in this session. Nothing is stored unless you correct the answer or add the product.",
    "many": "Files and answers stay on this machine, for all who use this dashboard, until the run is deleted on Runs.",
    "data": "Files stay on this machine, for all who use this dashboard, until the data set is deleted.",
    "catalogue": "Kept in the catalogue, for all who use this dashboard, until the product is removed.",
    "review": "What you say is kept on this machine with a copy of the example, for the next training.",
}
LEAVE_MINUTES = 2  # `server.disconnectedSessionTTL`: until the server forgets a session whose page was closed
OWN, NOTED = "own_uploads", "own_uploads_noted"  # of the session
# Of the session: what came of uploads on Recognise, Catalogue and Review.
REMEMBERED = ("memory", "looked", "catalogue_found", "review_answer", "bulk_data", "bulk_name", "bulk_error")
GIVEN = "catalogue_given_"


@dataclass
class Own:
    """What a session has put on the disk."""

    uploads: list[Path] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)


def own() -> Own:
    """Of this session."""
    return st.session_state.setdefault(OWN, Own())


def say_kept(where: str) -> None:
    """One line below what takes uploads."""
    st.caption(KEPT[where])


def draw_your_uploads() -> None:
    """The button, and what came of it."""
    if st.button("Your uploads …", icon=":material/shield_person:"):
        ask()
    if noted := st.session_state.pop(NOTED, ""):
        st.caption(plain(noted))
        announce(noted)


@st.dialog("Your uploads")
def ask() -> None:
    """Lists them and asks."""
    if NOTED in st.session_state:  # they are deleted: the dialog alone was drawn again, and the page shows them still
        st.rerun()
    lines = [*in_memory(), *on_disk()]
    if lines:
        st.markdown("What you gave since you opened this page:\n\n" + "\n".join(f"- {plain(line)}" for line in lines))
        st.caption("Runs that you started from these files go too, with their answers.")
    else:
        st.markdown("You have given nothing since you opened this page.")
    st.caption(
        "What you gave on earlier visits is deleted on Data and on Runs; products of a catalogue are removed on "
        "Catalogue."
    )
    if lines:
        st.button("Delete all of it", type="primary", on_click=forget)


def in_memory() -> list[str]:
    """What only this session can reach."""
    state = st.session_state
    given = [value for key, value in state.items() if str(key).startswith(GIVEN)]
    photos = [] if state.get("example") else list(state.get("photos", ()))
    photos += [photo for have in given for photo in have.photos]
    sounds = [] if state.get("example") or not state.get("sound") else [state.sound]
    sounds += [have.sound for have in given if have.sound]
    words = [state.get("description", "").strip()] if not state.get("example") else []
    parts = [number_of(len(photos), "photo")] * bool(photos) + [number_of(len(sounds), "sound")] * bool(sounds)
    parts += ["a description"] * bool(any(words))
    if not parts:
        return []
    return [f"{joined(parts)}, in memory; gone {number_of(LEAVE_MINUTES, 'minute')} after you close the page"]


def on_disk() -> list[str]:
    """What was uploaded to be kept."""
    mine = own()
    lines = [f"{_names(upload)} ({size_words(_size(upload))})" for upload in mine.uploads if upload.is_dir()]
    known = {dataset.id: dataset for dataset in datasets.list_datasets()}
    return lines + [f"the data set “{known[key].name}”" for key in mine.datasets if key in known]


def forget() -> None:
    """Deletes it all; an upload that somebody else's run needs too stays until that run is deleted."""
    mine, state = own(), st.session_state
    for name in mine.runs:
        if job := jobs.find(name):
            bulk.delete(job)
    kept = [upload for upload in mine.uploads if not bulk.drop(upload)]
    for dataset in filter(None, map(datasets.find, mine.datasets)):
        datasets.delete(dataset)
    for key in [key for key in state if key in (*REMEMBERED, OWN) or str(key).startswith(GIVEN)]:
        del state[key]
    empty: dict[str, Any] = {"photos": [], "sound": None, "description": "", "example": "", "truth": {}, "refused": []}
    state.update(empty | {name: state.get(name, 0) + 1 for name in ("generation", "bulk_generation", "added_before")})
    st.query_params.clear()
    _release()
    names = joined([_names(upload) for upload in kept])
    state[NOTED] = "Your uploads are deleted." + (f" {plain(names)} stays: another run needs it." if kept else "")


def _release() -> None:
    """The server forgets the raw files of this session."""
    if context := get_script_run_ctx():
        context.uploaded_file_mgr.remove_session_files(context.session_id)


def _names(upload: Path) -> str:
    files = [path.name for path in sorted((upload / bulk.UPLOAD).glob("*"))]
    return files[0] if len(files) == 1 else f"{len(files):,} files"


def _size(upload: Path) -> int:
    return sum(path.stat().st_size for path in upload.rglob("*") if path.is_file())
