"""Enrolments as they will be, made up from classes that are known: what `Matching` is fitted on.

In: a trained head with its training and validation rows. Out: `Trial`s: validation rows beside products that were
enrolled from 1, 3 or 8 training rows of classes which the head is made to forget.

A third of the classes is left out at a time: their logits go, their training rows are no known products any more, and
the maps in which cosines are taken are learned without them. What the head itself learned from them stays in it, which
flatters the fused cosine; `rehearsals` and `benchmarks/enrolment.md` have heads that never saw them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import normalize

from retail.certainty.alike import Alike, Shown, Spaces, without
from retail.certainty.calibration import Calibration
from retail.certainty.matching import EXAMPLES
from retail.certainty.novelty import FALSE_ALARMS
from retail.certainty.spaces import NARROWED, fused_rows, fused_space_of, moments, plain_space, side_by_side
from retail.fusion import FusionHead
from retail.schema import MODALITIES, SUBSETS, Modality, Subset
from retail.store import EmbeddingBatch
from retail.training import predict_logits

FOLDS = 3
MOST_UPLOADS = 1500  # validation rows that are asked; more tell a handful of weights no better
MOST_CLASSES = 60  # left out at a time


@dataclass(frozen=True)
class Enrolled:
    """A product made up from training rows of one class, shown by some inputs."""

    label: int
    examples: int
    inputs: Subset


@dataclass(frozen=True, eq=False)
class Trial:
    """Q validation rows by one subset of their inputs, beside N products of classes that the head forgot."""

    subset: Subset
    products: tuple[Enrolled, ...]
    alike: Alike
    targets: Tensor  # (Q,) class, C or more where training never had it
    probs: Tensor  # (Q, C) of the classes that the head still knows, 0 for the others
    novelty: Tensor  # (Q,) how unlike those classes' products, in deviations of their own rows
    rows: Tensor  # (Q,) place of the validation row
    left_out: Tensor  # the forgotten classes

    @property
    def old(self) -> Tensor:
        """(Q,) bool: uploads of trained classes."""
        return ~torch.isin(self.targets, self.left_out) & (self.targets >= 0)

    @property
    def heard(self) -> Tensor:
        """(Q,) bool: uploads that the classifier does not call unlike all it knows, where the products speak alone."""
        return self.novelty <= self.novelty[self.old].quantile(1 - FALSE_ALARMS)

    def places(self, examples: int, inputs: Subset) -> list[int]:
        """The products that were enrolled from so many rows by these inputs."""
        return [place for place, one in enumerate(self.products) if (one.examples, one.inputs) == (examples, inputs)]


@dataclass(frozen=True, eq=False)
class World:
    """What the trials are made from."""

    head: FusionHead
    calibration: Calibration
    task: str
    train: EmbeddingBatch  # with a label of the task
    known: EmbeddingBatch  # those of them that are kept as known products
    val: EmbeddingBatch

    @property
    def inputs(self) -> list[Modality]:
        """The head's, of which there are training rows."""
        return [m for m in MODALITIES if m in self.head.dims and bool(self.train.present[m].any())]

    @property
    def subsets(self) -> list[Subset]:
        """All mixes of these."""
        return [subset for subset in SUBSETS if set(subset) <= set(self.inputs)]


def trials(world: World, seed: int = 0) -> Iterator[Trial]:
    """One for each fold of the classes and each subset of the inputs."""
    generator = torch.Generator().manual_seed(seed)
    answers = fused_rows(world.head, world.train, world.train.targets[world.task], world.inputs)
    for left_out in folds(world, generator):
        yield from _trials(world, spaces_without(world, left_out, *answers), left_out, generator)


def folds(world: World, generator: torch.Generator) -> list[Tensor]:
    """Which classes are left out at a time; none where there are too few to leave any out."""
    classes = world.train.targets[world.task].unique()
    order = classes[torch.randperm(len(classes), generator=generator)]
    if len(classes) < 2 * FOLDS:
        return []
    return [order[fold::FOLDS][:MOST_CLASSES].sort().values for fold in range(FOLDS)]


def spaces_without(world: World, left_out: Tensor, logits: Mapping[str, Tensor], owners: Tensor) -> Spaces:
    """Where one compares who never saw these classes; the answers are those of `fused_rows`."""
    known = ~torch.isin(owners, left_out)
    rows = side_by_side(without(logits, world.task, left_out))
    fused = fused_space_of(rows[known], owners[known])
    centres, maps = {}, {}
    for modality in world.inputs:
        classes = world.train.targets[world.task]
        kept = world.train.present[modality] & ~torch.isin(classes, left_out)
        rows = world.train.embeddings[modality][kept]
        if len(rows) < 2:  # only classes that are left out have this input
            continue
        maps[modality] = plain_space(rows, classes[kept], NARROWED)
        centres[modality] = maps[modality].centre
    return Spaces(centres, maps, world.head, fused, forgotten=(world.task, left_out))


def _trials(world: World, spaces: Spaces, left_out: Tensor, generator: torch.Generator) -> Iterator[Trial]:
    subsets = [subset for subset in world.subsets if set(subset) <= set(spaces.maps)]
    products, batch = enrolled(world, left_out, subsets, generator)
    if not products:
        return
    shown = shown_by(spaces, batch, len(products))
    for subset in subsets:
        places = uploads_of(world.val, subset)
        trial = asked(world, spaces, world.val.rows(places).only(subset), subset, left_out, shown)
        if trial is not None:
            yield replace(trial, products=products, rows=places)


def uploads_of(val: EmbeddingBatch, subset: Subset) -> Tensor:
    """Places of validation rows that are asked by these inputs."""
    places = val.having(subset).nonzero().flatten()
    return places[:: -(-len(places) // MOST_UPLOADS)] if len(places) else places


def shown_by(spaces: Spaces, batch: EmbeddingBatch, count: int) -> Shown:
    """What shows so many products, from rows whose ids are the products' places."""
    views: dict[Modality, Tensor] = {}
    owners: dict[Modality, Tensor] = {}
    for m in spaces.maps:
        views[m] = batch.embeddings[m][batch.present[m]]
        owners[m] = torch.tensor([int(name) for name in batch.ids])[batch.present[m]]
    return spaces.shown(views, owners, count)


def asked(
    world: World, spaces: Spaces, uploads: EmbeddingBatch, subset: Subset, left_out: Tensor, shown: Shown
) -> Trial | None:
    """These uploads beside the products, which are still to be named; None where too few are of classes that stay."""
    if len(uploads) < 2:
        return None
    logits = predict_logits(world.head, uploads)
    kept = torch.ones(logits[world.task].shape[1], dtype=torch.bool)
    kept[left_out] = False
    targets = uploads.targets[world.task]
    old = ~torch.isin(targets, left_out) & (targets >= 0) & (targets < len(kept))
    if int(old.sum()) < 2:
        return None
    probs = torch.zeros_like(logits[world.task])
    probs[:, kept] = world.calibration.probs(world.task, subset, logits[world.task][:, kept])
    known = world.known.rows(~torch.isin(world.known.targets[world.task], left_out))
    novelty = _novelty(spaces, uploads, known, logits, old)
    alike = spaces.alike(uploads, shown, logits)
    return Trial(subset, (), alike, targets, probs, novelty, torch.arange(len(uploads)), left_out)


def enrolled(
    world: World, left_out: Tensor, subsets: Sequence[Subset], generator: torch.Generator
) -> tuple[tuple[Enrolled, ...], EmbeddingBatch]:
    """Products of these classes, and the rows that show them, whose ids are the products' places."""
    products: list[Enrolled] = []
    places: list[Tensor] = []
    shown: list[tuple[int, Subset]] = []
    for label, subset, count in product(left_out.tolist(), subsets, EXAMPLES):
        own = (world.train.having(subset) & (world.train.targets[world.task] == label)).nonzero().flatten()
        if not len(own):
            continue
        chosen = own[torch.randperm(len(own), generator=generator)[:count]]
        shown += [(len(products), subset)] * len(chosen)
        places.append(chosen)
        products.append(Enrolled(label, count, subset))
    if not products:
        return (), world.train
    batch = world.train.rows(torch.cat(places))
    inside = {m: torch.tensor([m in subset for _, subset in shown]) for m in batch.present}
    present = {m: batch.present[m] & inside[m] for m in batch.present}
    return tuple(products), replace(batch, ids=tuple(str(place) for place, _ in shown), present=present)


def _novelty(
    spaces: Spaces, uploads: EmbeddingBatch, known: EmbeddingBatch, logits: dict[str, Tensor], old: Tensor
) -> Tensor:
    """(Q,) as `Novelty` has it: distances to the nearest known rows and to the nearest class mean, added."""
    assert spaces.fused is not None
    parts = [spaces.fused.distances(without(logits, *spaces.forgotten) if spaces.forgotten else logits)]
    for modality, space in spaces.maps.items():
        rows = known.present[modality]
        if bool(uploads.present[modality].any()) and bool(rows.any()):
            one = normalize(space.mapped(uploads.embeddings[modality]), dim=1)
            other = normalize(space.mapped(known.embeddings[modality][rows]), dim=1)
            parts.append(_standard((1 - (one @ other.T).max(1).values), old))
    apart = torch.stack(parts[1:]).sum(0) if parts[1:] else torch.zeros(len(uploads))
    return _standard(_standard(apart, old) + _standard(parts[0], old), old)


def _standard(values: Tensor, old: Tensor) -> Tensor:
    centre, deviation = moments(values[old][:, None])
    return (values - centre) / deviation
