"""On Data, where cells are web addresses: fetch the files when asked to, see how far it is and what failed.

In: the chosen `Dataset` and its `Manifest`. Out: files that reading finds from then on, and words about the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from retail.components import read_data
from retail.components.words import download
from retail.dataset.fetching import fetch_addresses
from retail.dataset.manifest import Manifest
from retail.dataset.places.web import Fetched
from retail.escaping import in_cell, plain
from retail.wording import number_of
from retail.workspace.background import Background
from retail.workspace.datasets import Dataset

LISTED = 5  # failures that are named on the page


@dataclass
class Fetch:
    """One fetch at work or done; once done, the data is read anew, which `noticed` says."""

    work: Background[Fetched]
    noticed: bool = False


@st.cache_resource(show_spinner=False)
def _fetches() -> dict[str, Fetch]:
    """The newest fetch of each data set, the same for everybody who looks."""
    return {}


def draw_fetch(dataset: Dataset, manifest: Manifest) -> bool:
    """A button while addresses are left, progress while it works, and the result in words; whether it comes first."""
    place, left = str(dataset.path), sum(one.count for one in manifest.remarks if one.kind == "addresses")
    fetch = _fetches().get(place)
    if fetch and fetch.work.running:
        st.fragment(lambda: _draw_progress(fetch.work), run_every=0.5)()
        return True
    if fetch and not fetch.noticed:
        fetch.noticed = True
        read_data.forget()  # the same table finds its files now
        st.rerun()
    if fetch:
        _draw_result(fetch.work)
    if not left:
        return False
    words = f"Fetch {number_of(left, 'other')} again" if fetch else f"Fetch {number_of(left, 'file')}"
    if st.button(words, type="primary", help="From public web addresses only; each file is fetched once and kept."):
        _fetches()[place] = Fetch(Background(lambda progress: fetch_addresses(Path(place), progress)))
        st.rerun()
    return True


def _draw_progress(work: Background[Fetched]) -> None:
    if not work.running:
        st.rerun()
    st.progress(work.share, f"Fetching: {work.done:,} of {work.total:,}")


def _draw_result(work: Background[Fetched]) -> None:
    """How many came, and why others did not."""
    if work.result is None:
        st.error(plain(work.error))
        return
    found, failures = work.result, work.result.failures
    more = f" {number_of(found.left, 'address', 'addresses')} left; fetch once more." if found.left else ""
    came = f"{number_of(found.count, 'file')} fetched, {found.kept:,} there already, {len(failures):,} failed.{more}"
    if not failures:
        st.success(came)
        return
    st.warning(came)
    st.markdown("\n".join(f"- {plain(f'{address}: {reason}')}" for address, reason in failures[:LISTED]))
    frame = pd.DataFrame(failures, columns=["address", "why not"])
    download("Failures as CSV", frame.map(in_cell).to_csv(index=False), "failures.csv", "text/csv")
