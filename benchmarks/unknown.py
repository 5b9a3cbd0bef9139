"""How well an upload of a product that nobody taught is told from the known ones: every score, every mix of inputs.

In: the fashion and grocery sets beside the project, and the demo. Out: Markdown tables, those of `unknown.md`.

`left-out` trains heads without 8 article types (20 grocery products, 6 of the demo's), five draws. Scores
are compared on validation rows of the classes that remain, of which others are left out in turn; then once on test.
`far` asks recognisers about things from another world, `cost` measures bytes and milliseconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score
from torch import Tensor

from retail.certainty.novelty import FALSE_ALARMS, Novelty
from retail.certainty.spaces import InputSpace
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.files import DEMO_BUNDLE, DEMO_DIR, DEMO_TASKS
from retail.frozen.folds import grouped_folds, look_alikes
from retail.frozen.rows import FrozenRows
from retail.fusion import FusionHead
from retail.recognizer import Recognizer
from retail.recognizer.bundle import load_bundle
from retail.schema import MODALITIES, SUBSETS, Modality, Product
from retail.splits import vocabularies_of
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products
from retail.training import fit, predict_logits

DATASETS = Path(__file__).parents[2] / "shared" / "datasets"
FASHION_TASKS = ("article_type", "base_colour", "gender", "season", "usage")
GROCERY_TASKS = ("product", "category", "department")
DRAWS = 5
STRATEGIES = ("gated", "stacking")
NEIGHBOURS = (1, 5, 10)
DIMS = 48
CHOSEN = "nearest + class mean, fused"  # what `Novelty` adds

Scores = dict[str, np.ndarray]


@dataclass(frozen=True)
class World:
    """A data set with its three splits; `task` is the one whose classes are left out."""

    name: str
    train: EmbeddingBatch
    val: EmbeddingBatch
    test: EmbeddingBatch
    task: str
    left_out: int
    left_out_again: int  # of the remaining classes, to choose a score on validation

    @property
    def modalities(self) -> tuple[Modality, ...]:
        return tuple(m for m in self.train.dims if bool(self.train.present[m].any()))  # type: ignore[misc]

    @property
    def subsets(self) -> list[tuple[Modality, ...]]:
        return [subset for subset in SUBSETS if set(subset) <= set(self.modalities)]


def embedded(products: Sequence[Product], tasks: Sequence[str], modalities: Iterable[Modality]) -> EmbeddingBatch:
    encoders = load_preset("bundled", modalities)
    return embed_products(products, encoders, vocabularies_of(products, tasks), EmbeddingStore())[0]


def fashion() -> World:
    products = read_manifest(DATASETS / "fashion", FASHION_TASKS).products
    batch = embedded(products, FASHION_TASKS, MODALITIES)
    parts = [batch.rows(torch.tensor([row.split == split for row in products])) for split in ("train", "val", "test")]
    return World("fashion", *parts, "article_type", 8, 6)


def grocery() -> World:
    """The official validation rows are the test; one fold of the training rows, whole series of photos, validates."""
    products = read_manifest(DATASETS / "grocery", GROCERY_TASKS).products
    batch = embedded(products, GROCERY_TASKS, ("image",))
    train, test = ([row for row in products if row.split == split] for split in ("train", "val"))
    known = batch.rows(torch.tensor([row.split == "train" for row in products]))
    labels = {task: np.array([row.labels[task] for row in train]) for task in GROCERY_TASKS}
    groups = look_alikes(FrozenRows(known.embeddings["image"], known.targets, labels, ("",) * len(train)))
    inside, outside = grouped_folds(known.targets["product"], groups)[0]
    rows = batch.rows(torch.tensor([row.split == "val" for row in products]))
    assert len(rows) == len(test)
    return World("grocery", known.rows(inside), known.rows(outside), rows, "product", 20, 15)


def demo_world() -> World:
    """The demo's rows with all three inputs."""
    products = read_manifest(DEMO_DIR, DEMO_TASKS).products
    batch = embedded(products, DEMO_TASKS, MODALITIES)
    full = torch.stack([batch.present[modality] for modality in MODALITIES]).all(0)
    splits = [torch.tensor([row.split == split for row in products]) for split in ("train", "val", "test")]
    return World("demo", *(batch.rows(full & rows) for rows in splits), "product", 6, 4)


# Draws: which classes are left out.


def split_off(batch: EmbeddingBatch, task: str, classes: Sequence[int]) -> tuple[EmbeddingBatch, EmbeddingBatch]:
    """The rows of other classes, and those of these."""
    inside = torch.isin(batch.targets[task], torch.tensor(classes))
    return batch.rows(~inside), batch.rows(inside)


def drawn(batch: EmbeddingBatch, task: str, count: int, seed: int) -> list[int]:
    classes = batch.targets[task][batch.targets[task] >= 0].unique()
    return classes[torch.randperm(len(classes), generator=torch.Generator().manual_seed(seed))[:count]].tolist()


def renumbered(train: EmbeddingBatch, *others: EmbeddingBatch) -> tuple[list[EmbeddingBatch], dict[str, int]]:
    """Targets that count the classes of the training rows; every other is -1."""
    kept = {task: target[target >= 0].unique() for task, target in train.targets.items()}

    def own(batch: EmbeddingBatch) -> EmbeddingBatch:
        targets = {}
        for task, target in batch.targets.items():
            found = target[:, None] == kept[task]
            targets[task] = torch.where(found.any(1), found.long().argmax(1), -1)
        return replace(batch, targets=targets)

    return [own(batch) for batch in (train, *others)], {task: len(classes) for task, classes in kept.items()}


# Scores: higher is more unlike.


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-9)


def neighbours(rows: np.ndarray, known: np.ndarray, k: int) -> np.ndarray:
    """Mean cosine distance to the k nearest known rows."""
    return 1 - np.sort(unit(rows) @ unit(known).T, 1)[:, -k:].mean(1)


def mahalanobis(known: np.ndarray, classes: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Squared distance to the nearest class mean (Lee et al. 2018, covariance shrunk as by Ledoit and Wolf), and the
    same less that to the mean of all (Ren et al. 2021)."""
    labels, members = np.unique(classes, return_inverse=True)
    means = np.stack([known[members == place].mean(0) for place in range(len(labels))])
    tiny = 1e-9 * np.eye(known.shape[1])
    within = np.linalg.inv(ledoit_wolf(known - means[members], assume_centered=True)[0] + tiny)
    centre = known.mean(0)
    overall = np.linalg.inv(ledoit_wolf(known - centre, assume_centered=True)[0] + tiny)

    def distances(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mapped = rows @ within
        squares = (mapped * rows).sum(1)[:, None] - 2 * mapped @ means.T + ((means @ within) * means).sum(1)
        moved = rows - centre
        return squares.min(1), squares.min(1) - ((moved @ overall) * moved).sum(1)

    return distances


def of_input(train: EmbeddingBatch, classes: np.ndarray, batches: Sequence[EmbeddingBatch], m: str) -> list[Scores]:
    """Scores from one input's embeddings alone, in full length and on 48 principal components."""
    centre, scale = train.embeddings[m].mean(0), train.embeddings[m].std(0).clamp_min(1e-4)

    def standard(batch: EmbeddingBatch) -> np.ndarray:
        return ((batch.embeddings[m] - centre) / scale).clamp(-8, 8).double().numpy()

    known = standard(train)
    components = np.linalg.eigh(known.T @ known)[1][:, ::-1][:, :DIMS]
    full, small = mahalanobis(known, classes), mahalanobis(known @ components, classes)
    found = []
    for rows in map(standard, batches):
        mapped = rows @ components
        (distance, relative), (small_distance, small_relative) = full(rows), small(mapped)
        scores = {
            "Mahalanobis, full": distance,
            "relative Mahalanobis, full": relative,
            f"Mahalanobis, {DIMS} components": small_distance,
            f"relative Mahalanobis, {DIMS} components": small_relative,
            **{f"{k} nearest, full": neighbours(rows, known, k) for k in NEIGHBOURS},
            **{f"{k} nearest, {DIMS} components": neighbours(mapped, known @ components, k) for k in NEIGHBOURS},
            f"residual to {DIMS} components": 1 - (mapped**2).sum(1) / (rows**2).sum(1).clip(1e-9),
        }
        found.append(scores)
    return found


def whitened_mean(space: InputSpace, train: Tensor, classes: np.ndarray, rows: Tensor) -> np.ndarray:
    """Cosine distance to the nearest class mean behind the map that `Novelty` has of this input."""
    known = space.mapped(train).numpy()
    means = np.stack([known[classes == label].mean(0) for label in np.unique(classes)])
    return neighbours(space.mapped(rows).numpy(), means, 1)


def of_logits(logits: Mapping[str, Tensor]) -> Scores:
    tasks = logits.values()
    return {
        "maximum softmax probability": -sum(task.log_softmax(1).max(1).values for task in tasks).numpy(),
        "maximum logit": -sum(task.max(1).values for task in tasks).numpy(),
        "energy": -sum(task.logsumexp(1) for task in tasks).numpy(),
    }


def fused(logits: Mapping[str, Tensor]) -> np.ndarray:
    """The one fused representation that every strategy has: the logits of all tasks side by side."""
    return torch.cat([task - task.mean(1, keepdim=True) for task in logits.values()], 1).double().numpy()


def every_score(
    head: FusionHead, train: EmbeddingBatch, val: EmbeddingBatch, others: Sequence[EmbeddingBatch], task: str
) -> dict[tuple[Modality, ...], list[Scores]]:
    """Per subset of inputs the scores of the validation rows and of each other batch, all by their names."""
    batches = [val, *others]
    classes = train.targets[task].numpy()
    novelty = Novelty.fit(head, train, val)
    alone = {m: of_input(train, classes, batches, m) for m in novelty.inputs}
    for m, space in novelty.inputs.items():
        for scores, rows in zip(alone[m], batches, strict=True):
            scores["class mean, whitened"] = whitened_mean(space, train.embeddings[m], classes, rows.embeddings[m])
    found = {}
    for subset in (subset for subset in SUBSETS if set(subset) <= set(novelty.inputs)):
        logits = [predict_logits(head, batch.only(subset)) for batch in batches]
        known = fused(predict_logits(head, train.only(subset)))
        distances = mahalanobis(known, classes)
        rows: list[Scores] = []
        for place, batch in enumerate(batches):
            own = fused(logits[place])
            distance, relative = distances(own)
            scores = {
                **of_logits(logits[place]),
                "Mahalanobis, fused": distance,
                "relative Mahalanobis, fused": relative,
                "1 nearest, fused": neighbours(own - known.mean(0), known - known.mean(0), 1),
            }
            for name in alone[subset[0]][place]:
                columns = [standardised(alone[m][place][name], alone[m][0][name]) for m in subset]
                scores[name] = np.sum(columns, 0)
            parts = novelty.parts(batch.only(subset), logits[place]).numpy()
            scores |= {"nearest, whitened": parts[:, 0], "class mean, fused, whitened": parts[:, 1]}
            scores[CHOSEN] = novelty.scores(batch.only(subset), logits[place]).numpy()
            rows.append(scores)
        found[subset] = [scores | combined(scores, rows[0]) for scores in rows]
    return found


def standardised(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    return (values - known.mean()) / max(float(known.std()), 1e-9)


def combined(scores: Scores, known: Scores) -> Scores:
    """Combinations beside the chosen one; `known` are the validation rows' scores."""

    def added(*names: str) -> np.ndarray:
        return np.sum([standardised(scores[name], known[name]) for name in names], 0)

    inputs = ("nearest, whitened", "class mean, whitened")
    three = (*inputs, "class mean, fused, whitened")
    tails = [
        np.log((1 + (known[name][None] >= scores[name][:, None]).sum(1)) / (1 + len(known[name]))) for name in three
    ]
    return {
        "nearest + class mean": added(*inputs),
        "nearest + class mean + class mean, fused": added(*three),
        "nearest + class mean + maximum logit": added(*inputs, "maximum logit"),
        "nearest + class mean + relative Mahalanobis, fused": added(*inputs, "relative Mahalanobis, fused"),
        "nearest + class mean + class mean, fused + residual": added(*three, f"residual to {DIMS} components"),
        "nearest, class mean and class mean, fused by Fisher's method": -np.sum(tails, 0),
    }


# Figures.


@dataclass(frozen=True)
class Figures:
    """Known against unknown rows, and what the threshold from validation rows does; shares."""

    auroc: float
    alarms_at_95: float  # false alarms where 95 % of the unknown are found
    found_at_5: float  # unknown found where 5 % of the known are alarms
    alarms: float  # at the validation threshold
    found: float


def figures(val: np.ndarray, known: np.ndarray, unknown: np.ndarray) -> Figures:
    truth = np.repeat([0, 1], [len(known), len(unknown)])
    rank = int(np.ceil((len(val) + 1) * (1 - FALSE_ALARMS)))
    threshold = np.sort(val)[rank - 1] if rank <= len(val) else np.inf
    return Figures(
        float(roc_auc_score(truth, np.concatenate([known, unknown]))),
        float((known >= np.quantile(unknown, FALSE_ALARMS)).mean()),
        float((unknown > np.quantile(known, 1 - FALSE_ALARMS)).mean()),
        float((known > threshold).mean()),
        float((unknown > threshold).mean()),
    )


Found = dict[tuple[str, str], list[Figures]]  # (score, subset) -> a figure a draw


def measured(world: World, strategy: str) -> tuple[Found, Found]:
    """On validation with further classes left out, and on test."""
    choice: Found = {}
    final: Found = {}
    for draw in range(DRAWS):
        unknown = drawn(world.train, world.task, world.left_out, draw)
        train, val = (split_off(batch, world.task, unknown)[0] for batch in (world.train, world.val))
        again = drawn(train, world.task, world.left_out_again, 1000 + draw)
        inner = split_off(val, world.task, again)
        one_draw(world, strategy, draw, split_off(train, world.task, again)[0], inner[0], inner, choice)
        one_draw(world, strategy, draw, train, val, split_off(world.test, world.task, unknown), final)
    return choice, final


def one_draw(
    world: World,
    strategy: str,
    seed: int,
    train: EmbeddingBatch,
    val: EmbeddingBatch,
    asked: tuple[EmbeddingBatch, EmbeddingBatch],
    into: Found,
) -> None:
    (train, val, known, unknown), sizes = renumbered(train, val, *asked)
    config = TrainConfig(strategy=strategy, modalities=world.modalities, seed=seed)
    head = fit(train, val, sizes, config).head
    for subset, (own, one, other) in every_score(head, train, val, [known, unknown], world.task).items():
        for name in own:
            row = figures(own[name], one[name], other[name])
            into.setdefault((name, "+".join(subset)), []).append(row)
    print(f"{world.name} {strategy} draw {seed}: {len(train)} {len(val)} {len(known)} {len(unknown)}", file=sys.stderr)


def table(found: Found, figure: str, subsets: Sequence[str], scale: float = 1) -> None:
    names = list(dict.fromkeys(name for name, _ in found))
    print(f"\n| {figure} | {' | '.join(subsets)} |\n|---|{'---|' * len(subsets)}")
    for name in names:
        cells = [scale * np.mean([getattr(row, figure) for row in found[name, subset]]) for subset in subsets]
        print(f"| {name} | {' | '.join(f'{cell:.3f}' if scale == 1 else f'{cell:.1f}' for cell in cells)} |")


def chosen_table(found: Found, subsets: Sequence[str]) -> None:
    print("\n| inputs | AUROC (least to most) | alarms at 95 % found | found at 5 % alarms | alarms | found |")
    print("|---|---|---|---|---|---|")
    for subset in subsets:
        rows = found[CHOSEN, subset]
        mean = {name: 100 * np.mean([getattr(row, name) for row in rows]) for name in Figures.__annotations__}
        areas = [row.auroc for row in rows]
        cells = [f"{mean['auroc'] / 100:.3f} ({min(areas):.3f} to {max(areas):.3f})"]
        cells += [f"{mean[name]:.1f}" for name in ("alarms_at_95", "found_at_5", "alarms", "found")]
        print(f"| {subset} | {' | '.join(cells)} |")


def left_out(worlds: Sequence[World]) -> None:
    for world in worlds:
        subsets = ["+".join(subset) for subset in world.subsets]
        for strategy in STRATEGIES:
            choice, final = measured(world, strategy)
            print(f"\n## {world.name}, {strategy}: validation, further classes left out")
            table(choice, "auroc", subsets)
            table(choice, "found_at_5", subsets, 100)
            print(f"\n## {world.name}, {strategy}: test")
            for figure, scale in (("auroc", 1), ("alarms_at_95", 100), ("found_at_5", 100)):
                table(final, figure, subsets, scale)
            chosen_table(final, subsets)


# Things from another world.


def flagged(novelty: Novelty, head: FusionHead, batch: EmbeddingBatch, subset: Sequence[str]) -> str:
    """Share called unknown of the rows that have these inputs."""
    full = torch.stack([batch.present[m] if m in batch.present else torch.zeros(len(batch)).bool() for m in subset])
    rows = batch.rows(full.all(0)).only(subset)
    if not len(rows):
        return f"none of {len(batch)} could be used"
    share = novelty.unknown(rows, predict_logits(head, rows)).float().mean()
    return f"{100 * float(share):.1f} % of {len(rows)}" + (f" ({len(batch)} given)" if len(rows) < len(batch) else "")


def far(worlds: Sequence[World]) -> None:
    shop, food, _ = worlds
    groceries = read_manifest(DATASETS / "grocery", GROCERY_TASKS).products
    clothes = read_manifest(DATASETS / "fashion", FASHION_TASKS).products
    bananas = [row for row in groceries if row.labels["product"] == "Banana"]
    shoes = [row for row in clothes if row.labels["article_type"].endswith("Shoes")]
    encoders, store = load_preset("bundled"), EmbeddingStore()
    print("\n| recogniser | asked about | inputs | called unknown |\n|---|---|---|---|")

    def ask(name: str, novelty: Novelty, head: FusionHead, what: str, rows: EmbeddingBatch | Sequence[Product]) -> None:
        batch = rows if isinstance(rows, EmbeddingBatch) else embed_products(rows, encoders, {}, store)[0]
        for subset in novelty.thresholds:
            if all(m in batch.present and bool(batch.present[m].any()) for m in subset):
                print(f"| {name} | {what} | {'+'.join(subset)} | {flagged(novelty, head, batch, subset)} |")

    for world, what, strangers, all_of_it, everything in (
        (shop, "bananas", bananas, "all groceries", groceries),
        (food, "shoes", shoes, "all of fashion, photos", [replace(row, text="", audio=None) for row in clothes]),
    ):
        for strategy in STRATEGIES:
            (train, val, test), sizes = renumbered(world.train, world.val, world.test)
            head = fit(train, val, sizes, TrainConfig(strategy=strategy, modalities=world.modalities)).head
            novelty = Novelty.fit(head, train, val)
            for label, rows in (("its own test rows", test), (what, strangers), (all_of_it, everything)):
                given = (
                    rows if isinstance(rows, EmbeddingBatch) else [replace(row, text="", audio=None) for row in rows]
                )
                ask(f"{world.name}, {strategy}", novelty, head, label, given)
    recognizer, novelty, test = demo()
    noises = [Product.of(audio=path) for path in sorted((DATASETS / "shop_noise").rglob("*.*"))]
    strangers = [(name, rows) for name, rows in (("groceries", groceries), ("fashion", clothes))]
    for what, own in [("its own test rows", test), *strangers, ("shop noise", noises)]:
        ask("demo", novelty, recognizer.head, what, own)


def demo() -> tuple[Recognizer, Novelty, EmbeddingBatch]:
    recognizer, manifest = load_bundle(DEMO_BUNDLE), read_manifest(DEMO_DIR, DEMO_TASKS)
    train, val, test = (
        recognizer.embed(manifest.in_split(name), EmbeddingStore())[0] for name in ("train", "val", "test")
    )
    return recognizer, Novelty.fit(recognizer.head, train, val), test


def cost(worlds: Sequence[World]) -> None:
    recognizer, novelty, test = demo()
    world = worlds[0]
    (train, val, asked), sizes = renumbered(world.train, world.val, world.test)
    head = fit(train, val, sizes, TrainConfig(modalities=world.modalities)).head
    for name, own, rows, batch in (
        ("demo", novelty, recognizer.head, test),
        ("fashion", Novelty.fit(head, train, val), head, asked),
    ):
        tensors, ids = len(save(own.to_tensors())), len(json.dumps(own.ids))
        seconds, answers = [], []
        for place in range(200):
            one = batch.rows([place % len(batch)])
            started = time.perf_counter()
            logits = predict_logits(rows, one)
            answered = time.perf_counter()
            own.scores(one, logits)
            seconds.append(time.perf_counter() - answered)
            answers.append(answered - started)
        figures = f"{1000 * np.median(seconds):.2f} ms a product (the head alone {1000 * np.median(answers):.2f} ms)"
        print(f"{name}: {tensors / 1000:.0f} KB and {ids / 1000:.1f} KB of ids; {figures}")
    started = time.perf_counter()
    Novelty.fit(head, train, val)
    print(f"fit on fashion: {time.perf_counter() - started:.1f} s")
    products = read_manifest(DEMO_DIR, DEMO_TASKS).in_split("test")[:30]
    seconds = []
    for product in products:
        started = time.perf_counter()
        recognizer.predict(product)
        seconds.append(time.perf_counter() - started)
    print(f"demo: predict takes {1000 * np.median(seconds):.1f} ms (median of {len(products)} test products)")


def main() -> None:
    if not DATASETS.is_dir():
        sys.exit(f"{DATASETS} is absent; the measuring data lie beside the project.")
    jobs = {"left-out": left_out, "far": far, "cost": cost}
    worlds = [fashion(), grocery(), demo_world()]
    for name in sys.argv[1:] or jobs:
        jobs[name](worlds)


if __name__ == "__main__":
    main()
