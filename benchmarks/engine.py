"""What the engine under the encoders costs: photos from file to stored vector, three inputs, one product, a start.

In: the grocery photos and the fashion set beside the project; `--before CHECKOUT`, an earlier version of the project to
compare with. Out: a table on stdout. Each figure is the processor's time (user and system), for machines have other
work to do; what is compared runs in turns, each time in a process of its own, on one thread.
`python benchmarks/engine.py photos fashion one start --before ../earlier`
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATASETS = ROOT.parent / "shared" / "datasets"
PHOTOS = "timm:tf_efficientnet_lite0@bundled#size=320+flip"  # as the shipped recogniser of groceries reads them
TIMES = 3  # turns


def usage() -> tuple[float, float, int]:
    """Seconds of user and system and page faults, of this process and of its children that ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime for one in both), sum(one.ru_stime for one in both), sum(one.ru_minflt for one in both)


def measured(work: Callable[[], Any], items: int) -> dict[str, Any]:
    """What each item takes."""
    before, started = usage(), time.perf_counter()
    found = work()
    user, system, faults = (now - then for now, then in zip(usage(), before, strict=True))
    seconds = time.perf_counter() - started
    figures = {"user": 1000 * user / items, "system": 1000 * system / items, "clock": 1000 * seconds / items}
    return {**figures, "faults": faults / items, "found": found}


def photos(count: int) -> list[Path]:
    """So many, evenly over the classes."""
    found = sorted((DATASETS / "grocery" / "images").rglob("*.jpg"))
    return found[:: max(1, len(found) // count)][:count]


def stored(name: str, sources: Sequence[Any], warm: Sequence[Any]) -> dict[str, Any]:
    """Through the product: from files to vectors in a store of their own."""
    from retail.encoders import load_encoder
    from retail.store import EmbeddingStore

    encoder = load_encoder(name)
    with tempfile.TemporaryDirectory() as folder:
        EmbeddingStore(Path(folder) / "warm").fetch(encoder, warm)
        store = EmbeddingStore(Path(folder) / "store")
        figures = measured(lambda: store.fetch(encoder, sources)[0], len(sources))
    return figures


def product(count: int) -> dict[str, Any]:
    """The product's way with photos."""
    chosen = photos(count + 8)
    return stored(PHOTOS, chosen[:count], chosen[count:])


def loop(count: int) -> dict[str, Any]:
    """What a data scientist would write: timm, its transform, a DataLoader, both mirror images."""
    import timm
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    from retail.encoders import load_encoder

    model = load_encoder(PHOTOS).new_model().eval()
    config = timm.data.resolve_model_data_config(model) | {"input_size": (3, 320, 320)}
    transform = timm.data.create_transform(**config, is_training=False)

    class Files(Dataset):
        def __init__(self, files: Sequence[Path]) -> None:
            self.files = files

        def __len__(self) -> int:
            return len(self.files)

        def __getitem__(self, place: int) -> Any:
            return transform(Image.open(self.files[place]).convert("RGB"))

    def run(files: Sequence[Path]) -> Any:
        with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
            batches = DataLoader(Files(files), batch_size=32, num_workers=1)
            found = torch.cat([(model(batch) + model(batch.flip(3))) / 2 for batch in batches])
            torch.save(found, Path(folder) / "vectors.pt")
        return found

    chosen = photos(count + 8)
    run(chosen[count:])
    return measured(lambda: run(chosen[:count]), count)


def bare(count: int) -> dict[str, Any]:
    """ONNX Runtime alone on the product's own graph and on decoded tensors, one at a time."""
    import torch

    from retail.encoders import load_encoder
    from retail.media import picture_of

    encoder = load_encoder(PHOTOS)
    encoder.make_ready()
    network = encoder.networks[0]
    ready = [encoder.prepare(picture_of(file))[None] for file in photos(count)]
    network(ready[0])
    return measured(lambda: torch.cat([network(pixels)[0] for pixels in ready]), count)


def fashion(count: int) -> dict[str, Any]:
    """Photo, words and sound of so many products, cold: milliseconds a product."""
    from retail.encoders import PRESETS

    folder = DATASETS / "fashion"
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))[: count + 8]
    columns = {"image": "image_file_name", "text": "text", "audio": "audio_file_name"}
    found: dict[str, Any] = {}
    for modality, column in columns.items():
        given: list[Any] = [row[column] for row in rows if row.get(column)]
        if modality != "text":
            given = [folder / name for name in given]
        figures = stored(PRESETS["bundled"][modality], given[:-8], given[-8:])
        share = len(given[:-8]) / count  # not every product has each input
        for name in ("user", "system", "clock", "faults"):
            found[name] = found.get(name, 0.0) + figures[name] * share
        found[modality] = figures["user"] + figures["system"]
    return found


def one(count: int) -> dict[str, Any]:
    """One product after the other with all inputs, warm: milliseconds at the median and the 99th of 100."""
    from retail import Recognizer
    from retail.dataset.reader import read_manifest
    from retail.files import DEMO_DIR

    whole = [product for product in read_manifest(DEMO_DIR).products if len(product.modalities) == 3]
    products = [replace(product, images=product.images[:1]) for product in whole[:count]]
    recognizer = Recognizer.load("demo")
    for warm in products[:10]:
        recognizer.predict(warm)
    spent = []
    for given in products:
        started = time.process_time()
        recognizer.predict(given)
        spent.append(1000 * (time.process_time() - started))
    return {"p50": statistics.median(spent), "p99": sorted(spent)[int(0.99 * len(spent))], "n": len(spent)}


WORKERS: dict[str, Callable[[int], dict[str, Any]]] = {
    "product": product,
    "loop": loop,
    "bare": bare,
    "fashion": fashion,
    "one": one,
}


def run(worker: str, count: int, checkout: Path, home: Path, vectors: Path | None = None) -> dict[str, Any]:
    """A worker in a process of its own, with the code of a checkout."""
    command = [sys.executable, __file__, "--worker", worker, "--count", str(count), "--vectors", str(vectors or "")]
    environment = os.environ | {"PYTHONPATH": str(checkout), "RETAIL_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, cwd=checkout, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def work(worker: str, count: int, vectors: str) -> None:
    """What `run` starts."""
    import torch

    torch.set_num_threads(1)
    figures = WORKERS[worker](count)
    found = figures.pop("found", None)
    if vectors and found is not None:
        torch.save(found, vectors)
    print(json.dumps(figures))


def turns(
    workers: Sequence[tuple[str, str, Path]], count: int, folder: Path, times: int = TIMES
) -> dict[str, dict[str, float]]:
    """Medians over the turns of each (label, worker, checkout)."""
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(times):
        for label, worker, checkout in workers:
            figures = run(worker, count, checkout, folder / label, folder / f"{label}.pt")
            found.setdefault(label, []).append(figures)
    return {
        label: {name: statistics.median(one[name] for one in runs) for name in runs[0]} for label, runs in found.items()
    }


def compare_photos(before: Path | None, count: int, folder: Path) -> None:
    import torch

    workers = [("now", "product", ROOT), ("loop", "loop", ROOT), ("bare", "bare", ROOT)]
    if before:
        workers.insert(0, ("before", "product", before))
    run("bare", 1, ROOT, folder / "now")  # the graph is made once on a machine
    found = turns(workers, count, folder)
    for label, own in found.items():
        print(
            f"photos {label:7} user {own['user']:6.1f} ms, system {own['system']:5.1f} ms a photo "
            f"({own['system'] / own['user']:.1%}), {own['faults']:,.0f} page faults, by the clock {own['clock']:.0f} ms"
        )
    total = {label: own["user"] + own["system"] for label, own in found.items()}
    print(f"photos now beside bare ONNX Runtime {total['bare'] / total['now']:.2f} (limit 0.85)")
    print(f"photos now beside the plain loop    {total['loop'] / total['now']:.2f} (limit 3)")
    if before:
        one, other = (torch.load(folder / f"{label}.pt", weights_only=True) for label in ("before", "now"))
        cosine = torch.cosine_similarity(one.double(), other.double()).min()
        print(f"photos now beside before            {total['before'] / total['now']:.2f} (limit 2)")
        print(f"photos equal vectors                cosine at least {float(cosine):.7f} (limit 0.9999), n = {len(one)}")


def compare_fashion(before: Path | None, count: int, folder: Path) -> None:
    workers = [("now", "fashion", ROOT)] + ([("before", "fashion", before)] if before else [])
    make_ready(folder / "now")
    for label, own in turns(workers, count, folder).items():
        total = own["user"] + own["system"]
        parts = ", ".join(f"{name} {own[name]:.1f}" for name in ("image", "text", "audio"))
        print(f"fashion {label:6} {1000 / total:5.1f} products a second of processor, {total:.1f} ms each ({parts})")


def make_ready(home: Path) -> None:
    """The bundled encoders' graphs, made once on a machine."""
    code = "from retail import Recognizer; Recognizer.load('demo').make_ready()"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RETAIL_HOME": str(home), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, stderr=subprocess.DEVNULL)


def compare_one(before: Path | None, count: int, folder: Path) -> None:
    workers = [("now", "one", ROOT)] + ([("before", "one", before)] if before else [])
    make_ready(folder / "now")
    for label, own in turns(workers, count, folder).items():
        print(f"one {label:6} p50 {own['p50']:.1f} ms (limit 25), p99 {own['p99']:.1f} ms (limit twice), n = {count}")


def compare_start(before: Path | None, count: int, folder: Path) -> None:
    photo = next((ROOT / "data" / "demo" / "images").glob("*.jpg"))
    commands = {"--help": ["--help"], "predict": ["predict", "demo", "--image", str(photo)]}
    workers = [("now", ROOT)] + ([("before", before)] if before else [])
    spent: dict[str, list[tuple[float, float]]] = {}
    for _ in range(TIMES + 1):
        for label, checkout in workers:
            environment = os.environ | {"RETAIL_HOME": str(folder / label), "OMP_NUM_THREADS": "1"}
            for name, options in commands.items():
                before_it, started = usage(), time.perf_counter()
                command = [sys.executable, "-m", "retail", *options]
                subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
                user, system, _ = (now - then for now, then in zip(usage(), before_it, strict=True))
                spent.setdefault(f"{name} {label}", []).append((user + system, time.perf_counter() - started))
        for _, checkout in workers[:1]:
            before_it, started = usage(), time.perf_counter()
            subprocess.run([sys.executable, "-c", "import torch"], cwd=checkout, check=True)
            user, system, _ = (now - then for now, then in zip(usage(), before_it, strict=True))
            spent.setdefault("import torch alone", []).append((user + system, time.perf_counter() - started))
    for name, runs in spent.items():
        first, *later = runs
        processor, clock = (statistics.median(one[place] for one in later) for place in (0, 1))
        print(f"start {name:18} {processor:.2f} s of processor, {clock:.2f} s by the clock; first {first[0]:.2f} s")


JOBS: dict[str, tuple[Callable[[Path | None, int, Path], None], int]] = {
    "photos": (compare_photos, 200),
    "fashion": (compare_fashion, 200),
    "one": (compare_one, 100),
    "start": (compare_start, 1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", nargs="*", help=f"of {', '.join(JOBS)}; all if left out")
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version")
    parser.add_argument("--count", type=int, default=0, help="photos or products")
    parser.add_argument("--worker", choices=WORKERS)
    parser.add_argument("--vectors", default="")
    asked = parser.parse_args()
    if asked.worker:
        work(asked.worker, asked.count, asked.vectors)
        return
    if not (DATASETS / "grocery").is_dir():
        raise SystemExit(f"The measuring data is absent: {DATASETS} has no grocery photos.")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.jobs or list(JOBS):
            job, usual = JOBS[name]
            job(asked.before and asked.before.resolve(), asked.count or usual, Path(folder))
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
