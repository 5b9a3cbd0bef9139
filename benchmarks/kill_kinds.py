"""The kinds of work that `benchmarks.kills` kills: what there is before, the work, and what is kept in the end.

In: a home folder (RETAIL_HOME) beside a world of a few dozen tiny products. Out: `Kind`s. The work of each may be begun
again at any moment and then does what is left, as people do who start a killed command anew.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from PIL import Image

from retail.files import home
from retail.schema import Product
from retail.workspace import jobs
from retail.workspace.jobs import Job

ROWS, ENROLLED = 24, 10
GONE = "20260101-000001-abcd"  # a run that is deleted
COLOURS = {"red": (200, 30, 40), "green": (30, 150, 60), "blue": (30, 60, 190)}
TASKS = ("colour", "drink")
TIMES = ("seconds", "created", "cost", "costs", "peak", "took")  # parts of names whose values are never the same twice

HELD: dict[str, Any] = {}  # encoders by name

Tell = Callable[[str], None]  # something was acknowledged: from now on it may not be lost


@dataclass(frozen=True)
class Kind:
    """One kind of work. `kept` gives what has to be equal in the end, and `holds` what was acknowledged of that."""

    name: str
    work: Callable[[Tell], None]
    kept: Callable[[], dict[str, Any]]
    holds: Callable[[], set[str]] = set
    before: Callable[[], None] = lambda: None  # what a home has from the start


def world() -> Path:
    """Where data and encoders lie; every home is a folder in it."""
    return Path(os.environ["KILLS_WORLD"])


def make_world(folder: Path) -> None:
    """Products whose colour shows in the photo and whose drink stands in the text, and encoders for both."""
    from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder

    (folder / "data").mkdir(parents=True)
    with (folder / "data" / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "image_file_name", "text", *TASKS, "split"])
        for row in range(ROWS):
            colour, drink = list(COLOURS)[row % 3], ("tea", "coffee")[row // 3 % 2]
            photo = Image.new("RGB", (64, 64), tuple(min(255, value + row) for value in COLOURS[colour]))
            photo.save(folder / "data" / f"{row}.png")
            split = ("train", "train", "val", "test")[row // 6 % 4]
            writer.writerow([f"{row:03}", f"{row}.png", f"fresh {drink} no {row}", colour, drink, split])
    (folder / "weights").mkdir()
    names = {"image": tiny_photo_encoder(folder / "weights"), "text": tiny_text_encoder(folder / "words")}
    (folder / "encoders.txt").write_text(",".join(f"{m}={name}" for m, name in names.items()), encoding="utf-8")


def pack_world(folder: Path) -> None:
    """The same data as a ZIP, and a recogniser's."""
    from retail.workspace.runs import _zipped, bundle_zip

    a_bundle()
    files = sorted((folder / "data").iterdir())
    (folder / "data.zip").write_bytes(_zipped(files, folder / "data"))
    (folder / "bundle.zip").write_bytes(bundle_zip(home() / "bundle"))


def encoders() -> str:
    """As `--encoders` takes them."""
    return (world() / "encoders.txt").read_text(encoding="utf-8")


def hold_encoders() -> None:
    """Loads the encoders in this process, from which those that it forks have them."""
    from retail.encoders import load_preset

    for encoder in load_preset(encoders(), ["image", "text"]).values():
        shown = Image.new("RGB", (64, 64)) if encoder.modality == "image" else "fresh tea"
        encoder.embed_prepared([encoder.prepare(shown)])
        HELD[encoder.name] = encoder


def small_steps() -> None:
    """Writes often, so that there is much to kill: shards of 4 rows, pieces of 6, commits of 4 products."""
    from retail.encoders import load_encoder

    known = lambda name: HELD.get(name) or load_encoder(name)  # noqa: E731
    for place, value in (
        ("retail.encoders.load_encoder", known),
        ("retail.recognizer.bundle.load_encoder", known),
        ("retail.store.SHARD_ROWS", 4),
        ("retail.store.BATCH_SIZE", 4),
        ("retail.dataset.pieces.PIECE_ROWS", 6),
        ("retail.workspace.execution.recognising.PIECE_ROWS", 6),
        ("retail.catalogue.database.AT_ONCE", 4),
    ):
        mock.patch(place, value).start()


def run_of_ours(name: str = "20260101-000000-abcd") -> Job:
    """A run's folder as the queue gives it to its process."""
    folder = home() / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    return Job(name, folder)


def execute(request: Any) -> None:
    """As `retail run FOLDER` does it, progress included."""
    from retail.commands.shared import reported
    from retail.workspace.execution import execute as do

    job = run_of_ours()
    jobs.JobRecord(title="killed", command=("retail",)).write(job.folder / jobs.RECORD)
    with reported(job.folder / jobs.STATUS) as follower:
        do(request, follower, job.folder)


def head() -> Any:
    """Settings of a head that is trained in a moment."""
    from retail.config import TrainConfig

    return TrainConfig(strategy="gated", modalities=("image", "text"), width=8, max_epochs=4)


def plain(value: Any) -> Any:
    """Without times, so that two runs of the same are equal; numbers rounded, as the last bit may differ."""
    if isinstance(value, dict):
        return {key: plain(own) for key, own in value.items() if not any(part in key for part in TIMES)}
    if isinstance(value, list | tuple):
        return [plain(own) for own in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def bundle_in(folder: Path) -> dict[str, Any]:
    """All files of a bundle, which loads."""
    from retail.recognizer.bundle import load_bundle

    load_bundle(folder)
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name: plain(json.loads(path.read_bytes())) if path.suffix == ".json" else digest(path)
        for name, path in files.items()
    }


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def vectors() -> dict[str, Any]:
    """Everything that the store of embeddings gives."""
    from retail.store import EmbeddingStore

    store, found = EmbeddingStore(), {}
    with closing(sqlite3.connect(store.root / "index.sqlite")) as index:
        index.text_factory = lambda raw: raw.decode(errors="replace")  # what was damaged leads nowhere
        listed = index.execute("SELECT encoder, content FROM entries NOT INDEXED").fetchall()  # as lookups go
    for owner, content in listed:
        for embedding in store._read(owner, [content]).values():
            found[f"{owner} {content}"] = plain(embedding.tolist())
    return found


def embed(tell: Tell) -> None:
    from retail.workspace.requests import EmbedRequest

    execute(EmbedRequest(data=world() / "data", encoders=encoders()))


def train(tell: Tell) -> None:
    from retail.workspace.requests import TrainRequest

    execute(
        TrainRequest(data=world() / "data", tasks=TASKS, config=head(), encoders=encoders(), out=Path("bundles/gated"))
    )


def compare(tell: Tell) -> None:
    from retail.config import CompareConfig
    from retail.workspace.requests import CompareRequest

    config = CompareConfig(tasks=TASKS, strategies=("gated", "concatenation"), seeds=1, encoders=encoders())
    execute(
        CompareRequest(
            data=world() / "data",
            config=config,
            modalities=("image", "text"),
            bundles=Path("bundles"),
            csv_folder=Path("tables"),
            html=Path("report.html"),
        )
    )


def finetune(tell: Tell) -> None:
    from retail.config import FinetuneConfig
    from retail.workspace.requests import FinetuneRequest

    tuning = FinetuneConfig(epochs=3, batch_size=4, size=64, average=0.5, warmup_epochs=0.5)
    execute(
        FinetuneRequest(
            data=world() / "data",
            tasks=TASKS,
            config=head(),
            tuning=tuning,
            encoders=encoders(),
            out=Path("bundles/tuned"),
        )
    )


def predict(tell: Tell) -> None:
    from retail.workspace.requests import PredictRequest

    execute(PredictRequest(bundle=home() / "bundle", data=world() / "data", out=Path("predictions.csv")))


def a_bundle() -> None:
    """A recogniser to begin with."""
    from retail.build import train_recognizer
    from retail.recognizer.bundle import save_bundle

    save_bundle(train_recognizer(world() / "data", TASKS, head(), encoders()), home() / "bundle")


def photo(number: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (8 * number % 256, 40, 200 - number)).save(stream, "PNG")
    return stream.getvalue()


def enrol(tell: Tell) -> None:
    """Products added one by one, two of them merged and one removed, then all embedded."""
    from retail.catalogue.database import Catalogue
    from retail.catalogue.record import CatalogueProduct
    from retail.encoders import load_preset

    shop = Catalogue.open("shop")
    there = set(shop.ids())
    for number in range(ENROLLED):
        if f"p{number}" not in there and "p0 p1" not in {one.name for one in shop.products(["p0"])}:
            facts = CatalogueProduct(f"p{number}", f"product {number}", {"kind": "tea"}, {"sku": str(number)})
            shop.add([(facts, Product("", (photo(number),), f"fresh tea no {number}"))])
        tell(f"p{number}")
    if {"p1", "p2"} & set(shop.ids()):
        shop.merge("p0", [one for one in ("p1", "p2") if shop.get(one)])
        shop.edit("p0", name="p0 p1")
    tell("merged")
    shop.remove(["p3"])
    tell("removed")
    shop.embed(load_preset(encoders(), ["image", "text"]))


def shop_kept() -> dict[str, Any]:
    from retail.catalogue.database import Catalogue
    from retail.encoders import load_preset

    shop = Catalogue.open("shop")
    found = {
        one.id: [one.name, dict(one.labels), dict(one.fields), sorted(view.id for view in one.views)]
        for one in shop.products()
    }
    named = {str(view.source) for view in shop.views() if view.modality == "image"}
    files = {str(path) for path in (shop.folder / "media").rglob("*") if path.is_file()}
    assert shop.ids_by_words("tea"), "the index of words is there"
    rows = {}
    for encoder in load_preset(encoders(), ["image", "text"]).values():
        kept = shop.vectors(encoder)
        rows |= dict(zip(kept.views, plain(kept.vectors.tolist()), strict=True))
    return {"products": found, "vectors": rows, "unnamed files": sorted(files - named), "lost files": named - files}


def shop_holds() -> set[str]:
    from retail.catalogue.database import Catalogue

    shop = Catalogue.open("shop")
    ids = set(shop.ids())
    merged = len(shop.get("p0").views) == 6 if "p0" in ids else False  # type: ignore[union-attr]
    told = ids | ({"p1", "p2", "merged"} if merged else set())
    return told | ({"p3", "removed"} if "p3" not in ids else set())


def review(tell: Tell) -> None:
    """Somebody decides row after row; each is a correction that the catalogue shows."""
    from retail.catalogue.database import Catalogue
    from retail.recognizer.bundle import load_bundle
    from retail.review.corrections import Corrections
    from retail.review.queue import ReviewQueue

    recognizer, shop = load_bundle(home() / "bundle"), Catalogue.open("shop")
    queue = ReviewQueue(run_of_ours().folder)
    if not queue.exists or queue.counts().done + queue.counts().left == 0:
        queue.fill(range(ENROLLED))
    while (number := queue.next("me")) is not None:
        product = Product(str(number), (photo(number),), f"fresh tea no {number}")
        said = Corrections().record(
            product,
            recognizer.predict(product),
            "class",
            labels={"drink": "coffee"},
            recognizer=recognizer,
            bundle=home() / "bundle",
            catalogue=shop,
        )
        tell(said.id)
        queue.decide("me", number, said.id)
        tell(f"row {number}")
    Corrections().settle(shop)


def review_kept() -> dict[str, Any]:
    """What counts in the end. A row that was said but not yet decided when its process died is asked for again."""
    from retail.catalogue.database import Catalogue
    from retail.review.corrections import Corrections
    from retail.review.queue import ReviewQueue

    shop, kept = Catalogue.open("shop"), Corrections()
    queue = ReviewQueue(run_of_ours().folder)
    decided = {row: kept.get(name) for row, name in queue.decisions().items()}
    shown = {view.source for one in shop.products() for view in one.views if view.modality == "text"}
    return {
        "decided": sorted(decided),
        "said": {row: [one.example.text, dict(one.labels)] if one else None for row, one in decided.items()},
        "shown": sorted(map(str, shown)),
        "unsettled": kept.settle(shop),
        "left": queue.counts().left,
    }


def review_holds() -> set[str]:
    from retail.review.corrections import Corrections
    from retail.review.queue import ReviewQueue

    rows = {f"row {number}" for number in ReviewQueue(run_of_ours().folder).decisions()}
    return rows | {one.id for one in Corrections().all()}


def export(tell: Tell) -> None:
    """A catalogue as tables, and the recogniser as graphs over an earlier export."""
    from retail.catalogue.database import Catalogue
    from retail.export import export_onnx
    from retail.recognizer.bundle import load_bundle

    for ending in (".csv", ".xlsx", ".parquet"):
        Catalogue.open("shop").export(home() / "out" / f"shop{ending}")
    export_onnx(load_bundle(home() / "bundle"), home() / "out" / "graphs")


def before_export() -> None:
    a_bundle()
    enrol(lambda told: None)


def exported() -> dict[str, Any]:
    files = [path for path in sorted((home() / "out").rglob("*")) if path.is_file()]
    return {
        path.relative_to(home() / "out").as_posix(): plain(json.loads(path.read_bytes()) | {"parity": ""})
        if path.name == "recogniser.json"
        else path.suffix
        if path.suffix in (".xlsx", ".onnx", ".pyc")  # with times in them
        else digest(path)
        for path in files
    }


def import_(tell: Tell) -> None:
    """A recogniser, a data set, an upload of many and products of a catalogue."""
    from retail.catalogue.database import Catalogue
    from retail.dataset.places.archive import unpack
    from retail.workspace import bulk, datasets
    from retail.workspace.recognizers import bundles_in, imported_folder
    from retail.workspace.runs import import_bundle

    data = (world() / "data.zip").read_bytes()
    if not bundles_in(imported_folder()):
        import_bundle("shop.zip", (world() / "bundle.zip").read_bytes())
    tell("bundle")
    if not [one for one in datasets.list_datasets() if one.name == "mine"]:
        datasets.add_upload("mine", "data.zip", data)
    tell("data")
    bulk.keep_upload("data.zip", io.BytesIO(data))
    unpack(world() / "data.zip")
    Catalogue.open("shop").import_data(world() / "data")
    tell("products")


def imported() -> dict[str, Any]:
    from retail.catalogue.database import Catalogue

    own = [home() / name for name in ("bundles", "datasets", "uploads", "unpacked")]
    files = [path for folder in own for path in sorted(folder.rglob("*")) if path.is_file()]
    products = {one.id: [one.name, dict(one.labels), len(one.views)] for one in Catalogue.open("shop").products()}
    named = {path.relative_to(home()).as_posix(): path for path in files}
    return {"products": products} | {
        name: "" if path.name == "dataset.json" else digest(path) for name, path in named.items()
    }


def import_holds() -> set[str]:
    from retail.catalogue.database import Catalogue
    from retail.workspace import datasets
    from retail.workspace.recognizers import bundles_in, imported_folder

    found = {"bundle"} if bundles_in(imported_folder()) else set()
    found |= {"data"} if [one for one in datasets.list_datasets() if one.name == "mine"] else set()
    return found | ({"products"} if len(Catalogue.open("shop")) == ROWS else set())


def history(tell: Tell) -> None:
    """Runs listed, and one deleted; then every recogniser's graph is made."""
    from retail.recognizer.bundle import load_bundle
    from retail.workspace.runs import history as look

    for number in range(6):
        job = run_of_ours(f"20260101-00000{number}-abcd")
        jobs.Status(state="done", updated=number).write(job.folder / jobs.STATUS)
        jobs.JobRecord(title=f"run {number}", started=number).write(job.folder / jobs.RECORD)
        tell(job.id)
    look()
    if gone := jobs.find(GONE):
        jobs.delete(gone)
    look()
    with mock.patch.dict(os.environ, RETAIL_RUNTIME="auto"):
        load_bundle(home() / "bundle").make_ready()


def history_kept() -> dict[str, Any]:
    from retail.recognizer.bundle import load_bundle
    from retail.workspace.runs import history as look

    with mock.patch.dict(os.environ, RETAIL_RUNTIME="auto"):
        ready = load_bundle(home() / "bundle").is_ready
    return {"runs": [[run.id, run.title, run.state] for run in look()], "ready": ready}


def history_holds() -> set[str]:
    return {job.id for job in jobs.list_jobs()} | {GONE}


def of_run(name: str) -> Callable[[], dict[str, Any]]:
    """A bundle of the run, and the state that its process wrote."""

    def kept() -> dict[str, Any]:
        job = run_of_ours()
        return bundle_in(job.folder / "bundles" / name) | {"state": job.told.state} | vectors()

    return kept


def compared() -> dict[str, Any]:
    job = run_of_ours()
    found = {"results": plain(json.loads(job.results.read_bytes())), "state": job.told.state}
    return found | {
        str(path): bundle_in(path) for path in map(Path, sorted(map(str, (job.folder / "bundles").iterdir())))
    }


def predicted() -> dict[str, Any]:
    job = run_of_ours()
    assert not list(job.folder.glob("*.parts"))
    return {"table": (job.folder / "predictions.csv").read_text(encoding="utf-8"), "state": job.told.state}


KINDS = {
    kind.name: kind
    for kind in (
        Kind("embed", embed, vectors),
        Kind("train", train, of_run("gated")),
        Kind("compare", compare, compared),
        Kind("finetune", finetune, of_run("tuned")),
        Kind("predict", predict, predicted, before=a_bundle),
        Kind("enrol", enrol, shop_kept, shop_holds),
        Kind("review", review, review_kept, review_holds, before=a_bundle),
        Kind("export", export, exported, before=before_export),
        Kind("import", import_, imported, import_holds),
        Kind("history", history, history_kept, history_holds, before=a_bundle),
    )
}
