"""The tab Import: the products of a data set, taken in the background, and what became of each row.

In: a data set of Data. Out: products of the catalogue, and words about the rows that were not taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from retail.catalogue.importing import Imported
from retail.components.choose_data import choose_dataset
from retail.components.page_words import refusal
from retail.components.read_data import rows_of
from retail.components.words import download
from retail.escaping import in_cell, plain
from retail.files import PAGES
from retail.pages._catalogue_choose import Looked
from retail.schema import Progress, UserError
from retail.workspace.background import Background
from retail.workspace.datasets import Dataset

GUESS = "guess it"
LISTED = 5  # rows that were not taken and are named on the page


@dataclass
class Work:
    """One import at work or done; the page is drawn anew once when it ends."""

    data: str
    work: Background[Imported]
    noticed: bool = False


@st.cache_resource(show_spinner=False)
def _imports() -> dict[str, Work]:
    """The newest import of each catalogue, the same for everybody who looks."""
    return {}


def draw_import(looked: Looked) -> None:
    """Choose, start, follow, read what came of it."""
    place = str(looked.catalogue.folder)
    one = _imports().get(place)
    if one and one.work.running:
        st.fragment(lambda: _draw_progress(one), run_every=0.5)()
        return
    if one and not one.noticed:
        one.noticed = True
        st.rerun()  # the counts above follow
    if one:
        _draw_result(one)
    st.markdown(
        "Take the products of a data set: their photos, descriptions and sounds, the label columns as labels, all "
        "other columns as fields. Rows that are the same product become one."
    )
    dataset = choose_dataset("catalogue_dataset")
    st.page_link(PAGES / "data.py", label="Add a data set on Data", icon=":material/folder_open:")
    try:
        header = list(rows_of(dataset).header)
    except (UserError, OSError) as error:
        st.error(refusal(error))
        return
    left, right = st.columns(2)
    name = left.selectbox("Column with the name", [GUESS, *header], key=f"import_name_{dataset.id}")
    by = right.selectbox(
        "Rows are one product if they share",
        [GUESS, *header],
        key=f"import_by_{dataset.id}",
        help="Such as a SKU or an EAN. Guessed from the columns if you do not say.",
    )
    if st.button("Import", type="primary"):
        _start(looked, dataset, *("" if column == GUESS else column for column in (name, by)))
        st.rerun()


def _start(looked: Looked, dataset: Dataset, name: str, by: str) -> None:
    catalogue = looked.catalogue

    def work(progress: Progress) -> Imported:
        return catalogue.import_data(dataset.path, name_column=name, by=by, progress=progress)

    _imports()[str(catalogue.folder)] = Work(dataset.name, Background(work))


def _draw_progress(one: Work) -> None:
    if not one.work.running:
        st.rerun()
    counted = f": {one.work.done:,} of {one.work.total:,}" if one.work.total else " …"
    st.progress(one.work.share, f"Importing {plain(one.data)}{counted}")
    st.caption("It continues when you leave this page.")


def _draw_result(one: Work) -> None:
    """How many came, and why others did not."""
    if one.work.result is None:
        st.error(plain(one.work.error))
        return
    found = one.work.result
    problems = [str(problem) for problem in found.problems]
    (st.warning if problems else st.success)(plain(f"{one.data}: {found.sentence}"))
    if not problems:
        return
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in problems[:LISTED]))
    if len(problems) > LISTED:
        st.caption(f"The CSV has {len(problems) - LISTED:,} more.")
    frame = pd.DataFrame({"not imported": problems})
    download("What was not imported, as CSV", frame.map(in_cell).to_csv(index=False), "not_imported.csv", "text/csv")
