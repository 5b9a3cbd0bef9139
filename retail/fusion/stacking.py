"""Stacking: one classifier per input, and a second one that learns from their answers to rows they never saw.

In: standardised embeddings and masks. Out: logits per task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from retail.fusion import FusionHead
from retail.fusion.layers import TaskHeads, stack_mask

FOLDS = 3  # two thirds of the rows teach the classifiers whose answers the second level learns from
PENALTY = 0.03  # of the first level, as the command `frozen` finds best
SECOND_PENALTY = 0.001  # of the second level's distance from adding the inputs' log-probabilities up evenly
AT_ONCE = 50_000_000  # log-probabilities of which the second level learns at once
STEPS = 30  # of L-BFGS; further ones change validation accuracy by less than seeds do


class Stacking(FusionHead):
    """Stacked generalisation with logistic regressions on both levels.

    First level: per modality and task a softmax regression on the embedding. Second level: per task a softmax
    regression on the log-probabilities, in which a class is judged by its own log-probabilities alone (StackingC,
    Seewald 2002). Log-probabilities are missing where inputs are, so the second level has weights of its own for
    each of the 2^M patterns of present inputs, and learns each pattern from the training rows reduced to it.

    How it fits the contract: `learn` fits it as Wolpert says, first level on folds, second level on the answers to
    the rows left out, first level again on all rows; `fit` then runs no gradient descent, so dropout, modality dropout,
    label smoothing and the balance between tasks mean nothing here. The finished head is a differentiable
    network like any other; behind the hidden layers of deep transfer it is trained end to end instead.
    """

    name = "stacking"
    title = "Stacking"
    summary = "Each input decides on its own; a second classifier learns from answers to rows the first ones never saw."
    level = "decision"
    source = "Wolpert, Stacked Generalization, 1992, https://doi.org/10.1016/S0893-6080(05)80023-1"

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int], width: int = 192, dropout: float = 0.0):
        super().__init__(dims, tasks)
        self.first = nn.ModuleDict({modality: TaskHeads(dim, self.tasks) for modality, dim in self.dims.items()})
        patterns = 2 ** len(self.dims)
        even = torch.tensor([1 / max(1, pattern.bit_count()) for pattern in range(patterns)])
        even = even[:, None, None].expand(-1, len(self.dims), -1)  # (2^M, M, 1)
        self.weights = nn.ParameterList(even.repeat(1, 1, classes) for classes in self.tasks.values())
        self.biases = nn.ParameterList(torch.zeros(patterns, classes) for classes in self.tasks.values())

    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        return self._second(_log_probs(self.first, embeddings), stack_mask(present))

    def _second(self, log_probs: Mapping[str, Tensor], mask: Tensor) -> dict[str, Tensor]:
        """{task: (B, M, C_t)} and (B, M) -> {task: (B, C_t)} log-probabilities."""
        places = (mask * 2 ** torch.arange(mask.shape[1], device=mask.device)).sum(1)  # (B,) which pattern
        fused = {}
        for (task, value), weights, biases in zip(log_probs.items(), self.weights, self.biases, strict=True):
            votes = torch.where(mask[..., None], weights[places] * value, 0.0)  # (B, M, C_t)
            fused[task] = (votes.sum(1) + biases[places]).log_softmax(-1)
        return fused

    def learn(
        self,
        embeddings: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        targets: Mapping[str, Tensor],
        class_weights: Mapping[str, Tensor],
        generator: torch.Generator,
    ) -> bool:
        rows = len(next(iter(targets.values())))
        clean, mask = self.standardise(embeddings, present), stack_mask({m: present[m] for m in self.dims})
        folds = torch.arange(rows)[torch.randperm(rows, generator=generator)] % FOLDS
        answers = {task: torch.zeros(rows, len(self.dims), classes) for task, classes in self.tasks.items()}
        for fold in range(FOLDS):
            self._fit_first(clean, mask & (folds != fold)[:, None], targets, class_weights)
            outside = folds == fold
            with torch.no_grad():
                found = _log_probs(self.first, {modality: value[outside] for modality, value in clean.items()})
            for task, value in found.items():
                answers[task][outside] = value
        self._fit_first(clean, mask, targets, class_weights)
        self._fit_second(answers, mask, targets, class_weights)
        return True

    def _fit_first(self, clean, mask: Tensor, targets, class_weights) -> None:
        for place, (modality, heads) in enumerate(self.first.items()):
            rows = mask[:, place]
            known = {task: target[rows] for task, target in targets.items()}
            own = clean[modality][rows]

            def loss(heads=heads, own=own, known=known) -> Tensor:
                squares = sum(weight.square().sum() for weight in heads.parameters() if weight.ndim > 1)
                return _loss(heads(own), known, class_weights) + PENALTY / 2 * squares

            for weight in heads.parameters():
                nn.init.zeros_(weight)
            _minimise(loss, list(heads.parameters()))

    def _fit_second(self, answers: Mapping[str, Tensor], mask: Tensor, targets, class_weights) -> None:
        patterns = [pattern for pattern in range(1, 2 ** len(self.dims))]
        bits = 2 ** torch.arange(len(self.dims))
        start = [weight.detach().clone() for weight in self.weights]

        def penalty() -> Tensor:
            moved = sum((new - old).square().sum() for new, old in zip(self.weights, start, strict=True))
            return SECOND_PENALTY / 2 * (moved + sum(bias.square().sum() for bias in self.biases))

        def losses() -> Iterator[Tensor]:
            for pattern in patterns:
                wanted = (torch.tensor(pattern) & bits) > 0  # (M,)
                rows = (mask & wanted).eq(wanted).all(1).nonzero().flatten()
                norms = {t: _norm(target[rows], class_weights.get(t)) for t, target in targets.items()}
                for part in rows.split(at_once):
                    own = self._second({t: value[part] for t, value in answers.items()}, mask[part] & wanted)
                    known = {t: target[part] for t, target in targets.items()}
                    yield _loss(own, known, class_weights, norms)
            yield penalty()

        weights = [*self.weights, *self.biases]
        numbers = len(self.dims) * sum(self.tasks.values())  # that each row has on the way
        at_once = max(1, AT_ONCE // numbers)
        if len(mask) <= at_once // len(patterns):
            _minimise(lambda: sum(losses(), torch.zeros(())), weights)
        else:
            _minimise_sum(losses, weights)


def _log_probs(first: nn.ModuleDict, embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """{task: (B, M, C_t)}."""
    decisions = [heads(embeddings[modality]) for modality, heads in first.items()]
    return {task: torch.stack([own[task].log_softmax(-1) for own in decisions], 1) for task in decisions[0]}


def _loss(
    logits: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    class_weights: Mapping[str, Tensor],
    norms: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Sum over tasks of the mean cross-entropy of the rows whose label is known; `norms` are those of all the rows."""
    total = torch.zeros(())
    for task, value in logits.items():
        if (targets[task] >= 0).any():
            weight, target = class_weights.get(task), targets[task]
            lost = nn.functional.cross_entropy(value, target, weight=weight, ignore_index=-1)
            total = total + (lost if norms is None else lost * (_norm(target, weight) / norms[task]))
    return total


def _norm(target: Tensor, weight: Tensor | None) -> Tensor:
    """What a mean cross-entropy is divided by."""
    known = target[target >= 0]
    return torch.tensor(float(len(known))) if weight is None else weight[known].sum()


def _minimise(loss: Callable[[], Tensor], weights: list[nn.Parameter]) -> None:
    _minimise_sum(lambda: iter([loss()]), weights)


def _minimise_sum(losses: Callable[[], Iterator[Tensor]], weights: list[nn.Parameter]) -> None:
    """The sum, of which one part stands in memory at a time."""
    optimizer = torch.optim.LBFGS(weights, max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = torch.zeros(())
        for value in losses():
            if value.requires_grad:
                value.backward()
            total = total + value.detach()
        return total

    with torch.enable_grad():
        optimizer.step(closure)
    optimizer.zero_grad()
