"""How unlike the known products an upload is: one score, whichever inputs are present, and when it means "unknown".

In: a trained head, its training rows and validation rows. Out: a `Novelty`, small enough to travel with the head.

The score adds two parts, each in deviations of the validation rows: the cosine distance to the nearest training
product, per input, and that to the nearest class mean in the fused representation, for which the logits of all tasks
stand, the only one that every strategy has. Cosines are taken in `spaces`; `benchmarks/unknown.md` compares the score
with others. A row counts as unknown beyond the split-conformal quantile of the validation rows with the same inputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retail.certainty.spaces import (
    FUSED,
    INPUT,
    FusedSpace,
    InputSpace,
    fits,
    fused_space,
    input_space,
    moments,
    plain_space,
    prototypes_of,
)
from retail.fusion import FusionHead
from retail.schema import MODALITIES, SUBSETS, Modality, Subset, UserError
from retail.store import EmbeddingBatch
from retail.training import known_targets, predict_logits

FALSE_ALARMS = 0.05  # share of known products that may be called unknown
FEWEST_ROWS = math.ceil(1 / FALSE_ALARMS) - 1  # validation rows below which no threshold can promise anything
PARTS = ("nearest", "fused")
_TABLE = 2 * len(PARTS) + 3  # per subset: centre and deviation of each part and of their sum, and the threshold


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
        task = finest_task(train, head.tasks)
        classes = _classes(train, task, head)
        modalities = [m for m in MODALITIES if m in head.dims and bool(train.present[m].any())]
        if not modalities:
            raise UserError("Nothing is known yet: no training row has an input that the head reads; add products.")
        known = _classes(val, task, head) >= 0
        val = val.rows(known) if bool(known.any()) else val
        spaces = {m: plain_space(train.embeddings[m][train.present[m]], classes[train.present[m]]) for m in modalities}
        kept = train.rows(prototypes_of(spaces, train, classes))
        inputs = {m: input_space(space, kept, val, m) for m, space in spaces.items()}
        fused = fused_space(head, train, classes, modalities)
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

    def compare(
        self, batch: EmbeddingBatch, logits: Mapping[str, Tensor]
    ) -> tuple[Tensor, list[tuple[int, float] | None]]:
        """The scores and the nearest prototypes at once: what both need is computed once."""
        similar = self._similarities(batch)
        return self._score(self._parts(batch, logits, similar), self._places(batch)), self._nearest(batch, similar)

    def parts(self, batch: EmbeddingBatch, logits: Mapping[str, Tensor]) -> Tensor:
        """(N, 2) what the score is made of, `PARTS`: the distances added over the present inputs, and the fused one."""
        return self._parts(batch, logits, self._similarities(batch))

    def _similarities(self, batch: EmbeddingBatch) -> dict[Modality, Tensor]:
        """{input: (N_present, P)} cosines of the rows that have it."""
        return {m: space.similarities(batch.embeddings[m][batch.present[m]]) for m, space in self.inputs.items()}

    def _parts(self, batch: EmbeddingBatch, logits: Mapping[str, Tensor], similar: Mapping[Modality, Tensor]) -> Tensor:
        parts = torch.zeros(len(batch), len(PARTS))
        for modality, space in self.inputs.items():
            parts[batch.present[modality], 0] += space.distances(similar[modality])
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
        return self._nearest(batch, self._similarities(batch))

    def _nearest(self, batch: EmbeddingBatch, similar: Mapping[Modality, Tensor]) -> list[tuple[int, float] | None]:
        total, shared = (torch.zeros(len(batch), len(self.ids)) for _ in range(2))
        for modality, space in self.inputs.items():
            rows = batch.present[modality]
            total[rows] += similar[modality].masked_fill(~space.held, 0.0)
            shared[rows] += space.held
        mean = torch.where(shared > 0, total / shared.clamp_min(1), -torch.inf)  # (N, P)
        best = mean.max(1)
        found = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        return [None if value == -torch.inf else (place, value) for value, place in found]

    def to_tensors(self) -> dict[str, Tensor]:
        """For safetensors; `ids` goes beside them."""
        fused = {f"fused.{name}": getattr(self.fused, name) for name in FUSED}
        named = {f"{m}.{name}": getattr(space, name) for m, space in self.inputs.items() for name in INPUT}
        return {"table": self.table, **fused, **named}

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], ids: Sequence[str], dims: Mapping[Modality, int], classes: int
    ) -> Novelty:
        """The inverse of `to_tensors`, for {input: D_m} and the classes of all tasks together.

        Raises UserError when the tensors do not fit together.
        """
        present = [m for m in MODALITIES if any(name.startswith(f"{m}.") for name in tensors)]
        wanted = {"table", *(f"fused.{name}" for name in FUSED), *(f"{m}.{name}" for m in present for name in INPUT)}
        if present and set(present) <= set(dims) and set(tensors) == wanted and _is_table(tensors["table"]):
            fused = FusedSpace(*(tensors[f"fused.{name}"] for name in FUSED))
            inputs = {m: InputSpace(*(tensors[f"{m}.{name}"] for name in INPUT)) for m in present}
            if fits(fused, classes, None) and all(fits(space, dims[m], len(ids)) for m, space in inputs.items()):
                return cls(inputs, fused, tuple(ids), tensors["table"])
        raise UserError("What the bundle knows of its products is damaged; copy or train the bundle again.")

    def _places(self, batch: EmbeddingBatch) -> Tensor:
        """(N,) each row's place in `SUBSETS`; -1 where no input is present."""
        bits = {modality: 2**place for place, modality in enumerate(MODALITIES)}
        codes = torch.zeros(len(batch), dtype=torch.long)
        for modality in self.inputs:
            codes += bits[modality] * batch.present[modality].long()
        return _PLACE_OF[codes]

    def score_of(self, parts: Tensor, codes: Tensor) -> Tensor:
        """(N, 2) parts -> (N,) the score, by (N,) codes: the sum of 2 ** its place in `MODALITIES` over the inputs."""
        return self._score(parts, _PLACE_OF[codes])

    def _score(self, parts: Tensor, places: Tensor) -> Tensor:
        table = torch.where(self.table.isnan(), _NEUTRAL, self.table)[places]
        count = len(PARTS)
        total = ((parts - table[:, :count]) / table[:, count : 2 * count]).sum(1)
        return torch.where(places < 0, torch.nan, (total - table[:, -3]) / table[:, -2])


# Code of each subset -> its place in `SUBSETS`; -1 for none.
_PLACE_OF = torch.full((2 ** len(MODALITIES),), -1)
for _place, _subset in enumerate(SUBSETS):
    _PLACE_OF[sum(2 ** MODALITIES.index(modality) for modality in _subset)] = _place

# Where nothing is known of validation rows: centres 0, deviations 1.
_NEUTRAL = torch.tensor([0.0] * len(PARTS) + [1.0] * len(PARTS) + [0.0, 1.0, torch.nan])


def _is_table(table: Tensor) -> bool:
    """NaN stands where validation has no rows; nothing is divided by 0."""
    if table.shape != (len(SUBSETS), _TABLE) or table.dtype != torch.float32:
        return False
    deviations = table[:, [*range(len(PARTS), 2 * len(PARTS)), -2]]
    return not bool(table.isinf().any()) and not bool((deviations <= 0).any())


def _row(blank: Novelty, head: FusionHead, val: EmbeddingBatch, subset: Subset) -> Tensor:
    """(7,) centres, deviations and threshold of one subset from the validation rows that have it."""
    row = torch.full((_TABLE,), torch.nan)
    if not set(subset) <= set(blank.inputs):
        return row
    shown = val.rows(val.having(subset)).only(subset)
    if len(shown) < 2:
        return row
    parts = blank.parts(shown, predict_logits(head, shown))
    centre, deviation = moments(parts)
    total = ((parts - centre) / deviation).sum(1)
    mean, spread = moments(total[:, None])
    rank = math.ceil((len(total) + 1) * (1 - FALSE_ALARMS))
    threshold = torch.full((1,), torch.nan)
    if len(total) >= FEWEST_ROWS:
        threshold = (total.sort().values[rank - 1] - mean) / spread
    return torch.cat([centre, deviation, mean, spread, threshold])


def finest_task(train: EmbeddingBatch, tasks: Iterable[str]) -> str:
    """The task whose labels tell the training rows apart best: that of the largest entropy."""

    def entropy(task: str) -> float:
        target = train.targets.get(task, torch.empty(0))
        shares = torch.bincount(target[target >= 0].long()).double() / max(1, int((target >= 0).sum()))
        return float(torch.special.entr(shares).sum())

    return max(tasks, key=entropy)


def _classes(batch: EmbeddingBatch, task: str, head: FusionHead) -> Tensor:
    """(N,) targets, -1 where there is none that training knows."""
    return known_targets(batch.targets.get(task, torch.full((len(batch),), -1)), head.tasks[task])
