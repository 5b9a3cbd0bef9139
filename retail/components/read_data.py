"""A data set as Data and Train see it, read once: one manifest, one count of products and problems.

In: a `Dataset`. Out: its `Manifest` with what was learned from its files, and the rows as its owner wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import streamlit as st

from retail.components.products import load_manifest
from retail.dataset import summary
from retail.dataset.finding import Finder
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest, read_rows
from retail.dataset.rows import Rows
from retail.wording import number_of
from retail.workspace import audits
from retail.workspace.datasets import Dataset

OPENED = "checked"  # of the session: data sets whose files are opened, too


@dataclass
class Read:
    """What was read, and what it takes all files to know."""

    manifest: Manifest

    @cached_property
    def finder(self) -> Finder:
        """Searches the products."""
        return Finder(self.manifest)

    @cached_property
    def repeats(self) -> list[summary.Repeat]:
        """Products that share a file."""
        return summary.repeats(self.manifest)


@st.cache_resource(show_spinner="Reading the data …", max_entries=8)
def _quickly(path: str, changed: float, look: str = "") -> Read:
    """Files found but not opened; read again for each `look` for leaks."""
    return Read(read_manifest(Path(path)))


@st.cache_resource(show_spinner=False, max_entries=8)
def _opened(path: str, changed: float, look: str = "") -> Read:
    """The same with every photo and sound opened."""
    bar = st.progress(0.0, "Opening every file")

    def show(stage: str, done: int, total: int) -> None:
        bar.progress(done / max(total, 1), f"Checked {done:,} of {total:,} rows")

    manifest = read_manifest(Path(path), check_media=True, progress=show)
    bar.empty()
    return Read(manifest)


@st.cache_resource(show_spinner=False, max_entries=4)
def _rows(path: str, changed: float) -> Rows:
    return read_rows(Path(path))


def read(dataset: Dataset) -> Read:
    """What was read already, unless a look for leaks has since seen other files under the same table."""
    look = _opened if is_opened(dataset) else _quickly
    found = look(str(dataset.path), dataset.changed)
    job = audits.latest(dataset)
    report = audits.report(job) if job else None
    if job is None or report is None or report.data.checksum == found.manifest.checksum:
        return found
    return look(str(dataset.path), dataset.changed, job.id)


def rows_of(dataset: Dataset) -> Rows:
    """The rows under their owner's names; raises UserError."""
    return _rows(str(dataset.path), dataset.changed)


def is_opened(dataset: Dataset) -> bool:
    """Whether every photo and sound of it is opened, not found only."""
    return dataset.id in st.session_state.get(OPENED, set())


def open_files(dataset: Dataset) -> None:
    """From now on they are opened."""
    st.session_state.setdefault(OPENED, set()).add(dataset.id)


def forget() -> None:
    """Everything is read anew: files may have come under the same table."""
    st.cache_data.clear()
    for cached in (_quickly, _opened, _rows, load_manifest):
        cached.clear()


def counted(manifest: Manifest) -> str:
    """The same words on every page, and those of `check`."""
    return f"{number_of(len(manifest.products), 'usable product')}, {number_of(len(manifest.problems), 'problem')}."


def places_of(manifest: Manifest) -> Mapping[str, str]:
    """Where each usable product stands: its line, that of its table, or nothing where its name says it."""
    where = manifest.where
    places = {name: where.get(line, f"line {line:,}") for name, line in manifest.lines.items()}
    return {name: place for name, place in places.items() if place != name}
