"""What an answer is worth: calibrated for the inputs that are there, sure enough or not, or unlike anything known.

In: a trained head with its training and validation rows. Out: a `Certainty`, which a bundle keeps and every answer
is judged by. All of it is fitted for each task and each subset of the inputs, on validation rows with the other
inputs hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from retail.certainty.alike import Spaces
from retail.certainty.calibration import Calibration
from retail.certainty.enrolments import World
from retail.certainty.judged import judged_rows
from retail.certainty.matching import Matching, naming_task
from retail.certainty.novelty import Novelty, finest_task
from retail.certainty.promises import Promises
from retail.certainty.rehearsals import with_recalls
from retail.certainty.sets import PredictionSets
from retail.certainty.weighing import fit_matching
from retail.config import TrainConfig
from retail.config.wish import DEFAULT_WISH, check_wish
from retail.fusion import FusionHead
from retail.schema import SUBSETS, UNCOMPARED, NoveltyScore
from retail.store import EmbeddingBatch
from retail.training import known_targets, predict_logits


@dataclass(frozen=True)
class Judgement:
    """N answers of every task: probabilities, the classes that may be right, which are sure enough, what is unknown."""

    probs: dict[str, Tensor]  # task -> (N, C_t)
    candidates: dict[str, np.ndarray]  # task -> (N, C_t) bool
    accepted: dict[str, np.ndarray]  # task -> (N,) bool
    novelty: list[NoveltyScore]
    nearest: list[tuple[int, float] | None]  # place among the known products, and the cosine


@dataclass(frozen=True, eq=False)
class Certainty:
    """How the answers of one head are calibrated and judged; one that nobody fitted promises nothing."""

    calibration: Calibration = field(default_factory=Calibration)
    promises: Promises = field(default_factory=Promises)
    sets: PredictionSets = field(default_factory=PredictionSets)
    novelty: Novelty | None = None
    known: Mapping[str, Tensor] = field(default_factory=dict)  # task -> (P,) classes of the known products it keeps
    matching: Matching | None = None  # None: made before there was one

    @classmethod
    def fit(
        cls, head: FusionHead, train: EmbeddingBatch, val: EmbeddingBatch, groups: np.ndarray | None = None
    ) -> Certainty:
        """Fitted on validation; `groups` (N_val,) names rows that are alike."""
        rows = judged_rows(head, val, groups)
        calibration = Calibration.fit(head, rows)
        novelty = Novelty.fit(head, train, val)
        place_of = {name: place for place, name in enumerate(train.ids)}
        places = [place_of[name] for name in novelty.ids]
        known = {task: train.targets[task][places] for task in head.tasks}
        fitted = Promises.fit(calibration, rows), PredictionSets.fit(calibration, rows)
        return cls(calibration, *fitted, novelty, known)

    def with_matching(
        self,
        head: FusionHead,
        train: EmbeddingBatch,
        val: EmbeddingBatch,
        groups: np.ndarray | None = None,
        config: TrainConfig | None = None,
    ) -> Certainty:
        """The same with weights for a catalogue's products, on the rows that `fit` had; takes longer than `fit`.

        `config` is what the head was trained with; the strategy's defaults where nobody knows.
        """
        if self.novelty is None:
            return self
        config = config or TrainConfig(strategy=head.name, modalities=tuple(self.novelty.inputs))
        return replace(self, matching=_matching(head, self.calibration, self.novelty, train, val, groups, config))

    @torch.inference_mode()
    def judge(self, head: FusionHead, batch: EmbeddingBatch, wished: float = DEFAULT_WISH) -> Judgement:
        """Every answer, by the inputs that its row has."""
        check_wish(wished)
        logits = predict_logits(head, batch)
        found = Judgement({}, {}, {}, *self._compared(batch, logits))
        for task, own in logits.items():
            found.probs[task] = torch.zeros_like(own)
            found.candidates[task] = np.zeros(own.shape, dtype=bool)
            found.accepted[task] = np.zeros(len(own), dtype=bool)
        for subset, places in batch.by_inputs(tuple(head.dims)):
            for task, own in logits.items():
                probs = self.calibration.probs(task, subset, own[places])
                found.probs[task][places] = probs
                found.candidates[task][places] = self.sets.of(task, subset, probs.numpy(), wished)
                sure = self.promises.threshold(task, subset, wished)
                found.accepted[task][places] = probs.max(1).values.numpy() >= sure
        return found

    def _compared(
        self, batch: EmbeddingBatch, logits: Mapping[str, Tensor]
    ) -> tuple[list[NoveltyScore], list[tuple[int, float] | None]]:
        """How unlike the known products each row is, and the nearest of them."""
        if self.novelty is None:
            return [UNCOMPARED] * len(batch), [None] * len(batch)
        scores, nearest = self.novelty.compare(batch, logits)
        found = zip(scores.tolist(), self.novelty.limits(batch).tolist(), strict=True)
        return [NoveltyScore(score, limit) for score, limit in found], nearest

    def probs(self, head: FusionHead, batch: EmbeddingBatch) -> dict[str, Tensor]:
        """{task: (N, C_t)} calibrated by the inputs that each row has."""
        return self.calibration.all_probs(predict_logits(head, batch), batch)


def _matching(
    head: FusionHead,
    calibration: Calibration,
    novelty: Novelty,
    train: EmbeddingBatch,
    val: EmbeddingBatch,
    groups: np.ndarray | None,
    config: TrainConfig,
) -> Matching:
    """Products are the classes of the task that names them, or else of the one that tells rows apart best."""
    task = naming_task(head.tasks) or finest_task(train, head.tasks)
    place_of = {name: place for place, name in enumerate(train.ids)}
    labelled = train.rows(known_targets(train.targets[task], head.tasks[task]) >= 0)
    kept = train.rows([place for name in novelty.ids if train.targets[task][place := place_of[name]] >= 0])
    scores = torch.full((len(val), len(SUBSETS)), torch.nan)
    for place, subset in enumerate(SUBSETS):
        if set(subset) <= set(novelty.inputs) and bool((rows := val.having(subset)).any()):
            shown = val.rows(rows).only(subset)
            scores[rows, place] = novelty.scores(shown, predict_logits(head, shown))
    centres = {m: space.centre for m, space in novelty.inputs.items()}
    spaces = Spaces(centres, novelty.inputs, head, novelty.fused)
    world = World(head, calibration, task, labelled, kept, val)
    return with_recalls(fit_matching(world, spaces, scores, groups), world, config)
