"""How a model copes with damage: accuracy by strength of damage, and which input it follows when they differ.

In: a `Model` (encoders, head, vocabularies), products and their labels. Out: JSON-ready rows; every damage is drawn
from the product's own place, so that equal seeds give equal figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from retail.encoders import BATCH_SIZE, Encoder
from retail.evaluation.damage import DAMAGES, Damage
from retail.evaluation.foreign_words import known_share
from retail.fusion import FusionHead
from retail.media import MediaError, clean_text, decode_audio, decode_image
from retail.metrics.paired import paired_test
from retail.metrics.scores import bootstrap_interval
from retail.schema import MODALITIES, Modality, Product, Progress, UserError, Vocabulary
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products
from retail.training import predict_probs

FORMAT = "retail-robustness/1"
Row = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """What a recogniser is made of; its inputs are those of the head."""

    encoders: Mapping[Modality, Encoder]
    head: FusionHead
    vocabularies: Mapping[str, Vocabulary]

    @property
    def inputs(self) -> tuple[Modality, ...]:
        return tuple(modality for modality in MODALITIES if modality in self.head.dims)

    def preds(self, batch: EmbeddingBatch) -> dict[str, np.ndarray]:
        """{task: (N,)} the likeliest class; -1 where no input is present, which is never right."""
        given = torch.stack([batch.present[modality] for modality in self.inputs]).any(0)
        probs = predict_probs(self.head, batch)
        return {task: torch.where(given, value.argmax(1), -1).numpy() for task, value in probs.items()}


def robustness(
    model: Model,
    products: Sequence[Product],
    tasks: Sequence[str],
    store: EmbeddingStore | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    damages: Sequence[Damage] = DAMAGES,
) -> dict[str, Any]:
    """Curves for every damage of an input that the model takes, and what it does with contradicting inputs.

    Raises UserError when no task is both the model's and the data's, or no product has a label of one.
    """
    tasks = [task for task in model.vocabularies if task in tasks]
    if not tasks or not any(product.labels.get(task) for product in products for task in tasks):
        raise UserError(
            f"The rows have no labels for the bundle's tasks ({', '.join(model.vocabularies)}); name columns so."
        )
    encoders = {modality: model.encoders[modality] for modality in model.inputs}
    clean, notes = embed_products(products, encoders, model.vocabularies, store, progress)
    targets = {task: _targets(products, task, model.vocabularies[task]) for task in tasks}
    groups = np.array([f"group {p.group}" if p.group else f"row {p.id}" for p in products], dtype=object)
    wanted = [damage for damage in damages if damage.modality in encoders and clean.present[damage.modality].any()]
    judge = _Judge(model, clean, targets, groups)
    rows: list[Row] = []
    total, done = sum(len(damage.strengths) for damage in wanted), 0
    for modality in dict.fromkeys(damage.modality for damage in wanted):
        rows += judge.references(modality)
    for damage in wanted:
        for strength in damage.strengths:
            rows += judge.damaged(damage, strength, _spoilt(products, encoders, clean, damage, strength, seed))
            done += 1
            if progress:
                progress("damaging", done, total)
    texts = [product.text for product in products if product.text.strip()]
    remarks = [f"{damage.name}: {damage.note}" for damage in wanted if damage.note]
    if any(damage.name == "German words" for damage in wanted):
        remarks.append(f"The German list knows {100 * known_share(texts):.0f} % of the words in these descriptions.")
    return {
        "format": FORMAT,
        "seed": seed,
        "n": len(products),
        "inputs": list(model.inputs),
        "curves": rows,
        "swapped": swapped(model, clean, targets, groups, seed),
        "remarks": remarks,
        "notes": notes,
    }


def some_of(products: Sequence[Product], most: int, seed: int = 0) -> list[Product]:
    """At most `most` of the rows, drawn at random, in their order; 0 keeps all."""
    if most <= 0 or len(products) <= most:
        return list(products)
    places = np.random.default_rng(seed).permutation(len(products))[:most]
    return [products[place] for place in sorted(places.tolist())]


def _targets(products: Sequence[Product], task: str, vocabulary: Vocabulary) -> np.ndarray:
    """(N,) class, -1 without a label; a label that the model never saw is a class of its own, which no answer meets."""
    labels = [product.labels.get(task, "") for product in products]
    return np.array(
        [-1 if not label else place if (place := vocabulary.index(label)) >= 0 else 10**6 for label in labels]
    )


class _Judge:
    """Scores damaged batches against the clean one, on the products that have the damaged input and a label."""

    def __init__(
        self, model: Model, clean: EmbeddingBatch, targets: Mapping[str, np.ndarray], groups: np.ndarray
    ) -> None:
        self.model, self.clean, self.targets, self.groups = model, clean, targets, groups
        self._clean_preds = {given: self._preds(clean, given) for given in ("all", *model.inputs)}
        self._without = {m: model.preds(clean.only([o for o in model.inputs if o != m])) for m in model.inputs}

    def _preds(self, batch: EmbeddingBatch, given: str) -> dict[str, np.ndarray]:
        return self.model.preds(batch if given == "all" else batch.only([given]))

    def references(self, modality: Modality) -> list[Row]:
        """Undamaged, and what the model does without this input at all: worse than that, it had better be left out."""
        rows = [
            row
            for given in self._givens(modality)
            for row in self._rows(modality, "none", None, given, self._clean_preds[given])
        ]
        if len(self.model.inputs) > 1:
            rows += self._rows(modality, "left out", None, "all", self._without[modality])
        return rows

    def damaged(self, damage: Damage, strength: float, spoilt: tuple[Tensor, Tensor]) -> list[Row]:
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
        return ("all", modality) if len(self.model.inputs) > 1 else (modality,)

    def _rows(
        self, modality: Modality, name: str, strength: float | None, given: str, preds: Mapping[str, np.ndarray]
    ) -> list[Row]:
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
            rows.append(
                {"task": task, "input": modality, "damage": name, "strength": strength}
                | {"given": "all" if given == "all" else "alone", "n": len(right)}
                | {"accuracy": float(right.mean()), "accuracy_low": low, "accuracy_high": high}
                | {"change": loss.difference, "change_low": loss.low, "change_high": loss.high}
                | {"use": use.difference, "use_low": use.low, "use_high": use.high}  # over leaving the input out
            )
        return rows


def _spoilt(
    products: Sequence[Product],
    encoders: Mapping[Modality, Encoder],
    clean: EmbeddingBatch,
    damage: Damage,
    strength: float,
    seed: int,
) -> tuple[Tensor, Tensor]:
    """(N, D) embeddings of the damaged input, several photos of a product as their mean, and (N,) present mask."""
    encoder = encoders[damage.modality]
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
            yield decode_image(source) if modality == "image" else decode_audio(source)  # type: ignore[arg-type]
        except MediaError:
            continue


def swapped(
    model: Model, clean: EmbeddingBatch, targets: Mapping[str, np.ndarray], groups: np.ndarray, seed: int = 0
) -> list[Row]:
    """One input comes from another product of another class: does the model answer as that one, or as the others?

    For every pair of inputs and, with three, for all of them; only products that have every input that is given, and
    classes that the model knows.
    """
    rng = np.random.default_rng(seed)
    sets = [pair for size in (2, 3) for pair in combinations(model.inputs, size)]
    rows: list[Row] = []
    for task, target in targets.items():
        for given in sets:
            has = np.all([clean.present[modality].numpy() for modality in given], axis=0)
            usable = np.flatnonzero(has & (target >= 0) & (target < len(model.vocabularies[task])))
            donors = _donors(target, usable, rng)
            kept, theirs = usable[donors >= 0], donors[donors >= 0]
            if not len(kept):
                continue
            # Of a pair, swapping one input or the other asks the same question.
            for modality in given if len(given) > 2 else given[:1]:
                batch = clean.rows(torch.from_numpy(kept)).only(given)
                foreign = clean.embeddings[modality][torch.from_numpy(theirs)]
                mixed = replace(batch, embeddings=batch.embeddings | {modality: foreign})
                preds = model.preds(mixed)[task]
                own, other = preds == target[kept], preds == target[theirs]
                rows.append(
                    {"task": task, "given": list(given), "swapped": modality, "n": len(kept)}
                    | _share("swapped", other, groups[kept])
                    | _share("others", own, groups[kept])
                    | _share("neither", ~(own | other), groups[kept])
                )
    return rows


def _share(name: str, hits: np.ndarray, groups: np.ndarray) -> Row:
    low, high = bootstrap_interval(hits, groups=groups)
    return {f"follows_{name}": float(hits.mean()), f"follows_{name}_low": low, f"follows_{name}_high": high}


def _donors(target: np.ndarray, usable: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each usable row another one of another class, at random; -1 where there is none."""
    donors = np.full(len(usable), -1)
    for place, row in enumerate(usable.tolist()):
        others = usable[target[usable] != target[row]]
        if len(others):
            donors[place] = int(rng.choice(others))
    return donors
