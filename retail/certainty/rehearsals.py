"""Enrolments rehearsed with heads that never saw the products: what `expected` is fitted on.

In: a `World`, how its head was trained, and the weights that will serve. Out: `Rehearsal`s, and how alike uploads
usually are to the product that they show.

A head that only forgets a class has learned to tell it apart all the same: it recognises 1.2 to 2 times as much of it
(`benchmarks/enrolment.md`). So a head is trained for each fold, until enough classes were left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from retail.certainty.alike import Spaces, plainly
from retail.certainty.enrolments import Trial, World, asked, enrolled, folds, shown_by, spaces_without, uploads_of
from retail.certainty.expected import Rehearsal, facts_of, fit_recalls
from retail.certainty.matching import EXAMPLES, Matching, weighed
from retail.certainty.spaces import fused_rows
from retail.config import TrainConfig
from retail.schema import MODALITIES, SUBSETS, Modality
from retail.store import EmbeddingBatch
from retail.training import fit

ENOUGH = 60  # classes left out in all, after which no further head is trained
FEWEST = 20  # uploads below which their median says little


@dataclass(frozen=True, eq=False)
class Stage:
    """Products that one input shows, beside uploads by it: validation rows first, then the products' own examples."""

    modality: Modality
    trial: Trial
    uploads: int  # validation rows
    owners: Tensor  # (X,) the product of each example
    among: Tensor  # (X,) log odds of each example with the product that its others show; NaN for one alone

    def places(self, examples: int) -> list[int]:
        """The products that were enrolled from so many."""
        return self.trial.places(examples, (self.modality,))


def with_recalls(matching: Matching, world: World, config: TrainConfig) -> Matching:
    """The same that also foresees recalls, for products by each input of a head trained like this."""
    stages = list(_stages(world, config, matching))
    matching = replace(matching, typical=_typical(stages, matching))
    rehearsals = [one for stage in stages for examples in EXAMPLES for one in _rehearsals(stage, examples, matching)]
    return replace(matching, recalls=fit_recalls(rehearsals, matching.recalls))


def _stages(world: World, config: TrainConfig, matching: Matching, seed: int = 0) -> Iterator[Stage]:
    generator, done = torch.Generator().manual_seed(seed), 0
    for left_out in folds(world, generator):
        if done >= ENOUGH:
            return
        done += len(left_out)
        apart = _unseen(world, config, left_out)
        answers = fused_rows(apart.head, apart.train, apart.train.targets[world.task], world.inputs)
        spaces = spaces_without(apart, left_out, *answers)
        for modality in spaces.maps:
            if (stage := _stage(apart, spaces, left_out, modality, matching, generator)) is not None:
                yield stage


def _unseen(world: World, config: TrainConfig, left_out: Tensor) -> World:
    """The same with a head that never saw these classes."""
    train, val = (rows.rows(~torch.isin(rows.targets[world.task], left_out)) for rows in (world.train, world.val))
    return replace(world, head=fit(train, val, world.head.tasks, config).head)


def _stage(
    world: World, spaces: Spaces, left_out: Tensor, modality: Modality, matching: Matching, generator: torch.Generator
) -> Stage | None:
    products, examples = enrolled(world, left_out, [(modality,)], generator)
    if not products:
        return None
    uploads = world.val.rows(uploads_of(world.val, (modality,)))
    both = _together(uploads, examples).only([modality])
    trial = asked(world, spaces, both, (modality,), left_out, shown_by(spaces, examples, len(products)))
    if trial is None:
        return None
    owners = torch.tensor([int(name) for name in examples.ids])
    among = torch.full((len(owners),), torch.nan)
    for place, product in enumerate(products):
        if product.examples > 1 and len(own := (owners == place).nonzero().flatten()) > 1:
            among[own] = matching.odds(spaces.among(examples.rows(own), modality)).diagonal()
    return Stage(modality, replace(trial, products=products), len(uploads), owners, among)


def _together(one: EmbeddingBatch, other: EmbeddingBatch) -> EmbeddingBatch:
    parts = ("embeddings", "present", "targets")
    joined = ({k: torch.cat([own, getattr(other, part)[k]]) for k, own in getattr(one, part).items()} for part in parts)
    return EmbeddingBatch((*one.ids, *other.ids), *joined)


def _typical(stages: Sequence[Stage], matching: Matching) -> Tensor:
    """(MODALITIES, EXAMPLES) median log odds of uploads with the products that they are."""
    found = matching.typical.clone()
    for place, modality in enumerate(MODALITIES):
        for column, examples in enumerate(EXAMPLES):
            same = [torch.zeros(0)]
            for stage in (stage for stage in stages if stage.modality == modality):
                own = stage.places(examples)
                same.append(_odds(stage.trial, matching, own)[: stage.uploads][_same(stage, own)])
            if len(odds := torch.cat(same)) >= FEWEST:
                found[place, column] = odds.median()
    return found


def _rehearsals(stage: Stage, examples: int, matching: Matching) -> Iterator[Rehearsal]:
    """Each product beside the trained classes alone, and beside the others as well."""
    trial, own, modality = stage.trial, stage.places(examples), MODALITIES.index(stage.modality)
    odds, same = _odds(trial, matching, own), _same(stage, own)
    counted = same.sum(0)
    usual = torch.tensor(matching.same_odds(modality, examples))
    classes = trial.probs.max(1).values.clamp_min(1e-9).log()[:, None]
    for alone in (True, False):
        weights = _weights(trial, matching, odds, examples, alone)
        rivals = classes.expand_as(weights) if alone else torch.maximum(_best_other(weights), classes)
        right = ((weights > rivals)[: stage.uploads] & same).sum(0)
        hoped = _weights(trial, matching, usual.expand_as(odds), examples, alone) - rivals
        facts = []
        for column, place in enumerate(own):
            rows = (stage.owners == place).nonzero().flatten()
            margin = hoped[stage.uploads + rows, column]
            facts.append(facts_of(margin, matching.cohesion(modality, stage.among[rows]), 0 if alone else len(own) - 1))
        if bool((some := counted > 0).any()):
            yield Rehearsal(modality, torch.stack(facts)[some], right[some], counted[some])


def _odds(trial: Trial, matching: Matching, places: Sequence[int]) -> Tensor:
    """(Q, N) as a shelf has them."""
    return matching.odds(plainly(trial.alike, ~trial.heard))[:, places]


def _same(stage: Stage, places: Sequence[int]) -> Tensor:
    """(validation rows, N) bool"""
    labels = torch.tensor([stage.trial.products[place].label for place in places])
    return stage.trial.targets[: stage.uploads, None] == labels


def _weights(trial: Trial, matching: Matching, odds: Tensor, examples: int, alone: bool) -> Tensor:
    """(Q, N) log weights of products with these odds, each alone or all at once."""
    many = 1 if alone else odds.shape[1]
    weights = matching.new[SUBSETS.index(trial.subset)]
    crowd = torch.tensor(math.log(many * math.sqrt(examples)))
    heard = weighed(weights, odds, trial.novelty, trial.probs.max(1).values, crowd)
    return torch.where(trial.heard[:, None], heard, odds - math.log(many))


def _best_other(weights: Tensor) -> Tensor:
    """(Q, N) -> (Q, N) the largest weight of another product."""
    if weights.shape[1] < 2:
        return torch.full_like(weights, -torch.inf)
    best = weights.topk(2, 1)
    own = torch.arange(weights.shape[1]) == best.indices[:, :1]
    return torch.where(own, best.values[:, 1:], best.values[:, :1])
