"""How long will it take? From what was measured, and it says on what.

In: figures of finished runs, or a short trial on this machine. Out: seconds from/to, and the basis in words.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from retail.comparison.results import read_results
from retail.dataset.manifest import Manifest
from retail.files import DEMO_RESULTS, home, whole_file
from retail.finetuning.record import FinetuningRecord
from retail.recognizer.bundle import training_of
from retail.schema import Modality, UserError
from retail.wording import number_of
from retail.workspace import jobs

TRIAL_EPOCHS = 5
ROUGH = "A rough guess from the demo comparison, which ran on another machine: measure this one for a better guess."


@dataclass(frozen=True)
class Speed:
    """Seconds that one fit takes per training row, and that one product's input takes to encode."""

    fit_seconds: float
    encode_seconds: dict[str, float]
    basis: str
    checksums: tuple[str, ...] = ()  # of data whose embeddings are kept already

    @property
    def rough(self) -> bool:
        """Whether nothing was measured on this machine."""
        return self.basis == ROUGH


@dataclass(frozen=True)
class Estimate:
    """A range of seconds and where it comes from."""

    low: float
    high: float
    basis: str

    @property
    def sentence(self) -> str:
        """'About 2 to 4 minutes. …'"""
        (low, unit), high = duration(self.low).split(), duration(self.high)
        if duration(self.low) == high:
            return f"About {high}. {self.basis}"
        return f"About {low if high.endswith(unit) else f'{low} {unit}'} to {high}. {self.basis}"


def duration(seconds: float) -> str:
    """'40 seconds', '12 minutes', '1.5 hours'."""
    if seconds < 90:
        return number_of(max(round(seconds), 1), "second")
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def fits(strategies: int, inputs: int, tasks: int, seeds: int, settings: bool) -> tuple[int, int]:
    """The least and the most models that a comparison trains."""
    main = (inputs + strategies * (inputs > 1)) * seeds
    single_task = 2 * tasks * (tasks > 1)
    several = 2**inputs - inputs - 1  # subsets of two or more inputs
    dedicated = max(2 * several - 1, 0)  # two models each; one of the full subset's is a main model
    least, most = single_task + dedicated, single_task + dedicated * tasks
    return main + least * seeds * settings, main + most * seeds * settings


def estimate(manifest: Manifest, speed: Speed, counts: tuple[int, int], inputs: Sequence[Modality]) -> Estimate:
    """Encoding and training."""
    rows, encode = len(manifest.in_split("train")), encoding_seconds(manifest, speed, inputs)
    low, high = (encode + count * speed.fit_seconds * rows for count in counts)
    return Estimate(low, 1.5 * high + 10, speed.basis)  # starting up, scoring and intervals; other work on the machine


def encoding_seconds(manifest: Manifest, speed: Speed, inputs: Sequence[Modality]) -> float:
    """What the encoders take for these inputs; nothing where these products were encoded before."""
    if manifest.checksum in speed.checksums:
        return 0.0
    counts = {modality: sum(modality in product.modalities for product in manifest.products) for modality in inputs}
    return sum(count * speed.encode_seconds.get(modality, 0.0) for modality, count in counts.items())


def known_speed(encoders: str) -> Speed:
    """The best figures available: a trial or finished runs on this machine, else those of the bundled demo run."""
    past = [job.results for job in jobs.list_jobs() if job.results.is_file()]
    same = [run for path in past if (run := _past(path, path.stat().st_mtime)) and run.encoders == encoders]
    checksums = tuple(run.checksum for run in same)
    if same:
        basis = f"Based on the last comparison on this machine ({number_of(same[0].fits, 'model')} trained)."
        found = Speed(same[0].fit_seconds, same[0].encode_seconds, basis)
    elif trial := _trials().get(encoders):
        found = trial
    else:
        demo = _past(DEMO_RESULTS, DEMO_RESULTS.stat().st_mtime)
        assert demo is not None
        found = Speed(demo.fit_seconds, demo.encode_seconds, ROUGH)
    return replace(found, checksums=checksums)


def finetuning_speed(tune: Sequence[str]) -> float | None:
    """Seconds that one training product takes in one epoch, from the last run that tuned the same; None: no run did."""
    for job in jobs.list_jobs():
        info = training_of(job.folder / "bundles" / "finetuned")
        if isinstance(info, FinetuningRecord) and sorted(info.finetuning.tune) == sorted(tune):
            return info.finetuning_seconds / len(info.finetuning_history) / max(info.rows.train, 1)
    return None


def measure(manifest: Manifest, encoders: str) -> Speed:
    """Encodes a few products and fits one small head, here and now; kept for the next estimate."""
    import torch

    from retail.comparison.cost import encode_costs
    from retail.config import TrainConfig
    from retail.encoders import load_preset
    from retail.splits import vocabularies_of
    from retail.store import EmbeddingBatch
    from retail.training import fit

    loaded = load_preset(encoders)
    costs = encode_costs(loaded, manifest.products)
    products = manifest.in_split("train")
    vocabularies = vocabularies_of(products, manifest.tasks)
    generator = torch.Generator().manual_seed(0)
    made_up = EmbeddingBatch(
        tuple(product.id for product in products),
        {name: torch.randn(len(products), encoder.dim, generator=generator) for name, encoder in loaded.items()},
        {name: torch.tensor([name in product.modalities for product in products]) for name in loaded},
        {
            task: torch.tensor([known.index(product.labels.get(task, "")) for product in products])
            for task, known in vocabularies.items()
        },
    )
    sizes = {task: len(known) for task, known in vocabularies.items()}
    started = time.perf_counter()
    fit(made_up, made_up, sizes, TrainConfig(max_epochs=TRIAL_EPOCHS, patience=TRIAL_EPOCHS))
    per_fit = (time.perf_counter() - started) * TrainConfig.max_epochs / TRIAL_EPOCHS
    basis = f"Based on a trial on this machine: {TRIAL_EPOCHS} epochs of one model and a few encoded products."
    encode = {str(name): cost.seconds for name, cost in costs.items()}
    speed = Speed(per_fit / max(len(products), 1), encode, basis)
    with whole_file(_trial_path()) as partial:
        partial.write_bytes(_TRIALS.dump_json(_trials() | {encoders: speed}))
    return speed


@dataclass(frozen=True)
class _Past:
    """What a finished comparison tells about the speed."""

    encoders: str
    checksum: str
    fits: int
    fit_seconds: float
    encode_seconds: dict[str, float]


@lru_cache(maxsize=256)
def _past(path: Path, changed: float) -> _Past | None:
    """None for a file that is no comparison or tells nothing of its cost; `changed` is its time stamp."""
    try:
        results = read_results(path)
    except UserError:
        return None
    cost = results.cost
    if not cost.fits or not cost.encoders:
        return None
    per_row = cost.seconds / cost.fits / max(results.data.n_train, 1)
    encode = {str(name): row.seconds for name, row in cost.encoders.items()}
    return _Past(results.config.encoders, results.data.checksum, cost.fits, per_row, encode)


# {encoders: what a trial of them on this machine took}
_TRIALS = TypeAdapter(dict[str, Speed])


def _trials() -> dict[str, Speed]:
    """None where nothing was tried, or nobody can read the file: a trial is soon made again."""
    try:
        return _TRIALS.validate_json(_trial_path().read_bytes())
    except (OSError, ValueError):
        return {}


def _trial_path() -> Path:
    return home() / "speed.json"
