"""Section of Compare with the confusion matrix, each cell of which opens its products.

In: a `View`. Out: a heatmap to click, a select box that does the same by keyboard, and the products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from retail import charts
from retail.catalogue.choice import catalogue_of
from retail.catalogue.database import Catalogue
from retail.components.compare_runs import DEMO_RUN, View
from retail.components.correct import draw_correct
from retail.components.products import Below, draw_products
from retail.components.some_rows import matching
from retail.components.words import figure
from retail.escaping import plain
from retail.pages._recogniser import load_from
from retail.report.mistakes import Pair, by_mistakes, confusion, pairs, right, rows_in, seeds_of
from retail.schema import Prediction, Product
from retail.wording import task_words
from retail.workspace.recognizers import bundle_of

# A matrix with more classes cannot be read, let alone clicked.
MOST_CLASSES = 24
# So many mixed-up pairs stand in the select box, the commonest first; then the right answers.
MOST_PAIRS = 200


def draw_mistakes(view: View) -> None:
    """The matrix of the chosen model, and the products of the chosen cell."""
    st.subheader("Which products get confused", anchor=False)
    seeds = seeds_of(view.results, view.model)
    seed = seeds[0]
    if len(seeds) > 1:
        seed = st.radio("Seed", seeds, horizontal=True, format_func=plain, key=f"seed_{view.run}")
    counts = confusion(view.results, view.task, view.model, seed)
    classes = view.results.tasks[view.task]
    st.caption(
        f"{plain(view.title)}, seed {plain(seed)}: {right(counts):,} of {counts.total():,} test products "
        "right. Right answers are blue, mistakes orange, darker where they are a larger share of the true class. Click "
        "a cell, or use the box below it, to see its products."
    )
    shown = _shown(counts, classes, f"{view.run}_{view.task}")
    key = f"cell_{view.run}_{view.task}_{view.model}_{seed}"
    cells = pairs(counts)[:MOST_PAIRS]
    chosen: Pair | None = st.session_state.get(key)
    chart = partial(charts.confusion_chart, counts, classes, shown, chosen)
    drawn = f"chart_{key}_{chosen}"  # a chart that stays would not hear the same cell again
    figure(chart, drawn, lambda: _take(drawn, key), "cell", name=f"Which products get confused {task_words(view.task)}")
    if chosen and chosen not in cells:
        cells.append(chosen)
    chosen = st.selectbox(
        "Products of",
        cells,
        index=None,
        key=key,
        format_func=lambda pair: _words(pair, classes, counts),
        placeholder="Choose a cell",
    )
    if chosen is not None:
        rows = rows_in(view.results, view.task, view.model, seed, chosen)
        draw_products(view, seed, rows, key, _corrector(view))


def _shown(counts: Mapping[Pair, int], classes: Sequence[str], key: str) -> list[int]:
    """The classes that get a row: those with the most mistakes, or those searched for and what they are taken for."""
    order = by_mistakes(counts, len(classes))
    if len(order) <= MOST_CLASSES:
        return sorted(order)
    wanted = st.text_input("Find a class", key=f"find_cell_{key}", width=320)
    if not wanted:
        st.caption(f"The {MOST_CLASSES} of {len(classes):,} classes with the most mistakes.")
        return sorted(order[:MOST_CLASSES])
    found = set(matching(classes, wanted))
    mixed = {place for pair in counts if found & set(pair) for place in pair}
    kept = sorted(order, key=lambda place: (place not in found, place not in mixed))[:MOST_CLASSES]
    st.caption(
        f"{len(found):,} of {len(classes):,} classes have this in their name, with those they are confused with."
    )
    return sorted(place for place in kept if place in found | mixed)


def _corrector(view: View) -> Below | None:
    """The control under a product; where the run kept no recogniser there is nothing to correct."""
    bundle = bundle_of("" if view.run == DEMO_RUN else view.run, view.model)
    if bundle is None:
        st.caption("This run kept no recogniser of this model, so its answers cannot be corrected here.")
        return None
    st.caption("What you say about a test product counts in the catalogue, never in training: the figures stay honest.")
    recognizer, catalogue = load_from(bundle), Catalogue.open(catalogue_of(bundle))

    def draw(product: Product, answer: Prediction) -> None:
        key = f"{view.run}_{view.task}_{view.model}_{product.id}"
        with st.popover("Correct"):
            draw_correct(key, product, answer, recognizer, bundle, catalogue, "mistakes")

    return draw


def _take(drawn: str, key: str) -> None:
    clicked = st.session_state[drawn].selection.get("cell", [])
    if clicked:
        st.session_state[key] = (int(clicked[0]["_true"]), int(clicked[0]["_said"]))


def _words(pair: Pair, classes: Sequence[str], counts: Mapping[Pair, int]) -> str:
    true, said = pair
    if true == said:
        return f"{classes[true]}, answered correctly ({counts[pair]})"
    return f"{classes[true]} answered as {classes[said]} ({counts[pair]})"
