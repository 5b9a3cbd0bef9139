"""The tab Export: the whole catalogue as one table, made when it is asked for.

In: a `Catalogue`. Out: a CSV, an Excel or a Parquet file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from retail.catalogue.database import Catalogue
from retail.components.words import download
from retail.escaping import in_file_name

KINDS = {
    "CSV": (".csv", "text/csv"),
    "Excel": (".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "Parquet": (".parquet", "application/vnd.apache.parquet"),
}


def draw_export(catalogue: Catalogue) -> None:
    """A button a kind of file."""
    st.markdown(
        "One row a product with its id, name, labels, fields, and the places of its photos and sounds. Cells are safe "
        "to open in a spreadsheet. Data and Import read such a table again."
    )
    name = in_file_name(catalogue.name.lower(), "catalogue")
    with st.container(horizontal=True):
        for title, (ending, mime) in KINDS.items():
            download(f"{title}", _maker(catalogue, ending), f"{name}{ending}", mime, help=f"Export as {title}")


def _maker(catalogue: Catalogue, ending: str) -> Callable[[], bytes]:
    def make() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            return catalogue.export(Path(folder) / f"catalogue{ending}").read_bytes()

    return make
