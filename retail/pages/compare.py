"""Compare: is fusion worth it? The verdict first, then every strategy and baseline, then a new run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import streamlit as st

from retail import charts, jobs
from retail.config import DEMO_DIR, DEMO_RESULTS, home
from retail.encoders import PRESETS
from retail.evaluation.verdict import percent, verdict
from retail.fusion import strategies
from retail.manifest import Manifest, read_manifest
from retail.schema import UserError

TITLE = "Compare"
ICON = "📊"
ORDER = 2

SETTING_WORDS = {
    "neither": "one input, one question a model",
    "multi-task": "one input, all questions in one model",
    "multi-modal": "all inputs, one question a model",
    "both": "all inputs, all questions in one model",
}


@st.cache_data(show_spinner=False, max_entries=8)
def load_results(path: str, changed: float) -> dict:
    """A results file; `changed` is its time stamp, so that a new file is read anew."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


@st.cache_data(show_spinner="Reading the data …", max_entries=8)
def load_manifest(path: str, text_column: str, changed: float) -> Manifest:
    """The manifest of a data set with every label column it has."""
    return read_manifest(Path(path), None, text_column)


def result_files() -> dict[str, Path]:
    """Finished runs, the newest first, and the bundled one."""
    found = {}
    for job in jobs.list_jobs():
        if job.results.is_file():
            found[f"{jobs.status(job)['title'] or 'run'} · {job.id}"] = job.results
    if DEMO_RESULTS.is_file():
        found["Demo data (bundled)"] = DEMO_RESULTS
    return found


def draw_verdict(results: dict, task: str) -> None:
    """One sentence, coloured by its kind and worded so that colour is not needed."""
    answer = verdict(results, task)
    box = {"yes": st.success, "no": st.warning, "unclear": st.info}[answer.kind]
    box(answer.sentence)


def draw_accuracy(results: dict, task: str) -> None:
    """Chart and table of every strategy and baseline."""
    data = results["data"]
    st.subheader("Accuracy with 95 % intervals", anchor=False)
    n = charts.summary_rows(results, task)[0]["n"]
    st.caption(f"{task}: test split, n = {n:,} of {data['n_test']:,} products, mean of {len(results['seeds'])} seeds.")
    chart = charts.accuracy_chart(results, task)
    st.altair_chart(chart, width="stretch", alt=chart.description)
    rows = [
        {
            "model": row["title"],
            "kind": row["kind"],
            "inputs": charts.inputs_words(row["modalities"]),
            "accuracy": percent(row["accuracy"]),
            "95 % interval": f"{percent(row['accuracy_low'])} to {percent(row['accuracy_high'])}",
            "balanced accuracy": percent(row["balanced_accuracy"]),
            "macro-F1": percent(row["macro_f1"]),
            "calibration error": percent(row["ece"]),
            "n": row["n"],
        }
        for row in charts.summary_rows(results, task)
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def draw_differences(results: dict, task: str) -> None:
    """Each fusion minus the best single input on the same rows."""
    titles = {model["model"]: model["title"] for model in results["models"]}
    rows = [
        {
            "fusion": titles[row["model"]],
            "against": titles[row["baseline"]],
            "difference": f"{100 * row['difference']:+.1f} points",
            "95 % interval": f"{100 * row['low']:+.1f} to {100 * row['high']:+.1f}",
            "clear": "yes" if row["significant"] else "cannot tell",
            "n": row["n"],
        }
        for row in results["differences"]
        if row["task"] == task
    ]
    if rows:
        st.subheader("Fusion minus the best single input", anchor=False)
        st.caption("Paired on the same test products, against the single input that does best on them.")
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def draw_subsets(results: dict, task: str) -> None:
    """How accurate one model is when inputs are missing."""
    frame = charts.subset_table(results, task)
    if frame.empty:
        return
    st.subheader("If an input is missing", anchor=False)
    st.caption("Each row is one trained model; the columns say what it was given. Test split, all test products.")
    chart = charts.subset_chart(results, task)
    st.altair_chart(chart, width="stretch", alt=chart.description)
    with st.expander("The same as a table"):
        st.dataframe(frame.map(lambda value: percent(value)), width="stretch")


def draw_settings(results: dict, task: str) -> None:
    """The four settings side by side."""
    rows = [
        {
            "setting": row["setting"],
            "what it means": SETTING_WORDS[row["setting"]],
            "inputs": charts.inputs_words(row["modalities"]),
            "accuracy": percent(row["accuracy"]),
            "95 % interval": f"{percent(row['accuracy_low'])} to {percent(row['accuracy_high'])}",
            "n": row["n"],
        }
        for row in results["settings"]
        if row["task"] == task
    ]
    if rows:
        st.subheader("Multi-modal and multi-task", anchor=False)
        st.markdown(
            "**Multi-modal** joins several inputs to answer one question; **multi-task** lets one model answer several "
            "questions. Each can be on or off:"
        )
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def draw_strategies(results: dict) -> None:
    """Each strategy's own sentence and source."""
    with st.expander("What the strategies do, and where they come from"):
        for model in results["models"]:
            if model["kind"] == "fusion":
                st.markdown(f"**{model['title']}** ({model['level']} level). {model['summary']}  \n{model['source']}")


def draw_results() -> None:
    """The chosen results file, verdict first."""
    files = result_files()
    if not files:
        st.info("No comparison has been run yet. Start one below.")
        return
    pick, choose = st.columns(2)
    name = pick.selectbox("Results", list(files))
    results = load_results(str(files[name]), files[name].stat().st_mtime)
    task = choose.selectbox("Task", list(results["tasks"]), format_func=lambda task: task.replace("_", " "))
    draw_verdict(results, task)
    draw_accuracy(results, task)
    draw_differences(results, task)
    draw_subsets(results, task)
    draw_settings(results, task)
    draw_strategies(results)


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


def draw_run(job: jobs.Job) -> None:
    """Progress of one run, its log, Cancel while it lives, and the reason if it failed."""
    now = jobs.status(job)
    live = now["state"] in jobs.LIVE
    st.markdown(f"**Run {job.id}** · {now['title']} · {now['state']}")
    if live:
        share = now["done"] / now["total"] if now["total"] else 0.0
        st.progress(min(share, 1.0), f"{now['stage']}: {now['done']} of {now['total']}")
        st.button("Cancel", on_click=jobs.cancel, args=(job,))
    elif now["state"] == "done":
        st.success("Done: choose the run under Results.")
    else:
        st.error(now["message"] or f"The run was {now['state']}.")
    if tail := job.log_tail():
        with st.expander("Log"):
            st.code(tail, language=None)
    if live:
        st.session_state.watched = job.id
    elif st.session_state.pop("watched", "") == job.id:
        st.rerun()  # the whole page, so that the finished run appears among the results


st.title("Compare: is fusion worth it?", anchor=False)
run = jobs.find(st.query_params["run"]) if "run" in st.query_params else None
if run is None:
    run = next((job for job in jobs.list_jobs() if jobs.status(job)["state"] in jobs.LIVE), None)
if run is not None:
    watched = run
    every = 0.5 if jobs.status(run)["state"] in jobs.LIVE else None
    with st.container(border=True):
        st.fragment(lambda: draw_run(watched), run_every=every)()
draw_results()
st.divider()
draw_new_run()
