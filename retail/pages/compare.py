"""Compare: which inputs should you use? The decision first, then the evidence in four groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from retail.components.compare_runs import View, choose, choose_model, results_files
from retail.components.folded import draw_folded
from retail.components.page_words import page_words
from retail.components.run_progress import draw_progress
from retail.components.side_by_side import draw_beside
from retail.escaping import plain
from retail.files import PAGES
from retail.pages._compare_accuracy import draw_accuracy, draw_differences, draw_missing, draw_settings
from retail.pages._compare_answer import draw_answer
from retail.pages._compare_certainty import draw_certainty, draw_each_mix, draw_sets, draw_threshold
from retail.pages._compare_files import draw_files, draw_protocol
from retail.pages._compare_inputs import draw_attribution, draw_cascade, draw_costs, draw_gains
from retail.pages._compare_map import draw_curves, draw_map
from retail.pages._compare_mistakes import draw_mistakes
from retail.report.findings import findings
from retail.wording import number_of

TITLE = "Compare"
ICON = ":material/bar_chart:"
ORDER = 4

FINDINGS = 3  # sentences shown at once
GROUP = "compare_group"  # of the session: the chosen tab


def draw_findings(view: View) -> None:
    """What else the results say, a sentence each; a long list is folded."""
    found = [f"- {plain(page_words(sentence))}" for sentence in findings(view.cut)]
    if found:
        st.subheader("What else was found", anchor=False)
        st.markdown("\n".join(found[:FINDINGS]))
    if len(found) > FINDINGS:
        more = len(found) - FINDINGS
        with st.expander(number_of(more, "more finding")):
            st.markdown("\n".join(found[FINDINGS:]))


def draw_another(view: View) -> None:
    """This comparison beside one other, the newest at first; Runs takes up to four."""
    others = {run: title for run, (title, _) in results_files().items() if run != view.run}
    if not others:
        st.caption("There is only one comparison so far; run another to see them side by side.")
        return
    draw_beside([view.run, st.selectbox("Other comparison", list(others), format_func=others.__getitem__)])


Section = tuple[Callable[[View], None], Callable[[View], object]]


def _always(view: View) -> bool:
    return True


# group -> what stands open in it, then what is drawn when it is opened: title -> (drawing, whether there is anything)
OPEN: dict[str, tuple[Section, ...]] = {
    "Answer": ((draw_accuracy, _always), (draw_findings, _always)),
    "Mistakes": ((draw_mistakes, _always),),
    "Trust": ((draw_threshold, lambda view: view.cut.calibration), (draw_certainty, lambda view: view.cut.calibration)),
    "Details": (),
}
FOLDED: dict[str, dict[str, Section]] = {
    "Answer": {
        "Fusion minus the best single input": (draw_differences, lambda view: view.cut.differences),
        "If an input is missing": (draw_missing, lambda view: view.cut.subsets),
        "What each input costs": (draw_costs, lambda view: view.cut.costs),
        "One input first, more only when unsure": (draw_cascade, lambda view: view.cut.cascade),
    },
    "Mistakes": {
        "What fusion gains, class by class": (draw_gains, lambda view: view.results.kind(view.model) == "fusion"),
        "What each input adds to the right answer": (draw_attribution, lambda view: view.cut.attribution),
    },
    "Trust": {
        "Each mix of inputs": (draw_each_mix, lambda view: view.cut.subset_certainty),
        "Sets of answers instead of one": (draw_sets, lambda view: view.cut.conformal),
    },
    "Details": {
        "Tables and files": (draw_files, _always),
        "One question or all, one input or all": (draw_settings, lambda view: view.cut.settings or view.cut.hierarchy),
        "Map of the test products": (draw_map, _always),
        "How many examples does it take?": (draw_curves, _always),
        "Beside another comparison": (draw_another, _always),
        "How the comparison was run": (draw_protocol, _always),
    },
}


def draw_groups(view: View) -> None:
    """Four tabs, of which the chosen one is drawn."""
    with st.columns([2, 3])[0]:
        choose_model(view)
    # Tabs that keep track: plain ones would draw all of them.
    for name, tab in zip(OPEN, st.tabs(list(OPEN), key=GROUP, on_change="rerun"), strict=True):
        with tab:
            if tab.open:
                _draw_group(name, view)


def _draw_group(name: str, view: View) -> None:
    shown = [draw for draw, has in OPEN[name] if has(view)]
    folded = {title: draw for title, (draw, has) in FOLDED[name].items() if has(view)}
    for draw in shown:
        draw(view)
    for place, (title, draw) in enumerate(folded.items()):
        draw_folded(title, partial(draw, view), opened=not shown and place == 0)
    if not shown and not folded:
        st.info("This run holds nothing of this kind.")


st.title("Which inputs should you use?", anchor=False)
draw_progress()
chosen = choose()
if chosen is None:
    st.info("No comparison yet. Start one on Train.")
else:
    draw_answer(chosen)
    draw_groups(chosen)
st.page_link(PAGES / "train.py", label="Compare on other data or with other settings", icon=":material/arrow_forward:")
