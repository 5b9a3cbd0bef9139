"""What do corrections gain, through the catalogue at once, and after training again?

In: the fashion set beside the project. Out: a line a figure in `--out`, which a stopped run goes on from, and tables on
stdout. A recogniser learns from a tenth of the training rows; the others are a bulk run. A person takes rows from the
queue in the product's order and says the right class for every question whose answer was not accepted. After 50, 100
and 200 rows the recogniser is trained again, and its new answers order the queue anew. Beside it the first recogniser
answers together with a catalogue of the first 50, 100 and 200 rows of its own queue, without any training.
`python benchmarks/corrections.py --seeds 3 --parts training,catalogue`
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from cost import FASHION, TASKS

from retail.build import train_recognizer
from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.config import TrainConfig
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.files import home
from retail.metrics.paired import paired_test
from retail.metrics.scores import bootstrap_interval
from retail.recognizer import Recognizer
from retail.review.order import review_order
from retail.schema import Prediction, Product
from retail.store import EmbeddingStore

TENTH = 0.1
ROUNDS = (50, 100, 200)
QUESTIONS = tuple(TASKS.split(","))
Right = dict[str, list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--parts", default="training,catalogue")
    parser.add_argument("--out", type=Path, default=Path("corrections.jsonl"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if not FASHION.is_dir():
        print(f"The measuring data {FASHION} is absent.")
        return
    done = {(line["seed"], line["part"]) for line in lines_of(chosen.out)}
    with tempfile.TemporaryDirectory() as own:
        (Path(own) / "embeddings").symlink_to((home() / "embeddings").resolve())
        os.environ["RETAIL_HOME"] = own
        manifest = read_manifest(FASHION, QUESTIONS)
        for seed in range(chosen.seeds):
            for part in chosen.parts.split(","):
                if (seed, part) not in done:
                    lines = [{"seed": seed, "part": part, **line} for line in PARTS[part](Shop.of(manifest, seed))]
                    with chosen.out.open("a", encoding="utf-8") as stream:
                        stream.writelines(json.dumps(line) + "\n" for line in lines)
                    print("seed", seed, part, flush=True)
    tables([line for line in lines_of(chosen.out) if line["seed"] < chosen.seeds])


@dataclass(frozen=True)
class Shop:
    """A tenth of the training rows, the rest of them, and the recogniser that learned from the tenth."""

    manifest: Manifest
    seed: int
    tenth: list[Product]
    rest: list[Product]

    @classmethod
    def of(cls, manifest: Manifest, seed: int) -> Shop:
        train = manifest.in_split("train")
        places = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed)).tolist()
        count = int(TENTH * len(train))
        return cls(manifest, seed, [train[p] for p in places[:count]], [train[p] for p in places[count:]])

    @cached_property
    def test(self) -> list[Product]:
        return self.manifest.in_split("test")

    def trained(self, rows: Sequence[Product]) -> Recognizer:
        held_out = [*self.manifest.in_split("val"), *self.test]
        return train_recognizer(replace(self.manifest, products=(*rows, *held_out)), None, TrainConfig(seed=self.seed))

    def right(self, recognizer: Recognizer) -> Right:
        return right(recognizer.predict_many(self.test, EmbeddingStore()), self.test)


def training(shop: Shop) -> Iterator[dict]:
    every = [*shop.tenth, *shop.rest]
    yield {"how": "everything", "rows": len(every), "right": shop.right(shop.trained(every))}
    current = shop.trained(shop.tenth)
    yield {"how": "a tenth", "rows": len(shop.tenth), "right": shop.right(current)}
    said: list[Product] = []
    for before, count in pairwise((0, *ROUNDS)):
        known = {row.id for row in said}
        said += first_rows(current, [row for row in shop.rest if row.id not in known], count - before)
        current = shop.trained([*shop.tenth, *said])
        labels = sum(len(row.labels) for row in said)
        yield {"how": "trained", "rows": count, "labels": labels, "right": shop.right(current)}


def catalogue(shop: Shop) -> Iterator[dict]:
    first, known = shop.trained(shop.tenth), Catalogue.open(f"Seed {shop.seed}")
    queue = first_rows(first, shop.rest, ROUNDS[-1])
    for before, count in pairwise((0, *ROUNDS)):
        known.add([(CatalogueProduct(row.id, "", row.labels), row) for row in queue[before:count]], "correction")
        shelf = Shelf.of(first, known)
        together = shelf.answer(*shelf.embed(shop.test, EmbeddingStore()))
        labels = sum(len(row.labels) for row in queue[:count])
        yield {"how": "catalogue", "rows": count, "labels": labels, "right": right(together, shop.test)}


PARTS: dict[str, Callable[[Shop], Iterator[dict]]] = {"training": training, "catalogue": catalogue}


def first_rows(recognizer: Recognizer, rows: Sequence[Product], count: int) -> list[Product]:
    """The first rows of the queue, with the right class for every question whose answer was not accepted."""
    batch, notes = recognizer.embed(rows, EmbeddingStore())
    said = recognizer.answer(batch, notes)
    open_questions = [
        [task for task, answer in one.answers.items() if answer.decision != "accept"] if one.used else []
        for one in said
    ]
    wanted = [place for place, tasks in enumerate(open_questions) if tasks]
    order = review_order(recognizer, batch.rows(wanted))[:count]
    return [with_labels(rows[wanted[place]], open_questions[wanted[place]]) for place in order]


def with_labels(row: Product, tasks: Sequence[str]) -> Product:
    return replace(row, labels={task: row.labels[task] for task in tasks if row.labels.get(task)})


def right(said: Sequence[Prediction], rows: Sequence[Product]) -> Right:
    """{question: 1 where the answer is right, -1 where the row has no label}"""
    return {
        task: [
            -1 if not row.labels.get(task) else int(bool(one.used) and one.best(task)[0] == row.labels[task])
            for row, one in zip(rows, said, strict=True)
        ]
        for task in QUESTIONS
    }


def lines_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.is_file() else []


def tables(lines: Sequence[dict]) -> None:
    """Accuracy on the test rows, its interval, and the paired gain over the tenth; means over seeds."""
    kinds = dict.fromkeys((line["how"], line["rows"]) for line in lines)
    for question in ("all questions", *QUESTIONS):
        base = share(lines, "a tenth", None, question)
        print(f"\n{question}, test rows, n = {len(base)}, {len({line['seed'] for line in lines})} seeds")
        for how, rows in kinds:
            own = share(lines, how, rows, question)
            low, high = bootstrap_interval(own)
            gain = paired_test(own, base)
            labels = [
                line["labels"] / rows
                for line in lines
                if (line["how"], line["rows"]) == (how, rows) and "labels" in line
            ]
            asked = f", {np.mean(labels):.1f} labels a row" if labels else ""
            print(
                f"{how:24}{rows:6}  {100 * own.mean():5.1f} ({100 * low:.1f} to {100 * high:.1f})  over a tenth "
                f"{100 * gain.difference:+5.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f}){asked}"
            )


def share(lines: Sequence[dict], how: str, rows: int | None, question: str) -> np.ndarray:
    """(N,) how often each test row is right over seeds and questions."""
    found = []
    for line in lines:
        if line["how"] == how and rows in (None, line["rows"]):
            tasks: Mapping[str, list[int]] = line["right"]
            columns = np.array(list(tasks.values()) if question == "all questions" else [tasks[question]], dtype=float)
            columns[columns < 0] = np.nan
            found.append(np.nanmean(columns, axis=0) if len(columns) > 1 else columns[0])
    mean = np.mean(found, axis=0)
    return mean[~np.isnan(mean)]


if __name__ == "__main__":
    main()
