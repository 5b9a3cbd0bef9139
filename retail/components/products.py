"""Test products as cards: photo shown, text read, sound played, and who was right about them.

In: a `View` and row numbers of its predictions. Out: cards on the page, a page of them at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from retail.comparison.sources import data_source
from retail.components.compare_runs import View
from retail.components.gallery import choose_page
from retail.components.media import draw_media
from retail.components.page_words import page_words
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.dataset.source import changed
from retail.escaping import plain
from retail.report.mistakes import answers, saved_by
from retail.schema import MODALITIES, Answer, Prediction, Product, UserError
from retail.wording import INPUT_WORDS, percent

CARDS = 12  # as many photos and players as a page shows at once
COLUMNS = 3
Below = Callable[[Product, Prediction], None]
WORDS: dict[str, str] = {str(modality): word for modality, word in INPUT_WORDS.items()}


@st.cache_resource(show_spinner="Reading the data …", max_entries=4)
def load_manifest(folder: str, text_column: str, group: tuple[str, ...], changed: float) -> Manifest:
    """The run's data; `changed` is the time stamp of its metadata."""
    return read_manifest(Path(folder), None, text_column, group=group)


def run_manifest(view: View) -> tuple[Manifest | None, str]:
    """The data of the run and a remark about them; None where they are gone."""
    folder = data_source(view.results.data)
    if folder is None:
        return None, "The data of this run is not on this machine, so only ids are shown."
    text_column, group = view.results.config.text_column, view.results.data.group or ()
    try:
        manifest = load_manifest(str(folder), text_column, group, changed(folder))
    except (UserError, OSError) as error:
        return None, f"The data of this run cannot be read: {page_words(str(error))}"
    same = view.results.data.checksum == manifest.checksum
    return manifest, "" if same else "The data has changed since this run: a card may not show what the model saw."


def draw_products(view: View, seed: str, rows: list[int], key: str, below: Below | None = None) -> None:
    """Cards of these test rows; `below` draws what stands under a product that is on this machine."""
    manifest, remark = run_manifest(view)
    if remark:
        st.caption(plain(remark))
    known = {product.id: product for product in manifest.products} if manifest else {}
    shown = rows[choose_page(len(rows), CARDS, f"page_{key}")]
    if len(shown) < len(rows):
        st.caption(f"{CARDS} of {len(rows):,} products at a time.")
    columns = st.columns(COLUMNS)
    for place, row in enumerate(shown):
        with columns[place % COLUMNS], st.container(border=True):
            name = view.results.predictions.ids[row]
            _draw_words(view, seed, row, name)
            if name in known:
                draw_media(known[name])
                if below is not None:
                    below(known[name], answer_of(view, seed, row))


def answer_of(view: View, seed: str, row: int) -> Prediction:
    """What the model said of a test row, as far as the results keep it."""
    _, preds, confidence = (values[row] for values in answers(view.results, view.task, view.model, seed))
    label, sure = view.results.tasks[view.task][preds], float(confidence)
    said = Answer(label, sure, (label,), "review")
    return Prediction(
        view.results.predictions.ids[row], {view.task: {label: sure}}, MODALITIES, answers={view.task: said}
    )


def _draw_words(view: View, seed: str, row: int, name: str) -> None:
    target, preds, confidence = (values[row] for values in answers(view.results, view.task, view.model, seed))
    classes = view.results.tasks[view.task]
    truth = classes[target] if target >= 0 else "no label"
    st.markdown(f"**{plain(name)}**")
    verb = "correctly answered" if target == preds else "answered"
    st.markdown(f"{plain(truth)}, {verb} **{plain(classes[preds])}** ({percent(confidence)} sure)")
    if target < 0:
        return
    saved = [WORDS.get(model, model) for model in saved_by(view.results, view.task, seed, row)]
    if target == preds:
        st.caption(f"Right alone: {', '.join(saved) or 'no single input'}.")
    else:
        st.caption(f"Would have been right alone: {', '.join(saved) or 'no single input'}.")
