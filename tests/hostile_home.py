"""A home folder in which everything that people can name has a name that acts wherever it is not text.

In: a home folder that is `RETAIL_HOME`, and a name. Out: a data set, a comparison, a recogniser, a bulk run, runs that
failed and that run, and a catalogue, with addresses of the pages that show them.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.commands.shared import Reporter
from retail.dataset.columns import Columns
from retail.dataset.reader import read_rows
from retail.files import DEMO_BUNDLE
from retail.recognizer import Recognizer
from retail.schema import Product, Vocabulary
from retail.workspace import datasets, jobs, processes
from retail.workspace.bulk import MAX_ROWS, PREDICTIONS
from retail.workspace.execution import execute
from retail.workspace.records import JobRecord, Status
from retail.workspace.requests import PredictRequest, write_request
from tests.hostile_names import HOSTILE, HOSTILE_FILE
from tests.results_sample import CLASSES, ids, sample_json, write_finished_run

DONE, FAILED, RUNNING = "20260101-000000-done", "20260101-000000-failed", "20260101-000000-running"
CATALOGUE = "Names"
ROWS, KINDS = 24, 3


@dataclass(frozen=True)
class Home:
    """What the addresses name."""

    dataset: str
    product: str  # an id of the data set
    bulk: str
    recogniser: str

    def addresses(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Page and query of every state, without tabs."""
        yield "", {"recogniser": self.recogniser}
        yield "", {"bulk": self.bulk}
        yield "data", {"dataset": self.dataset}
        yield "data", {"dataset": self.dataset, "product": self.product}
        yield "data", {"dataset": "broken"}
        for run in (DONE, FAILED):
            yield "train", {"dataset": self.dataset, "run": run}
        yield "compare", {"run": DONE}
        for run in (DONE, FAILED, self.bulk):
            yield "runs", {"run": run}
        yield "leaderboard", {"recogniser": self.recogniser}
        yield "review", {}
        yield "catalogue", {"catalogue": CATALOGUE}
        yield "catalogue", {"catalogue": CATALOGUE, "product": named(0)}


def named(number: int, name: str = HOSTILE) -> str:
    """Names that differ, each hostile from its first sign on."""
    return f"{name} {number}"


def build(home: Path, name: str = HOSTILE, file: str = HOSTILE_FILE) -> Home:
    """Fills the home; takes seconds, for the texts of the bulk run are embedded."""
    dataset = datasets.add_folder(name, write_data(home / "hostile", name, file))
    header = read_rows(dataset.path).header
    datasets.set_columns(dataset, Columns(tasks=tuple(one for one in header if one.startswith(("kind", "maker")))))
    write_broken(home, name)
    write_comparison(home, name)
    bundle = write_recogniser(home, name)
    write_run(FAILED, "failed", name, f"No room for {name}.")
    write_catalogue(name)
    bulk = write_bulk(home / "bulk", bundle, name)
    (recogniser,) = (title for title, folder in _titles().items() if folder == bundle)
    return Home(dataset.id, named(0, _cell(name)), bulk.id, recogniser)


def _titles() -> dict[str, Path]:
    from retail.workspace.recognizers import recognizers

    return recognizers()


def _cell(name: str) -> str:
    """As a table keeps it."""
    return " ".join(name.split())


def write_data(folder: Path, name: str, file: str) -> Path:
    """Columns, classes, ids, files and descriptions; one photo is missing, two rows are alike."""
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "image_file_name", "text", f"kind {name}", f"maker {name}", "split"])
        for row in range(ROWS):
            photo = f"{file} {row}.png"
            if row != 1:
                Image.new("RGB", (48, 64), (10 * row, 40 * (row % 6), 90)).save(folder / photo)
            split = ("train", "train", "val", "test")[row // 6 % 4]
            writer.writerow(
                [
                    named(row, name),
                    photo,
                    f"{name} words {row // 2}",
                    named(row % KINDS, name),
                    named(row % 2, name),
                    split,
                ]
            )
    return folder


def write_broken(home: Path, name: str) -> None:
    """Data that nobody can read, under the address "broken"."""
    datasets.add_files("Broken", [("broken.csv", f"id,text,{json.dumps(name)}\n".encode("utf-8", "replace"))])


def renamed_results(name: str) -> dict[str, Any]:
    """The made-up comparison with other names for its questions, classes, products, models and data."""
    words = [*CLASSES, *(label for labels in CLASSES.values() for label in labels), *ids(), "Gated sum", "Photo only"]
    results = _renamed(sample_json(), {word: f"{name} {word}" for word in [*words, "sample", "Somebody 2020"]})
    return results | {"config": sample_json()["config"], "protocol": [name]}


def write_comparison(home: Path, name: str) -> None:
    """The same as a run that is done, with a title, tags, a note and a line of its log."""
    folder = write_finished_run(home, DONE, renamed_results(name))
    job = jobs.find(DONE)
    assert job is not None and folder == job.folder
    jobs.rename(job, name)
    jobs.annotate(job, [name.replace(",", " "), "usual"], f"{name}\n\n# {name}")
    (folder / "log.txt").write_text(f"12:00:00 Note: {_cell(name)}\n", encoding="utf-8", errors="replace")


def _renamed(held: Any, names: dict[str, str]) -> Any:
    if isinstance(held, dict):
        return {names.get(key, key): _renamed(value, names) for key, value in held.items()}
    if isinstance(held, list):
        return [_renamed(value, names) for value in held]
    return names.get(held, held) if isinstance(held, str) else held


def write_recogniser(home: Path, name: str) -> Path:
    """The demo's, whose classes are called otherwise, as the comparison has kept it."""
    demo = Recognizer.load(DEMO_BUNDLE)
    words = {
        task: Vocabulary(tuple(named(place, name) for place in range(len(known))))
        for task, known in demo.vocabularies.items()
    }
    return replace(demo, vocabularies=words).save(home / "runs" / DONE / "bundles" / "gated")


def write_run(run: str, state: str, name: str, message: str = "", pid: int = 0) -> None:
    """A run that failed, or is at work in this process."""
    folder = jobs.runs_folder() / run
    folder.mkdir(parents=True)
    record = JobRecord(title=f"{name} {state}", process=processes.recorded(pid), started=time.time() - 60)
    record.write(folder / jobs.RECORD)
    facts = {"stage": name, "done": 11, "total": 31, "partial": {name: 0.5}, "state": state, "message": message}
    (folder / jobs.STATUS).write_text(json.dumps(facts), encoding="utf-8")
    (folder / "log.txt").write_text(f"the last words of {name}\n", encoding="utf-8", errors="replace")


def write_catalogue(name: str) -> None:
    """Products whose ids, names, labels, fields and words are hostile."""
    facts = [
        (
            CatalogueProduct(
                named(row, name), named(row, name), {f"kind {name}": named(row % 2, name)}, {f"price {name}": str(row)}
            ),
            Product(id=named(row, name), text=f"{name} words {row}"),
        )
        for row in range(4)
    ]
    Catalogue.open(CATALOGUE).add(facts, "import", keep_files=False)


def write_bulk(folder: Path, bundle: Path, name: str) -> jobs.Job:
    """A finished bulk run of that recogniser on hostile descriptions."""
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text", f"note {name}"])
        writer.writerows([[named(row, name), f"{name} tea {row}" * (row < 3), name] for row in range(4)])
    job = jobs.new_job()
    request = PredictRequest(bundle=bundle, data=folder, limit=MAX_ROWS, catalogue=CATALOGUE, out=Path(PREDICTIONS))
    write_request(request, job.folder)
    execute(request, Reporter(), job.folder)
    JobRecord(title=f"Recognise {name}").write(job.folder / jobs.RECORD)
    Status(state="done").write(job.folder / jobs.STATUS)
    return job
