"""The top of Compare: what to do, why, and the three answers that it rests on.

In: a `View`. Out: a decision in plain words, the way to the recogniser, and three cards.
"""

from __future__ import annotations

import streamlit as st

from retail.components.compare_runs import DEMO_RUN, View
from retail.escaping import plain
from retail.files import PAGES
from retail.report.answers import Answer, three_answers
from retail.report.verdict import Verdict, verdict
from retail.wording import capital, number_of, seeds_words
from retail.workspace.recognizers import bundle_of, title_of


def draw_answer(view: View) -> None:
    """Which inputs to use; then how often right, when to look and where it goes wrong."""
    st.caption(plain(_facts(view)))
    answer = verdict(view.results, view.task)
    with st.container(border=True):
        # A badge and no alert: a verdict is neither a success nor a failure, whatever it says.
        st.badge(plain(answer.label), color="gray" if answer.kind == "unclear" else "blue")
        decision, _, further = answer.decision.partition("; ")
        st.header(plain(decision.rstrip(".") + "."), anchor=False)
        said = " ".join(filter(None, (capital(further), answer.reason, answer.chosen)))
        if said:
            st.markdown(plain(said))
        _draw_next(view, answer)
    answers = three_answers(view.results, view.task, answer.model)
    for cell, one in zip(st.columns(len(answers)), answers, strict=True):
        with cell:
            _draw_card(one)


def _facts(view: View) -> str:
    results = view.results
    fusions = sum(model.kind == "fusion" for model in results.models)
    singles = len(results.models) - fusions
    compared = number_of(singles, "single input")
    if fusions:
        compared = f"{number_of(fusions, 'fusion method')}, {compared}"
    return (
        f"{results.data.name} · {number_of(results.data.n_test, 'test product')} · {compared}, "
        f"{seeds_words(len(results.seeds))}"
    )


def _draw_next(view: View, answer: Verdict) -> None:
    """The recogniser of the model to use, where this run kept it."""
    bundle = bundle_of("" if view.run == DEMO_RUN else view.run, answer.model)
    if bundle is not None and st.button("Use this recogniser", type="primary"):
        title = title_of(bundle)
        st.session_state.recogniser = title
        st.switch_page(PAGES / "recognise.py", query_params={"recogniser": title})


def _draw_card(answer: Answer) -> None:
    with st.container(border=True, height="stretch"):
        st.markdown(plain(answer.question))
        st.subheader(plain(answer.said), anchor=False)
        st.caption(plain(answer.rests_on))
