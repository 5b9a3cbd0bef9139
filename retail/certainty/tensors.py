"""A `Certainty` as tensors of plain numbers, which a bundle keeps in one safetensors file.

In: a `Certainty` with the names of its tasks, or tensors. Out: the other. Subsets come in the order of `SUBSETS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from retail.certainty import Certainty
from retail.certainty.calibration import STRAIGHT, Calibration
from retail.certainty.matching import Matching
from retail.certainty.novelty import Novelty
from retail.certainty.promises import MOST_BINS, Promises, TrackRecord
from retail.certainty.sets import Least, PredictionSets
from retail.metrics.promises import WISHES
from retail.outside.limits import MAX_COUNT
from retail.schema import SUBSETS, Modality, Subset, UserError

KINDS = (torch.float32, torch.float64, torch.int32, torch.int64, torch.int8, torch.bool)  # that are written


def pack(certainty: Certainty, tasks: Sequence[str], inputs: Sequence[Modality]) -> dict[str, Tensor]:
    """{name: tensor}; what could not be fitted is NaN."""
    subsets = _subsets(inputs)
    calibration, promises, sets = certainty.calibration, certainty.promises, certainty.sets
    shape = (len(subsets), len(tasks))
    found = {
        "pooled": np.array([calibration.pooled.get(task, 1.0) for task in tasks]),
        "temperatures": np.array([[calibration.temperature(task, s) for task in tasks] for s in subsets]),
        "slopes": np.array([[calibration.slope(task, s) for task in tasks] for s in subsets]),
        "curves": np.array([[calibration.curves.get(s, {}).get(task, STRAIGHT) for task in tasks] for s in subsets]),
        "enough": np.full((*shape, len(WISHES)), np.nan),
        "rows_needed": np.full((*shape, len(WISHES)), np.nan),
        "records": np.full((*shape, 3, MOST_BINS), np.nan),
        "least": np.full((*shape, len(WISHES)), np.nan),
    }
    for row, subset in enumerate(subsets):
        for place, task in enumerate(tasks):
            if (key := (task, subset)) not in promises.records:
                continue
            record, least = promises.records[key], sets.least[key]
            found["enough"][row, place] = promises.thresholds[key]
            found["rows_needed"][row, place] = promises.needed[key]
            found["records"][row, place, :, : len(record.n)] = record.start, record.n, record.right
            found["least"][row, place] = least.pooled
            if len(least.classes):
                found[f"classes.{row}.{place}"], found[f"least.{row}.{place}"] = least.classes, least.own
    tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in found.items()}
    if certainty.novelty is not None:
        tensors |= {f"novelty.{name}": tensor for name, tensor in certainty.novelty.to_tensors().items()}
        tensors |= {f"known.{place}": certainty.known[task].int() for place, task in enumerate(tasks)}
    if certainty.matching is not None:
        tensors |= {f"matching.{name}": tensor for name, tensor in certainty.matching.to_tensors(tasks).items()}
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def unpack(
    tensors: Mapping[str, Tensor], tasks: Mapping[str, int], dims: Mapping[Modality, int], known: Sequence[str]
) -> Certainty:
    """The same again, for {task: C_t}, {input: D_m} and the ids of the known products.

    Raises UserError for what does not fit.
    """
    subsets, found = _subsets(list(dims)), _arrays(tensors)
    shape, wishes = (len(subsets), len(tasks)), len(WISHES)
    wanted = {
        "pooled": (len(tasks),),
        "temperatures": shape,
        "slopes": shape,
        "curves": (*shape, 3),
        "enough": (*shape, wishes),
        "rows_needed": (*shape, wishes),
        "records": (*shape, 3, MOST_BINS),
        "least": (*shape, wishes),
    }
    fitting = [name for name, own in found.items() if own.shape == wanted.get(name) and own.dtype.kind == "f"]
    if len(fitting) < len(wanted):
        raise UserError("What the bundle says about its certainty does not fit; copy or train the bundle again.")
    if not all(((found[name] > 0) & (found[name] < np.inf)).all() for name in ("pooled", "temperatures")):
        raise UserError("The bundle has a temperature that is not above 0; copy or train the bundle again.")
    if not all(np.isfinite(found[name]).all() for name in ("slopes", "curves")):
        raise UserError("The bundle has a calibration that is no number; copy or train the bundle again.")
    if any(np.isinf(found[name]).any() or (found[name] < 0).any() for name in ("enough", "rows_needed", "least")):
        raise UserError("The bundle promises what is no number; copy or train the bundle again.")
    thresholds, needed, records, least = {}, {}, {}, {}
    for row, subset in enumerate(subsets):
        for place, (task, size) in enumerate(tasks.items()):
            start, n, right = found["records"][row, place]
            if not (there := ~np.isnan(start)).any():
                continue
            _check_record(start[there], n[there], right[there])
            thresholds[task, subset] = found["enough"][row, place]
            needed[task, subset] = found["rows_needed"][row, place]
            records[task, subset] = TrackRecord(start[there], n[there], right[there])
            classes = found.get(f"classes.{row}.{place}", np.zeros(0, dtype=np.int64))
            own = found.get(f"least.{row}.{place}", np.zeros((wishes, 0)))
            if not _fits_classes(classes, size) or own.shape != (wishes, len(classes)) or own.dtype.kind != "f":
                raise UserError("The bundle's prediction sets do not fit its classes; copy or train the bundle again.")
            least[task, subset] = Least(found["least"][row, place], classes, own)
    temperatures, slopes = (
        {s: dict(zip(tasks, row, strict=True)) for s, row in zip(subsets, found[name].tolist(), strict=True)}
        for name in ("temperatures", "slopes")
    )
    curves = {
        s: {task: (a, b, c) for task, (a, b, c) in zip(tasks, row, strict=True)}
        for s, row in zip(subsets, found["curves"].tolist(), strict=True)
    }
    pooled = dict(zip(tasks, found["pooled"].tolist(), strict=True))
    calibration = Calibration(pooled, temperatures, slopes, curves)
    promises, sets = Promises(thresholds, records, needed), PredictionSets(least)
    weights = {n.removeprefix("matching."): tensor for n, tensor in tensors.items() if n.startswith("matching.")}
    matching = Matching.from_tensors(weights, list(tasks)) if weights else None  # None: packed before there was one
    return Certainty(calibration, promises, sets, *_novelty(tensors, tasks, dims, known), matching)


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Those that numpy has a kind of number for."""
    return {name: tensor.numpy() for name, tensor in tensors.items() if tensor.dtype in KINDS}


def _check_record(start: np.ndarray, n: np.ndarray, right: np.ndarray) -> None:
    """Raises UserError where it is no count of answers in bins of rising confidence."""
    rising = start[0] <= 0 and bool((np.diff(start) >= 0).all())
    if not rising or not ((n > 0) & (right >= 0) & (right <= n) & (n <= MAX_COUNT)).all():
        raise UserError("How earlier answers of the bundle did is damaged; copy or train the bundle again.")


def _fits_classes(classes: np.ndarray, size: int) -> bool:
    whole = classes.ndim == 1 and classes.dtype.kind == "i"
    return whole and (not len(classes) or bool(0 <= classes.min() <= classes.max() < size))


def _novelty(
    tensors: Mapping[str, Tensor], tasks: Mapping[str, int], dims: Mapping[Modality, int], ids: Sequence[str]
) -> tuple[Novelty | None, dict[str, Tensor]]:
    own = {name.removeprefix("novelty."): tensor for name, tensor in tensors.items() if name.startswith("novelty.")}
    if not own:
        return None, {}
    known = {task: tensors.get(f"known.{place}", torch.zeros(0)) for place, task in enumerate(tasks)}
    for task, found in known.items():
        whole = found.dtype in (torch.int32, torch.int64) and found.shape == (len(ids),)
        if not whole or bool(((found < -1) | (found >= tasks[task])).any()):
            raise UserError("The known products of the bundle do not fit its classes; copy or train the bundle again.")
    return Novelty.from_tensors(own, ids, dims, sum(tasks.values())), known


def _subsets(inputs: Sequence[Modality]) -> list[Subset]:
    return [subset for subset in SUBSETS if set(subset) <= set(inputs)]
