"""The best recogniser from Python: name the data and the minutes, get the recogniser and what was tried.

In: a data set. Out: a `Best`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retail.best.record import BestReport
from retail.best.search import Listener, search
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.recognizer import Recognizer
from retail.schema import MODALITIES, Modality, Progress


@dataclass(frozen=True)
class Best:
    """The recogniser that was kept, and the report of the search."""

    recognizer: Recognizer
    report: BestReport


def train_best(
    data: str | Path,
    tasks: str | Sequence[str] = (),
    *,
    minutes: float = 0,
    modalities: Sequence[Modality] = MODALITIES,
    encoders: str = "bundled",
    text_column: str = "text",
    group: str | Sequence[str] = (),
    out: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Best:
    """Tries the sensible methods within `minutes` and keeps the best on validation; its test rows are scored once.

    `data` is a folder, a ZIP or a metadata.csv, "demo" for the data that ships. Without `minutes` the size of the data
    decides. With `out` the recogniser is saved there, and a search that was stopped goes on where it was. `settings`
    are further fields of `retail.config.TrainConfig`. Raises UserError, in one sentence, for whatever the caller can
    fix.

    >>> import retail
    >>> best = retail.train_best("demo", "packaging", modalities=["text"], minutes=0.01)
    >>> best.report.kept, best.recognizer.modalities
    ('text', ('text',))
    """
    config = TrainConfig.of(modalities=tuple(modalities), **settings)
    wanted = [tasks] if isinstance(tasks, str) else list(tasks)
    manifest = read_manifest(data, wanted or None, text_column, group=(group,) if isinstance(group, str) else group)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(out) if out is not None else Path(temporary)
        return Best(*search(manifest, folder, minutes, config, encoders, Listener(progress)))
