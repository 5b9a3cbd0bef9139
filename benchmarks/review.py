"""How much does a reviewed row teach? Accuracy against the number of reviewed rows, for several orders of review.

In: the fashion and grocery sets beside the project. Out: a line a figure in `--out`, which a stopped run goes on from,
and tables on stdout. A recogniser learns from a few labelled rows; of the other training rows the first ones of an
order are reviewed, it learns again, and so on. Orders are chosen by the rows named "choose": of fashion the validation
rows, of grocery a part of the training rows that nobody learns from. `--report` prints the other rows too: of fashion
the test rows, of grocery the official validation rows. `python benchmarks/review.py --data fashion --seeds 5`
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from cost import FASHION
from review_orders import ORDERS, Pool

from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.metrics.scores import bootstrap_interval
from retail.schema import Modality
from retail.splits import prepare
from retail.store import EmbeddingBatch, EmbeddingStore
from retail.training import fit
from retail.training.predict import predict_probs

START = 100  # labelled rows at first
REVIEWED = (0, 50, 100, 200, 400)  # rows after which the recogniser learns again
HOLD_OUT = 0.15  # of grocery's training rows, for choosing
TASKS = {
    "fashion": ("article_type", "base_colour", "gender", "season", "usage"),
    "grocery": ("product", "category", "department"),
}


@dataclass(frozen=True)
class Rows:
    """Those that may be learned from, those that methods are chosen by, and those that are reported."""

    train: EmbeddingBatch
    choose: EmbeddingBatch
    report: EmbeddingBatch
    sizes: dict[str, int]
    modalities: tuple[Modality, ...]


def rows_of(name: str) -> Rows:
    manifest = read_manifest(FASHION.parent / name, TASKS[name])
    modalities = tuple(manifest.inputs)
    splits = prepare(manifest, load_preset("bundled", modalities), EmbeddingStore(), need_test=False)
    if name == "fashion":
        return Rows(splits.train, splits.val, splits.test, splits.task_sizes, modalities)
    places = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(0))
    held_out = int(HOLD_OUT * len(places))
    choose, train = splits.train.rows(places[:held_out]), splits.train.rows(places[held_out:])
    return Rows(train, choose, splits.val, splits.task_sizes, modalities)


def right(probs: Mapping[str, torch.Tensor], batch: EmbeddingBatch) -> dict[str, list[int]]:
    """{task: 1 where the likeliest class is right, row by row}; -1 where a row has no label."""
    found = {}
    for task, rows in probs.items():
        target = batch.targets[task]
        found[task] = torch.where(target < 0, -1, (rows.argmax(1) == target).long()).tolist()
    return found


def simulate(rows: Rows, order: str, seed: int) -> Iterator[tuple[int, dict[str, list[int]], dict[str, list[int]]]]:
    """(reviewed rows, right or wrong on "choose", the same on "report") after each training."""
    shuffled = torch.randperm(len(rows.train), generator=torch.Generator().manual_seed(seed))
    known, left = shuffled[:START], shuffled[START:]
    for before, reviewed in zip((0, *REVIEWED), REVIEWED, strict=False):
        if reviewed:
            count = reviewed - before
            pool = rows.train.rows(left)
            chosen = ORDERS[
                order
            ](
                Pool(pool, head, rows.choose, rows.train.rows(known), count, seed)  # noqa: F821
            )[:count]
            taken = torch.zeros(len(left), dtype=torch.bool)
            taken[chosen] = True
            known, left = torch.cat([known, left[taken]]), left[~taken]
        config = TrainConfig(modalities=rows.modalities, seed=seed)
        head = fit(rows.train.rows(known), rows.choose, rows.sizes, config).head
        yield (
            reviewed,
            right(predict_probs(head, rows.choose), rows.choose),
            right(predict_probs(head, rows.report), rows.report),
        )


def run(name: str, orders: Sequence[str], seeds: int, out: Path) -> None:
    done = {(line["data"], line["order"], line["seed"]) for line in lines_of(out) if line["reviewed"] == REVIEWED[-1]}
    rows = None
    for seed in range(seeds):
        for order in orders:
            if (name, order, seed) in done:
                continue
            rows = rows or rows_of(name)
            found = [
                {"data": name, "order": order, "seed": seed, "reviewed": n, "choose": choose, "report": report}
                for n, choose, report in simulate(rows, order, seed)
            ]
            with out.open("a", encoding="utf-8") as stream:
                stream.writelines(json.dumps(line) + "\n" for line in found)
            print(name, order, seed, flush=True)


def lines_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.is_file() else []


def table(lines: Sequence[dict], name: str, rows: str, task: str) -> None:
    """Mean over seeds (and tasks), the deviation between seeds, and what an order gains over random, paired by row."""
    print(f"\n{name}, {task}, rows to {rows}")
    print(f"{'order':18}" + "".join(f"{n:>17}" for n in REVIEWED[1:]) + f"{'over random':>26}")
    base = _correct(lines, name, "random", rows, task)
    for order in ORDERS:
        own = _correct(lines, name, order, rows, task)
        if not own:
            continue
        cells = []
        for reviewed in REVIEWED[1:]:
            means = [columns.mean() for (n, _), columns in own.items() if n == reviewed]
            spread = f"± {100 * np.std(means, ddof=1):4.1f}" if len(means) > 1 else ""
            cells.append(f"{100 * np.mean(means):10.1f} {spread:6}")
        shared = [key for key in own if key in base and key[0]]
        gain = np.mean([own[key] - base[key] for key in shared], axis=0)  # (N,) mean over rounds and seeds
        low, high = bootstrap_interval(gain, 0, support=(-1.0, 1.0))
        print(f"{order:18}" + "".join(cells) + f"{100 * gain.mean():+9.2f} ({100 * low:+.2f} to {100 * high:+.2f})")
    n = len(next(iter(base.values()))) if base else 0
    print(f"± is the deviation between seeds, the last column the mean of all rounds with its 95 % interval, n = {n}")


def _correct(lines: Sequence[dict], name: str, order: str, rows: str, task: str) -> dict[tuple[int, int], np.ndarray]:
    """{(reviewed, seed): (N,) share of the tasks that are right}; rows without a label are left out."""
    found = {}
    for line in lines:
        if line["data"] == name and line["order"] == order:
            tasks = line[rows] if task == "all questions" else {task: line[rows][task]}
            columns = np.array(list(tasks.values()), dtype=float)
            columns[columns < 0] = np.nan
            kept = ~np.isnan(columns).all(0)
            found[line["reviewed"], line["seed"]] = np.nanmean(columns[:, kept], axis=0)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="fashion,grocery")
    parser.add_argument("--orders", default=",".join(ORDERS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("review.jsonl"))
    parser.add_argument("--report", action="store_true", help="print the rows that nothing was chosen by, too")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for name in chosen.data.split(","):
        if not (FASHION.parent / name).is_dir():
            print(f"The measuring data {FASHION.parent / name} is absent.")
            continue
        run(name, chosen.orders.split(","), chosen.seeds, chosen.out)
        for task in ("all questions", TASKS[name][0]):
            for rows in ("choose", "report") if chosen.report else ("choose",):
                table(lines_of(chosen.out), name, rows, task)


if __name__ == "__main__":
    main()
