"""Where known products lie: by each input, and in the fused representation, small enough to travel with a head.

In: training rows and their classes. Out: a `Space` each, in which directions are compared, and the products kept.

A map whitens the variance within classes (shrunk as by Ledoit and Wolf 2004) and keeps the directions in which products
then differ most. `benchmarks/unknown.md` compares it with others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import normalize

from retail.fusion import CLAMP, SMALLEST_SCALE, FusionHead
from retail.schema import SUBSETS, Modality
from retail.store import EmbeddingBatch
from retail.training import predict_logits

DIMS = 48  # of the map; 32 and 64 find as much
# Training products that are kept. With 600 of 1,100 to 1,300 the area under the curve falls by 0.001, with 300 by
# 0.002; a class keeps at least one, so many classes may make it more.
MOST_PROTOTYPES = 600
MOST_ROWS = 20_000  # that the map of the fused representation is learned from
# Wider embeddings or logits are projected at random first, which keeps their angles (Johnson and Lindenstrauss 1984).
WIDEST, NARROWED = 2048, 512
MOST_LOGIT = 100.0  # a class that cannot be answered may have -inf
FLOOR = 1e-6  # of a deviation or a variance that is divided by
BYTE = 127

_MAP = ("centre", "scale", "basis", "step", "shift")
FUSED = (*_MAP, "means")
INPUT = (*_MAP, "prototypes", "held", "spread")


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
    def unit_means(self) -> Tensor:
        return normalize(self.means.float(), dim=1)

    def distances(self, logits: Mapping[str, Tensor]) -> Tensor:
        """{task: (N, C_t)} -> (N,) cosine distance to the nearest class mean, 0 to 2."""
        directions = normalize(self.mapped(side_by_side(logits)), dim=1)
        return 1 - (directions @ self.unit_means.T).max(1).values


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

    def distances(self, similarities: Tensor) -> Tensor:
        """(N, P) -> (N,) cosine distance to the nearest prototype in deviations of validation rows."""
        nearest = similarities.max(1).values.clamp_min(-1)  # no prototype may have it
        return (1 - nearest - self.spread[0]) / self.spread[1]


def plain_space(rows: Tensor, classes: Tensor, widest: int = WIDEST) -> Space:
    """The map that (N, D) training rows of (N,) classes, -1 where unknown, ask for; wider rows are narrowed first."""
    centre = rows.mean(0)
    scale = rows.std(0, correction=0).clamp_min(SMALLEST_SCALE)
    standard = ((rows - centre) / scale).clamp(-CLAMP, CLAMP)
    seen, narrow = standard, None
    if standard.shape[1] > widest:
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
    from sklearn.covariance import ledoit_wolf_shrinkage

    labels, members = classes.unique(return_inverse=True)
    counts = torch.bincount(members)
    means = torch.zeros(len(labels), standard.shape[1], dtype=standard.dtype).index_add_(0, members, standard)
    means /= counts[:, None]
    several = (counts[members] > 1) & (classes >= 0)
    within = standard[several]  # changed in place: the rows are the largest thing in memory here
    within -= means[members[several]]
    within = within if len(within) else standard - standard.mean(0)  # no class has two rows
    shrinkage = float(ledoit_wolf_shrinkage(within.numpy(), assume_centered=True)) if len(within) > 1 else 1.0
    covariance = (1 - shrinkage) * within.T @ within / len(within)
    covariance.diagonal().add_(shrinkage * float(within.square_().mean()) + FLOOR)
    del within
    values, vectors = torch.linalg.eigh(covariance)
    whiten = vectors / values.clamp_min(FLOOR).sqrt()
    spread = (standard - standard.mean(0)) @ whiten
    return whiten @ torch.linalg.eigh(spread.T @ spread / len(spread)).eigenvectors.flip(1)


def prototypes_of(spaces: Mapping[Modality, Space], train: EmbeddingBatch, classes: Tensor) -> Tensor:
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


def input_space(plain: Space, kept: EmbeddingBatch, val: EmbeddingBatch, modality: Modality) -> InputSpace:
    held = kept.present[modality]
    prototypes = torch.zeros(len(kept), len(plain.step))
    prototypes[held] = plain.mapped(kept.embeddings[modality][held])
    space = InputSpace(**_facts(plain), prototypes=_bytes(prototypes), held=held, spread=torch.tensor([0.0, 1.0]))
    rows = val.embeddings[modality][val.present[modality]]
    if len(rows) < 2:
        return space
    return replace(space, spread=torch.cat(moments(space.distances(space.similarities(rows))[:, None])))


def fused_space(head: FusionHead, train: EmbeddingBatch, classes: Tensor, modalities: Sequence[Modality]) -> FusedSpace:
    """From the head's answers to the training rows with every subset of their inputs, the others hidden."""
    logits, owners = fused_rows(head, train, classes, modalities)
    return fused_space_of(side_by_side(logits), owners)


def fused_rows(
    head: FusionHead, train: EmbeddingBatch, classes: Tensor, modalities: Sequence[Modality]
) -> tuple[dict[str, Tensor], Tensor]:
    """{task: (R, C_t)} answers to the training rows by every subset of their inputs, and the (R,) classes of these."""
    subsets = [subset for subset in SUBSETS if set(subset) <= set(modalities)]
    shown = {subset: train.having(subset).nonzero().flatten() for subset in subsets}
    every = max(1, -(-sum(map(len, shown.values())) // MOST_ROWS))
    answers, owners, before = [], [], 0
    for subset, places in shown.items():
        kept = places[-before % every :: every]  # every so many of all of them, one subset after the other
        before += len(places)
        if len(kept):
            answers.append(predict_logits(head, train.rows(kept).only(subset)))
            owners.append(classes[kept])
    return {t: torch.cat([own[t] for own in answers]) for t in head.tasks}, torch.cat(owners)


def fused_space_of(rows: Tensor, own: Tensor) -> FusedSpace:
    """From (R, C) answers and their (R,) classes, -1 where unknown."""
    space = plain_space(rows, own)
    known = own >= 0
    labels, members = own[known].unique(return_inverse=True)
    mapped = space.mapped(rows)
    means = torch.zeros(len(labels), mapped.shape[1]).index_add_(0, members, mapped[known])
    means = means if len(means) else mapped[:MOST_PROTOTYPES]  # no label at all: rows stand for classes
    return FusedSpace(**_facts(space), means=_bytes(means))


def _facts(space: Space) -> dict[str, Tensor]:
    return {name: getattr(space, name) for name in _MAP}


def side_by_side(logits: Mapping[str, Tensor]) -> Tensor:
    """All logits as one row: {task: (N, C_t)} -> (N, sum of C_t), each task's around its mean."""
    tasks = [value.clamp(-MOST_LOGIT, MOST_LOGIT) for value in logits.values()]
    return torch.cat([task - task.mean(1, keepdim=True) for task in tasks], 1)


def moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each column; what does not vary has deviation 1."""
    deviation = values.std(0)
    return values.mean(0), torch.where(deviation > FLOOR, deviation, 1.0)


def _bytes(rows: Tensor) -> Tensor:
    """(P, q) -> int8; each row in a unit of its own, for only its direction counts."""
    return (rows / rows.abs().max(1, keepdim=True).values.clamp_min(FLOOR) * BYTE).round().to(torch.int8)


def fits(space: FusedSpace | InputSpace, dims: int, count: int | None) -> bool:
    """Whether its parts fit together and rows of so many numbers; `count` are its products, None for any number."""
    width = space.step.numel()
    count = len(space.means) if isinstance(space, FusedSpace) and space.means.ndim and count is None else count
    wanted: list[tuple[tuple[int | None, ...], torch.dtype]] = [
        ((dims,), torch.float32),
        ((dims,), torch.float32),
        ((dims, width), torch.int8),
        ((width,), torch.float32),
        ((width,), torch.float32),
        ((count, width), torch.int8),
    ]
    if isinstance(space, InputSpace):
        wanted += [((count,), torch.bool), ((2,), torch.float32)]
    parts = [getattr(space, name) for name in (INPUT if isinstance(space, InputSpace) else FUSED)]
    if not count or not width or [(tuple(part.shape), part.dtype) for part in parts] != wanted:
        return False
    finite = all(bool(part.isfinite().all()) for part in parts if part.is_floating_point())
    return finite and bool((space.scale > 0).all()) and (isinstance(space, FusedSpace) or float(space.spread[1]) > 0)
