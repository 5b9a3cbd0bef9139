"""Cards of rows that are probably one product, on the tab Suspicious rows of Data.

In: groups of an audit. Out: those still open, and cards with the evidence and two buttons.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from retail.components.data_cards import card_words
from retail.components.media import draw_media
from retail.dataset.manifest import Manifest
from retail.escaping import plain
from retail.pages._data_row_decisions import Desk, copies, different
from retail.wording import percent, task_words

if TYPE_CHECKING:
    from retail.audit.duplicate_groups import DuplicateGroup, Evidence

MOST_CARDS = 4  # rows of a group side by side


REASON_WORDS = {"same text": "same description"}


def open_groups(groups: Sequence[DuplicateGroup], manifest: Manifest) -> list[DuplicateGroup]:
    """Those of which two rows are still there that nobody called different products."""
    known = {product.id for product in manifest.products}
    return [group for group in groups if _open_pairs(group, manifest, known)]


def draw_duplicate(desk: Desk, group: DuplicateGroup) -> None:
    """The rows side by side, why they may be one product, and where their labels differ."""
    rows = [row for row in group.rows if row in desk.products]
    first = " and ".join(
        dict.fromkeys(
            f"{REASON_WORDS.get(one.reason, one.reason)} ({percent(one.similarity)})" for one in _strongest(group)
        )
    )
    st.markdown(plain(f"{len(rows)} rows, probably one product: {first}."))
    for task in group.conflicts:
        own = dict.fromkeys(desk.products[row].labels.get(task, "") or "no label" for row in rows)
        if len(own) > 1:
            said = " or ".join(f"**{plain(label)}**" for label in own)
            st.markdown(f"Labels differ · {plain(task_words(desk.manifest.own_names.get(task, task)))}: {said}")
    if len(group.splits) > 1:
        st.caption(f"In {plain(' and '.join(group.splits))}: a model would be tested on what it has learned.")
    for cell, row in zip(st.columns(max(min(len(rows), MOST_CARDS), 2)), rows, strict=False):
        with cell:
            draw_media(desk.products[row])
            st.caption(plain(card_words(desk.products[row], desk.places.get(row, ""))))
    if len(rows) > MOST_CARDS:
        st.caption(plain(f"And {', '.join(rows[MOST_CARDS:])}."))
    with st.container(horizontal=True):
        desk.button(f"Accept: keep {rows[0]}, leave out the rest", copies(rows))
        pairs = _open_pairs(group, desk.manifest, desk.products.keys())
        desk.button("Dismiss: different products", different(pairs))


def _open_pairs(group: DuplicateGroup, manifest: Manifest, known: Container[str]) -> list[tuple[str, str]]:
    apart = {frozenset((row, other)) for row, one in manifest.decided.items() for other in one.apart_from}
    pairs = dict.fromkeys((one.row, one.other) for one in group.evidence)
    return [pair for pair in pairs if all(row in known for row in pair) and frozenset(pair) not in apart]


def _strongest(group: DuplicateGroup) -> list[Evidence]:
    """The best evidence of each kind."""
    best: dict[str, Evidence] = {}
    for one in sorted(group.evidence, key=lambda one: one.similarity):
        best[one.reason] = one
    return list(best.values())
