"""Data: choose or add a data set, see what will be learned from it, decide about its labels, and mend what is wrong."""

from __future__ import annotations

import streamlit as st

from retail.components.choose_data import Kind, choose_dataset, draw_add, draw_columns, draw_manage
from retail.components.label_desk import draw_labels
from retail.components.page_words import refusal
from retail.components.read_data import Read, is_opened, places_of, read
from retail.files import PAGES
from retail.pages._data_audit import draw_audit
from retail.pages._data_augmentation import draw_augmentation
from retail.pages._data_classes import draw_classes
from retail.pages._data_fetch import draw_fetch
from retail.pages._data_gallery import draw_gallery
from retail.pages._data_plan import draw_plan
from retail.pages._data_problems import draw_problems
from retail.pages._data_product import draw_product, opened
from retail.pages._data_row_decisions import Desk
from retail.pages._data_suspicious import draw_suspicious
from retail.schema import UserError
from retail.workspace.datasets import Dataset

TITLE = "Data"
ICON = ":material/folder_open:"
ORDER = 2
TAB = "tab"  # of the session and of the address


def draw(dataset: Dataset, adding: bool) -> None:
    """Everything about the chosen data set; while somebody is `adding` another, that is the next step."""
    try:
        found = read(dataset)
    except UserError as error:
        st.error(refusal(error))
        st.caption("Choose below what the columns hold, or add the data again.")
        draw_columns(dataset, "primary")
        draw_manage(dataset)
        return
    manifest = found.manifest
    desk = Desk(dataset, manifest, places_of(manifest))
    if product := opened(desk):
        draw_product(desk, product)
        return
    draw_plan(manifest, is_opened(dataset))
    fetching = draw_fetch(dataset, manifest)
    if manifest.tasks:
        kind: Kind = "secondary" if dataset.is_demo or adding or fetching else "primary"
        if st.button("Make a recogniser", type=kind, icon=":material/model_training:"):
            st.switch_page(PAGES / "train.py", query_params={"dataset": dataset.id})
    draw_tabs(desk, found)


def draw_tabs(desk: Desk, found: Read) -> None:
    """What there is to see and to decide; only the open tab is drawn, and the address names it."""
    dataset, manifest = desk.dataset, desk.manifest
    tabs = {
        "Products": lambda: draw_gallery(desk, found.finder),
        "Classes": lambda: draw_classes(manifest),
        "Labels": lambda: draw_labels(dataset, manifest),
        "Columns": lambda: draw_columns(dataset, "secondary" if manifest.tasks else "primary"),
        "Problems": lambda: draw_problems(dataset, manifest),
        "Leaks": lambda: draw_audit(dataset, found, desk.places),
        "Suspicious rows": lambda: draw_suspicious(desk),
        "Augmentation": lambda: draw_augmentation(manifest),
        "Rename or delete": lambda: draw_manage(dataset),
    }
    for draw_tab, tab in zip(
        tabs.values(), st.tabs(list(tabs), key=TAB, on_change="rerun", bind="query-params"), strict=True
    ):
        if tab.open:
            with tab:
                draw_tab()


st.title("Data", anchor=False)
dataset = choose_dataset(address="dataset")
draw(dataset, adding="product" not in st.query_params and draw_add())  # an open product has the page to itself
