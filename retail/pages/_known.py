"""Known products in Recognise: the catalogue that answers too, the nearest products, and adding one.

In: the chosen recogniser. Out: `Known`, the shelf that answers, ready at once: what the recogniser learned from is
embedded in the background and shown when it is there; it changes no answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from retail import charts
from retail.catalogue.choice import catalogue_of, choose
from retail.catalogue.database import Catalogue, names
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.components.media import draw_photo
from retail.components.words import plain
from retail.files import PAGES
from retail.pages._recogniser import Chosen
from retail.recognizer.bundle import BUNDLE
from retail.schema import Match, Prediction, Product, Progress, Subset, UserError
from retail.workspace.background import Background
from retail.workspace.shelves import learned_products

WIDTH_PX = 145  # two beside each other on a phone
MOST_LETTERS = 120  # of a name
WAIT_SECONDS = 0.5  # embeddings that are in the store need no longer


@dataclass(frozen=True)
class Known:
    """What answers beside the classes, and the training products that may be shown."""

    catalogue: Catalogue
    shelf: Shelf
    learned: tuple[Product, ...] = ()
    work: Background[list[Product]] | None = None  # still embedding the training products


@st.cache_resource(show_spinner=False, max_entries=8)
def learned_of(folder: str, changed: int, _chosen: Chosen) -> Background[list[Product]]:
    """The training products of a recogniser, embedded in the background; the first time takes some seconds."""

    def work(progress: Progress) -> list[Product]:
        rows = learned_products(_chosen.folder, _chosen.recognizer)
        Shelf.of(_chosen.recognizer, None, rows, progress=progress)  # so that the store has their embeddings
        return rows

    return Background(work)


@st.cache_resource(show_spinner="Indexing your catalogue …", max_entries=8)
def shelf_of(
    folder: str, changed: int, catalogue: str, version: int, count: int, _known: Catalogue, _chosen: Chosen, _rows: list
) -> Shelf:
    """The catalogue as the recogniser sees it; made anew when either changed."""
    return Shelf.of(_chosen.recognizer, _known, _rows)


def known_to(chosen: Chosen) -> Known:
    """The choice of a catalogue, and what it and the training products know."""
    catalogue = Catalogue.open(draw_choice(chosen))
    place = str(chosen.folder), (chosen.folder / BUNDLE).stat().st_mtime_ns
    work = learned_of(*place, chosen)
    if work.running:
        work.wait(WAIT_SECONDS)
    running, rows = work.running, work.result or []
    if work.error:
        learned_of.clear(*place, chosen)  # so that another try is one
    shelf = shelf_of(*place, catalogue.name, catalogue.version, len(rows), catalogue, chosen, rows)
    return Known(catalogue, shelf, tuple(rows), work if running or work.error else None)


def draw_choice(chosen: Chosen) -> str:
    """Which catalogue answers with this recogniser; a choice is kept."""
    own = catalogue_of(chosen.folder)
    found = names()
    if len({own, *found}) < 2:
        return own

    def keep() -> None:
        choose(chosen.folder, st.session_state[key])

    key = f"catalogue_of_{chosen.folder}"
    st.session_state[key] = own
    return str(st.selectbox("Catalogue that answers too", sorted({own, *found}), key=key, on_change=keep))


def draw(chosen: Chosen, known: Known, product: Product, used: Subset, answer: Prediction) -> None:
    """The nearest known products, and adding the upload to them."""
    st.subheader("Similar known products", anchor=False)
    if known.work is not None and known.work.running:
        draw_building(known.work)
    elif known.work is not None:
        st.caption(plain(f"The training products cannot be shown: {known.work.error}"))
    draw_matches(known, used, answer)
    draw_enrol(chosen, known, product)


@st.fragment(run_every=1)
def draw_building(work: Background[list[Product]]) -> None:
    """How far the embedding is; the page is drawn again when it ends."""
    if not work.running:
        st.rerun()
    st.progress(work.share, f"Indexing what it learned from: {work.done} of {work.total}")


def draw_matches(known: Known, used: Subset, answer: Prediction) -> None:
    """The best example of each kind, beside one another."""
    if not answer.matches:
        st.caption("No known product shares an input with this upload.")
        return
    st.caption(
        f"The nearest of {len(known.learned):,} training products and {len(known.catalogue):,} of the catalogue "
        f"“{plain(known.catalogue.name)}”, one of each kind, by {charts.inputs_words(used)}."
    )
    shown = {row.id: row for row in known.learned}
    shown |= {own.id: own.as_product() for own in known.catalogue.products([match.id for match in answer.matches])}
    with st.container(horizontal=True, gap="medium"):
        for match in answer.matches:
            with st.container(width=WIDTH_PX):
                draw_match(match, shown.get(match.id))


def draw_match(match: Match, product: Product | None) -> None:
    """Picture or words of a known product, its name and how near it is."""
    for path in product.images[:1] if product else ():
        draw_photo(path, title_of(match), WIDTH_PX, complain=st.caption)
    st.markdown(f"**{plain(title_of(match))}**" + (" · *catalogue*" if match.name else ""))
    words = f"“{plain(product.text)}” · " if product and product.text.strip() else ""
    st.caption(f"{words}similarity {max(match.similarity.values(), default=0.0):.2f}")


def title_of(match: Match) -> str:
    """Its name, or its labels, each once."""
    return match.name or " · ".join(dict.fromkeys(filter(None, match.labels.values()))) or match.id


def draw_enrol(chosen: Chosen, known: Known, product: Product) -> None:
    """Keeps the upload as a product of the catalogue, once it is seen how well it will be recognised."""
    with st.expander("Add this upload to the catalogue"):
        st.caption(
            "From the next upload on it is recognised, without training. More photos, a description or its spoken "
            "name make it surer."
        )
        name = st.text_input("Product name", max_chars=MOST_LETTERS, key="enrol_name").strip()
        if name:
            st.markdown(plain(known.shelf.foresee(product, name).sentence))
        if st.button("Add to the catalogue", disabled=not name):
            try:
                known.catalogue.add([(CatalogueProduct("", name), product)])
            except UserError as error:
                st.error(plain(str(error)))
                return
            st.session_state.enrolled_note = f"Added “{name}”."
            del st.session_state["enrol_name"]
            st.rerun()
        if note := st.session_state.pop("enrolled_note", ""):
            st.success(plain(note))
    st.page_link(PAGES / "catalogue.py", label="Open the catalogue", icon=":material/inventory_2:")
