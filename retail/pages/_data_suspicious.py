"""The tab Suspicious rows of Data: labels that are probably wrong and rows that are probably one product, side by side.

In: the chosen `Dataset` and its `Manifest`. Out: decisions kept beside the data, each as `check --decide` takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from retail.components.gallery import choose_page
from retail.components.media import draw_media, draw_photo
from retail.escaping import plain
from retail.pages._data_duplicates import draw_duplicate, open_groups
from retail.pages._data_row_decisions import Desk, draw_decided, settled
from retail.schema import Product
from retail.wording import percent, task_words
from retail.workspace import audits, jobs

if TYPE_CHECKING:
    from retail.audit.label_errors import LabelError

A_PAGE = 5
LABELS, DUPLICATES, DECIDED = "Labels", "Duplicates", "Decided"
NEIGHBOUR_PX = 88
LETTERS = 80  # of a neighbour's description
WHY = (
    "Models that never saw a row say what it is; where they are sure of another label, the label is probably wrong. "
    "Rows with nearly the same photo and words are probably one product. Nothing changes before you decide, your table "
    "never does, and every decision can be undone."
)
Item = TypeVar("Item")


def draw_suspicious(desk: Desk) -> None:
    """A look at the data in a run of its own, then every suspicion with what speaks for and against it."""
    dataset, manifest = desk.dataset, desk.manifest
    desk.complain()
    st.markdown(WHY)
    if not manifest.tasks:
        st.info("Nothing can be compared with labels, as this data has none. Choose under Columns what to learn.")
        return
    job = audits.latest(dataset)
    state = jobs.status(job).state if job else ""
    if state in jobs.UNFINISHED:
        st.info("The look at this data is under way; the tab Leaks shows how far it is.")
        return
    found = audits.report(job) if job and state == "done" else None
    if st.button("Look again" if found else "Look for suspicious rows", key=f"suspicious_{dataset.id}"):
        audits.start(dataset)
        st.rerun()
    errors = [error for error in found.label_errors if _is_open(error, desk)] if found else []
    groups = open_groups(found.duplicates, manifest) if found else []
    decided = settled(manifest)
    counts = {LABELS: len(errors), DUPLICATES: len(groups), DECIDED: len(decided)}
    if not found and not decided:
        return
    if dataset.is_demo:
        st.info("The demo is built in, so nothing can be decided about its rows. Add data of your own to decide.")
    shown = st.radio(
        "Look at",
        list(counts),
        format_func=lambda name: f"{name} ({counts[name]:,})",
        horizontal=True,
        key=f"suspicious_kind_{dataset.id}",
    )
    if shown == LABELS:
        _draw_errors(desk, errors)
    elif shown == DUPLICATES:
        _paged(groups, f"groups_{dataset.id}", lambda group: draw_duplicate(desk, group))
        if not groups:
            st.caption("No rows are probably one product.")
    else:
        draw_decided(desk, decided)


def _is_open(error: LabelError, desk: Desk) -> bool:
    """Whether the row still has this label and nobody said that it is right."""
    row, decision = desk.products.get(error.row), desk.manifest.decided.get(error.row)
    has = row is not None and row.labels.get(error.task, "") == error.given
    return has and not (decision and error.task in decision.labels)


def _draw_errors(desk: Desk, errors: Sequence[LabelError]) -> None:
    tasks = list(dict.fromkeys(error.task for error in errors))
    if not errors:
        st.caption("No label is probably wrong.")
        return
    every = "all"
    task = (
        st.selectbox("Column", [every, *tasks], format_func=task_words, key=f"doubted_{desk.dataset.id}")
        if len(tasks) > 1
        else every
    )
    chosen = [error for error in errors if task in (every, error.task)]
    _paged(chosen, f"errors_{desk.dataset.id}_{task}", lambda error: _draw_error(desk, error))


def _paged(items: Sequence[Item], key: str, draw: Callable[[Item], Any]) -> None:
    """A page of them at a time."""
    for item in items[choose_page(len(items), A_PAGE, f"page_{key}")]:
        with st.container(border=True):
            draw(item)


def _draw_error(desk: Desk, error: LabelError) -> None:
    """The row, the label that it has and the one that is likelier, and the nearest rows of either."""
    row, own = desk.products[error.row], desk.manifest.own_names.get(error.task, error.task)
    st.markdown(
        plain(f"{error.row} ({desk.place(error.row)})")
        + f" · {plain(task_words(own))}: **{plain(error.given)}** ({percent(error.given_probability)}), probably "
        + f"**{plain(error.suggested)}** ({percent(error.probability)})"
    )
    this, suggested, given = st.columns(3)
    with this:
        draw_media(row)
    with suggested:
        _draw_nearest(desk, f"Nearest labelled {error.suggested}", error.like_suggested)
    with given:
        _draw_nearest(desk, f"Nearest labelled {error.given}", error.like_given)
    start = f"rows/{error.row}:{own}="
    with st.container(horizontal=True):
        desk.button(f"Accept: {error.suggested}", [start + error.suggested])
        desk.button(f"Dismiss: {error.given} is right", [start + error.given])


def _draw_nearest(desk: Desk, title: str, names: Sequence[str]) -> None:
    st.caption(plain(title))
    rows = [desk.products[name] for name in names if name in desk.products]
    if not rows:
        st.caption("None.")
        return
    with st.container(horizontal=True):  # beside each other on a phone, too
        for product in rows:
            with st.container(width=NEIGHBOUR_PX, gap="xsmall"):
                _draw_small(product)


def _draw_small(product: Product) -> None:
    """Its first photo, else the beginning of its words."""
    if product.images:
        draw_photo(product.images[0], product.id, NEIGHBOUR_PX)
    st.caption(plain(product.id if product.images else f"{product.id}: {product.text[:LETTERS]}"))
