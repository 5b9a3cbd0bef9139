"""Finding products: words, a photo, a sound or any mix, and filters on fields, all at once.

In: a catalogue and the chosen recogniser. Out: one `Page` of products, and how many there are.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from retail.catalogue.record import CatalogueProduct
from retail.catalogue.search import Found
from retail.components.page_words import refusal
from retail.escaping import plain
from retail.pages._catalogue_choose import Looked
from retail.pages._catalogue_inputs import Given, draw_given, given
from retail.schema import UserError
from retail.wording import INPUT_WORDS, number_of

A_PAGE = 24
RANKED = 96  # products that a search by likeness shows at most
MOST_VALUES = 500  # of a field in the box; more are typed
ANY = "any"
LOOKS = "<style>.st-key-catalogue_words {min-width: 260px}</style>"  # a whole line on a phone


@dataclass(frozen=True)
class Page:
    """What is shown now: products, a note below each, how many there are in all, and whether they are ranked."""

    products: list[CatalogueProduct]
    notes: list[str]
    total: int
    ranked: bool


@dataclass(frozen=True)
class Wish:
    """What is looked for."""

    words: str
    where: Mapping[str, str]
    by_example: bool

    @property
    def anything(self) -> bool:
        """Whether products are asked for at all, or just all of them shown."""
        return bool(self.words.strip() or self.where or self.by_example)


def draw_wish(looked: Looked) -> Wish:
    """The search box, what to search by beside words, and the filter."""
    st.html(LOOKS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            "Search", key="catalogue_words", type="search", live="400ms", placeholder="words, a brand, a number"
        )
        with st.popover("By photo or sound", icon=":material/image_search:"):
            have = draw_given("search", record=True)
        with st.popover("Filter", icon=":material/filter_list:"):
            where = _draw_filter(looked)
    if have.photos or have.sound:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Looks like {_given_words(have)}.", width="content")
            st.button("Clear", key="catalogue_clear", on_click=have.clear)
    if where:
        st.caption(plain("Only " + ", ".join(f"{name} {_said(value)}" for name, value in where.items()) + "."))
    return Wish(words, where, bool(have.photos or have.sound))


def _given_words(have: Given) -> str:
    photos = number_of(len(have.photos), "photo") if have.photos else ""
    return " and ".join(filter(None, [photos, "a sound" if have.sound else ""]))


def _draw_filter(looked: Looked) -> dict[str, str]:
    """One field with a value, or a range where all values are numbers."""
    catalogue = looked.catalogue
    names = [*catalogue.label_names(), *catalogue.field_names()]
    if not names:
        st.caption("No product has a label or a field yet.")
        return {}
    name = st.selectbox("Field", [ANY, *names], key="catalogue_field")
    if name == ANY:
        return {}
    values = catalogue.values(name)
    if numbers := _numbers(values):
        low, high = min(numbers), max(numbers)
        if low < high:
            first, last = st.slider(f"{plain(name)}: from, to", low, high, (low, high), key=f"catalogue_range_{name}")
            return {} if (first, last) == (low, high) else {name: f"{first:g}..{last:g}"}
    value = st.selectbox(
        "Value",
        [ANY, *values[:MOST_VALUES]],
        key=f"catalogue_value_{name}",
        accept_new_options=len(values) > MOST_VALUES,
    )
    return {} if value in (ANY, None) else {name: str(value)}


def find(looked: Looked, wish: Wish, page: int) -> Page:
    """The products of this page. Words and examples rank; filters alone, or nothing, list by name."""
    catalogue = looked.catalogue
    offset = (page - 1) * A_PAGE
    if not wish.words.strip() and not wish.by_example:
        products = catalogue.products(where=wish.where, offset=offset, limit=A_PAGE)
        return Page(products, [], catalogue.count(wish.where), ranked=False)
    found = _ranked(looked, wish)
    shown = found[offset : offset + A_PAGE]
    return Page([one.product for one in shown], [_why(one) for one in shown], len(found), ranked=True)


def _ranked(looked: Looked, wish: Wish) -> list[Found]:
    """What was found last, if the same is looked for: another page of it costs nothing."""
    have, where = given("search"), tuple(sorted(wish.where.items()))
    files = tuple(upload.checksum for upload in [*have.photos, *([have.sound] if have.sound else [])])
    asked = (looked.catalogue.folder, looked.catalogue.version, looked.chosen.folder, wish.words, where, files)
    kept: tuple[object, list[Found]] | None = st.session_state.get("catalogue_found")
    if kept is None or kept[0] != asked:
        product = have.product() if wish.by_example else None
        encoders = looked.chosen.recognizer.encoders
        found = looked.catalogue.search(wish.words, product, encoders=encoders, where=wish.where, count=RANKED)
        st.session_state.catalogue_found = kept = (asked, found)
    return kept[1]


def page_key(looked: Looked, wish: Wish) -> str:
    """Of the box with the page: another search begins at its first page."""
    asked = (looked.catalogue.name, wish.words.strip(), sorted(wish.where.items()), wish.by_example)
    return f"catalogue_page_{zlib.crc32(repr(asked).encode())}"


def found_sentence(page: Page, wish: Wish) -> str:
    """'12 products', 'The 96 nearest products'."""
    many = number_of(page.total, "product")
    if page.ranked:
        return f"{many}, the nearest first." if page.total < RANKED else f"The {many} that fit best, the nearest first."
    return f"{many} with this filter." if wish.where else f"{many}, by name."


def find_or_say(looked: Looked, wish: Wish, page: int) -> Page | None:
    """The same; a reason on the page where the search cannot be made."""
    try:
        return find(looked, wish, page)
    except UserError as error:
        st.error(refusal(error))
        return None


def _why(found: Found) -> str:
    """'words fit · photo similarity 0.71'."""
    alike = [f"{INPUT_WORDS[name]} similarity {cosine:.2f}" for name, cosine in found.similarity.items()]
    return " · ".join(["words fit"] * found.by_words + alike)


def _numbers(values: list[str]) -> list[float]:
    """All values as numbers, [] where one is none."""
    found = []
    for value in values:
        try:
            found.append(float(value.replace(",", ".")))
        except ValueError:
            return []
    return found


def _said(value: str) -> str:
    low, dots, high = value.partition("..")
    return f"{low} to {high}" if dots and low and high else value
