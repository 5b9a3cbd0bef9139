"""Known products in Recognise: the nearest ones with their pictures, and adding one's own, which then answer."""

from __future__ import annotations

import streamlit as st

from retail import catalogue, charts
from retail.catalogue import Gallery, Neighbour
from retail.components.media import draw_photo
from retail.components.words import plain
from retail.dataset.reader import read_manifest
from retail.pages._recogniser import Chosen
from retail.pages._result import Asked
from retail.recognizer import Recognizer
from retail.recognizer.bundle import BUNDLE
from retail.schema import Progress, UserError
from retail.workspace.background import Background
from retail.workspace.recognizers import training_data

SHOWN = 5
WIDTH_PX = 145  # two beside each other on a phone


@st.cache_resource(show_spinner=False, max_entries=8)
def gallery_of(folder: str, changed: int, _chosen: Chosen) -> Background[Gallery]:
    """The training products of a recogniser, embedded in the background; the first time takes some seconds."""

    def work(progress: Progress) -> Gallery:
        source = training_data(_chosen.folder)
        if source is None:
            return catalogue.empty_gallery(_chosen.recognizer)
        recognizer = _chosen.recognizer
        group = recognizer.info.data.group if recognizer.info else ()
        manifest = read_manifest(source[0], list(recognizer.vocabularies), source[1], group=group)
        return catalogue.build_gallery(recognizer, manifest, progress)

    return Background(work)


@st.fragment(run_every=1)
def draw_building(work: Background[Gallery]) -> None:
    """How far the embedding is; the page is drawn again when it ends."""
    if not work.running:
        st.rerun()
    st.progress(work.share, f"Indexing your catalogue: {work.done} of {work.total}")


def draw_neighbour(neighbour: Neighbour) -> None:
    """Picture or words of a known product, its labels and how near it is."""
    product = neighbour.product
    for path in product.images[:1]:
        draw_photo(path, neighbour.title, WIDTH_PX, complain=st.caption)
    st.markdown(f"**{plain(neighbour.title)}**" + (" · *added by you*" if neighbour.enrolled else ""))
    words = f"“{plain(product.text)}” · " if product.text.strip() else ""
    st.caption(f"{words}similarity {neighbour.similarity:.2f}")


def draw_neighbours(gallery: Gallery, chosen: Chosen, asked: Asked) -> None:
    """The nearest known products; one that was added by hand is the answer where the upload is it."""
    neighbours = gallery.nearest(asked.batch, asked.used, SHOWN)
    if mine := gallery.recognised(neighbours, asked.used):
        with asked.headline.container():
            st.subheader(plain(mine.title), anchor=False)
            st.caption(
                f"A product that you added; similarity {mine.similarity:.2f}. Its class is not among those below."
            )
    answer = asked.answers[asked.used]
    for sentence in () if answer.unknown else gallery.contradictions(answer, chosen.recognizer):
        asked.notices.warning(plain(sentence))
    if not neighbours:
        st.caption("No known product shares an input with this upload.")
        return
    own = sum(product.split == catalogue.ENROLLED for product in gallery.products)
    st.caption(
        f"The nearest of {len(gallery.products) - own:,} training products and {own:,} that you added, one of "
        f"each kind; similarity is the mean cosine over {charts.inputs_words(asked.used)}."
    )
    with st.container(horizontal=True, gap="medium"):
        for neighbour in neighbours:
            with st.container(width=WIDTH_PX):
                draw_neighbour(neighbour)


def draw_enrol(key: str, recognizer: Recognizer, asked: Asked) -> None:
    """Keeps the upload as a known product, and lists those that were kept."""
    with st.expander("Add this upload to the known products"):
        st.caption(
            "From now on this recogniser, on this machine, knows it by name. The classes of the model stay the same: "
            "to teach it a new class, train on more data."
        )
        with st.form("enrol", clear_on_submit=True, border=False):
            name = st.text_input("Product name", max_chars=120)
            if st.form_submit_button("Add"):
                try:
                    catalogue.enrol(key, name, asked.product)
                    st.session_state.enrolled_note = f"Added “{name.strip()}”."
                    st.rerun()
                except UserError as error:
                    st.error(str(error))
        if note := st.session_state.pop("enrolled_note", ""):
            st.success(plain(note))
        for product in catalogue.enrolled(key):
            text, button = st.columns([4, 1], vertical_alignment="center")
            name = plain(product.labels[catalogue.NAME])
            text.markdown(f"{name} ({charts.inputs_words(product.modalities)})")
            label = f"Remove {name}"
            button.button(label, key=f"forget_{product.id}", on_click=catalogue.forget, args=(key, product.id))


def draw(chosen: Chosen, asked: Asked) -> None:
    """Neighbours of the upload among the products that the recogniser learned from or that were added."""
    st.subheader("Similar known products", anchor=False)
    changed = (chosen.folder / BUNDLE).stat().st_mtime_ns
    key = catalogue.catalogue_key(chosen.folder)
    work = gallery_of(str(chosen.folder), changed, chosen)
    if work.running:
        work.wait(0.3)  # embeddings in the store need no longer
    if work.running:
        draw_building(work)
        return
    if work.error or work.result is None:
        gallery_of.clear(str(chosen.folder), changed, chosen)  # so that another try is one
        st.caption(plain(f"The training products cannot be shown: {work.error}"))
        gallery = catalogue.empty_gallery(chosen.recognizer)
    else:
        gallery = work.result
    draw_neighbours(gallery.with_enrolled(chosen.recognizer, catalogue.enrolled(key)), chosen, asked)
    draw_enrol(key, chosen.recognizer, asked)
