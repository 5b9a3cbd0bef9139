"""Fetch what a data set names by web address; from then on reading it finds the files.

In: a data set. Out: how many files were fetched, and a sentence for every address that gave none.
"""

from __future__ import annotations

from pathlib import Path

from retail.dataset.places.names import addresses_in
from retail.dataset.places.web import Fetched, fetch
from retail.dataset.reader import media_cells
from retail.outside.limits import FetchLimits
from retail.schema import Progress


def fetch_addresses(
    data: str | Path, progress: Progress | None = None, limits: FetchLimits | None = None, allow_private: bool = False
) -> Fetched:
    """Fetches photos and sounds that are not kept yet; raises UserError for data that cannot be read.

    `allow_private` is for tests with a server of their own; no page and no option sets it.
    """
    found = [
        fetch(addresses_in(cells), kind, progress, limits, allow_private) for kind, cells in media_cells(data).items()
    ]
    return Fetched(
        sum(one.count for one in found),
        [failure for one in found for failure in one.failures],
        sum(one.kept for one in found),
        sum(one.left for one in found),
    )
