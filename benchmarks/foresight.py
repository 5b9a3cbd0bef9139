"""Is the recall that is expected of a product before it is kept the one that comes?

In: the grocery and fashion sets beside the project, and the demo. Out: Markdown tables, those of `enrolment.md`.

Products that the head never saw are enrolled from 1, 3 or 8 examples of one input, beside the others left out; then
rows of them that nobody fitted on are asked. A share of a few photos is itself off: how far a forecast would be off
that knew every true recall is computed from how the photos of one product, or its series of photos, differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.enrolment import ENROLLED_FROM, _drawn_rows, _name, _right, interval
from benchmarks.unknown import FASHION_TASKS, World, demo_world, drawn, fashion, grocery, renumbered, split_off
from retail.catalogue.filling import matching_of, spaces_of
from retail.catalogue.foresight import recall_of
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.certainty import Certainty
from retail.config import TrainConfig
from retail.encoders import load_preset
from retail.frozen.folds import look_alikes
from retail.frozen.rows import FrozenRows
from retail.recognizer import Recognizer
from retail.schema import Modality, Vocabulary
from retail.store import EmbeddingBatch
from retail.training import fit

ENROLMENTS = 50  # of each input
BINS = 5
SIMULATED = 4000  # draws of each enrolment
LATER = "the new one"


@dataclass(frozen=True)
class Enrolment:
    """What was expected of one product, and which of its uploads were recognised."""

    examples: int
    expected: float
    right: np.ndarray  # (n,)
    series: np.ndarray  # (n,) of photos that look alike

    @property
    def measured(self) -> float:
        return float(self.right.mean())

    @property
    def by_series(self) -> np.ndarray:
        return np.array([self.right[self.series == one].mean() for one in np.unique(self.series)])


def report(seeds: int, names: Sequence[str]) -> None:
    """Every input of these data sets; 50 enrolments each, or as many as so many draws give."""
    made = {"grocery": grocery, "fashion": fashion, "demo": demo_world}
    for world in (with_series(made[name]()) for name in names):
        found: dict[Modality, list[Enrolment]] = {modality: [] for modality in world.modalities}
        for seed in range(seeds):
            if all(len(own) >= ENROLMENTS for own in found.values()):
                break
            drawn_without = unseen(world, seed)
            for modality, own in found.items():
                own += enrolments(world, *drawn_without, modality, seed)
        for modality, own in found.items():
            _print(f"{world.name}, {modality}", own[:ENROLMENTS])


def unseen(world: World, seed: int) -> tuple[Recognizer, EmbeddingBatch, EmbeddingBatch]:
    """A recogniser without some classes, their training rows and their test rows, which keep their numbers."""
    classes = drawn(world.train, world.task, world.left_out, seed)
    train, new = split_off(world.train, world.task, classes)
    val, _ = split_off(world.val, world.task, classes)
    names = {"grocery": ("product", "category"), "fashion": FASHION_TASKS}.get(world.name, tuple(world.train.targets))
    both = [replace(rows, targets={_task(world, name): rows.targets[name] for name in names}) for rows in (train, val)]
    (train, val), sizes = renumbered(*both)
    config = TrainConfig(strategy="gated", modalities=world.modalities)
    head = fit(train, val, sizes, config).head.eval()
    certainty = Certainty.fit(head, train, val).with_matching(head, train, val, config=config)
    vocabularies = {task: Vocabulary(tuple(f"{place:03}" for place in range(size))) for task, size in sizes.items()}
    encoders = load_preset("bundled", world.modalities)
    recognizer = Recognizer(encoders, head, "gated", vocabularies, certainty)  # type: ignore[arg-type]
    return recognizer, new, split_off(world.test, world.task, classes)[1]


def _task(world: World, name: str) -> str:
    """An article type is enrolled as a product is."""
    return "product" if name == world.task else name


def enrolments(
    world: World, recognizer: Recognizer, new: EmbeddingBatch, test: EmbeddingBatch, modality: Modality, seed: int
) -> Iterator[Enrolment]:
    """One for each product left out of which there are rows to enrol and to ask."""
    new, test = (rows.rows(rows.present[modality]).select([modality]) for rows in (new, test))
    labels = new.targets[world.task]
    asked = test.targets[world.task]
    for place, target in enumerate([one for one in asked.unique().tolist() if bool((labels == one).any())]):
        count = ENROLLED_FROM[(place + seed) % len(ENROLLED_FROM)]
        others, own = new.rows(labels != target), new.rows(labels == target)
        chosen = own.rows(torch.randperm(len(own), generator=torch.Generator().manual_seed(seed))[:count])
        kept = others.rows(_drawn_rows(others.targets[world.task], 3, seed))
        names = [_name(one) for one in kept.targets[world.task].tolist()]
        expected = recall_of(shelf_of(recognizer, kept.embeddings[modality], names, modality), chosen, modality, LATER)
        views = torch.cat([kept.embeddings[modality], chosen.embeddings[modality]])
        full = shelf_of(recognizer, views, [*names, *[LATER] * len(chosen)], modality)
        uploads = test.rows(asked == target)
        right = np.array(_right(full.answer(uploads, ()), [LATER] * len(uploads)))
        yield Enrolment(len(chosen), expected[0], right, uploads.targets["series"].numpy())


def shelf_of(recognizer: Recognizer, views: torch.Tensor, owners: Sequence[str], modality: Modality) -> Shelf:
    """Views by one input, enrolled under their owners' names."""
    names = sorted(set(owners))
    spaces = spaces_of(recognizer, {modality: views})
    places = torch.tensor([names.index(owner) for owner in owners])
    shown = spaces.shown({modality: views}, {modality: places}, len(names))
    products = tuple(CatalogueProduct(name, name) for name in names)
    return Shelf(recognizer, recognizer.encoders, products, len(names), spaces, shown, matching_of(recognizer))


def with_series(world: World) -> World:
    """Grocery photos were taken in series, which `targets["series"]` names; elsewhere each row stands for itself."""
    rows, series = world.test, np.arange(len(world.test))
    if world.name == "grocery":
        labels = {task: target.numpy().astype(str) for task, target in rows.targets.items()}
        found = look_alikes(FrozenRows(rows.embeddings["image"], rows.targets, labels, ("",) * len(rows)))
        series = np.unique(found, return_inverse=True)[1]
    return replace(world, test=replace(rows, targets={**rows.targets, "series": torch.as_tensor(series)}))


def _print(title: str, rows: Sequence[Enrolment]) -> None:
    expected = np.array([row.expected for row in rows])
    measured = np.array([row.measured for row in rows])
    photos = np.mean([len(row.right) for row in rows])
    print(f"\n{title}: {len(rows)} enrolments, {photos:.1f} uploads each", end="")
    print(f" in {np.mean([len(row.by_series) for row in rows]):.1f} series", end="")
    print(f"; expected {100 * expected.mean():.1f} %, measured {100 * measured.mean():.1f} %")
    print(f"apart, points: {interval(abs(expected - measured).tolist())}")
    print(f"the mean of all, told to each: {100 * abs(measured - measured.mean()).mean():.1f}")
    for name, units in (("uploads", [row.right for row in rows]), ("series", [row.by_series for row in rows])):
        chance, noise = by_chance(units)
        left = np.sqrt(max(0.0, ((expected - measured) ** 2).mean() - noise))
        spread = 100 * np.sqrt(((expected - measured) ** 2).mean())
        print(f"by chance, {name} drawn anew: {100 * chance:.1f}", end="")
        print(f"; root mean square {spread:.1f}, by chance {100 * noise**0.5:.1f}, left {100 * left:.1f}")
    order = np.array_split(expected.argsort(), BINS)
    print("bins, expected and measured: ", end="")
    print(", ".join(f"{100 * expected[own].mean():.0f} {100 * measured[own].mean():.0f}" for own in order), end="")
    print(f"; apart {100 * np.mean([abs(expected[own].mean() - measured[own].mean()) for own in order]):.1f}")
    for count in sorted({row.examples for row in rows}):
        own = np.array([row.examples == count for row in rows])
        cells = (expected[own].mean(), measured[own].mean(), abs(expected - measured)[own].mean())
        print(f"| {count} | {own.sum()} | " + " | ".join(f"{100 * cell:.1f}" for cell in cells) + " |", flush=True)


def by_chance(units: Sequence[np.ndarray]) -> tuple[float, float]:
    """How far shares of a few units are from the true ones, mean and mean square, for enrolments that differ as these.

    True recalls are drawn from the beta distribution with the mean and the variance between products that an analysis
    of variance finds, and from each as many units, right or wrong.
    """
    counts = np.array([len(own) for own in units])
    means = np.array([own.mean() for own in units])
    within = sum(((own - own.mean()) ** 2).sum() for own in units) / max(1, (counts - 1).sum())
    mean, noise = means.mean(), within * (1 / counts).mean()
    between = min(max(means.var(ddof=1) - noise, 1e-4), 0.99 * mean * (1 - mean))
    size = mean * (1 - mean) / between - 1
    rng = np.random.default_rng(0)
    true = rng.beta(mean * size, (1 - mean) * size, (SIMULATED, len(units)))
    seen = rng.binomial(counts, true) / counts
    return float(abs(seen - true).mean()), float(((seen - true) ** 2).mean())
