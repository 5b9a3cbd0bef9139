"""Known products in Recognise: the nearest ones with their pictures, and adding one's own, which then answer."""

from __future__ import annotations

import streamlit as st

from retail import charts
from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.components.media import draw_photo
from retail.components.words import plain
from retail.dataset.reader import read_manifest
from retail.pages._recogniser import Chosen
from retail.pages._result import Asked
from retail.recognizer.bundle import BUNDLE
from retail.schema import Match, Product, Progress, UserError
from retail.workspace.background import Background
from retail.workspace.recognizers import training_data

SHOWN = 5
WIDTH_PX = 145  # two beside each other on a phone
OWN = "Products you added"


@st.cache_resource(show_spinner=False, max_entries=8)
def shelf_of(folder: str, changed: int, version: int, _chosen: Chosen) -> Background[tuple[Shelf, list[Product]]]:
    """A recogniser's catalogue and training products, embedded in the background; the first time takes some seconds."""

    def work(progress: Progress) -> tuple[Shelf, list[Product]]:
        source, recognizer = training_data(_chosen.folder), _chosen.recognizer
        rows: list[Product] = []
        if source is not None:
            group = recognizer.info.data.group if recognizer.info else ()
            manifest = read_manifest(source[0], list(recognizer.vocabularies), source[1], group=group)
            if recognizer.learned_from and recognizer.learned_from != manifest.checksum:
                raise UserError(f"The data in {manifest.title} changed since this recogniser was trained.")
            rows = list(manifest.in_split("train"))
        return Shelf.of(recognizer, Catalogue.open(OWN), rows, progress=progress), rows

    return Background(work)


@st.fragment(run_every=1)
def draw_building(work: Background[tuple[Shelf, list[Product]]]) -> None:
    """How far the embedding is; the page is drawn again when it ends."""
    if not work.running:
        st.rerun()
    st.progress(work.share, f"Indexing your catalogue: {work.done} of {work.total}")


def draw_match(match: Match, product: Product | None) -> None:
    """Picture or words of a known product, its labels and how near it is."""
    title = match.name or " · ".join(dict.fromkeys(filter(None, match.labels.values())))
    for path in product.images[:1] if product else ():
        draw_photo(path, title, WIDTH_PX, complain=st.caption)
    st.markdown(f"**{plain(title)}**" + (" · *added by you*" if match.name else ""))
    words = f"“{plain(product.text)}” · " if product and product.text.strip() else ""
    st.caption(f"{words}similarity {max(match.similarity.values(), default=0.0):.2f}")


def draw_matches(shelf: Shelf, rows: list[Product], asked: Asked) -> None:
    """The nearest known products; one of the catalogue is the answer where the upload is it."""
    batch, notes = shelf.embed([asked.product])
    answer = shelf.answer(batch.only(asked.used), notes)[0]
    if mine := answer.recognised:
        with asked.headline.container():
            st.subheader(plain(mine.name), anchor=False)
            st.caption("A product that you added. Its class is not among those below.")
    for sentence in () if answer.unknown else shelf.contradictions(asked.answers[asked.used]):
        asked.notices.warning(plain(sentence))
    if not answer.matches:
        st.caption("No known product shares an input with this upload.")
        return
    st.caption(
        f"The nearest of {len(shelf.products) - shelf.own:,} training products and {shelf.own:,} that you added, one "
        f"of each kind, by {charts.inputs_words(asked.used)}."
    )
    of = {row.id: row for row in rows} | {own.id: own.as_product() for own in shelf.products[: shelf.own]}
    with st.container(horizontal=True, gap="medium"):
        for match in answer.matches:
            with st.container(width=WIDTH_PX):
                draw_match(match, of.get(match.id))


def draw_enrol(asked: Asked) -> None:
    """Keeps the upload as a known product, and lists those that were kept."""
    kept = Catalogue.open(OWN)
    with st.expander("Add this upload to the known products"):
        st.caption(
            "From now on this recogniser, on this machine, knows it by name. The classes of the model stay the same: "
            "to teach it a new class, train on more data."
        )
        with st.form("enrol", clear_on_submit=True, border=False):
            name = st.text_input("Product name", max_chars=120)
            if st.form_submit_button("Add"):
                try:
                    if not name.strip():
                        raise UserError("A known product needs a name; write one.")
                    kept.add([(CatalogueProduct("", name.strip()), asked.product)])
                    st.session_state.enrolled_note = f"Added “{name.strip()}”."
                    st.rerun()
                except UserError as error:
                    st.error(str(error))
        if note := st.session_state.pop("enrolled_note", ""):
            st.success(plain(note))
        for product in kept.products():
            text, button = st.columns([4, 1], vertical_alignment="center")
            name = plain(product.title)
            text.markdown(f"{name} ({charts.inputs_words(product.as_product().modalities)})")
            button.button(f"Remove {name}", key=f"forget_{product.id}", on_click=kept.remove, args=([product.id],))


def draw(chosen: Chosen, asked: Asked) -> None:
    """Neighbours of the upload among the products that the recogniser learned from or that were added."""
    st.subheader("Similar known products", anchor=False)
    place = str(chosen.folder), (chosen.folder / BUNDLE).stat().st_mtime_ns, Catalogue.open(OWN).version
    work = shelf_of(*place, chosen)
    if work.running:
        work.wait(3)  # embeddings in the store need no longer
    if work.running:
        draw_building(work)
        return
    shelf, rows = work.result or (Shelf.of(chosen.recognizer, Catalogue.open(OWN)), [])
    if work.error:
        shelf_of.clear(*place, chosen)  # so that another try is one
        st.caption(plain(f"The training products cannot be shown: {work.error}"))
    draw_matches(shelf, rows, asked)
    draw_enrol(asked)
