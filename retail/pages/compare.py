"""Compare: is fusion worth it? The verdict first, what else was found, then every reading in its own section."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from retail.components.compare_runs import View, choose, results_files
from retail.components.run_progress import draw_progress
from retail.components.side_by_side import draw_side_by_side
from retail.components.words import plain
from retail.files import PAGES
from retail.pages._compare_accuracy import draw_accuracy, draw_missing, draw_settings
from retail.pages._compare_certainty import draw_certainty
from retail.pages._compare_files import draw_files
from retail.pages._compare_inputs import draw_costs, draw_helps
from retail.pages._compare_map import draw_curves, draw_map
from retail.pages._compare_mistakes import draw_mistakes
from retail.report.findings import findings
from retail.report.verdict import verdict

TITLE = "Compare"
ICON = ":material/bar_chart:"
ORDER = 4

FINDINGS = 2  # sentences shown at once, so that the first chart is in sight


def draw_verdict(view: View) -> None:
    """One sentence, coloured by its kind and worded so that colour is not needed."""
    answer = verdict(view.results, view.task)
    box = {"yes": st.success, "no": st.warning, "unclear": st.info}[answer.kind]
    box(plain(answer.sentence))
    found = [f"- {plain(sentence)}" for sentence in findings(view.cut)]
    if found:
        st.markdown("\n".join(found[:FINDINGS]))
    if len(found) > FINDINGS:
        with st.expander(f"{len(found) - FINDINGS} more findings"):
            st.markdown("\n".join(found[FINDINGS:]))


def _draw_plane(view: View) -> None:
    draw_map(view)
    draw_curves(view)


def _draw_beside(view: View) -> None:
    draw_side_by_side([view.run, *(run for run in results_files() if run != view.run)][:2])


# A section is drawn only when it is chosen, so the page is fast however much a comparison holds.
SECTIONS: dict[str, tuple[Callable[[View], None], Callable[[View], object]]] = {
    "Accuracy": (draw_accuracy, lambda view: True),
    "Missing inputs": (draw_missing, lambda view: view.cut.subsets),
    "Settings": (draw_settings, lambda view: view.cut.settings or view.results.hierarchy),
    "Mistakes": (draw_mistakes, lambda view: True),
    "How sure": (draw_certainty, lambda view: view.cut.calibration),
    "What helps": (draw_helps, lambda view: True),
    "Costs": (draw_costs, lambda view: view.cut.costs or view.cut.cascade),
    "Map and curves": (_draw_plane, lambda view: True),
    "Tables and files": (draw_files, lambda view: True),
    "Side by side": (_draw_beside, lambda view: True),
}


def draw_sections(view: View) -> None:
    """The choice of sections that these results can fill, and the chosen one."""
    names = [name for name, (_, has) in SECTIONS.items() if has(view)]
    if st.session_state.get("section") not in names:
        st.session_state.section = names[0]
    # Not a segmented control: its chosen word has too little contrast on a dark page.
    name = st.radio("Section", names, key="section", horizontal=True, label_visibility="collapsed")
    SECTIONS[name][0](view)


st.title("Which inputs should you use?", anchor=False)
draw_progress()
chosen = choose()
if chosen is None:
    st.info("No comparison yet. Start one on Train.")
else:
    draw_verdict(chosen)
    draw_sections(chosen)
st.page_link(PAGES / "train.py", label="Compare on other data or with other settings", icon=":material/arrow_forward:")
