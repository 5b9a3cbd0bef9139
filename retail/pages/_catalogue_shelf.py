"""The chosen catalogue as the chosen recogniser sees it, made ready in the background and kept for all sessions.

In: a `Chosen` and a `Catalogue`. Out: a `Background` of a `Stocked` shelf, with its progress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from retail.catalogue.database import Catalogue
from retail.catalogue.shelf import Shelf
from retail.components.waiting import draw_waiting
from retail.pages._recogniser import Chosen
from retail.recognizer.bundle import BUNDLE
from retail.schema import Match, Product, Progress, UserError
from retail.store import EmbeddingStore
from retail.workspace.background import Background
from retail.workspace.shelves import learned_products


@dataclass(frozen=True, eq=False)
class Stocked:
    """A shelf with what its products look like."""

    shelf: Shelf
    catalogue: Catalogue
    learned: Mapping[str, Product]  # rows that the recogniser learned from, by id
    missing: str = ""  # why there are none

    def shown(self, match: Match) -> Product | None:
        """What shows a match: a product of the catalogue, or else a row that the recogniser learned from."""
        known = self.catalogue.get(match.id)
        return known.as_product() if known else self.learned.get(match.id)


def shelf_of(chosen: Chosen, catalogue: Catalogue, learned: bool = True) -> Background[Stocked]:
    """The shelf of this moment: another one when somebody writes the catalogue or trains the recogniser again.

    Without `learned` it holds the catalogue alone, which is there sooner and answers the same.
    """
    changed = (chosen.folder / BUNDLE).stat().st_mtime_ns
    place = str(chosen.folder), changed, str(catalogue.folder), catalogue.version, learned
    work = _shelf(*place, chosen, catalogue)
    if work.error or (work.result is not None and work.result.missing):
        _shelf.clear(*place, chosen, catalogue)  # so that another try is one
    return work


@st.cache_resource(show_spinner=False, max_entries=8)
def _shelf(
    folder: str, changed: int, place: str, version: int, learned: bool, _chosen: Chosen, _catalogue: Catalogue
) -> Background[Stocked]:
    def work(progress: Progress) -> Stocked:
        rows: Sequence[Product] = ()
        missing = ""
        try:
            rows = _learned(str(_chosen.folder), changed, _chosen) if learned else ()
        except (UserError, OSError) as error:
            missing = str(error)
        shelf = Shelf.of(_chosen.recognizer, _catalogue, rows, EmbeddingStore(), progress)
        return Stocked(shelf, _catalogue, {product.id: product for product in rows}, missing)

    return Background(work)


@st.cache_resource(show_spinner=False, max_entries=4)
def _learned(folder: str, changed: int, _chosen: Chosen) -> Sequence[Product]:
    """The rows that it learned from; raises where they changed since or cannot be read, and then nothing is kept."""
    return learned_products(_chosen.folder, _chosen.recognizer)


def draw_getting_ready(work: Background[Stocked]) -> None:
    """How far it is."""
    draw_waiting(work, "Bringing the catalogue up to date")
