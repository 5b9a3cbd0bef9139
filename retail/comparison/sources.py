"""Which data a results file speaks of, so that its test products can be shown again.

In: a manifest, or the `DataFacts` of a run. Out: what is stored as its path, and the folder or table that it names.
"""

from __future__ import annotations

from pathlib import Path

from retail.comparison.result_rows import DataFacts
from retail.dataset.manifest import Manifest
from retail.files import DEMO_DIR


def stored_path(manifest: Manifest) -> str:
    """Where the manifest was read from; of the data that ships only the name, because its folder differs by machine."""
    return DEMO_DIR.name if manifest.root == DEMO_DIR.resolve() else str(manifest.source)


def data_source(data: DataFacts) -> Path | None:
    """The folder or table of the run's data; None when the file was made for others, or when it is gone."""
    if data.path is None:
        return None
    folder = DEMO_DIR if data.path == DEMO_DIR.name else Path(data.path)
    return folder if folder.is_absolute() and folder.exists() else None
