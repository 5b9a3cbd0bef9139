"""Data: choose or add a data set, see what will be learned from it, decide about its labels, and mend what is wrong."""

from __future__ import annotations

import streamlit as st

from retail.components.choose_data import choose_dataset, draw_add, draw_columns, draw_manage
from retail.components.data_cards import draw_products
from retail.components.label_desk import draw_labels
from retail.components.read_data import places_of, read
from retail.components.words import plain
from retail.files import PAGES
from retail.pages._data_audit import draw_audit
from retail.pages._data_augmentation import draw_augmentation
from retail.pages._data_classes import draw_classes
from retail.pages._data_fetch import draw_fetch
from retail.pages._data_plan import draw_plan, draw_remarks
from retail.pages._data_problems import draw_problems
from retail.pages._data_suspicious import draw_suspicious
from retail.schema import UserError
from retail.workspace.datasets import Dataset

TITLE = "Data"
ICON = ":material/folder_open:"
ORDER = 2


def draw(dataset: Dataset) -> None:
    """Everything about the chosen data set."""
    try:
        found = read(dataset)
    except UserError as error:
        st.error(plain(str(error)))
        st.caption("Choose below what the columns hold, or add the data again.")
        draw_columns(dataset)
        draw_manage(dataset)
        return
    manifest, places = found.manifest, places_of(dataset, found.manifest)
    draw_plan(manifest)
    draw_fetch(dataset, manifest)
    if manifest.tasks:
        st.page_link(PAGES / "train.py", label="Train on this data", icon=":material/model_training:")
    draw_remarks(manifest)
    problems = f"Problems ({len(manifest.problems)})"
    names = ["Classes", "Labels", "Columns", "Products", problems, "Leaks", "Suspicious rows", "Augmentation"]
    names.append("Rename or delete")
    tabs = dict(zip(names, st.tabs(names), strict=True))
    with tabs["Classes"]:
        draw_classes(manifest)
    with tabs["Labels"]:
        draw_labels(dataset, manifest)
    with tabs["Columns"]:
        draw_columns(dataset)
    with tabs["Products"]:
        draw_products(manifest, places)
    with tabs[problems]:
        draw_problems(dataset, manifest)
    with tabs["Leaks"]:
        draw_audit(dataset, found, places)
    with tabs["Suspicious rows"]:
        draw_suspicious(dataset, manifest, places)
    with tabs["Augmentation"]:
        draw_augmentation(manifest)
    with tabs["Rename or delete"]:
        draw_manage(dataset)


st.title("Data", anchor=False)
dataset = choose_dataset(address="dataset")
draw_add()
draw(dataset)
