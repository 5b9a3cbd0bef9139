"""What cards of suspicious rows share: buttons that decide, and the list of decisions with a way back from each.

In: the chosen `Dataset` and its `Manifest`. Out: decisions kept beside the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import streamlit as st

from retail.dataset.manifest import Manifest
from retail.dataset.row_decisions import APART, COPY, START, UNDECIDED
from retail.escaping import plain
from retail.schema import Product, UserError
from retail.wording import number_of, task_words
from retail.workspace import datasets
from retail.workspace.datasets import Dataset

REFUSED = "suspicious_refused"  # of the session: why the last decision was not kept
LISTED = 50  # decisions shown at a time


@dataclass
class Desk:
    """The data that is decided about."""

    dataset: Dataset
    manifest: Manifest
    places: Mapping[str, str]

    @cached_property
    def products(self) -> dict[str, Product]:
        """By id."""
        return {product.id: product for product in self.manifest.products}

    def place(self, row: str) -> str:
        """'line 4, train'."""
        return ", ".join(filter(None, (self.places.get(row, ""), self.products[row].split)))

    def button(self, label: str, decisions: Sequence[str]) -> None:
        """Keeps decisions; the page is drawn anew afterwards."""
        st.button(
            plain(label),
            key=f"{self.dataset.id} {label} {decisions[0]}",
            on_click=self.decide,
            args=(decisions,),
            disabled=self.dataset.is_demo,
        )

    def complain(self) -> None:
        """Says why the last decision was not kept."""
        if refused := st.session_state.pop(REFUSED, ""):
            st.error(plain(refused))

    def decide(self, decisions: Sequence[str]) -> None:
        """Keeps them, from a callback; why one was not kept is said when the page is drawn."""
        try:
            datasets.decide(self.dataset, decisions, self.manifest)
        except UserError as error:
            st.session_state[REFUSED] = str(error)


def settled(manifest: Manifest) -> list[tuple[str, str]]:
    """What was decided of rows in words, each with the decision that takes it back; the newest first."""
    found = []
    for row, decision in manifest.decided.items():
        for task, (written, right) in decision.labels.items():
            own = manifest.own_names.get(task, task)
            name = task_words(own)
            words = f"{name} {written} is right" if written == right else f"{name} {written or 'empty'} → {right}"
            found.append((f"{row}: {words}", f"{START}{row}:{own}="))
        if decision.copy_of:
            words = f"{row}: left out as a copy of {decision.copy_of}"
            found.append((words, f"{START}{row}={UNDECIDED}/{decision.copy_of}"))
        for other in decision.apart_from:
            found.append((f"{row} and {other}: different products", f"{START}{row}={UNDECIDED}/{other}"))
    return found[::-1]


def draw_decided(desk: Desk, decided: Sequence[tuple[str, str]]) -> None:
    """Every decision with a way back."""
    if not decided:
        st.caption("Nothing was decided yet.")
    for words, undo in decided[:LISTED]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(words), width="content")
            desk.button("Undo", [undo])
    if len(decided) > LISTED:
        st.caption(f"And {number_of(len(decided) - LISTED, 'older decision')}.")


def copies(rows: Sequence[str]) -> list[str]:
    """The first stays, the others are left out."""
    return [f"{START}{row}={COPY}/{rows[0]}" for row in rows[1:]]


def different(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Each pair is two products."""
    return [f"{START}{one}={APART}/{other}" for one, other in pairs]
