"""A comparison from Python: name the data, get the results.

In: a data set and settings. Out: the results, as `comparison.results` defines them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retail.comparison.cost import encode_costs
from retail.comparison.fits import FitOutput
from retail.comparison.plans import plan_models
from retail.comparison.results import Results
from retail.comparison.run import Comparison
from retail.comparison.run import compare as run_comparison
from retail.config import CompareConfig
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.encoders import Encoder, load_preset
from retail.schema import MODALITIES, Modality, Progress
from retail.splits import Splits, prepare
from retail.store import EmbeddingStore


def compare(
    data: str | Path,
    tasks: str | Sequence[str] = (),
    *,
    strategies: Sequence[str] = (),
    modalities: Sequence[Modality] = MODALITIES,
    seeds: int = CompareConfig.seeds,
    encoders: str = "bundled",
    text_column: str = "text",
    group: str | Sequence[str] = (),
    progress: Progress | None = None,
    **settings: Any,
) -> Results:
    """Is fusion worth it? Trains every strategy and every single-input baseline, and scores them on the test rows.

    `data` is a folder, a ZIP or a metadata.csv, "demo" for the data that ships. `tasks` are its label columns and
    `strategies` ways to fuse; all of them if left out. `settings` are further fields of `retail.config.CompareConfig`.
    Rows that share a value of a `group` column stay in one split. Most of the work runs in processes of its own, so a
    script calls this below `if __name__ == "__main__":`. Raises UserError, in one sentence, for whatever the caller can
    fix.

    >>> import retail
    >>> few = {"strategies": ["gated"], "modalities": ["audio", "text"], "seeds": 1, "settings": False}
    >>> results = retail.compare("demo", "packaging", **few)
    >>> results.selected["packaging"].fusion
    'gated'
    """
    config = CompareConfig.of(
        tasks=(tasks,) if isinstance(tasks, str) else tuple(tasks),
        strategies=tuple(strategies),
        seeds=seeds,
        encoders=encoders,
        text_column=text_column,
        **settings,
    )
    grouped = (group,) if isinstance(group, str) else tuple(group)
    manifest = read_manifest(data, config.tasks or None, config.text_column, progress=progress, group=grouped)
    return compare_manifest(manifest, config, modalities, progress).comparison.results


@dataclass(frozen=True)
class Compared:
    """A comparison with what it stood on, for whoever keeps its recognisers."""

    comparison: Comparison
    encoders: dict[Modality, Encoder]
    splits: Splits


def compare_manifest(
    manifest: Manifest,
    config: CompareConfig,
    modalities: Sequence[Modality],
    progress: Progress | None = None,
    on_fit: Callable[[FitOutput], None] | None = None,
    hear: Callable[[str], None] | None = None,
) -> Compared:
    """The same on a data set that was read already.

    `on_fit` hears of every fit as it ends, `hear` of inputs that could not be read.
    """
    plan_models(config, manifest.tasks, modalities)  # an unknown strategy is said before the long work
    loaded = load_preset(config.encoders, modalities)
    splits = prepare(manifest, loaded, EmbeddingStore(), progress, hear=hear)
    costs = encode_costs(loaded, manifest.in_split("test"))
    return Compared(run_comparison(manifest, splits, loaded, config, progress, None, costs, on_fit), loaded, splits)
