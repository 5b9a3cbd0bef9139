"""How unlike the known products an upload is: one score, whichever inputs are present, and when it means "unknown".

In: a trained head, its training rows and validation rows. Out: a `Novelty`, small enough to travel with the head.

The score adds two parts, each in deviations of the validation rows: the cosine distance to the nearest training
product, per input, and that to the nearest class mean in the fused representation, for which the logits of all tasks
stand, the only one that every strategy has. Cosines are taken behind a map that whitens the variance within classes
(shrunk as by Ledoit and Wolf 2004) and keeps the directions in which products then differ most. `benchmarks/unknown.md`
compares it with other scores. A row counts as unknown beyond the split-conformal quantile of the validation rows with
the same inputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from sklearn.covariance import ledoit_wolf_shrinkage
from torch import Tensor
from torch.nn.functional import normalize

from retail.fusion import CLAMP, SMALLEST_SCALE, FusionHead
from retail.schema import MODALITIES, SUBSETS, Modality, Subset, UserError
from retail.store import EmbeddingBatch
from retail.training import known_targets, predict_logits

FALSE_ALARMS = 0.05  # share of known products that may be called unknown
DIMS = 48  # of the map; 32 and 64 find as much
# Training products that are kept. With 600 of 1,100 to 1,300 the area under the curve falls by 0.001, with 300 by
# 0.002; a class keeps at least one, so many classes may make it more.
MOST_PROTOTYPES = 600
FEWEST_ROWS = math.ceil(1 / FALSE_ALARMS) - 1  # validation rows below which no threshold can promise anything
MOST_ROWS = 20_000  # that the map of the fused representation is learned from
# Wider embeddings or logits are projected at random first, which keeps their angles (Johnson and Lindenstrauss 1984).
WIDEST, NARROWED = 2048, 512
MOST_LOGIT = 100.0  # a class that cannot be answered may have -inf
FLOOR = 1e-6  # of a deviation or a variance that is divided by
BYTE = 127

PARTS = ("nearest", "fused")
_TABLE = 2 * len(PARTS) + 3  # per subset: centre and deviation of each part and of their sum, and the threshold
_MAP = ("centre", "scale", "basis", "step", "shift")
_FUSED = (*_MAP, "means")
_INPUT = (*_MAP, "prototypes", "held", "spread")


@dataclass(frozen=True, eq=False)
class Space:
    """One representation behind its map, (N, D) to (N, q), in which directions are compared."""

    centre: Tensor  # (D,) float32
    scale: Tensor  # (D,) float32
    basis: Tensor  # (D, q) int8, in steps of
    step: Tensor  # (q,) float32
    shift: Tensor  # (q,) float32: the mapped training rows' mean

    @cached_property
    def _map(self) -> Tensor:
        return self.basis.float() * self.step

    def mapped(self, rows: Tensor) -> Tensor:
        """(N, D) -> (N, q) around the training rows' mean."""
        standard = ((rows - self.centre) / self.scale).clamp(-CLAMP, CLAMP)
        return standard @ self._map - self.shift


@dataclass(frozen=True, eq=False)
class FusedSpace(Space):
    """Where the classes lie among the logits of all tasks."""

    means: Tensor  # (C, q) int8, each row in a unit of its own

    @cached_property
    def _unit_means(self) -> Tensor:
        return normalize(self.means.float(), dim=1)

    def distances(self, logits: Mapping[str, Tensor]) -> Tensor:
        """{task: (N, C_t)} -> (N,) cosine distance to the nearest class mean, 0 to 2."""
        directions = normalize(self.mapped(_side_by_side(logits)), dim=1)
        return 1 - (directions @ self._unit_means.T).max(1).values


@dataclass(frozen=True, eq=False)
class InputSpace(Space):
    """Where training products lie by one input."""

    prototypes: Tensor  # (P, q) int8, each row in a unit of its own
    held: Tensor  # (P,) bool: which prototypes have this input
    spread: Tensor  # (2,) float32: mean and deviation of the validation rows' distances

    @cached_property
    def _unit_prototypes(self) -> Tensor:
        return normalize(self.prototypes.float(), dim=1)

    def similarities(self, embeddings: Tensor) -> Tensor:
        """(N, D) -> (N, P) cosines; -inf for prototypes without this input."""
        directions = normalize(self.mapped(embeddings), dim=1)
        return (directions @ self._unit_prototypes.T).masked_fill(~self.held, -torch.inf)

    def distances(self, embeddings: Tensor) -> Tensor:
        """(N, D) -> (N,) cosine distance to the nearest prototype in deviations of validation rows."""
        nearest = self.similarities(embeddings).max(1).values.clamp_min(-1)  # no prototype may have it
        return (1 - nearest - self.spread[0]) / self.spread[1]


@dataclass(frozen=True, eq=False)
class Novelty:
    """How unlike the known products an upload is; holds all that this takes, and no embedding of full length.

    `ids` are the prototypes: training products, of every class one at least. `table` has a row for each of `SUBSETS`,
    NaN where validation has no rows with these inputs.
    """

    inputs: Mapping[Modality, InputSpace]
    fused: FusedSpace
    ids: tuple[str, ...]
    table: Tensor  # (7, 7) float32

    @classmethod
    def fit(cls, head: FusionHead, train: EmbeddingBatch, val: EmbeddingBatch) -> Novelty:
        """From the head's training rows and validation rows, whose labels tell what is known.

        Classes are those of the task whose labels have the largest entropy. Validation rows of a class that training
        lacks, or without a label, set no threshold, unless none has a class that it knows. Every row with at least a
        subset's inputs counts for it, the others hidden. Raises UserError when no training row has any of the head's
        inputs.
        """
        task = _finest(train, head.tasks)
        classes = _classes(train, task, head)
        modalities = [m for m in MODALITIES if m in head.dims and bool(train.present[m].any())]
        if not modalities:
            raise UserError("Nothing is known yet: no training row has an input that the head reads; add products.")
        known = _classes(val, task, head) >= 0
        val = val.rows(known) if bool(known.any()) else val
        spaces = {m: _space(train.embeddings[m][train.present[m]], classes[train.present[m]]) for m in modalities}
        kept = train.rows(_prototypes(spaces, train, classes))
        inputs = {m: _input_space(space, kept, val, m) for m, space in spaces.items()}
        fused = _fused_space(head, train, classes, modalities)
        blank = cls(inputs, fused, kept.ids, torch.full((len(SUBSETS), _TABLE), torch.nan))
        return cls(inputs, fused, kept.ids, torch.stack([_row(blank, head, val, subset) for subset in SUBSETS]))

    @property
    def thresholds(self) -> dict[Subset, float]:
        """The score beyond which at most `FALSE_ALARMS` of the known products lie, on average over validation draws.

        That holds where validation rows are exchangeable with what comes; rows alike within groups make it vary more.
        A subset with fewer than `FEWEST_ROWS` (19) validation rows has none, for no finite one could promise that.
        """
        found = zip(SUBSETS, self.table[:, -1].tolist(), strict=True)
        return {subset: threshold for subset, threshold in found if not math.isnan(threshold)}

    def scores(self, batch: EmbeddingBatch, logits: Mapping[str, Tensor]) -> Tensor:
        """(N,) higher is more unlike; 0 and 1 are mean and deviation of known rows with the same inputs.

        `logits` {task: (N, C_t)} are the head's for these rows. NaN for a row without any known input.
        """
        return self._score(self.parts(batch, logits), self._places(batch))

    def parts(self, batch: EmbeddingBatch, logits: Mapping[str, Tensor]) -> Tensor:
        """(N, 2) what the score is made of, `PARTS`: the distances added over the present inputs, and the fused one."""
        parts = torch.zeros(len(batch), len(PARTS))
        for modality, space in self.inputs.items():
            rows = batch.present[modality]
            parts[rows, 0] += space.distances(batch.embeddings[modality][rows])
        parts[:, 1] = self.fused.distances(logits)
        return parts

    def limits(self, batch: EmbeddingBatch) -> Tensor:
        """(N,) the score beyond which a row with these inputs is unknown; NaN where there is none."""
        return torch.cat([self.table[:, -1], torch.tensor([torch.nan])])[self._places(batch)]

    def unknown(self, batch: EmbeddingBatch, logits: Mapping[str, Tensor]) -> Tensor:
        """(N,) bool: beyond the threshold; False where there is none."""
        return self.scores(batch, logits) > self.limits(batch)

    def nearest(self, batch: EmbeddingBatch) -> list[tuple[int, float] | None]:
        """Per row the place of the nearest prototype and its mean cosine over the inputs that both have, -1 to 1."""
        total, shared = (torch.zeros(len(batch), len(self.ids)) for _ in range(2))
        for modality, space in self.inputs.items():
            rows = batch.present[modality]
            similar = space.similarities(batch.embeddings[modality][rows])
            total[rows] += similar.masked_fill(~space.held, 0.0)
            shared[rows] += space.held
        mean = torch.where(shared > 0, total / shared.clamp_min(1), -torch.inf)  # (N, P)
        best = mean.max(1)
        found = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        return [None if value == -torch.inf else (place, value) for value, place in found]

    def to_tensors(self) -> dict[str, Tensor]:
        """For safetensors; `ids` goes beside them."""
        fused = {f"fused.{name}": getattr(self.fused, name) for name in _FUSED}
        named = {f"{m}.{name}": getattr(space, name) for m, space in self.inputs.items() for name in _INPUT}
        return {"table": self.table, **fused, **named}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], ids: Sequence[str]) -> Novelty:
        """The inverse of `to_tensors`; raises UserError when the tensors do not fit together."""
        present = [m for m in MODALITIES if any(name.startswith(f"{m}.") for name in tensors)]
        wanted = {"table", *(f"fused.{name}" for name in _FUSED), *(f"{m}.{name}" for m in present for name in _INPUT)}
        if present and set(tensors) == wanted and tensors["table"].shape == (len(SUBSETS), _TABLE):
            fused = FusedSpace(*(tensors[f"fused.{name}"] for name in _FUSED))
            inputs = {m: InputSpace(*(tensors[f"{m}.{name}"] for name in _INPUT)) for m in present}
            if _fits(fused, len(fused.means)) and all(_fits(space, len(ids)) for space in inputs.values()):
                return cls(inputs, fused, tuple(ids), tensors["table"])
        raise UserError("What the bundle knows of its products is damaged; copy or train the bundle again.")

    def _places(self, batch: EmbeddingBatch) -> Tensor:
        """(N,) each row's place in `SUBSETS`; -1 where no input is present."""
        bits = {modality: 2**place for place, modality in enumerate(MODALITIES)}
        codes = torch.zeros(len(batch), dtype=torch.long)
        for modality in self.inputs:
            codes += bits[modality] * batch.present[modality].long()
        place_of = torch.full((2 ** len(MODALITIES),), -1)
        for place, subset in enumerate(SUBSETS):
            place_of[sum(bits[modality] for modality in subset)] = place
        return place_of[codes]

    def _score(self, parts: Tensor, places: Tensor) -> Tensor:
        table = torch.where(self.table.isnan(), _NEUTRAL, self.table)[places]
        count = len(PARTS)
        total = ((parts - table[:, :count]) / table[:, count : 2 * count]).sum(1)
        return torch.where(places < 0, torch.nan, (total - table[:, -3]) / table[:, -2])


# Where nothing is known of validation rows: centres 0, deviations 1.
_NEUTRAL = torch.tensor([0.0] * len(PARTS) + [1.0] * len(PARTS) + [0.0, 1.0, torch.nan])


def _space(rows: Tensor, classes: Tensor) -> Space:
    """The map that (N, D) training rows of (N,) classes, -1 where unknown, ask for."""
    centre = rows.mean(0)
    scale = rows.std(0, correction=0).clamp_min(SMALLEST_SCALE)
    standard = ((rows - centre) / scale).clamp(-CLAMP, CLAMP)
    seen, narrow = standard, None
    if standard.shape[1] > WIDEST:
        generator = torch.Generator().manual_seed(0)
        narrow = torch.randn(standard.shape[1], NARROWED, generator=generator) / NARROWED**0.5
        seen = standard @ narrow
    weight = _whitening(seen.double(), classes)[:, : max(1, min(DIMS, len(rows) - 1))].float()
    weight = weight if narrow is None else narrow @ weight
    step = (weight.abs().max(0).values / BYTE).clamp_min(torch.finfo(torch.float32).tiny)
    basis = (weight / step).round().to(torch.int8)
    return Space(centre, scale, basis, step, (standard @ (basis.float() * step)).mean(0))


def _whitening(standard: Tensor, classes: Tensor) -> Tensor:
    """(N, D) -> (D, D): columns that whiten the variance within classes, those of most variance overall first."""
    labels, members = classes.unique(return_inverse=True)
    counts = torch.bincount(members)
    means = torch.zeros(len(labels), standard.shape[1], dtype=standard.dtype).index_add_(0, members, standard)
    several = (counts[members] > 1) & (classes >= 0)
    within = (standard - (means / counts[:, None])[members])[several]
    within = within if len(within) else standard - standard.mean(0)  # no class has two rows
    shrinkage = float(ledoit_wolf_shrinkage(within.numpy(), assume_centered=True)) if len(within) > 1 else 1.0
    covariance = (1 - shrinkage) * within.T @ within / len(within)
    covariance.diagonal().add_(shrinkage * float(within.square().mean()) + FLOOR)
    values, vectors = torch.linalg.eigh(covariance)
    whiten = vectors / values.clamp_min(FLOOR).sqrt()
    spread = (standard - standard.mean(0)) @ whiten
    return whiten @ torch.linalg.eigh(spread.T @ spread / len(spread)).eigenvectors.flip(1)


def _prototypes(spaces: Mapping[Modality, Space], train: EmbeddingBatch, classes: Tensor) -> Tensor:
    """Sorted places of the training rows that are kept: of each class its share, the one nearest to its mean first,
    then always the one farthest from those chosen (Gonzalez 1985)."""
    some = torch.stack([train.present[modality] for modality in spaces]).any(0)
    columns = []
    for modality, space in spaces.items():
        rows = train.present[modality]
        own = torch.zeros(len(train), len(space.step))
        own[rows] = normalize(space.mapped(train.embeddings[modality][rows]), dim=1)
        columns.append(own)
    joint = normalize(torch.cat(columns, 1), dim=1)
    chosen = []
    share = min(1.0, MOST_PROTOTYPES / max(1, int(some.sum())))
    for label in classes[some].unique().tolist():
        places = torch.nonzero(some & (classes == label))[:, 0]
        chosen.append(places[_farthest(joint[places], max(1, int(share * len(places))))])
    return torch.cat(chosen).sort().values


def _farthest(directions: Tensor, count: int) -> list[int]:
    picked = [int((directions @ directions.mean(0)).argmax())]
    similar = directions @ directions[picked[0]]
    while len(picked) < count:
        similar[picked[-1]] = torch.inf
        picked.append(int(similar.argmin()))
        similar = torch.maximum(similar, directions @ directions[picked[-1]])
    return picked


def _input_space(plain: Space, kept: EmbeddingBatch, val: EmbeddingBatch, modality: Modality) -> InputSpace:
    held = kept.present[modality]
    prototypes = torch.zeros(len(kept), len(plain.step))
    prototypes[held] = plain.mapped(kept.embeddings[modality][held])
    space = InputSpace(**_facts(plain), prototypes=_bytes(prototypes), held=held, spread=torch.tensor([0.0, 1.0]))
    rows = val.embeddings[modality][val.present[modality]]
    if len(rows) < 2:
        return space
    return replace(space, spread=torch.cat(_moments(space.distances(rows)[:, None])))


def _fused_space(
    head: FusionHead, train: EmbeddingBatch, classes: Tensor, modalities: Sequence[Modality]
) -> FusedSpace:
    """From the head's answers to the training rows with every subset of their inputs, the others hidden."""
    answers, owners = [], []
    for subset in (subset for subset in SUBSETS if set(subset) <= set(modalities)):
        shown = torch.stack([train.present[modality] for modality in subset]).all(0)
        if bool(shown.any()):
            answers.append(_side_by_side(predict_logits(head, train.rows(shown).only(subset))))
            owners.append(classes[shown])
    every = -(-sum(map(len, owners)) // MOST_ROWS)
    rows, own = torch.cat(answers)[::every], torch.cat(owners)[::every]
    space = _space(rows, own)
    known = own >= 0
    labels, members = own[known].unique(return_inverse=True)
    mapped = space.mapped(rows)
    means = torch.zeros(len(labels), mapped.shape[1]).index_add_(0, members, mapped[known])
    means = means if len(means) else mapped[:MOST_PROTOTYPES]  # no label at all: rows stand for classes
    return FusedSpace(**_facts(space), means=_bytes(means))


def _facts(space: Space) -> dict[str, Tensor]:
    return {name: getattr(space, name) for name in _MAP}


def _side_by_side(logits: Mapping[str, Tensor]) -> Tensor:
    """{task: (N, C_t)} -> (N, sum of C_t), each task's around its mean."""
    tasks = [value.clamp(-MOST_LOGIT, MOST_LOGIT) for value in logits.values()]
    return torch.cat([task - task.mean(1, keepdim=True) for task in tasks], 1)


def _row(blank: Novelty, head: FusionHead, val: EmbeddingBatch, subset: Subset) -> Tensor:
    """(7,) centres, deviations and threshold of one subset from the validation rows that have it."""
    row = torch.full((_TABLE,), torch.nan)
    if not set(subset) <= set(blank.inputs):
        return row
    shown = val.rows(torch.stack([val.present[modality] for modality in subset]).all(0)).only(subset)
    if len(shown) < 2:
        return row
    parts = blank.parts(shown, predict_logits(head, shown))
    centre, deviation = _moments(parts)
    total = ((parts - centre) / deviation).sum(1)
    mean, spread = _moments(total[:, None])
    rank = math.ceil((len(total) + 1) * (1 - FALSE_ALARMS))
    threshold = torch.full((1,), torch.nan)
    if len(total) >= FEWEST_ROWS:
        threshold = (total.sort().values[rank - 1] - mean) / spread
    return torch.cat([centre, deviation, mean, spread, threshold])


def _moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each column; what does not vary has deviation 1."""
    deviation = values.std(0)
    return values.mean(0), torch.where(deviation > FLOOR, deviation, 1.0)


def _bytes(rows: Tensor) -> Tensor:
    """(P, q) -> int8; each row in a unit of its own, for only its direction counts."""
    return (rows / rows.abs().max(1, keepdim=True).values.clamp_min(FLOOR) * BYTE).round().to(torch.int8)


def _finest(train: EmbeddingBatch, tasks: Iterable[str]) -> str:
    """The task whose labels tell the training rows apart best: that of the largest entropy."""

    def entropy(task: str) -> float:
        target = train.targets.get(task, torch.empty(0))
        shares = torch.bincount(target[target >= 0].long()).double() / max(1, int((target >= 0).sum()))
        return float(torch.special.entr(shares).sum())

    return max(tasks, key=entropy)


def _classes(batch: EmbeddingBatch, task: str, head: FusionHead) -> Tensor:
    """(N,) targets, -1 where there is none that training knows."""
    return known_targets(batch.targets.get(task, torch.full((len(batch),), -1)), head.tasks[task])


def _fits(space: FusedSpace | InputSpace, count: int) -> bool:
    dims, width = len(space.centre), len(space.step)
    names, shapes = list(_FUSED), [(dims,), (dims,), (dims, width), (width,), (width,), (count, width)]
    if isinstance(space, InputSpace):
        names, shapes = list(_INPUT), [*shapes, (count,), (2,)]
    return count > 0 and [tuple(getattr(space, name).shape) for name in names] == shapes
