"""The control: an input shuffled across rows tells nothing any more; where a class can still be guessed, it leaks.

In: `Audited` with embeddings. Out: findings of the kind "shuffled control" and the `Control`s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.tree import DecisionTreeClassifier

from retail.audit.finding import Audited, Finding, Severity
from retail.audit.guessing import Guess, cross_validated
from retail.schema import MODALITIES, Modality
from retail.wording import INPUT_WORDS, inputs_words, percent, task_words

EXCESS = 0.05
LEAK = 0.25  # of the way from chance to certainty
COMPONENTS = 32  # of an embedding: enough to read a class, few enough that noise does not drown the present mask


@dataclass(frozen=True)
class Control:
    """How much one input tells of one task as it is and shuffled, beside the share of the commonest class."""

    task: str
    input: str  # in words
    intact: float
    shuffled: float
    chance: float
    n: int


def shuffled_control(data: Audited, seed: int = 0) -> tuple[list[Finding], list[Control]]:
    """Each input intact and shuffled among the rows that have it; what is missing stays missing.

    The last question leaves contents out altogether: does *which* inputs are there tell the class?
    """
    rng = np.random.default_rng(seed)
    masks = _masks(data)
    features = {modality: _features(data, modality, rng) for modality in MODALITIES if modality in data.embeddings}
    linear = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=3, random_state=0)
    findings, rows = [], []
    for task in data.tasks:
        labels = data.labels(task)
        told: dict[Modality, Guess] = {}
        for modality, pair in features.items():
            intact, shuffled = (cross_validated(linear, own, labels, data.groups) for own in pair)
            if intact is None or shuffled is None:
                continue
            figures = (intact.accuracy, shuffled.accuracy, shuffled.chance, shuffled.n)
            rows.append(Control(task, INPUT_WORDS[modality], *figures))
            if shuffled.tells(EXCESS):
                told[modality] = shuffled
        missing = cross_validated(tree, np.stack(list(masks.values()), 1), labels, data.groups)
        missing = missing if missing and missing.tells(EXCESS) else None
        if told or missing:
            findings.append(_finding(data, task, told, missing))
    return findings, rows


def _masks(data: Audited) -> dict[Modality, np.ndarray]:
    """(N,) 0 or 1 per input: given in the table, whether or not an encoder could use it."""
    return {m: np.array([m in product.modalities for product in data.products], dtype=float) for m in MODALITIES}


def _features(data: Audited, modality: Modality, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(N, C + 1) intact and shuffled: leading components and the present mask."""
    present = data.present[modality]
    rows = data.embeddings[modality][present]
    mask = present.astype(float)[:, None]
    if len(rows) < 2:
        return mask, mask
    standard = (rows - rows.mean(0)) / rows.std(0).clip(1e-4)
    parts = PCA(min(COMPONENTS, *standard.shape), random_state=0).fit_transform(standard)
    parts = parts / parts.std(0).clip(1e-9)
    tables = []
    for own in (parts, parts[rng.permutation(len(parts))]):
        table = np.zeros((len(present), own.shape[1]))
        table[present] = own
        tables.append(np.concatenate([table, mask], axis=1))
    return tables[0], tables[1]


def _finding(data: Audited, task: str, told: Mapping[Modality, Guess], missing: Guess | None) -> Finding:
    guesses = [*told.values(), *([missing] if missing else [])]
    best = max(guesses, key=lambda guess: guess.accuracy)
    share = f"{percent(best.accuracy)} of {best.n} products"
    if best is missing:
        said = f"{task_words(task)}: which inputs are missing gives away the class of {share}"
    else:
        word = inputs_words([modality for modality, guess in told.items() if guess is best])
        said = (
            f"{task_words(task)}: with its contents shuffled across products the {word} still gives away the class of "
            f"{share}, because it is missing in some classes more than in others"
        )
    sentence = (
        f"{said}; the most common class has {percent(best.chance)}. A model can learn the gaps instead of the product: "
        "collect the missing inputs, or remove inputs of the other classes until the gaps are even."
    )
    severity: Severity = "leak" if best.skill >= LEAK else "warning"
    return Finding("shuffled control", severity, sentence, data.ids(best.correct), task)
