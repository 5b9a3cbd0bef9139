"""Which data a results file speaks of, so that its test products can be shown again.

In: a manifest, or a results dictionary. Out: what is stored as `data.path`, and the folder or table that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retail.dataset.manifest import Manifest
from retail.files import DEMO_DIR


def stored_path(manifest: Manifest) -> str:
    """Where the manifest was read from; of the data that ships only the name, because its folder differs by machine."""
    return DEMO_DIR.name if manifest.root == DEMO_DIR.resolve() else str(manifest.source)


def data_source(results: Mapping[str, Any]) -> Path | None:
    """The folder or table of the run's data; None when an older file does not say, or when it is gone."""
    stored = results["data"].get("path") or results["data"]["name"]
    folder = DEMO_DIR if stored == DEMO_DIR.name else Path(stored)
    return folder if folder.is_absolute() and folder.exists() else None
