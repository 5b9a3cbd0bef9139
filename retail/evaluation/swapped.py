"""Inputs that contradict each other: which does a model follow?

In: a `Recognizer` and embedded products. Out: `SwappedScore`s; equal seeds, equal figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
import torch

from retail.evaluation.reports import SwappedScore
from retail.metrics.scores import bootstrap_interval
from retail.recognizer import Recognizer
from retail.store import EmbeddingBatch
from retail.training import predict_probs


def preds_of(recognizer: Recognizer, batch: EmbeddingBatch) -> dict[str, np.ndarray]:
    """{task: (N,)} the likeliest class; -1 where no input is present, which is never right."""
    given = torch.stack([batch.present[modality] for modality in recognizer.modalities]).any(0)
    probs = predict_probs(recognizer.head, batch)
    return {task: torch.where(given, value.argmax(1), -1).numpy() for task, value in probs.items()}


def swapped(
    recognizer: Recognizer, clean: EmbeddingBatch, targets: Mapping[str, np.ndarray], groups: np.ndarray, seed: int = 0
) -> list[SwappedScore]:
    """One input comes from another product of another class: does the model answer as that one, or as the others?

    For every pair of inputs and, with three, for all of them; only products that have every input that is given, and
    classes that the model knows.
    """
    rng = np.random.default_rng(seed)
    sets = [pair for size in (2, 3) for pair in combinations(recognizer.modalities, size)]
    rows: list[SwappedScore] = []
    for task, target in targets.items():
        for given in sets:
            has = np.all([clean.present[modality].numpy() for modality in given], axis=0)
            usable = np.flatnonzero(has & (target >= 0) & (target < len(recognizer.vocabularies[task])))
            donors = _donors(target, usable, rng)
            kept, theirs = usable[donors >= 0], donors[donors >= 0]
            if not len(kept):
                continue
            # Of a pair, swapping one input or the other asks the same question.
            for modality in given if len(given) > 2 else given[:1]:
                batch = clean.rows(torch.from_numpy(kept)).only(given)
                foreign = clean.embeddings[modality][torch.from_numpy(theirs)]
                mixed = replace(batch, embeddings=batch.embeddings | {modality: foreign})
                preds = preds_of(recognizer, mixed)[task]
                own, other = preds == target[kept], preds == target[theirs]
                shares = _share("swapped", other, groups[kept]) | _share("others", own, groups[kept])
                shares |= _share("neither", ~(own | other), groups[kept])
                rows.append(SwappedScore(task=task, given=given, swapped=modality, n=len(kept), **shares))
    return rows


def _share(name: str, hits: np.ndarray, groups: np.ndarray) -> dict[str, float]:
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
