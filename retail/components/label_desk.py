"""The label desk: what became of the cells of each label column, and every decision about them, reversible.

In: a `Dataset` and its `Manifest`. Out: decisions kept beside the data, each as `check --decide` takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from retail.components.page_words import page_words
from retail.components.read_data import rows_of
from retail.dataset.labels import Desk, Near, visible
from retail.dataset.manifest import Manifest
from retail.escaping import plain
from retail.schema import UserError
from retail.wording import number_of, task_words
from retail.workspace import datasets
from retail.workspace.datasets import Dataset

PAIRS = 10  # near spellings offered at a time
REFUSED = "label_desk_refused"  # of the session: why the last decision was not kept
SEVERAL = {
    "together": "Keep combinations: each is a class",
    "first": "Take the first label",
    "each": "One question for each label, yes or no",
}
NOTHING_TO_LEARN = ("it is empty", "it has one value only")
SPELLINGS = "Case, kinds of space, accents written in two ways and signs such as &amp; make no other class."


def draw_labels(dataset: Dataset, manifest: Manifest) -> None:
    """One label column at a time, those with something to see first; then rows and columns that could count more."""
    if dataset.is_demo:
        st.info("The demo is built in, so nothing can be decided about its labels. Add data of your own to decide.")
    if refused := st.session_state.pop(REFUSED, ""):
        st.error(plain(refused))
    desks = sorted(manifest.desks.items(), key=lambda item: -len(item[1].sentences()))
    own = _own_names(dataset)
    if desks:
        column = st.selectbox(
            "Label column",
            [name for name, _ in desks],
            format_func=lambda name: _title(own.get(name, name), manifest.desks[name]),
            key=f"desk_{dataset.id}",
        )
        _draw_desk(dataset, own.get(column, column), manifest.desks[column])
    else:
        st.info("No column looks like a label; one of those below can be learned all the same.")
    _draw_rows(dataset, manifest)
    _draw_not_asked(dataset, manifest, own)


def _own_names(dataset: Dataset) -> Mapping[str, str]:
    """What the table calls each column."""
    header = rows_of(dataset).header
    return dict(zip(dataset.columns.renamed(header), header, strict=True))


def _title(column: str, desk: Desk) -> str:
    notes = len(desk.sentences())
    return task_words(column) + (f" ({notes} to look at)" if notes else "")


def _decide(dataset: Dataset, *decisions: str) -> None:
    """Keeps them; the page is drawn anew afterwards."""
    try:
        datasets.decide(dataset, decisions)
    except UserError as error:
        st.session_state[REFUSED] = str(error)


def _draw_desk(dataset: Dataset, column: str, desk: Desk) -> None:
    """Classes, then what can be decided about them."""
    key, locked, rule = f"{dataset.id}_{column}", dataset.is_demo, desk.rule

    def switch(label: str, on: bool, yes: str, no: str, help: str = "") -> None:
        st.toggle(
            label,
            on,
            key=f"{yes}_{key}_{on}",
            on_change=_decide,
            args=(dataset, f"{column}={no if on else yes}"),
            disabled=locked,
            help=help,
        )

    _draw_classes(desk)
    if desk.joined or desk.alike or rule.spellings == "apart":
        switch("Keep spellings apart", rule.spellings == "apart", "apart", "joined", SPELLINGS)
    if desk.missing:
        words = ", ".join(f"“{word}” ({count:,})" for word, count in desk.missing.most_common())
        st.markdown(plain(f"A word for “nothing” stands in {_cells(desk.missing.total())}: {words}."))
        switch("Count them as a class", rule.missing == "label", "missing-is-label", "missing-is-absent")
    if desk.several or rule.several != "together":
        _draw_several(dataset, column, desk, key)
    _draw_pairs(dataset, column, desk, key)


def _draw_classes(desk: Desk) -> None:
    """Every class with its spellings, those that were joined first."""
    joined = desk.joined
    counts = {name: sum(written.values()) for name, written in desk.spellings.items()}
    names = [*joined, *sorted((name for name in counts if name not in joined), key=lambda name: -counts[name])]
    spellings = sum(map(len, joined.values()))
    more = (
        f" {spellings:,} spellings of {number_of(len(joined), 'class', 'classes')} were joined."
        if joined
        else " Each is written in one way."
    )
    st.markdown(f"**{number_of(len(names), 'class', 'classes')}.**{more if names else ''}")
    frame = pd.DataFrame(
        {
            "class": [visible(name) for name in names],
            "cells": [counts[name] for name in names],
            "written as": [_written(desk.spellings[name]) if name in joined else "" for name in names],
        }
    )
    shown = frame if joined else frame.drop(columns="written as")
    st.dataframe(shown, hide_index=True, width="stretch", alt=f"Classes of {task_words(desk.column)}")


def _written(spellings: Mapping[str, int]) -> str:
    return ", ".join(f"{visible(piece)} ({count:,})" for piece, count in spellings.items())


def _cells(count: int) -> str:
    return number_of(count, "cell")


def _draw_several(dataset: Dataset, column: str, desk: Desk, key: str) -> None:
    """What becomes of cells that hold several labels."""
    now = desk.rule.several
    if several := desk.several:
        examples = ", ".join(f"“{example}”" for example in several.examples)
        joined = f"Two or more labels stand in {_cells(several.cells)}, joined {several.joined_by}, such as {examples}."
        st.markdown(plain(joined))
    chosen = f"several_{key}_{now}"
    st.radio(
        "Several labels in a cell",
        list(SEVERAL),
        list(SEVERAL).index(now),
        format_func=SEVERAL.__getitem__,
        key=chosen,
        on_change=lambda: _decide(dataset, f"{column}={st.session_state[chosen]}"),
        disabled=dataset.is_demo,
    )
    if now == "each":
        left = f" Too rare or too common for one: {', '.join(desk.left_out[:PAIRS])}." if desk.left_out else ""
        st.caption(plain(f"{number_of(len(desk.columns), 'question')}.{left}"))


def _draw_pairs(dataset: Dataset, column: str, desk: Desk, key: str) -> None:
    """Labels that may be one, each with a button; and those that somebody joined, each with the way back."""
    near = [pair for pair in desk.near if _can_be_said(pair.written, pair.kept)]
    joins = [f"{column}:{pair.written}={pair.kept}" for pair in near]
    if near:
        st.markdown("**May be one class**")
        for place, pair in enumerate(near[:PAIRS]):
            _line(_pair_words(pair), "Join", f"join_{place}_{key}", dataset, joins[place])
        if len(near) > PAIRS:
            st.caption(f"And {number_of(len(near) - PAIRS, 'more pair')}.")
        if len(near) > 1:
            _button(f"Join all {len(near):,} pairs", f"join_all_{key}", dataset, _decide, dataset, *joins)
    said = [pair for pair in desk.rule.same if _can_be_said(*pair)]
    undone = [f"{column}:{written}={written}" for written, _ in said]
    if said:
        st.markdown("**Joined by you**")
        for place, (written, kept) in enumerate(said):
            _line(f"{visible(written)} → {visible(kept)}", "Undo", f"undo_{place}_{key}", dataset, undone[place])
        if len(said) > 1:
            _button("Undo all", f"undo_all_{key}", dataset, _decide, dataset, *undone)


def _can_be_said(written: str, kept: str) -> bool:
    """Whether a decision can hold the two labels: the last sign of equality parts them."""
    return "=" not in written + kept


def _pair_words(pair: Near) -> str:
    return (
        f"{visible(pair.written)} ({pair.written_cells:,}) → {visible(pair.kept)} ({pair.kept_cells:,}), {pair.reason}"
    )


def _line(words: str, label: str, key: str, dataset: Dataset, decision: str) -> None:
    """A sentence with a button that decides."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(plain(words), width="content")
        _button(label, key, dataset, _decide, dataset, decision)


def _button(label: str, key: str, dataset: Dataset, act: Callable[..., None], *given: Any) -> None:
    st.button(label, key=key, on_click=act, args=given, disabled=dataset.is_demo)


def _draw_rows(dataset: Dataset, manifest: Manifest) -> None:
    """Rows of one product number with other photos: a product each, or one of them all."""
    if found := [remark for remark in manifest.remarks if remark.kind == "photos"]:
        st.markdown("**Rows of one product**")
        st.markdown(plain(page_words(found[0].sentence).removesuffix(" Labels offers to make one product of them.")))
        _button("Join into one product with several photos", "rows_join", dataset, _decide, dataset, "rows=join")
    elif dataset.columns.row == "photo":
        st.markdown("**Rows of one product**")
        st.markdown("Rows of one product number are one product with several photos, as you said.")
        _button("Count every row as a product", "rows_apart", dataset, _decide, dataset, "rows=apart")


def _draw_not_asked(dataset: Dataset, manifest: Manifest, own: Mapping[str, str]) -> None:
    """Columns that are no question with the reason, and a way to learn one all the same."""
    reasons = {name: reason for name, reason in manifest.not_asked.items() if name not in manifest.desks}
    if not reasons:
        return
    st.markdown("**Columns that are no question**")
    asked = [own.get(name, name) for name in manifest.desks]
    for place, (name, reason) in enumerate(reasons.items()):
        column = own.get(name, name)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(f"{task_words(column)}: {page_words(reason)}"), width="content")
            if reason not in NOTHING_TO_LEARN:
                _button("Learn it", f"ask_{place}_{dataset.id}", dataset, _ask, dataset, column, asked)
    st.caption("What is learned can be taken back under Columns.")


def _ask(dataset: Dataset, column: str, asked: list[str]) -> None:
    """Learns a column too."""
    now = dataset.columns
    tasks = dict.fromkeys([*(now.tasks or asked), column])
    try:
        datasets.set_columns(dataset, replace(now, tasks=tuple(tasks)))
    except UserError as error:
        st.session_state[REFUSED] = str(error)
