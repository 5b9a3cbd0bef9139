"""Time and memory against rows, classes and strategies, with the exponent; every point in a process of its own.

In: nothing; products and embeddings are made up, in the widths of the bundled encoders. Out: the tables of `scale.md`.

    OMP_NUM_THREADS=1 python -m benchmarks.scale table train classes certainty strategies bulk store history
    OMP_NUM_THREADS=1 python -m benchmarks.scale train --most 30000      without the larger points
    python -m benchmarks.scale --table                                   what was measured so far

A point that stands in FOLDER/points.jsonl is not measured again, so the command may be stopped and given again. Seconds
are processor time, memory the peak resident set beyond what the imports take (which stands beside it). The exponent is
the slope of the logarithms over all points of a curve, and between its last two.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

WIDTHS = {"audio": 256, "image": 1280, "text": 384}
ROWS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000)
CLASSES = (10, 100, 1_000, 3_000)
USUAL_ROWS, USUAL_CLASSES, EPOCHS = 10_000, 100, 2
LOOKED_UP = 10
PART = 8_192  # rows made up at a time
RUNS = (50, 500, 5_000)
NAMES = 10_000  # files of a folder


# ---------------------------------------------------------------- what is measured


@contextmanager
def measured(found: dict[str, float], name: str) -> Iterator[None]:
    """Processor seconds and the peak so far."""
    started = time.process_time()
    yield
    found[f"{name}_seconds"] = round(time.process_time() - started, 3)
    found[f"{name}_mib"] = peak() - found["imports_mib"]


def peak() -> float:
    """MiB that this process held at most."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def train(rows: int, classes: int, strategy: str, folder: Path) -> dict[str, float]:
    """A head, two epochs; embeddings beyond 512 MiB lie on disk, as `embed_large` leaves them."""
    return _trained(rows, classes, strategy, folder)[0]


def _trained(rows: int, classes: int, strategy: str, folder: Path) -> tuple[dict[str, float], Any, Any, Any, Any]:
    import retail.build  # noqa: F401 - as every training has it loaded
    from retail.config import TrainConfig
    from retail.training import fit

    found: dict[str, float] = {"imports_mib": peak()}
    config = TrainConfig(strategy=strategy, max_epochs=EPOCHS, patience=EPOCHS)
    with measured(found, "data"):
        learned, judged = (made_up(count, classes, seed, folder) for seed, count in ((1, rows), (2, rows // 10)))
    with measured(found, "fit"):
        result = fit(learned, judged, {"kind": classes}, config)
    return found, learned, judged, result.head, config


def certain(rows: int, classes: int, strategy: str, folder: Path) -> dict[str, float]:
    """What a trained head's answers are worth: calibration and novelty, then the weights of a catalogue."""
    from retail.build import judging_rows
    from retail.certainty import Certainty
    from retail.schema import Vocabulary
    from retail.splits import Splits

    found, learned, judged, head, config = _trained(rows, classes, strategy, folder)
    known = {"kind": Vocabulary(tuple(f"{number:05}" for number in range(classes)))}
    few = judging_rows(Splits(learned, judged, judged, known, {}))
    with measured(found, "certainty"):
        certainty = Certainty.fit(head, *few)
    with measured(found, "matching"):
        certainty.with_matching(head, *few, config)
    return found


def made_up(rows: int, classes: int, seed: int, folder: Path) -> Any:
    """Rows with three inputs around a centre for each class, sorted by class in runs of 1,000: the worst to shuffle."""
    import torch

    from retail.store import EmbeddingBatch
    from retail.store.large import MOST_IN_MEMORY
    from retail.store.on_disk import RowsOnDisk, add, new_file

    centres = {m: torch.randn(classes, w, generator=torch.Generator().manual_seed(0)) for m, w in WIDTHS.items()}
    generator, parts = torch.Generator().manual_seed(seed), {m: [] for m in WIDTHS}
    targets = torch.arange(rows) // min(1_000, max(1, rows // classes)) % classes
    large = 4 * rows * sum(WIDTHS.values()) > MOST_IN_MEMORY
    files = {m: new_file(folder) for m in WIDTHS} if large else {}
    for places in torch.arange(rows).split(PART):
        for m, width in WIDTHS.items():
            part = 0.3 * centres[m][targets[places]] + torch.randn(len(places), width, generator=generator)
            add(files[m], part) if large else parts[m].append(part)
    kept = {m: RowsOnDisk.of(files[m], w) if large else torch.cat(parts[m]) for m, w in WIDTHS.items()}
    everywhere = {m: torch.ones(rows, dtype=torch.bool) for m in WIDTHS}
    return EmbeddingBatch(tuple(map(str, range(rows))), kept, everywhere, {"kind": targets})


def table(rows: int, classes: int, _strategy: str, folder: Path) -> dict[str, float]:
    """A CSV with a photo, a sound, a description, a label and a split, as `retail train` reads it."""
    from retail.dataset.reader import read_manifest

    path = folder / "products.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        written = csv.writer(stream)
        written.writerow(["id", "image_file_name", "audio_file_name", "text", "kind", "split"])
        for row in range(rows):
            image, audio = (_linked(folder, kind, row) for kind in ("photos/{:03}/{:07}.jpg", "sounds/{:03}/{:07}.ogg"))
            words = f"Made up product {row} of kind {row % classes}, 500 g, in a carton"
            split = ("train", "train", "train", "val", "test")[row // classes % 5]
            written.writerow([f"p{row:07}", image, audio, words, f"kind {row % classes}", split])
    found: dict[str, float] = {"imports_mib": peak()}
    with measured(found, "read"):
        manifest = read_manifest(path, ["kind"])
    with measured(found, "look"):
        assert len(manifest.vocabularies()["kind"]) == classes and len(manifest.in_split("test")) == rows // 5
    found["kept_mib"] = round(psutil.Process().memory_info().rss / 2**20) - found["imports_mib"]
    return found


def _linked(folder: Path, kind: str, row: int) -> str:
    """The name of a file of its own, which a disk takes as a link: one file bears up to 65,000 names on ext4."""
    name = kind.format(row // NAMES, row)
    first = folder / kind.format(row // NAMES, row // NAMES * NAMES)
    if row % NAMES:
        os.link(first, folder / name)
    else:
        first.parent.mkdir(parents=True)
        first.write_bytes(b"never opened")
    return name


def bulk(rows: int, _classes: int, _strategy: str, folder: Path) -> dict[str, float]:
    """`predict --data` with the demo's recogniser on descriptions that were embedded before."""
    import torch

    from retail.files import DEMO_BUNDLE
    from retail.media import content_hash
    from retail.recognizer.bundle import load_bundle
    from retail.store import READINGS, EmbeddingStore
    from retail.workspace.execution import execute
    from retail.workspace.requests import PredictRequest

    data, encoder = folder / "products.csv", load_bundle(DEMO_BUNDLE).encoders["text"]
    os.environ["RETAIL_HOME"], generator = str(folder), torch.Generator().manual_seed(0)
    store, owner = EmbeddingStore(), f"{encoder.fingerprint} {READINGS['text']}"
    with data.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerow(["id", "text"])
        for start in range(0, rows, PART):
            texts = [f"made up product {n} in a carton" for n in range(start, min(rows, start + PART))]
            csv.writer(stream).writerows((f"p{start + n}", text) for n, text in enumerate(texts))
            store._write(
                owner,
                dict(
                    zip(
                        map(content_hash, texts),
                        torch.randn(len(texts), encoder.dim, generator=generator),
                        strict=True,
                    )
                ),
            )
    found: dict[str, float] = {"imports_mib": peak()}
    with measured(found, "predict"):
        execute(PredictRequest(bundle=DEMO_BUNDLE, data=data, out=folder / "out.csv"))
    return found


def store(rows: int, _classes: int, _strategy: str, folder: Path) -> dict[str, float]:
    """Ten keys among so many entries, whose shards this process reads for the first time."""
    import torch

    from retail.store import SHARD_ROWS, EmbeddingStore

    kept = EmbeddingStore(folder)
    keys = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(rows)]
    for start in range(0, rows, SHARD_ROWS):
        own = keys[start : start + SHARD_ROWS]
        kept._write("an encoder", dict(zip(own, torch.randn(len(own), WIDTHS["text"]), strict=True)))
    found: dict[str, float] = {"imports_mib": peak()}
    with measured(found, "lookup"):
        assert len(kept._read("an encoder", keys[:: max(1, rows // LOOKED_UP)][:LOOKED_UP])) == LOOKED_UP
    return found


def history(runs: int, _classes: int, _strategy: str, folder: Path) -> dict[str, float]:
    """A second look at so many finished runs."""
    os.environ["RETAIL_HOME"] = str(folder)
    from retail.config import TrainConfig
    from retail.workspace.requests import TrainRequest, write_request
    from retail.workspace.runs import history as look

    for number in range(runs):
        own = folder / "runs" / f"20260101-{number:06}-abcd"
        own.mkdir(parents=True)
        write_request(TrainRequest(data=Path("/shop"), config=TrainConfig(), out=Path("bundles/one")), own)
        (own / "job.json").write_text(json.dumps({"title": f"run {number}", "started": number}))
        (own / "status.json").write_text(json.dumps({"state": "done", "updated": number}))
        os.utime(own, (number, number))
    look()
    found: dict[str, float] = {"imports_mib": peak()}
    with measured(found, "list"):
        assert len(look()) == runs
    return found


# ---------------------------------------------------------------- points and curves


def plans() -> dict[str, list[tuple[Callable[..., dict[str, float]], int, int, str]]]:
    """The points of each curve: what is measured, with how many rows and classes, by which strategy."""
    from retail.config import TrainConfig
    from retail.fusion import strategies

    usual = TrainConfig.strategy
    compared = [name for name, head in strategies().items() if head.compared]
    return {
        "table": [(table, rows, USUAL_CLASSES, usual) for rows in ROWS],
        "train": [(train, rows, USUAL_CLASSES, usual) for rows in ROWS],
        "classes": [(train, USUAL_ROWS, classes, usual) for classes in CLASSES],
        "certainty": [(certain, rows, USUAL_CLASSES, usual) for rows in ROWS],
        "certainty-classes": [(certain, USUAL_ROWS, classes, usual) for classes in CLASSES],
        "strategies": [(train, USUAL_ROWS, CLASSES[-1], name) for name in compared],
        "bulk": [(bulk, rows, 0, "") for rows in ROWS[:-1]],
        "store": [(store, rows, 0, "") for rows in ROWS[:-1]],
        "history": [(history, runs, 0, "") for runs in RUNS],
    }


def measure(curve: str, folder: Path, most: int) -> None:
    """Every point of a curve that is not kept yet."""
    done = {(p["curve"], p["rows"], p["classes"], p["strategy"]) for p in kept(folder)}
    for place, (_, rows, classes, strategy) in enumerate(plans()[curve]):
        if rows > most or (curve, rows, classes, strategy) in done:
            continue
        facts = {"curve": curve, "rows": rows, "classes": classes, "strategy": strategy}
        command = [sys.executable, "-m", "benchmarks.scale", "--point", curve, str(place), "--folder", str(folder)]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        found = json.loads(ended.stdout.splitlines()[-1]) if ended.returncode == 0 else {"failed": ended.returncode}
        with (folder / "points.jsonl").open("a") as stream:
            stream.write(json.dumps(facts | found | {"load": round(os.getloadavg()[0], 1)}) + "\n")
        print(facts | found, flush=True)


def point(curve: str, place: int, folder: Path) -> None:
    """One of them, in this process."""
    import torch

    torch.set_num_threads(1)
    work, rows, classes, strategy = plans()[curve][place]
    with tempfile.TemporaryDirectory(dir=folder) as own:
        print(json.dumps(work(rows, classes, strategy, Path(own))))


def kept(folder: Path) -> list[dict[str, Any]]:
    """The points measured so far."""
    path = folder / "points.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def slope(pairs: list[tuple[float, float]]) -> float:
    """Of the logarithms, by least squares; NaN for fewer than two."""
    logs = [(math.log(x), math.log(y)) for x, y in pairs if x > 0 and y > 0]
    if len(logs) < 2:
        return math.nan
    middle = [sum(values) / len(logs) for values in zip(*logs, strict=True)]
    across = sum((x - middle[0]) ** 2 for x, _ in logs)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in logs) / across


def tables(folder: Path) -> str:
    """Markdown: the points, and below each figure its exponent where the curve has one."""
    lines = [f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"]
    for curve in plans():
        points = [own for own in kept(folder) if own["curve"] == curve and "failed" not in own]
        names = [n for n in dict.fromkeys(n for own in points for n in own) if n.endswith(("_seconds", "_mib"))]
        along = "strategy" if curve == "strategies" else "classes" if curve.endswith("classes") else "rows"
        points.sort(key=lambda own: own[along])
        lines += ["", f"**{curve}**", "", f"| {along} | {' | '.join(names)} | load |", "|---" * (len(names) + 2) + "|"]
        for own in points:
            where = f"{own[along]:,}" if along != "strategy" else own[along]
            lines.append(f"| {where} | {' | '.join(str(own.get(name, '–')) for name in names)} | {own['load']} |")
        if along != "strategy" and len(points) > 1:
            for title, some in (("exponent", points), ("of the last two", points[-2:])):
                slopes = [slope([(own[along], own[name]) for own in some if name in own]) for name in names]
                lines.append(f"| {title} | {' | '.join(f'{value:.2f}' for value in slopes)} | |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", nargs="*")
    parser.add_argument("--most", type=int, default=ROWS[-1], help="no point with more rows")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "retail_scale")
    parser.add_argument("--point", nargs=2, metavar=("CURVE", "PLACE"))
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.point:
        point(options.point[0], int(options.point[1]), options.folder)
    else:
        for chosen in [] if options.table else options.curves or list(plans()):
            measure(chosen, options.folder, options.most)
        print(tables(options.folder))
