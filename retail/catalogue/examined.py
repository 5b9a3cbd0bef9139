"""Is a catalogue whole? Its rows and the files that they name, looked at without an encoder.

In: the folder of a catalogue. Out: the files that are not there.
"""

from __future__ import annotations

from pathlib import Path

from retail.catalogue.places import open_products
from retail.catalogue.product_table import ProductTable
from retail.outside import reading


def missing_files(folder: Path) -> list[Path]:
    """Photos and clips that products name and that are gone; raises UserError where rows cannot be read."""
    with reading(f"The catalogue in {folder}", "catalogue", "restore the folder from a copy, or move it away"):
        _, table = open_products(folder)
        sources = {view.source for view in ProductTable(folder, table).views()}
    return sorted(source for source in sources if isinstance(source, Path) and not source.exists())
