"""How a model copes with damage: accuracy by strength of damage, and which input it follows when they differ.

In: a `Recognizer`, products and their labels. Out: `Robustness`; every damage is drawn from the product's own place,
so that equal seeds give equal figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from retail.encoders import BATCH_SIZE, Encoder
from retail.evaluation.damage import DAMAGES, Damage
from retail.evaluation.foreign_words import known_share
from retail.evaluation.reports import DamagedScore, Robustness, ScoredData
from retail.evaluation.swapped import preds_of, swapped
from retail.media import MediaError, clean_text, picture_of, waveform_of
from retail.metrics.paired import paired_test
from retail.metrics.scores import bootstrap_interval
from retail.recognizer import Recognizer
from retail.schema import Modality, Product, Progress, UserError, Vocabulary
from retail.splits import group_names
from retail.store import EmbeddingBatch, EmbeddingStore


def robustness(
    recognizer: Recognizer,
    products: Sequence[Product],
    tasks: Sequence[str],
    store: EmbeddingStore | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    damages: Sequence[Damage] = DAMAGES,
    data: ScoredData | None = None,
) -> Robustness:
    """Curves for every damage of an input that the model takes, and what it does with contradicting inputs.

    Raises UserError when no task is both the recogniser's and the data's, or no product has a label of one.
    """
    tasks = [task for task in recognizer.vocabularies if task in tasks]
    if not tasks or not any(product.labels.get(task) for product in products for task in tasks):
        raise UserError(
            f"The rows have no labels for the bundle's tasks ({', '.join(recognizer.vocabularies)}); name columns so."
        )
    clean, notes = recognizer.embed(products, store, progress)
    targets = {task: _targets(products, task, recognizer.vocabularies[task]) for task in tasks}
    groups = group_names(products)
    wanted = [
        damage
        for damage in damages
        if damage.modality in recognizer.modalities and clean.present[damage.modality].any()
    ]
    judge = _Judge(recognizer, clean, targets, groups)
    curves = [row for modality in _damaged(wanted) for row in judge.references(modality)]
    steps = [(damage, strength) for damage in wanted for strength in damage.strengths]
    for done, (damage, strength) in enumerate(steps, start=1):
        encoder = recognizer.encoders[damage.modality]
        curves += judge.damaged(damage, strength, _spoilt(products, encoder, clean, damage, strength, seed))
        if progress:
            progress("damaging", done, len(steps))
    return Robustness(
        seed=seed,
        n=len(products),
        inputs=recognizer.modalities,
        curves=tuple(curves),
        swapped=tuple(swapped(recognizer, clean, targets, groups, seed)),
        remarks=tuple(_remarks(wanted, products)),
        notes=tuple(map(str, notes)),
        strategy=recognizer.strategy,
        bundle=recognizer.info.to_dict() if recognizer.info else {},
        data=data,
    )


def _damaged(damages: Sequence[Damage]) -> list[Modality]:
    return list(dict.fromkeys(damage.modality for damage in damages))


def _remarks(damages: Sequence[Damage], products: Sequence[Product]) -> list[str]:
    remarks = [f"{damage.name}: {damage.note}" for damage in damages if damage.note]
    if any(damage.name == "German words" for damage in damages):
        share = known_share([product.text for product in products if product.text.strip()])
        remarks.append(f"The German list knows {100 * share:.0f} % of the words in these descriptions.")
    return remarks


def some_of(products: Sequence[Product], most: int, seed: int = 0) -> list[Product]:
    """At most `most` of the rows, drawn at random, in their order; 0 keeps all."""
    if most <= 0 or len(products) <= most:
        return list(products)
    places = np.random.default_rng(seed).permutation(len(products))[:most]
    return [products[place] for place in sorted(places.tolist())]


def _targets(products: Sequence[Product], task: str, vocabulary: Vocabulary) -> np.ndarray:
    """(N,) class, -1 without a label; a label that the model never saw is a class of its own, which no answer meets."""
    return np.array([vocabulary.target(product.labels.get(task, "")) for product in products])


class _Judge:
    """Scores damaged batches against the clean one, on the products that have the damaged input and a label."""

    def __init__(
        self, recognizer: Recognizer, clean: EmbeddingBatch, targets: Mapping[str, np.ndarray], groups: np.ndarray
    ) -> None:
        self.recognizer, self.clean, self.targets, self.groups = recognizer, clean, targets, groups
        self._clean_preds = {given: self._preds(clean, given) for given in ("all", *recognizer.modalities)}
        self._without = {
            m: preds_of(recognizer, clean.only([o for o in recognizer.modalities if o != m]))
            for m in recognizer.modalities
        }

    def _preds(self, batch: EmbeddingBatch, given: str) -> dict[str, np.ndarray]:
        return preds_of(self.recognizer, batch if given == "all" else batch.only([given]))

    def references(self, modality: Modality) -> list[DamagedScore]:
        """Undamaged, and what the model does without this input at all: worse than that, it had better be left out."""
        rows = [
            row
            for given in self._givens(modality)
            for row in self._rows(modality, "none", None, given, self._clean_preds[given])
        ]
        if len(self.recognizer.modalities) > 1:
            rows += self._rows(modality, "left out", None, "all", self._without[modality])
        return rows

    def damaged(self, damage: Damage, strength: float, spoilt: tuple[Tensor, Tensor]) -> list[DamagedScore]:
        """`spoilt` holds the damaged input's (N, D) embeddings and (N,) present mask."""
        modality = damage.modality
        batch = replace(
            self.clean,
            embeddings=self.clean.embeddings | {modality: spoilt[0]},
            present=self.clean.present | {modality: spoilt[1]},
        )
        return [
            row
            for given in self._givens(modality)
            for row in self._rows(modality, damage.name, strength, given, self._preds(batch, given))
        ]

    def _givens(self, modality: Modality) -> tuple[str, ...]:
        return ("all", modality) if len(self.recognizer.modalities) > 1 else (modality,)

    def _rows(
        self, modality: Modality, name: str, strength: float | None, given: str, preds: Mapping[str, np.ndarray]
    ) -> list[DamagedScore]:
        rows = []
        for task, target in self.targets.items():
            asked = (target >= 0) & self.clean.present[modality].numpy()
            groups = self.groups[asked]
            right = (preds[task] == target)[asked].astype(float)
            before = (self._clean_preds[given][task] == target)[asked].astype(float)
            if not len(right):
                continue
            low, high = bootstrap_interval(right, groups=groups)
            without = (self._without[modality][task] == target)[asked].astype(float)
            loss, use = paired_test(right, before, groups), paired_test(right, without, groups)
            row = DamagedScore(
                task=task,
                input=modality,
                damage=name,
                strength=strength,
                given="all" if given == "all" else "alone",
                n=len(right),
                accuracy=float(right.mean()),
                accuracy_low=low,
                accuracy_high=high,
                change=loss.difference,
                change_low=loss.low,
                change_high=loss.high,
                use=use.difference,  # over leaving the input out
                use_low=use.low,
                use_high=use.high,
            )
            rows.append(row)
        return rows


def _spoilt(
    products: Sequence[Product],
    encoder: Encoder,
    clean: EmbeddingBatch,
    damage: Damage,
    strength: float,
    seed: int,
) -> tuple[Tensor, Tensor]:
    """(N, D) embeddings of the damaged input, several photos of a product as their mean, and (N,) present mask."""
    sums, counts = torch.zeros(len(products), encoder.dim), torch.zeros(len(products))
    owners: list[int] = []
    items: list[Any] = []

    def flush() -> None:
        embedded = encoder.embed(items)
        usable = embedded.isfinite().all(1)
        if encoder.absent_note:
            usable &= embedded.any(1)
        for owner, vector, good in zip(owners, embedded, usable.tolist(), strict=True):
            if good:
                sums[owner] += vector
                counts[owner] += 1
        owners.clear()
        items.clear()

    for row, product in enumerate(products):
        if not bool(clean.present[damage.modality][row]):
            continue
        for place, item in enumerate(_decoded(product, damage.modality)):
            owners.append(row)
            items.append(damage.spoil(item, strength, np.random.default_rng([seed, row, place])))
        if len(items) >= BATCH_SIZE:
            flush()
    if items:
        flush()
    return sums / counts.clamp_min(1)[:, None], counts > 0


def _decoded(product: Product, modality: Modality) -> Iterator[Any]:
    """What can be read, as the store reads it."""
    if modality == "text":
        yield clean_text(product.text)
        return
    sources = product.images if modality == "image" else (product.audio,)
    for source in sources:
        try:
            yield picture_of(source) if modality == "image" else waveform_of(source)  # type: ignore[arg-type]
        except MediaError:
            continue
