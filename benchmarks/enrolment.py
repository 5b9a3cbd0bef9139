"""How well products are recognised that were enrolled and never trained, and whether what is said of it is true.

In: the grocery and fashion sets beside the project, and the demo. Out: Markdown tables, those of `enrolment.md`.

`spaces` compares cosines. `shots` enrols all groceries from their pack shot, from 1 to 8 photos and from the spoken
name. `left-out` trains heads without 20 groceries, enrols these, and asks about old and new ones. `unknown` asks about
products that nobody enrolled, beside recognisers of other things. `retrieval` searches fashion by every mix of inputs.
`foresight` holds the recall that is expected before enrolling against the recall after. Every subcommand takes
`--seeds`; intervals are 95 % bootstrap intervals over rows. The official validation photos of the groceries, which show
60 of the 81 products, are the test here. What `left-out` fits, it fits on a fold of train.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from benchmarks.unknown import DATASETS, World, demo_world, drawn, fashion, grocery, renumbered, split_off
from retail.catalogue.filling import matching_of, spaces_of
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.certainty import Certainty
from retail.certainty.spaces import plain_space
from retail.certainty.strangers import Strangers
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import Encoder, load_preset
from retail.files import DEMO_BUNDLE
from retail.recognizer import Recognizer
from retail.recognizer.bundle import load_bundle
from retail.schema import SUBSETS, Modality, Prediction, Product, UserError, Vocabulary
from retail.store import EmbeddingBatch, EmbeddingStore
from retail.training import fit

PROJECT = Path(__file__).parents[1]
SHOTS = (1, 3, 5, 8)
LEFT_OUT, ENROLLED_FROM = 20, (1, 3, 8)
TASKS = ("product", "category")
DRAWS = 2000  # of a bootstrap


def interval(values: Sequence[float], seed: int = 0) -> str:
    """Mean in % with its 95 % bootstrap interval."""
    rows = np.asarray(values, dtype=float)
    means = np.random.default_rng(seed).choice(rows, (DRAWS, len(rows))).mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{100 * rows.mean():.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def clustered(right: Tensor) -> list[float]:
    """(draws, rows) -> the mean of each row over draws, which is what may be drawn again."""
    return right.double().mean(0).tolist()


# 0. In which space products are told apart.


def spaces(seeds: int) -> None:
    """Nearest example of each class, classes that the map was learned on and classes that it never saw."""
    print("| data, input, rows a class | plain: old, new | behind the map: old, new | both added: old, new |")
    print("|---|---|---|---|")
    for world in (grocery(), demo_world(), fashion()):
        for modality, count in product(world.modalities, (1, 3)):
            found: dict[str, list[tuple[float, float]]] = {"plain": [], "mapped": [], "both": []}
            for seed in range(seeds):
                for name, pair in _told_apart(world, modality, count, seed).items():
                    found[name].append(pair)
            cells = (f"{100 * old:.1f}, {100 * new:.1f}" for old, new in (np.mean(own, 0) for own in found.values()))
            print(f"| {world.name}, {modality}, {count} | {' | '.join(cells)} |", flush=True)


def _told_apart(world: World, modality: Modality, count: int, seed: int) -> dict[str, tuple[float, float]]:
    classes = drawn(world.train, world.task, world.left_out, seed)
    parts = [rows.rows(rows.present[modality]) for rows in split_off(world.train, world.task, classes)]
    asked = world.val.rows(world.val.present[modality])
    space = plain_space(parts[0].embeddings[modality], parts[0].targets[world.task])
    places = [_drawn_rows(rows.targets[world.task], count, seed) for rows in parts]
    known = torch.cat([rows.embeddings[modality][own] for rows, own in zip(parts, places, strict=True)])
    labels = torch.cat([rows.targets[world.task][own] for rows, own in zip(parts, places, strict=True)])
    target = asked.targets[world.task]
    new = torch.isin(target, torch.tensor(classes))
    views = asked.embeddings[modality]
    plain = normalize(views - space.centre, dim=1) @ normalize(known - space.centre, dim=1).T
    mapped = normalize(space.mapped(views), dim=1) @ normalize(space.mapped(known), dim=1).T
    found = {}
    for name, scores in (("plain", plain), ("mapped", mapped), ("both", plain + mapped)):
        right = (labels[scores.argmax(1)] == target).double()
        found[name] = float(right[~new].mean()), float(right[new].mean())
    return found


# 1. All groceries enrolled, nothing trained on them.


def shots(seeds: int) -> None:
    products = [row for row in read_manifest(DATASETS / "grocery", ["product"]).products if row.split != "test"]
    train, val = ([row for row in products if row.split == split] for split in ("train", "val"))
    names = sorted({row.labels["product"] for row in train})
    encoders: dict[str, Encoder] = {"frozen": load_preset("bundled", ["image"])["image"]}
    if bundle := _finetuned():
        encoders["fine-tuned"] = load_bundle(bundle).encoders["image"]
    print("| encoder | enrolled from | accuracy over 81 products, n = 296 |\n|---|---|---|")
    for title, encoder in encoders.items():
        known, asked = (_photos(rows, encoder) for rows in (train, val))
        owners = torch.tensor([names.index(row.labels["product"]) for row in train])
        target = torch.tensor([names.index(row.labels["product"]) for row in val])
        packs = _packshots(names, encoder)
        alone = _nearest(asked, packs, torch.arange(len(names)), target)
        print(f"| {title} | the pack shot | {interval(alone.double().tolist())} |")
        for count in SHOTS:
            right = []
            for seed in range(seeds):
                places = _drawn_rows(owners, count, seed)
                right.append(_nearest(asked, known[places], owners[places], target))
            print(f"| {title} | {count} photos, {seeds} draws | {interval(clustered(torch.stack(right)))} |")
            both = torch.stack([
                _nearest(asked, torch.cat([packs, known[places := _drawn_rows(owners, count, seed)]]),
                         torch.cat([torch.arange(81), owners[places]]), target)
                for seed in range(seeds)
            ])  # fmt: skip
            print(f"| {title} | {count} photos and the pack shot | {interval(clustered(both))} |")
    _spoken(names)


def _finetuned() -> Path | None:
    places = (PROJECT / "data" / "groceries_bundle", PROJECT / "benchmarks" / "grocery_finetuned")
    return next((place for place in places if (place / "bundle.json").is_file()), None)


def _photos(rows: Sequence[Product], encoder: Encoder) -> Tensor:
    return EmbeddingStore().fetch(encoder, [row.images[0] for row in rows])[0]


def _packshots(names: Sequence[str], encoder: Encoder) -> Tensor:
    with (DATASETS / "grocery" / "catalogue.csv").open(encoding="utf-8") as stream:
        files = {row["product"]: DATASETS / "grocery" / row["image_file_name"] for row in csv.DictReader(stream)}
    return EmbeddingStore().fetch(encoder, [files[name] for name in names])[0]


def _drawn_rows(owners: Tensor, count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for owner in owners.unique().tolist():
        places = (owners == owner).nonzero().flatten()
        found.append(places[torch.randperm(len(places), generator=generator)[:count]])
    return torch.cat(found)


def _nearest(asked: Tensor, views: Tensor, owners: Tensor, target: Tensor) -> Tensor:
    """(Q,) bool: whether the view with the highest cosine, around the catalogue's mean, is of the right product."""
    centre = views.mean(0)
    cosines = normalize(asked - centre, dim=1) @ normalize(views - centre, dim=1).T
    return owners[cosines.argmax(1)] == target


def _spoken(names: Sequence[str]) -> None:
    """Enrolled by one synthetic voice, asked by others that the encoder was never trained on."""
    import soundfile

    from recipes.spoken_word.voices import Voice, speak

    encoder = load_preset("bundled", ["audio"])["audio"]
    voices = {
        "espeak-ng m3": Voice("espeak", "gmw/en+m3", 0.9),
        "espeak-ng edward": Voice("espeak", "gmw/en-US+edward", 0.9),
        "flite awb": Voice("flite", "awb", 0.9),
        "flite slt": Voice("flite", "slt", 0.9),
    }
    spoken: dict[str, Tensor] = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            for place, (title, voice) in enumerate(voices.items()):
                files = []
                for number, samples in enumerate(speak([(name, voice) for name in names])):
                    files.append(Path(folder) / f"{place}_{number}.wav")
                    soundfile.write(files[-1], samples, 16000)
                spoken[title] = EmbeddingStore(Path(folder) / "store").fetch(encoder, files)[0]
    except UserError as error:
        print(f"\nSpoken names were not measured: {error}")
        return
    target = torch.arange(len(names))
    print("\n| spoken names enrolled by | asked by | accuracy over 81 names |\n|---|---|---|")
    for known in (["espeak-ng m3"], ["espeak-ng m3", "espeak-ng edward"]):
        views, owners = torch.cat([spoken[voice] for voice in known]), target.repeat(len(known))
        for asked in ("flite awb", "flite slt"):
            right = _nearest(spoken[asked], views, owners, target).double()
            print(f"| {', '.join(known)} | {asked} | {interval(right.tolist())} |")


# 2. Twenty groceries that the head never saw.


def without(seed: int, strategy: str = "gated") -> tuple[Recognizer, EmbeddingBatch, EmbeddingBatch, EmbeddingBatch]:
    """A recogniser of 61 groceries; train rows of the 20 others; the official validation rows of the 61, and of the 20.

    Targets of the new ones keep the numbers that they had among all 81.
    """
    world = grocery()
    classes = drawn(world.train, "product", LEFT_OUT, seed)
    train, new = split_off(world.train, "product", classes)
    val, _ = split_off(world.val, "product", classes)
    old_test, new_test = split_off(world.test, "product", classes)
    only = [replace(rows, targets={task: rows.targets[task] for task in TASKS}) for rows in (train, val, old_test)]
    (train, val, old_test), sizes = renumbered(*only)
    head = fit(train, val, sizes, TrainConfig(strategy=strategy, modalities=("image",))).head.eval()
    certainty = Certainty.fit(head, train, val).with_matching(head, train, val)
    vocabularies = {task: Vocabulary(tuple(f"{place:03}" for place in range(size))) for task, size in sizes.items()}
    recognizer = Recognizer(load_preset("bundled", ["image"]), head, strategy, vocabularies, certainty)  # type: ignore[arg-type]
    return recognizer, new, old_test, new_test


def shelf_from(recognizer: Recognizer, rows: EmbeddingBatch, owners: Sequence[str]) -> Shelf:
    """Rows enrolled under their owners' names, without a database."""
    names = sorted(set(owners))
    products = tuple(CatalogueProduct(name, name) for name in names)
    views: dict[Modality, Tensor] = {"image": rows.embeddings["image"]}
    places: dict[Modality, Tensor] = {"image": torch.tensor([names.index(owner) for owner in owners])}
    spaces = spaces_of(recognizer, views)
    shown = spaces.shown(views, places, len(names))
    known = Shelf(recognizer, recognizer.encoders, products, len(names), spaces, shown, matching_of(recognizer))
    return replace(known, strangers=Strangers.of(shown, names))


def enrolled(recognizer: Recognizer, new: EmbeddingBatch, count: int, seed: int) -> Shelf:
    """So many rows of each new product."""
    places = _drawn_rows(new.targets["product"], count, seed)
    rows = new.rows(places)
    return shelf_from(recognizer, rows, [_name(target) for target in rows.targets["product"].tolist()])


def _name(target: int) -> str:
    return f"new {target:03}"


def _right(answers: Iterable[Prediction], names: Iterable[str]) -> list[float]:
    return [float(answer.best("product")[0] == name) for answer, name in zip(answers, names, strict=True)]


def left_out(seeds: int) -> None:
    rows: dict[int, list[list[float]]] = {count: [[], [], [], []] for count in ENROLLED_FROM}
    calibration: list[tuple[float, bool]] = []
    for seed in range(seeds):
        recognizer, new, old_test, new_test = without(seed)
        old_names = [recognizer.vocabularies["product"].classes[t] for t in old_test.targets["product"].tolist()]
        new_names = [_name(target) for target in new_test.targets["product"].tolist()]
        before = recognizer.answer(old_test, ())
        for count in ENROLLED_FROM:
            shelf = enrolled(recognizer, new, count, seed)
            old, fresh = shelf.answer(old_test, ()), shelf.answer(new_test, ())
            found = rows[count]
            found[0] += _right(before, old_names)
            found[1] += _right(old, old_names)
            found[2] += _right(fresh, new_names)
            found[3] += [
                float(bool(answer.matches) and answer.matches[0].name == name)
                for answer, name in zip(fresh, new_names, strict=True)
            ]
            for answer, name in zip([*old, *fresh], [*old_names, *new_names], strict=True):
                calibration += [(match.probability, match.name == name) for match in answer.matches]
        print(f"draw {seed}: {len(old_test)} photos of old, {len(new_test)} of new products", flush=True)
    print("| enrolled from | old before | old after | lost, points | new (before: 0) | new, first of the catalogue |")
    print("|---|---|---|---|---|---|")
    for count, (before, after, fresh, first) in rows.items():
        lost = interval(np.subtract(before, after).tolist())
        print(f"| {count} | {interval(before)} | {interval(after)} | {lost} | {interval(fresh)} | {interval(first)} |")
    _print_calibration(calibration)


def _print_calibration(pairs: Sequence[tuple[float, bool]]) -> None:
    said, same = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    edges = np.linspace(0, 1, 11)
    bins = np.clip(np.digitize(said, edges) - 1, 0, 9)
    error = sum(abs(said[bins == b].mean() - same[bins == b].mean()) * (bins == b).mean() for b in set(bins.tolist()))
    print(f"\nP(same): expected calibration error {100 * error:.1f} %, n = {len(said)} pairs of upload and match")
    print("| said | pairs | the same |\n|---|---|---|")
    for b in sorted(set(bins.tolist())):
        inside = bins == b
        print(f"| {100 * said[inside].mean():.0f} % | {inside.sum()} | {100 * same[inside].mean():.0f} % |")


# 3. Products that nobody enrolled.


def unknown(seeds: int) -> None:
    """Photos of some classes enrolled beside a recogniser of another set; test photos of these and of all others."""
    worlds = {"grocery": grocery(), "demo": demo_world(), "fashion": fashion()}
    beside = {"demo": Recognizer.load(DEMO_BUNDLE), "fashion": _recogniser_of(worlds["fashion"])}
    beside["grocery"] = _recogniser_of(worlds["grocery"])
    print("| enrolled, of | beside | photos each | enrolled ones, n | rightly | others, n | wrongly | P(same), ECE |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, world), other in product(worlds.items(), beside):
        if name == other:
            continue
        for classes, count in product((1, ENROLLED_AT_ONCE[name]), ENROLLED_FROM):
            found = [_asked_of_strangers(world, beside[other], classes, count, seed) for seed in range(seeds)]
            right, wrong = (sum((part[place] for part in found), []) for place in (0, 1))
            error = _balanced_error(sum((part[2] for part in found), []), sum((part[3] for part in found), []))
            print(
                f"| {classes}, {name} | {other} | {count} | {len(right)} | {interval(right)} | {len(wrong)} | "
                f"{interval(wrong)} | {100 * error:.1f} |",
                flush=True,
            )
    _same_series(beside["demo"], worlds["grocery"], seeds)


ENROLLED_AT_ONCE = {"grocery": 20, "demo": 12, "fashion": 15}  # about half of the classes that the test has
Claims = list[tuple[float, bool]]  # what the first match claims, and whether it is the same product


def _recogniser_of(world: World) -> Recognizer:
    sizes = {task: int(target.max()) + 1 for task, target in world.train.targets.items()}
    config = TrainConfig(strategy="concatenation", modalities=world.modalities)
    head = fit(world.train, world.val, sizes, config).head.eval()
    certainty = Certainty.fit(head, world.train, world.val).with_matching(head, world.train, world.val)
    vocabularies = {task: Vocabulary(tuple(map(str, range(size)))) for task, size in sizes.items()}
    encoders = load_preset("bundled", world.modalities)
    return Recognizer(encoders, head, "concatenation", vocabularies, certainty)  # type: ignore[arg-type]


def _asked_of_strangers(
    world: World, recognizer: Recognizer, classes: int, count: int, seed: int
) -> tuple[list[float], list[float], Claims, Claims]:
    """Which photos of enrolled classes were recognised rightly, which of others wrongly, and what both claimed."""
    chosen = drawn(world.test, world.task, classes, seed)
    _, new = split_off(_with_photo(world.train), world.task, chosen)
    strangers, own = split_off(_with_photo(world.test), world.task, chosen)
    kept = new.rows(_drawn_rows(new.targets[world.task], count, seed))
    shelf = shelf_from(recognizer, kept, [_name(target) for target in kept.targets[world.task].tolist()])
    return _judged(shelf, own, [_name(target) for target in own.targets[world.task].tolist()], strangers)


def _judged(
    shelf: Shelf, own: EmbeddingBatch, names: Sequence[str], strangers: EmbeddingBatch
) -> tuple[list[float], list[float], Claims, Claims]:
    inside, outside = shelf.answer(own, ()), shelf.answer(strangers, ())
    right = [float(a.recognised is not None and a.recognised.name == n) for a, n in zip(inside, names, strict=True)]
    wrong = [float(a.recognised is not None) for a in outside]
    claims = [(a.matches[0].probability, a.matches[0].name == n) for a, n in zip(inside, names, strict=True)]
    return right, wrong, claims, [(a.matches[0].probability, False) for a in outside]


def _with_photo(rows: EmbeddingBatch) -> EmbeddingBatch:
    return rows.rows(rows.present["image"]).select(["image"])


def _balanced_error(inside: Claims, outside: Claims) -> float:
    """Calibration error in ten bins, were uploads of enrolled products as frequent as others."""
    said, same = (np.array(column, dtype=float) for column in zip(*inside, *outside, strict=True))
    weight = np.r_[np.full(len(inside), 0.5 / len(inside)), np.full(len(outside), 0.5 / len(outside))]
    place = np.clip((10 * said).astype(int), 0, 9)
    return float(sum(abs((weight * (said - same))[place == one].sum()) for one in set(place.tolist())))


def _same_series(recognizer: Recognizer, world: World, seeds: int) -> None:
    """The first photos of 20 groceries, then the next ones, often of the same visit; train rows alone."""
    rows, target = _with_photo(world.train), _with_photo(world.train).targets["product"]
    print("\n| photos each | of the same visit, n | rightly | others, n | wrongly | P(same), ECE |")
    print("|---|---|---|---|---|---|")
    for count in ENROLLED_FROM:
        found = []
        for seed in range(seeds):
            chosen = drawn(rows, "product", LEFT_OUT, seed)
            places = {one: (target == one).nonzero().flatten() for one in target.unique().tolist()}
            kept = torch.cat([places[one][:count] for one in chosen])
            own = torch.cat([places[one][ENROLLED_FROM[-1] :][:6] for one in chosen])
            others = torch.cat([own[:2] for one, own in places.items() if one not in chosen])
            shelf = shelf_from(recognizer, rows.rows(kept), [_name(one) for one in target[kept].tolist()])
            names = [_name(one) for one in target[own].tolist()]
            found.append(_judged(shelf, rows.rows(own), names, rows.rows(others)))
        right, wrong = (sum((part[place] for part in found), []) for place in (0, 1))
        error = _balanced_error(sum((part[2] for part in found), []), sum((part[3] for part in found), []))
        print(
            f"| {count} | {len(right)} | {interval(right)} | {len(wrong)} | {interval(wrong)} | {100 * error:.1f} |",
            flush=True,
        )


# 4. Searching by every mix of inputs.


def retrieval(seeds: int) -> None:
    """`seeds` is not used: nothing is drawn but the head's seed, 0."""
    world = fashion()
    sizes = {task: int(target.max()) + 1 for task, target in world.train.targets.items()}
    head = fit(world.train, world.val, sizes, TrainConfig(strategy="concatenation")).head.eval()
    certainty = Certainty.fit(head, world.train, world.val).with_matching(head, world.train, world.val)
    vocabularies = {task: Vocabulary(tuple(map(str, range(size)))) for task, size in sizes.items()}
    recognizer = Recognizer(load_preset("bundled"), head, "concatenation", vocabularies, certainty)
    views = {m: world.train.embeddings[m][world.train.present[m]] for m in world.modalities}
    owners = {m: world.train.present[m].nonzero().flatten() for m in world.modalities}
    spaces = spaces_of(recognizer, views)
    shown = spaces.shown(views, owners, len(world.train))
    relevant = {
        "same article type": lambda rows: rows.targets["article_type"][:, None] == world.train.targets["article_type"],
        "all five labels equal": lambda rows: torch.stack(
            [rows.targets[task][:, None] == world.train.targets[task] for task in sizes]
        ).all(0),
    }
    for split in ("val", "test"):
        for title, same in relevant.items():
            print(f"\n{split}, relevant: {title}\n")
            print("| inputs | score | n | recall@1 | recall@10 | mean average precision |\n|---|---|---|---|---|---|")
            for subset in SUBSETS:
                rows = getattr(world, split)
                rows = rows.rows(rows.having(subset)).only(subset)
                alike = spaces.alike(rows, shown)
                plain = torch.stack([alike.cosines[m].nan_to_num(0.0) for m in subset]).mean(0)
                for name, scores in (("plain cosines", plain), ("all cosines", certainty.matching.odds(alike))):  # type: ignore[union-attr]
                    print(f"| {' + '.join(subset)} | {name} | {_retrieved(scores, same(rows))} |")


def _retrieved(scores: Tensor, same: Tensor) -> str:
    some = same.any(1)
    scores, same = scores[some], same[some]
    ranked = same.gather(1, scores.argsort(1, descending=True)).double()
    precision = ranked.cumsum(1) / torch.arange(1, ranked.shape[1] + 1)
    average = (precision * ranked).sum(1) / ranked.sum(1)
    parts = (ranked[:, 0], ranked[:, :10].max(1).values, average)
    return f"{len(same)} | " + " | ".join(interval(part.tolist()) for part in parts)


# 5. What is expected before enrolling.


def foresight(seeds: int) -> None:
    """50 enrolments of products left out of training, beside all others enrolled from 3, for each set and input."""
    from benchmarks.foresight import report

    report(seeds, ("grocery", "fashion", "demo"))


COMMANDS: dict[str, Callable[[int], None]] = {
    "spaces": spaces,
    "shots": shots,
    "left-out": left_out,
    "unknown": unknown,
    "retrieval": retrieval,
    "foresight": foresight,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    COMMANDS[given.command](given.seeds)
