"""How many flipped labels the audit finds, and how many of those that it lists were flipped.

In: the fashion and grocery sets beside the project, and the demo. Out: Markdown tables, those of `label_errors.md`.

`choose` flips labels of training and validation rows (grocery: training) and compares models and rules. `report` looks
at all rows with the default and counts test rows alone (grocery: validation), which no choice has seen. Half of the
flips go to any class, half to one that models confuse with the true one. Labels that are wrong in the data as it
comes count as false alarms, so precision is a lower bound.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from scipy.stats import binomtest

from retail.audit.answers import answers_of, features_of, mixed
from retail.audit.finding import Audited
from retail.audit.label_errors import LEAST_ROWS, listed
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.files import DEMO_DIR
from retail.store import EmbeddingStore, embed_products

DATASETS = Path(__file__).parents[2] / "shared" / "datasets"
TASKS = {
    "fashion": ("article_type", "base_colour", "gender"),
    "grocery": ("product", "category"),
    "demo": ("product", "category", "brand"),
}
KEPT_APART = {"fashion": "test", "grocery": "val", "demo": "test"}
KINDS = ("any class", "confusable class")
FILTERS = ("confident_learning", "prune_by_class", "both")
CONFUSABLE = 3  # classes that a flip may go to
Counts = tuple[int, int, int]  # found, listed, flipped


def world(name: str) -> Audited:
    """A data set with its embeddings."""
    manifest = read_manifest(DEMO_DIR if name == "demo" else DATASETS / name, TASKS[name])
    batch, _ = embed_products(manifest.products, load_preset("bundled"), {}, EmbeddingStore())
    embeddings = {modality: rows.numpy() for modality, rows in batch.embeddings.items()}
    present = {modality: rows.numpy() for modality, rows in batch.present.items()}
    return Audited(manifest.root, manifest.products, manifest.tasks, embeddings, present)


def flipped(target: np.ndarray, share: float, kind: str, likely: np.ndarray, seed: int) -> np.ndarray:
    """The labels with a share of them wrong; `likely` (C, C) is how probable models find each class, by true class."""
    rng = np.random.default_rng(seed)
    wrong, n_classes = target.copy(), len(likely)
    for place in rng.choice(len(target), max(1, round(share * len(target))), replace=False):
        true = target[place]
        others = np.argsort(-np.where(np.arange(n_classes) == true, -1, likely[true]))[: n_classes - 1]
        wrong[place] = rng.choice(others if kind == KINDS[0] else others[:CONFUSABLE])
    return wrong


def rows_of(data: Audited, task: str, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Places of the rows of classes that are common enough, their classes as numbers, and how many classes."""
    labels = data.labels(task).astype(str)[places]
    names, counts = np.unique(labels[labels != ""], return_counts=True)
    places = places[np.isin(labels, names[counts >= LEAST_ROWS])]
    classes, target = np.unique(data.labels(task).astype(str)[places], return_inverse=True)
    return places, target, len(classes)


def counts(chosen: np.ndarray, wrong: np.ndarray, counted: np.ndarray) -> Counts:
    return int((chosen & wrong & counted).sum()), int((chosen & counted).sum()), int((wrong & counted).sum())


def trials(name: str, apart: bool, share: float, seeds: int) -> Iterable[tuple]:
    """(task, kind, models' answers, labels, which are wrong, which are counted) of each draw."""
    data = world(name)
    features, _ = features_of(data)
    held = np.array([product.split == KEPT_APART[name] for product in data.products])
    for task in data.tasks:
        places, target, n_classes = rows_of(data, task, np.arange(len(held)) if apart else np.flatnonzero(~held))
        groups = data.groups[places].astype(str)
        clean = answers_of(features[places], target, groups, n_classes)
        likely = np.stack([mixed(clean)[target == c].mean(0) for c in range(n_classes)])
        for kind in KINDS:
            for seed in range(seeds):
                labels = flipped(target, share, kind, likely, seed)
                answers = answers_of(features[places], labels, groups, n_classes)
                counted = held[places] if apart else np.ones(len(places), dtype=bool)
                yield task, kind, answers, labels, labels != target, counted


def rules(probs: np.ndarray, labels: np.ndarray) -> Mapping[str, np.ndarray]:
    """What each rule lists, as masks."""
    margin = probs.max(1) - probs[np.arange(len(labels)), labels]
    found = {f"cleanlab {name}": find_label_issues(labels, probs, filter_by=name, n_jobs=1) for name in FILTERS}
    found |= {"another class is likelier": margin > 0}
    for least in (0.3, 0.4, 0.5, 0.6, 0.7):
        found[f"margin > {least}"] = margin > least
        found[f"cleanlab both, margin > {least}"] = found["cleanlab both"] & (margin > least)
    return found


def choose(names: Iterable[str], share: float, seeds: int) -> None:
    """Means over tasks and kinds of flip."""
    scores = defaultdict(list)
    for name in names:
        for _, _, answers, labels, wrong, counted in trials(name, False, share, seeds):
            for model, probs in {**answers, "mean of both": mixed(answers)}.items():
                for rule, chosen in rules(probs, labels).items():
                    scores[model, rule].append(figures(counts(chosen, wrong, counted)))
    print(f"| model | rule | precision | recall | F1 |\n|---|---|---|---|---|   share {share}, {seeds} seeds")
    for (model, rule), found in sorted(scores.items(), key=lambda item: -np.mean(item[1], 0)[2]):
        precision, recall, f1 = 100 * np.mean(found, 0)
        print(f"| {model} | {rule} | {precision:.1f} | {recall:.1f} | {f1:.1f} |", flush=True)


def figures(found: Counts) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    hits, chosen, wrong = found
    precision, recall = hits / max(1, chosen), hits / max(1, wrong)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def share_of(hits: int, n: int) -> str:
    """With Wilson's 95 % interval."""
    if not n:
        return "none"
    bounds = binomtest(hits, n).proportion_ci(method="wilson")
    return f"{hits / n:.1%} ({bounds.low:.1%} to {bounds.high:.1%})"


def report(names: Iterable[str], share: float, seeds: int) -> None:
    """The default on rows that no choice has seen, draws pooled, with Wilson's intervals."""
    print(f"| data, question | flips of {share:.0%} to | precision | listed | recall | flipped |")
    print("|---|---|---|---|---|---|")
    for name in names:
        pooled: dict[tuple[str, str], np.ndarray] = defaultdict(lambda: np.zeros(3, dtype=int))
        started = time.process_time()
        for task, kind, answers, labels, wrong, counted in trials(name, True, share, seeds):
            chosen = np.zeros(len(labels), dtype=bool)
            chosen[listed(mixed(answers), labels)] = True
            pooled[task, kind] += counts(chosen, wrong, counted)
        for (task, kind), (hits, chosen, wrong) in pooled.items():
            shown = [share_of(int(hits), int(n)) for n in (chosen, wrong)]
            print(f"| {name}, {task} | {kind} | {shown[0]} | {chosen} | {shown[1]} | {wrong} |", flush=True)
        print(
            f"{name}: {(time.process_time() - started) / (len(pooled) * seeds):.1f} s of processor time a draw",
            file=sys.stderr,
        )


if __name__ == "__main__":
    verb, names, share, seeds = (sys.argv[1:] + ["report", "fashion,grocery,demo", "0.05", "5"][len(sys.argv) - 1 :])[
        :4
    ]
    {"choose": choose, "report": report}[verb](names.split(","), float(share), int(seeds))
