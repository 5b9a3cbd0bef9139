"""Made-up embeddings where the truth is known, a finished comparison of them, and hand-made answers.

In: nothing. Out: `Splits` where shape is in the image, scent in the text, the pair in both, and the sound is noise.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from retail.comparison.cost import EncodeCost
from retail.comparison.results import Results
from retail.comparison.run import Comparison, compare
from retail.config import CompareConfig
from retail.evaluation.subsets import TaskAnswers
from retail.schema import MODALITIES, Vocabulary
from retail.splits import Splits
from retail.store import EmbeddingBatch

FOLDER = Path("made_up <data>")
MANIFEST = SimpleNamespace(root=FOLDER, source=FOLDER, title=FOLDER.name, checksum="0" * 64, group=())
COSTS = {"audio": EncodeCost(0.02, 9), "image": EncodeCost(0.03, 13), "text": EncodeCost(0.01, 87)}


def made_up_batch(rows: int, seed: int) -> EmbeddingBatch:
    rng = torch.Generator().manual_seed(seed)
    shape = torch.randint(0, 2, (rows,), generator=rng)
    scent = torch.randint(0, 2, (rows,), generator=rng)
    embeddings = {modality: torch.randn(rows, 4, generator=rng) for modality in MODALITIES}
    embeddings["image"][:, 0] += 8.0 * shape
    embeddings["text"][:, 0] += 8.0 * scent
    return EmbeddingBatch(
        ids=tuple(f"{seed}-{row}" for row in range(rows)),
        embeddings=embeddings,
        present={modality: torch.ones(rows, dtype=torch.bool) for modality in MODALITIES},
        targets={"pair": 2 * shape + scent, "shape": shape.clone()},
    )


@cache
def made_up_splits() -> Splits:
    vocabularies = {"pair": Vocabulary(("00", "01", "10", "11")), "shape": Vocabulary(("round", "square"))}
    train, val, test = made_up_batch(200, 0), made_up_batch(80, 1), made_up_batch(120, 2)
    labels = {
        task: np.array([vocabularies[task].classes[place] for place in test.targets[task].tolist()], dtype=object)
        for task in vocabularies
    }
    labels["shape"][:2] = ["oval", ""]  # a class that training never saw, and a row without a label
    return Splits(train, val, test, vocabularies, labels)


ENCODERS = {m: SimpleNamespace(name=f"made-up:{m}", fingerprint=m) for m in MODALITIES}


@cache
def made_up_comparison() -> Comparison:
    """Two fusions and three single inputs on two tasks, two seeds each."""
    config = CompareConfig(strategies=("averaged", "gated"), seeds=2)
    return compare(MANIFEST, made_up_splits(), ENCODERS, config, workers=1, costs=COSTS)


@cache
def made_up_results() -> Results:
    """As read back from a results file."""
    return Results.model_validate_json(made_up_comparison().results.as_json())


def task_answers(test: dict, test_target, val: dict | None = None, val_target=None) -> TaskAnswers:
    """Hand-made answers: probabilities per subset; validation equals test where it is left out."""
    arrays = {subset: np.asarray(probs, dtype=float) for subset, probs in test.items()}
    full = arrays[max(arrays, key=len)]
    target = np.asarray(test_target)
    return TaskAnswers(
        classes=tuple(f"c{place}" for place in range(full.shape[1])),
        temperature=1.0,
        uncalibrated=full,
        val=arrays if val is None else {subset: np.asarray(probs, dtype=float) for subset, probs in val.items()},
        test=arrays,
        val_target=target if val_target is None else np.asarray(val_target),
        test_target=target,
        present={m: np.ones(len(target), dtype=bool) for m in MODALITIES if any(m in subset for subset in arrays)},
    )
