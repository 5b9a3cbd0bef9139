"""The form that starts a comparison.

In: a data set of the user's choice. Out: a run in a process of its own, named in the address.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import streamlit as st

from retail import jobs
from retail.config import DEMO_DIR, home
from retail.encoders import PRESETS
from retail.fusion import strategies
from retail.manifest import Manifest, read_manifest
from retail.schema import UserError


@st.cache_data(show_spinner="Reading the data …", max_entries=8)
def load_manifest(path: str, text_column: str, changed: float) -> Manifest:
    """The manifest of a data set with every label column it has."""
    return read_manifest(Path(path), None, text_column)


def chosen_data() -> str:
    """The path of the data to compare on: the demo, a path on this machine, or an uploaded ZIP."""
    source = st.radio("Data", ["Demo data", "Folder or ZIP on this machine", "Upload a ZIP"], horizontal=True)
    if source == "Demo data":
        return str(DEMO_DIR)
    if source == "Folder or ZIP on this machine":
        return st.text_input("Path", placeholder="/data/my_products").strip()
    upload = st.file_uploader("ZIP with metadata.csv", type=["zip"], max_upload_size=1024)
    if upload is None:
        return ""
    content = upload.getvalue()
    path = home() / "uploads" / f"{hashlib.sha256(content).hexdigest()[:16]}.zip"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(path)


def draw_new_run() -> None:
    """Choose data, tasks, strategies and encoders, and start the run in a process of its own."""
    st.subheader("Run a comparison", anchor=False)
    path = chosen_data()
    text_column = st.text_input("Text column", "text")
    if not path:
        return
    try:
        changed = Path(path).stat().st_mtime if Path(path).exists() else 0.0
        manifest = load_manifest(path, text_column, changed)
    except UserError as error:
        st.error(str(error))
        return
    st.caption(f"{len(manifest.products):,} usable products, {len(manifest.problems)} problems.")
    if manifest.problems:
        rows = [{"line": p.line, "column": p.column, "problem": p.message} for p in manifest.problems]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    known = strategies()
    with st.form("new_run"):
        tasks = st.multiselect("Tasks (label columns)", manifest.label_columns, default=manifest.label_columns)
        usual = [name for name, head in known.items() if head.compared]
        names = st.multiselect("Strategies", list(known), default=usual, format_func=lambda n: known[n].title)
        encoders = st.selectbox("Encoders", list(PRESETS), help="The hub preset needs a connection once.")
        seeds = st.number_input("Seeds", 1, 10, 3, help="Every model is trained once per seed.")
        if st.form_submit_button("Start", type="primary"):
            if not tasks or not names:
                st.error("Choose at least one task and one strategy.")
                return
            arguments = ["compare", path, "--tasks", ",".join(tasks), "--strategies", ",".join(names)]
            arguments += ["--encoders", encoders, "--seeds", str(seeds), "--text-column", text_column]
            job = jobs.start(arguments, title=f"{Path(path).stem}: {', '.join(tasks)}")
            st.query_params["run"] = job.id
            st.rerun()
