"""The fusion doctor: why do the inputs together not do better, measured on embeddings and on what models answered.

In: the fits of a comparison (single inputs and fusions) with their `Scoring`. Out: measurements of norms, inputs,
complementarity and plain concatenation; `prescriptions` turns them into findings, each with a remedy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from retail.comparison.doctor_rows import (
    Complementarity,
    Concatenation,
    Diagnosis,
    HeadName,
    InputNorm,
    InputReading,
    Measurements,
)
from retail.comparison.fits import FitOutput
from retail.comparison.prescriptions import NORM_RATIO, prescriptions
from retail.comparison.result_rows import Selected
from retail.comparison.scoring import Scoring
from retail.config import RegimeConfig
from retail.frozen.models import fit_regime
from retail.metrics.paired import paired_test
from retail.schema import MODALITIES, Modality
from retail.store import EmbeddingBatch

Outputs = Mapping[str, Sequence[FitOutput]]
Singles = Mapping[Modality, Sequence[FitOutput]]

HEADS: tuple[HeadName, ...] = ("as they are", "standardised")
SHUFFLES = 20  # for the ceiling that luck alone would reach
# The linear softmax of `retail.frozen.models` with little penalty, so that scales are what decides.
PROBE = {"classifier": "linear", "penalty": 0.003}


def examine(
    scoring: Scoring, outputs: Outputs, selected: Mapping[str, Selected], concatenate: bool = False
) -> Diagnosis | None:
    """Everything that the doctor measured, and what follows from it; None without two kinds of input.

    With `concatenate`, plain heads are trained where lengths differ (seconds for some thousand rows).
    """
    singles = tuple(m for m in MODALITIES if m in outputs and outputs[m][0].plan.kind == "single")
    if len(singles) < 2:
        return None
    norms = norm_rows(scoring.splits.train, singles)
    inputs: list[InputReading] = []
    together: list[Complementarity] = []
    prototypes = prototype_preds(scoring, singles)
    for task, chosen in selected.items():
        if chosen.fusion is None or not (scoring.targets[task] >= 0).any():
            continue
        alone, fusion = {m: outputs[m] for m in singles}, outputs[chosen.fusion]
        inputs += input_rows(scoring, task, alone, fusion, prototypes)
        together.append(complementarity(scoring, task, alone, fusion))
    lengths = [row.length for row in norms]
    apart = concatenate and max(lengths) >= NORM_RATIO * min(lengths)
    heads = concatenation_rows(scoring, singles) if apart else []
    found = Measurements(
        norms=tuple(norms), inputs=tuple(inputs), complementarity=tuple(together), concatenation=tuple(heads)
    )
    return Diagnosis(**vars(found), findings=tuple(prescriptions(found)))


def norm_rows(train: EmbeddingBatch, modalities: Sequence[Modality]) -> list[InputNorm]:
    """How long each input's embeddings are, and how far its features spread (root mean square deviation)."""
    rows = []
    for modality in modalities:
        given = train.embeddings[modality][train.present[modality]]  # (N_present, D_m)
        length = float(given.norm(dim=1).mean())
        spread = float((given - given.mean(0)).square().mean().sqrt())
        share = len(given) / len(train)
        rows.append(InputNorm(input=modality, features=given.shape[1], length=length, spread=spread, given=share))
    return rows


def input_rows(
    scoring: Scoring, task: str, singles: Singles, fusion: Sequence[FitOutput], prototypes: Mapping[str, Mapping]
) -> list[InputReading]:
    """Each input alone, alone within the fused model, by prototypes; and how far the fused answer follows it."""
    labelled = scoring.targets[task] >= 0
    target, groups = scoring.targets[task][labelled], scoring.groups(task)
    commonest = float(np.bincount(target).max() / len(target))
    right = {m: scoring.correct(group, task) for m, group in singles.items()}
    rows = []
    for modality in (m for m in MODALITIES if m in singles):
        within = scoring.correct_preds(task, [output.subset_preds[(modality,)][task] for output in fusion])
        by_prototypes = (prototypes[modality][task][labelled] == target).astype(float)
        lag = paired_test(right[modality], within, groups)
        unread = paired_test(by_prototypes, right[modality], groups)
        others = [right[other] for other in right if other != modality]
        row = InputReading(
            task=task,
            input=modality,
            commonest=commonest,
            **vars(scoring.accuracy(right[modality], task)),
            within=float(within.mean()),
            lag=lag.difference,
            lag_low=lag.low,
            prototypes=float(by_prototypes.mean()),
            unread=unread.difference,
            unread_low=unread.low,
            only_right=float(np.mean(right[modality] * np.prod([1 - other for other in others], axis=0))),
            **vars(_followed(modality, task, fusion, scoring, {m: singles[m] for m in singles if m != modality})),
        )
        rows.append(row)
    return rows


@dataclass(frozen=True)
class _Followed:
    followed: float
    disputed: int
    overruled: float
    overrulable: int


def _followed(
    modality: Modality, task: str, fusion: Sequence[FitOutput], scoring: Scoring, others: Singles
) -> _Followed:
    """How often the fused answer is this input's where the inputs disagree, and what that costs.

    `followed`: among rows on which the model given this input alone answers otherwise than given any other alone.
    `overruled`: among rows on which this input alone is wrong and a model of another single input is right, how often
    the fused answer is this input's wrong one.
    """
    target = scoring.targets[task]
    labelled = target >= 0
    same = disputed = taken = wrong = 0
    for number, output in enumerate(fusion):
        full = output.preds[task]
        own = output.subset_preds[(modality,)][task]
        rivals = [output.subset_preds[(other,)][task] for other in MODALITIES if other in others]
        apart = labelled & np.all([rival != own for rival in rivals], axis=0)
        disputed += int(apart.sum())
        same += int((apart & (full == own)).sum())
        known = np.any([group[min(number, len(group) - 1)].preds[task] == target for group in others.values()], axis=0)
        lost = labelled & (own != target) & known
        wrong += int(lost.sum())
        taken += int((lost & (full == own)).sum())
    return _Followed(
        followed=same / disputed if disputed else math.nan,
        disputed=disputed // len(fusion),
        overruled=taken / wrong if wrong else math.nan,
        overrulable=wrong // len(fusion),
    )


def complementarity(scoring: Scoring, task: str, singles: Singles, fusion: Sequence[FitOutput]) -> Complementarity:
    """How often all, exactly one or none of the single inputs is right; the ceiling of choosing among their answers.

    `oracle` is that ceiling: at least one single input is right. `oracle_by_luck` is the same with the other inputs'
    answers dealt out among the rows at random: what even inputs that know nothing would add. A fusion that combines
    evidence, rather than choosing among answers, may exceed the ceiling. Means over seeds.
    """
    labelled = scoring.targets[task] >= 0
    target, seeds = scoring.targets[task][labelled], min(len(group) for group in singles.values())
    shares: list[dict[str, float]] = []
    for seed in range(seeds):
        preds = {m: group[seed].preds[task][labelled] for m, group in singles.items()}
        right = np.stack([pred == target for pred in preds.values()])  # (M, N)
        count = right.sum(0)
        best = int(right.mean(1).argmax())
        others = [pred for place, pred in enumerate(preds.values()) if place != best]
        shares.append(
            {
                "all_right": float((count == len(right)).mean()),
                "exactly_one": float((count == 1).mean()),
                "none_right": float((count == 0).mean()),
                "oracle": float((count > 0).mean()),
                "oracle_by_luck": _by_luck(right[best], others, target, seed),
            }
        )
    means = {key: float(np.mean([share[key] for share in shares])) for key in shares[0]}
    alone = {m: float(scoring.correct(group, task).mean()) for m, group in singles.items()}
    best_input = max(alone, key=alone.__getitem__)
    return Complementarity(
        task=task,
        n=len(target),
        best=best_input,
        best_accuracy=alone[best_input],
        fusion=float(scoring.correct(fusion, task).mean()),
        model=fusion[0].plan.model,
        **means,
    )


def _by_luck(best: np.ndarray, others: Sequence[np.ndarray], target: np.ndarray, seed: int) -> float:
    rng = np.random.default_rng(seed)
    ceilings = []
    for _ in range(SHUFFLES):
        dealt = [rng.permutation(pred) == target for pred in others]
        ceilings.append(np.any([best, *dealt], axis=0).mean())
    return float(np.mean(ceilings))


def prototype_preds(scoring: Scoring, modalities: Sequence[Modality]) -> dict[str, dict[str, np.ndarray]]:
    """{modality: {task: (N_test,)}} answers of the nearest class mean: what the embedding holds without training."""
    splits, config = scoring.splits, RegimeConfig(classifier="prototypes")
    answers: dict[str, dict[str, np.ndarray]] = {}
    for modality in modalities:
        given = splits.train.rows(splits.train.present[modality])
        regime = fit_regime(given.embeddings[modality], given.targets, splits.task_sizes, config)
        answers[modality] = _answers(regime.logits(splits.test.embeddings[modality]))
    return answers


def concatenation_rows(scoring: Scoring, modalities: Sequence[Modality]) -> list[Concatenation]:
    """A plain linear head on embeddings side by side: as they are, with every feature standardised, and each alone.

    `gain` is over "as they are", which divides everything by one number, so that long embeddings stay long.
    """
    splits = scoring.splits
    heads: dict[str, tuple[Sequence[Modality], bool]] = {"as they are": (modalities, False)}
    heads |= {"standardised": (modalities, True)} | {modality: ((modality,), True) for modality in modalities}
    right: dict[str, dict[str, np.ndarray]] = {}
    for name, (inputs, standardise) in heads.items():
        config = RegimeConfig(**PROBE, standardise=standardise)  # type: ignore[arg-type]
        regime = fit_regime(_side_by_side(splits.train, inputs), splits.train.targets, splits.task_sizes, config)
        preds = _answers(regime.logits(_side_by_side(splits.test, inputs)))
        right[name] = {task: scoring.correct_preds(task, [preds[task]]) for task in preds}
    rows = []
    for task in splits.task_sizes:
        if not len(right["standardised"][task]):
            continue
        alone = {modality: float(right[modality][task].mean()) for modality in modalities}
        best = max(alone, key=alone.__getitem__)
        for head in HEADS:
            test = paired_test(right[head][task], right[best][task], scoring.groups(task))
            gain = paired_test(right[head][task], right["as they are"][task], scoring.groups(task))
            row = Concatenation(
                task=task,
                head=head,
                best=best,
                best_accuracy=alone[best],
                n=test.n,
                accuracy=float(right[head][task].mean()),
                difference=test.difference,
                low=test.low,
                high=test.high,
                gain=gain.difference,
                gain_low=gain.low,
            )
            rows.append(row)
    return rows


def _side_by_side(batch: EmbeddingBatch, modalities: Sequence[Modality]) -> Tensor:
    """(N, sum of D_m), zeros where an input is absent."""
    parts = [torch.where(batch.present[m][:, None], batch.embeddings[m], 0.0) for m in modalities]
    return torch.cat(parts, dim=1)


def _answers(logits: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {task: value.argmax(1).numpy() for task, value in logits.items()}
