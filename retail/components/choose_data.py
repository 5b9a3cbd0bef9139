"""Data of one's own: add it, say what its columns hold, rename or delete it.

In: the chosen `Dataset` and what the user fills in. Out: the data sets kept under the home folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from retail.components.kept_choice import choose_kept
from retail.components.page_words import refusal
from retail.components.read_data import open_files, rows_of
from retail.components.words import download
from retail.components.your_uploads import own, say_kept
from retail.config.options import joined
from retail.dataset.columns import GROUP, NONE, ROLES, TEXT, Columns
from retail.dataset.labels.questions import offered
from retail.escaping import plain
from retail.outside.limits import MAX_DATA_UPLOAD_MB
from retail.schema import UserError
from retail.wording import task_words
from retail.workspace import datasets
from retail.workspace.datasets import Dataset

Kind = Literal["primary", "secondary"]  # of a button: the next step, or another one

FORMATS = "CSV, Excel, JSON Lines or Parquet"
ROLE_WORDS = {
    "image": "Photo",
    "audio": "Sound",
    "id": "Product number",
    "split": "Split (train, val, test)",
}
ROLE_HELP = {
    "image": "The path of the photo file; several photos of one product are separated by ';'.",
    "audio": "The path of the sound file.",
    "id": "Anything that identifies a product; without it, the line number is used.",
    "split": "Which products are for training and which for testing. Without it, they are split for you.",
}
TEXT_HELP = "Any words about the product; several columns are read one after the other, in this order."
GROUP_HELP = (
    "Products that share a value of such a column (one voice, one shoot, one store) stay together, so that the test "
    "stays fair."
)


def choose_dataset(kept: str = "dataset", address: str = "") -> Dataset:
    """The data set that is looked at; Data and Train choose the same one, `kept` in the session under this name."""
    known = {dataset.id: dataset for dataset in datasets.list_datasets()}
    return known[choose_kept("Data set", _labels(list(known.values())), kept, address)]


def _labels(known: list[Dataset]) -> dict[str, str]:
    """Names by id; the box finds an option by its label, so those of one name show their id too."""
    names = Counter(one.name for one in known)
    return {one.id: one.name if names[one.name] == 1 else f"{one.name} ({one.id})" for one in known}


def keep(dataset: Dataset) -> None:
    """A new data set is chosen at once and its files are opened."""
    st.session_state.dataset = dataset.id
    open_files(dataset)
    st.rerun()


def draw_add() -> bool:
    """Upload, or name a place on this machine; open where there is only the demo. Out: whether it is open."""
    added_before = st.session_state.setdefault("added_before", 0)  # new keys close and empty the form
    box = st.expander(
        "Use my data: add a data set", len(datasets.list_datasets()) == 1, key=f"add_{added_before}", on_change="rerun"
    )
    with box:
        st.markdown(
            "One row of a table is one product. It may have a photo, a description, a sound, or any of them, and the "
            "columns to learn, such as *category* or *colour*; columns may have any name. Without a table, photos in "
            "a folder for each class do."
        )
        with st.container(horizontal=True):
            download("Template as ZIP", datasets.template_zip(), "template.zip", "application/zip")
            download("Template as CSV", datasets.template_csv(), "metadata.csv", "text/csv")
        name = st.text_input("Name", placeholder="Spring catalogue", key=f"new_name_{added_before}")
        uploads = st.file_uploader(
            f"A ZIP, a table ({FORMATS}), or photos and sounds, with or without a table",
            accept_multiple_files=True,
            max_upload_size=MAX_DATA_UPLOAD_MB,
            key=f"new_file_{added_before}",
        )
        path = st.text_input(
            "Or a folder, ZIP or table on this machine", placeholder="/data/my_products", key=f"new_path_{added_before}"
        ).strip()
        say_kept("data")
        pressed = st.button("Add", type="primary")
        if pressed and uploads and path:
            st.error("You gave files and a path, but one data set is added at a time; remove one of them.")
        elif pressed and not uploads and not path:
            st.error("Choose files to upload, or type a path.")
        elif pressed:
            _add(name, uploads, path)
    return bool(box.open)


def _add(name: str, uploads: Sequence[UploadedFile], path: str) -> None:
    """Keeps it and looks at it; what is wrong is said on the form, which stays as it is."""
    try:
        if path:
            added = datasets.add_folder(name or Path(path).stem, Path(path))
        else:
            files = [(file.name, file.getvalue()) for file in uploads]
            added = datasets.add_files(name or datasets.usual_name([file for file, _ in files]), files)
            own().datasets.append(added.id)
    except (UserError, OSError) as error:
        st.error(refusal(error))
        return
    st.session_state.added_before += 1
    keep(added)


def draw_columns(dataset: Dataset, kind: Kind) -> None:
    """Which column holds what; kept beside the data and used by everything that reads it. `kind` is that of Save."""
    try:
        table = rows_of(dataset)
    except (UserError, OSError) as error:
        st.error(refusal(error))
        return
    header, rows = table.header, [row.cells for row in table.rows]
    st.dataframe(pd.DataFrame(rows[:5], columns=header), hide_index=True, width="stretch")
    if dataset.is_demo:
        st.caption("The demo follows the convention: image_file_name, audio_file_name, text, id, split and group.")
        return
    now = dataset.columns
    with st.form("columns"):
        picked = _ask_roles(now, header, dataset.id)
        usual_texts = tuple(name for name in header if name == TEXT and now.text != NONE)
        texts = st.multiselect(
            "Description", header, now.texts or usual_texts, help=TEXT_HELP, key=f"role_text_{dataset.id}"
        )
        now_grouped = now.groups or tuple(name for name in header if name == GROUP and now.group != NONE)
        grouped = st.multiselect("Group", header, now_grouped, help=GROUP_HELP, key=f"role_group_{dataset.id}")
        held = {*picked.values(), *texts, *grouped}
        likely = [name for name in now.tasks or offered(header, rows)[0] if name in header and name not in held]
        help_text = "Each is a question that the recogniser answers."
        tasks = st.multiselect(
            "Columns to learn",
            header,
            likely,
            format_func=task_words,
            help=help_text,
            key=f"tasks_{dataset.id}",
        )
        if not st.form_submit_button("Save", type=kind):
            return
    roles = {role: "" if column == _usual(role, header) else column for role, column in picked.items()}
    try:
        group = _several(sorted(grouped), GROUP, header)
        text = _several(texts, TEXT, header)
        columns = replace(now, group=group, text=text, tasks=tuple(tasks), **roles)  # type: ignore[arg-type]
        datasets.set_columns(dataset, columns)
    except UserError as error:
        st.error(refusal(error))
        return
    keep(dataset)


def _ask_roles(now: Columns, header: Sequence[str], dataset_id: str) -> dict[str, str]:
    """The column of each role that one column fills."""
    cells, options = st.columns(2), [NONE, *header]
    picked = {}
    for place, (role, word) in enumerate(ROLE_WORDS.items()):
        own = getattr(now, role) or _usual(role, header)
        picked[role] = cells[place % 2].selectbox(
            word,
            options,
            options.index(own) if own in options else 0,
            help=ROLE_HELP[role],
            key=f"role_{role}_{dataset_id}",
        )
    return picked


def _usual(role: str, header: Sequence[str]) -> str:
    """The column of a role where nothing is said."""
    return ROLES[role] if ROLES[role] in header else NONE


def _several(chosen: Sequence[str], usual: str, header: Sequence[str]) -> str:
    """These columns as `Columns` writes them; "" where they are those that count without a word."""
    return "" if list(chosen) == [name for name in header if name == usual] else joined(chosen) or NONE


@st.dialog("Delete this data set?")
def ask_delete(dataset: Dataset) -> None:
    """Asks once more."""
    st.write(
        f"“{plain(dataset.name)}” and its uploaded files will be removed. A folder that you only pointed to stays "
        "where it is. Finished runs keep their figures, but can no longer show the products."
    )
    if st.button("Delete it", type="primary", on_click=datasets.delete, args=(dataset,)):
        st.session_state.dataset = "demo"
        st.rerun()


def draw_manage(dataset: Dataset) -> None:
    """Another name, or away with it."""
    if dataset.is_demo:
        st.caption("The demo is built in: it cannot be renamed or deleted.")
        return
    name = st.text_input("Name of this data set", dataset.name)
    if st.button("Rename") and name != dataset.name:
        try:
            datasets.rename(dataset, name)
        except UserError as error:
            st.error(refusal(error))
            return
        st.rerun()
    if st.button("Delete …"):
        ask_delete(dataset)
