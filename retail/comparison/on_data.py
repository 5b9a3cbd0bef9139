"""A comparison from Python: name the data, get the results.

In: a data set and settings. Out: the results, as `comparison.results` defines them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retail.comparison.cost import encode_costs
from retail.comparison.run import compare as run_comparison
from retail.comparison.run import plan_models
from retail.config import CompareConfig
from retail.dataset.manifest import read_manifest
from retail.encoders import load_preset
from retail.schema import MODALITIES, Modality, Progress
from retail.splits import prepare
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
    progress: Progress | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Is fusion worth it? Trains every strategy and every single-input baseline, and scores them on the test rows.

    `data` is a folder, a ZIP or a metadata.csv, "demo" for the data that ships. `tasks` are its label columns and
    `strategies` ways to fuse; all of them if left out. `settings` are further fields of `retail.config.CompareConfig`.
    Most of the work runs in processes of its own, so a script calls this below `if __name__ == "__main__":`.
    Raises UserError, in one sentence, for whatever the caller can mend.

    >>> import retail
    >>> few = {"strategies": ["gated"], "modalities": ["audio", "text"], "seeds": 1, "settings": False}
    >>> results = retail.compare("demo", "packaging", **few)
    >>> results["selected"]["packaging"]["fusion"]
    'gated'
    """
    config = CompareConfig.from_dict(
        {
            "tasks": (tasks,) if isinstance(tasks, str) else tuple(tasks),
            "strategies": tuple(strategies),
            "seeds": seeds,
            "encoders": encoders,
            "text_column": text_column,
            **settings,
        }
    )
    manifest = read_manifest(data, config.tasks or None, config.text_column, progress=progress)
    plan_models(config, manifest.tasks, modalities)  # an unknown strategy is said before the long work
    loaded = load_preset(config.encoders, modalities)
    splits = prepare(manifest, loaded, EmbeddingStore(), progress)
    costs = encode_costs(loaded, manifest.in_split("test"))
    return run_comparison(manifest, splits, loaded, config, progress, costs=costs)
