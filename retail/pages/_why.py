"""Why Recognise answers so: switches that leave inputs out, what each input added, and the answer to every mix.

In: the answers to all mixes of the inputs that were given. Out: elements on the page; which inputs are switched off.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from retail import charts
from retail.charts.palette import INPUT_COLOURS
from retail.components.bars import Bar, draw_bars
from retail.escaping import plain
from retail.evaluation.attribution import attribution_of
from retail.schema import Modality, Prediction
from retail.wording import task_words, whole_percent

IMAGE_FIRST: tuple[Modality, ...] = ("image", "text", "audio")

Answers = dict[tuple[Modality, ...], Prediction]


def switched_off() -> set[Modality]:
    """The inputs that are given but shall not count."""
    off: set[Modality] = st.session_state.setdefault("switched_off", set())
    return off


def draw_switches(given: Sequence[Modality]) -> None:
    """One switch per input that can be used."""
    with st.container(horizontal=True, gap="medium"):
        for modality in given:
            key = f"use_{modality}"
            # Each time: a switch that comes back to the page would else be drawn as off, whatever counts.
            st.session_state[key] = modality not in switched_off()
            st.toggle(charts.WORDS[modality].capitalize(), key=key, on_change=_switch, args=(modality,))


def _switch(modality: Modality) -> None:
    on = st.session_state[f"use_{modality}"]
    (switched_off().discard if on else switched_off().add)(modality)


def draw_why(answers: Answers, used: tuple[Modality, ...], first: str) -> None:
    """What each input added to the answer of one task, and what would change without it."""
    if len(used) < 2 or first not in answers[used].probs:
        return
    tasks = sorted(answers[used].probs, key=lambda task: task != first)
    task = first
    if len(tasks) > 1:
        task = st.segmented_control(
            "Question", tasks, default=first, required=True, format_func=_option, key="why_task"
        )
    own = {subset: answer for subset, answer in answers.items() if set(subset) <= set(used)}
    attribution = attribution_of(own, task if task in tasks else first)
    st.markdown(plain(attribution.sentence))
    points = {m: part for m in IMAGE_FIRST if (part := attribution.parts.get(m)) is not None}
    most = max(0.01, *(abs(part) for part in points.values()))
    draw_bars(
        Bar(
            charts.WORDS[m].capitalize() + (" (speaks against it)" if part < 0 else ""),
            abs(part) / most,
            f"{100 * part:+.1f}",
            colour=INPUT_COLOURS[charts.WORDS[m]],
        )
        for m, part in points.items()
    )
    st.caption(
        f"Percentage points, starting from {whole_percent(attribution.base)} with no input "
        "(exact Shapley values over all mixes of the inputs)."
    )
    for sentence in without_sentences(answers, used):
        st.markdown(f"- {plain(sentence)}")


def without_sentences(answers: Answers, used: tuple[Modality, ...]) -> list[str]:
    """What would change if one input were missing."""
    sentences = []
    for modality in IMAGE_FIRST:
        rest = tuple(m for m in used if m != modality)
        if modality not in used or not rest:
            continue
        changed = [
            f"{task_words(task)} would be “{label}” ({whole_percent(share)})"
            for task in answers[used].probs
            for label, share in [answers[rest].best(task)]
            if label != answers[used].best(task)[0]
        ]
        if changed:
            sentences.append(f"Without the {charts.WORDS[modality]}: {'; '.join(changed)}.")
    return sentences or ["With any one of these inputs left out, every answer stays the same."]


def _option(task: str) -> str:
    return plain(task_words(task))


def draw_subsets(answers: Answers) -> None:
    """The answer of the one model for every subset of the given inputs."""
    rows = [{"given": charts.inputs_words(subset)} | cells(answer) for subset, answer in reversed(answers.items())]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", alt="The answer for every mix of the inputs")


def cells(answer: Prediction) -> dict[str, str]:
    """Best class and probability per task."""
    return {
        task_words(task): f"{answer.best(task)[0]} ({whole_percent(answer.best(task)[1])})" for task in answer.probs
    }
