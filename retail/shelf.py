"""Every recogniser that the dashboard can offer: the demo's, those that finished runs hold, and imported ones.

In: the home folder. Out: `{title: folder}`; a folder is a bundle of `retail.bundle`.
"""

from __future__ import annotations

import json
from pathlib import Path

from retail.config import home
from retail.demo import ensure_demo_bundle
from retail.jobs import list_jobs, status
from retail.schema import Progress

DEMO_TITLE = "Demo products"
RUN_BUNDLES = "bundles"  # a run's recognisers: RUN/bundles/STRATEGY


def imported_folder() -> Path:
    """Where imported bundles live, one folder each."""
    return home() / "bundles"


def recognizers(progress: Progress | None = None) -> dict[str, Path]:
    """Title -> bundle folder: the demo first, then runs (newest first), then imported ones; titles are unique."""
    found = {DEMO_TITLE: ensure_demo_bundle(progress)}
    for job in list_jobs():
        name = status(job)["title"] or job.id
        for folder in _bundles(job.folder / RUN_BUNDLES):
            found[_free(f"{name} · {_strategy(folder)}", found, job.id)] = folder
    for folder in _bundles(imported_folder()):
        found[_free(f"Imported: {folder.name}", found, folder.name)] = folder
    return found


def _bundles(parent: Path) -> list[Path]:
    return sorted(path.parent for path in parent.glob("*/bundle.json"))


def _strategy(folder: Path) -> str:
    try:
        return str(json.loads((folder / "bundle.json").read_text(encoding="utf-8"))["strategy"])
    except (OSError, ValueError, KeyError, TypeError):
        return folder.name


def _free(title: str, taken: dict[str, Path], mark: str) -> str:
    return title if title not in taken else f"{title} ({mark})"
