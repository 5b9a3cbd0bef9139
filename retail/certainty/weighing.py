"""The weights of a `Matching`, fitted on made-up enrolments.

In: `Trial`s. Out: for each pair of input mixes the weights of the cosines; for each mix what a product's odds weigh
against the trained classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from retail.certainty.alike import COSINES, Spaces
from retail.certainty.descent import minimized
from retail.certainty.enrolments import Trial, World, trials
from retail.certainty.examples import known_weights
from retail.certainty.matching import EXAMPLES, USUAL_NEW, WEIGHING, Matching, exclusive, weighed
from retail.metrics.promises import WISHES, thresholds
from retail.schema import SUBSETS

MOST_PAIRS = 4000  # of each kind, same and other
PAIR_PRIOR = 2.0  # pairs of each kind that say: the usual weights
WEIGHING_PRIOR = 1.0


def fit_matching(world: World, spaces: Spaces, novelty: Tensor, groups: np.ndarray | None = None) -> Matching:
    """All but what is foreseen. `spaces` and `novelty`, (N_val, 7) for each mix of inputs, will serve."""
    found = list(trials(world))
    matching = Matching.usual()
    pairs, new = matching.pairs.clone(), matching.new.clone()
    for place, weights in pair_weights(found, matching.pairs).items():
        pairs[place] = weights
    matching = replace(matching, pairs=pairs)
    for subset in {trial.subset for trial in found}:
        own = [trial for trial in found if trial.subset == subset]
        if asked := list(scenes(own, matching)):
            new[SUBSETS.index(subset)] = guarded(new_weights(asked), own, matching)
    matching = replace(matching, new=new)
    known = known_weights(matching, spaces, world.calibration, world.val, novelty, groups)
    return replace(matching, known=known, enough=_enough(found, matching, groups))


def _enough(made_up: Sequence[Trial], matching: Matching, groups: np.ndarray | None) -> Tensor:
    """(W,) joint probabilities from which on a new product's answer is right as often as each of WISHES.

    From uploads that are answered with a new product, when a third of the classes is enrolled from 3 rows each.
    """
    confidence, correct, rows = [np.zeros(0)], [np.zeros(0, dtype=bool)], [np.zeros(0, dtype=int)]
    for trial in made_up:
        places = trial.places(EXAMPLES[1], max((one.inputs for one in trial.products), key=len))
        if not places:
            continue
        labels = torch.tensor([trial.products[place].label for place in places])
        best = trial.probs.max(1).values
        weights = matching.new[SUBSETS.index(trial.subset)]
        odds = matching.odds(trial.alike)[:, places]
        share = exclusive(weighed(weights, odds, trial.novelty, best, _crowd(EXAMPLES[1], len(places))))
        top = share.max(1)
        taken = (top.values > (1 - share.sum(1)) * best).numpy()
        confidence.append(top.values.numpy()[taken].astype(float))
        correct.append((labels[top.indices] == trial.targets).numpy()[taken])
        rows.append(trial.rows.numpy()[taken])
    place = np.concatenate(rows)
    named = place if groups is None else groups[place]
    found = thresholds(np.concatenate(confidence), np.concatenate(correct), WISHES, named.astype(str))
    return torch.from_numpy(found).float()


def pair_weights(made_up: Sequence[Trial], usual: Tensor) -> dict[tuple[int, int], Tensor]:
    """(W,) for each pair of input mixes: log odds that an upload and a product are the same, as likely beforehand."""
    keys = dict.fromkeys(
        (int(trial.alike.uploads[0]), place) for trial in made_up for place in trial.alike.products.unique().tolist()
    )
    return {key: pair_fit(*_pairs(made_up, *key), usual[key]) for key in keys}


def _pairs(made_up: Sequence[Trial], upload: int, product: int) -> tuple[Tensor, Tensor]:
    """(P, W) cosines of the uploads and products with these inputs, and (P,) whether they are the same."""
    cosines, same = [], []
    for trial in made_up:
        own = trial.alike.products == product
        if int(trial.alike.uploads[0]) == upload and bool(own.any()):
            labels = torch.tensor([one.label for one in trial.products])[own]
            cosines.append(torch.stack([trial.alike.cosines[name][:, own] for name in COSINES], dim=2).flatten(0, 1))
            same.append((trial.targets[:, None] == labels).flatten())
    return torch.cat(cosines), torch.cat(same)


def pair_fit(cosines: Tensor, same: Tensor, usual: Tensor) -> Tensor:
    """(P, W) cosines, NaN where there is none, and (P,) whether they are the same -> (W + 1,) weights and constant."""
    there = ~cosines.isnan().all(1)
    cosines, same = cosines[there].nan_to_num(0.0).double(), same[there]
    yes, no = cosines[same], cosines[~same]
    if not len(yes) or not len(no):
        return usual
    yes, no = yes[:: -(-len(yes) // MOST_PAIRS)], no[:: -(-len(no) // MOST_PAIRS)]
    rows = torch.cat([yes, no])
    features = torch.cat([rows, torch.ones(len(rows), 1, dtype=torch.float64)], 1)
    target = torch.cat([torch.ones(len(yes)), torch.zeros(len(no))]).double()
    weight = torch.where(target > 0, 1 / len(yes), 1 / len(no)).double()
    count = min(len(yes), len(no))
    ridge = PAIR_PRIOR / 2

    def loss(weights: Tensor) -> Tensor:
        lost = binary_cross_entropy_with_logits(features @ weights, target, weight, reduction="sum")
        return count * lost + ridge / 2 * (weights - usual.double()).square().sum()

    bounds = [(0.0, None)] * cosines.shape[1] + [(None, None)]
    return minimized(loss, usual, bounds)


LOST = 0.0075  # accuracy that trained classes may lose where the head saw the products; see `benchmarks/enrolment.md`
NEW_SHARE = 1 / 3  # of the uploads are of a new product, as if a shop enrolled what it then scans


@dataclass(frozen=True, eq=False)
class Scene:
    """Q uploads beside N new products: log odds, novelty, the likeliest class, which are the same."""

    odds: Tensor  # (Q, N)
    novelty: Tensor  # (Q,)
    sure: Tensor  # (Q,)
    same: Tensor  # (Q, N) bool
    examples: int  # that each product was enrolled from


def scenes(made_up: Sequence[Trial], matching: Matching) -> Iterator[Scene]:
    """Products of one number of examples at a time, shown by the upload's inputs or by all."""
    for trial in made_up:
        odds = matching.odds(trial.alike)
        whole = max((one.inputs for one in trial.products), key=len)
        labels = torch.tensor([one.label for one in trial.products])
        same = trial.targets[:, None] == labels
        for examples, inputs in product(EXAMPLES, {trial.subset, whole}):
            places = trial.places(examples, inputs)
            if 0 < int(same[:, places].any(1).sum()) < len(same):
                sure = trial.probs.max(1).values
                yield Scene(odds[:, places].double(), trial.novelty.double(), sure.double(), same[:, places], examples)


def new_weights(scenes: Sequence[Scene]) -> Tensor:
    """(5,) WEIGHING with the least loss over the uploads of these scenes, with all products and with each alone."""
    usual = torch.tensor(USUAL_NEW).double()

    def loss(weights: Tensor) -> Tensor:
        lost = torch.zeros((), dtype=torch.float64)
        for scene in scenes:
            lost = lost + _loss_of_all(weights, scene) + _loss_of_each(weights, scene)
        return 50 * lost / max(1, len(scenes)) + WEIGHING_PRIOR / 2 * (weights - usual).square().sum()

    return minimized(loss, usual, [(None, None), (0, None), (0, None), (0, None), (0, 1)])


def _loss_of_all(weights: Tensor, scene: Scene) -> Tensor:
    known = weighed(weights, scene.odds, scene.novelty, scene.sure, _crowd(scene.examples, scene.odds.shape[1]))
    chances = torch.cat([torch.zeros(len(known), 1), known], 1).log_softmax(1)
    new = scene.same.any(1)
    right = torch.where(new, scene.same.long().argmax(1) + 1, 0)
    own = -chances.gather(1, right[:, None])[:, 0]
    return NEW_SHARE * own[new].mean() + (1 - NEW_SHARE) * own[~new].mean()


def _loss_of_each(weights: Tensor, scene: Scene) -> Tensor:
    known = weighed(weights, scene.odds, scene.novelty, scene.sure, _crowd(scene.examples, 1))
    return NEW_SHARE * softplus(-known[scene.same]).mean() + (1 - NEW_SHARE) * softplus(known[~scene.same]).mean()


def guarded(weights: Tensor, made_up: Sequence[Trial], matching: Matching) -> Tensor:
    """The same with as much more against new products that the trained classes lose at most `LOST` of their accuracy.

    First for a product enrolled alone, by the constant, then for a third of all classes at once, by the crowd's weight.
    """
    steps = torch.arange(0, 6.01, 0.25)
    for column, alone in ((0, True), (WEIGHING.index("crowd"), False)):
        for step in steps.tolist():
            raised = weights.clone()
            raised[column] += step / (1.0 if alone else math.log(10.0))
            if _lost(raised, made_up, matching, alone) <= LOST:
                break
        weights = raised
    return weights


def _lost(weights: Tensor, made_up: Sequence[Trial], matching: Matching, alone: bool) -> float:
    """Share of the uploads of trained classes that products make wrong, by the worst number of examples."""
    lost, asked = dict.fromkeys(EXAMPLES, 0.0), 0
    for trial in made_up:
        old = trial.old
        right = old & trial.heard & (trial.probs.argmax(1) == trial.targets)
        odds = matching.odds(trial.alike)
        asked += int(old.sum())
        for examples in EXAMPLES:
            own = odds[:, trial.places(examples, max((one.inputs for one in trial.products), key=len))]
            if own.shape[1]:
                turned = _turned(weights, trial, own, examples, alone)
                lost[examples] += float(turned[right].sum())
    return max(lost.values()) / max(asked, 1)


def _crowd(examples: int, products: int) -> Tensor:
    """As `crowd_of` counts."""
    return torch.tensor(math.log(products * math.sqrt(examples)))


def _turned(weights: Tensor, trial: Trial, odds: Tensor, examples: int, alone: bool) -> Tensor:
    """(Q,) the share of the products that would outweigh the likeliest class; of all at once, whether one does."""
    best = trial.probs.max(1).values
    if alone:
        share = weighed(weights, odds, trial.novelty, best, _crowd(examples, 1)).sigmoid()  # (Q, N)
        return (share > (1 - share) * best[:, None]).double().mean(1)
    share = exclusive(weighed(weights, odds, trial.novelty, best, _crowd(examples, odds.shape[1])))
    return (share.max(1).values > (1 - share.sum(1)) * best).double()
