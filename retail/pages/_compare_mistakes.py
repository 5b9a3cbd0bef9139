"""Section of Compare with the confusion matrix, each cell of which opens its products.

In: a `View`. Out: a heatmap to click, a select box that does the same by keyboard, and the products.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from retail import charts
from retail.catalogue.choice import catalogue_of
from retail.catalogue.database import Catalogue
from retail.components.compare_runs import DEMO_RUN, View
from retail.components.correct import draw_correct
from retail.components.products import Below, draw_products
from retail.components.words import figure
from retail.pages._recogniser import load_from
from retail.report.mistakes import Pair, confusion, most_confused, pairs, rows_in, seeds_of
from retail.schema import Prediction, Product
from retail.workspace.recognizers import bundle_of

# A matrix with more classes cannot be read, let alone clicked.
MOST_CLASSES = 25
# So many mixed-up pairs stand in the select box, the commonest first; then the right answers.
MOST_PAIRS = 200


def draw_mistakes(view: View) -> None:
    """The matrix of the chosen model, and the products of the chosen cell."""
    st.subheader("Which products get confused", anchor=False)
    seeds = seeds_of(view.results, view.model)
    seed = seeds[0]
    if len(seeds) > 1:
        seed = st.radio("Seed", seeds, horizontal=True, key=f"seed_{view.run}")
    counts = confusion(view.results, view.task, view.model, seed)
    classes = view.results.tasks[view.task]
    shown = most_confused(counts, MOST_CLASSES)
    left_out = (
        f" The {len(shown)} of {len(classes)} classes with the most mistakes." if len(shown) < len(classes) else ""
    )
    st.caption(
        f"{view.title}, seed {seed}: {int(np.trace(counts)):,} of {int(counts.sum()):,} test products right. Right "
        f"answers are blue, mistakes orange, darker where they are a larger share of the true class.{left_out} Click a "
        "cell, or use the box below it, to see its products."
    )
    key = f"cell_{view.run}_{view.task}_{view.model}_{seed}"
    cells = pairs(counts)[:MOST_PAIRS]
    chosen: Pair | None = st.session_state.get(key)
    chart = charts.confusion_chart(counts, classes, shown, chosen)
    drawn = f"chart_{key}_{chosen}"  # a chart that stays would not hear the same cell again
    figure(chart, drawn, lambda: _take(drawn, key), "cell")
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
        st.session_state[key] = (int(clicked[0]["place_true"]), int(clicked[0]["place_said"]))


def _words(pair: Pair, classes: Sequence[str], counts: np.ndarray) -> str:
    true, said = pair
    if true == said:
        return f"{classes[true]}, answered correctly ({counts[pair]})"
    return f"{classes[true]} answered as {classes[said]} ({counts[pair]})"
