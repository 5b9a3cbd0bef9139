"""What random spellings of every label cost: fashion's five questions, clean and spelled in nine ways.

In: the fashion set beside the project. Out: how many classes each question has, written and read, and the test accuracy
of the gated head on all inputs (three seeds), with the paired difference and its interval.
"""

from __future__ import annotations

import csv
import random
import tempfile
import unicodedata
from pathlib import Path

import numpy as np

from retail.config import TrainConfig
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.metrics.paired import paired_test
from retail.schema import MODALITIES
from retail.splits import prepare
from retail.training import fit, predict_logits

FASHION = Path(__file__).parents[2] / "shared" / "datasets" / "fashion"
TASKS = ("article_type", "base_colour", "gender", "season", "usage")
SEEDS = range(3)
SPELLINGS = (
    str,
    str.upper,
    str.lower,
    str.title,
    lambda label: f" {label}\u200b",
    lambda label: label.replace(" ", "\u00a0"),
    lambda label: label.replace(" ", "  "),
    lambda label: label.replace("&", "&amp;"),
    lambda label: unicodedata.normalize("NFD", label),
)


def spelled(folder: Path) -> Path:
    """The table with every label in a random spelling; its files are named where they lie."""
    draw = random.Random(0)
    with (FASHION / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row |= {name: str(FASHION / row[name]) for name in ("image_file_name", "audio_file_name") if row[name]}
        row |= {task: draw.choice(SPELLINGS)(row[task]) for task in TASKS if row[task]}
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def right(manifest: Manifest) -> dict[str, np.ndarray]:
    """{task: (rows,)}: the share of the seeds whose answer to a labelled test row is right."""
    splits = prepare(manifest, load_preset("bundled", MODALITIES))
    asked = {task: splits.test.targets[task] >= 0 for task in TASKS}
    hits: dict[str, list[np.ndarray]] = {task: [] for task in TASKS}
    for seed in SEEDS:
        head = fit(splits.train, splits.val, splits.task_sizes, TrainConfig(strategy="gated", seed=seed)).head
        for task, logits in predict_logits(head, splits.test).items():
            hits[task].append((logits.argmax(-1) == splits.test.targets[task])[asked[task]].numpy())
    return {task: np.mean(found, 0) for task, found in hits.items()}


def main() -> None:
    if not FASHION.is_dir():
        print(f"The measuring data is absent: {FASHION}")
        return
    with tempfile.TemporaryDirectory() as folder:
        table = spelled(Path(folder))
        clean, odd = read_manifest(FASHION, TASKS), read_manifest(table, TASKS)
        with (table / "metadata.csv").open(newline="", encoding="utf-8") as stream:
            written = list(csv.DictReader(stream))
        ours, theirs = right(clean), right(odd)
    print("| question | classes | written in | read as | clean | spelled | difference |\n|---|---|---|---|---|---|---|")
    for task in TASKS:
        spellings = len({row[task] for row in written if row[task]})
        classes, found = (len({p.labels[task] for p in one.products if p.labels[task]}) for one in (clean, odd))
        test = paired_test(theirs[task], ours[task])
        span = f"[{100 * test.low:+.1f}, {100 * test.high:+.1f}]"
        print(
            f"| {task} | {classes} | {spellings} spellings | {found} classes | {100 * ours[task].mean():.1f} | "
            f"{100 * theirs[task].mean():.1f} | {100 * test.difference:+.1f} {span} |"
        )


if __name__ == "__main__":
    main()
