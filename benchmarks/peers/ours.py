"""This product, through its command line and its library.

In: the work of `measure.py`. Out: a bundle, frozen (`retail train`) or fine-tuned (`retail finetune`).
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.measure import TASK, Answer, Asked, Work, main


def train(work: Work, mode: str) -> None:
    """As a user would type it."""
    data = work.folder / "ours.csv"
    with data.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "image_file_name", "text", TASK, "split"])
        for split in ("train", "val", "test"):
            table.writerows([row["id"], row["image"], row["text"], row[TASK], split] for row in work.rows[split])
    command = [sys.executable, "-m", "retail", "train" if mode == "frozen" else "finetune", str(data)]
    command += ["--tasks", TASK, "--modalities", "image,text", "--out", str(work.own("ours", mode))]
    if mode == "tuned":
        command += ["--tune", "image,text", "--epochs", str(work.epochs[mode])]
    subprocess.run(command, check=True)


def load(work: Work, mode: str) -> Asked:
    """The bundle."""
    from retail import Product, Recognizer

    recognizer = Recognizer.load(work.own("ours", mode))

    def product(row: dict) -> Product:
        return Product(row["id"], (Path(row["image"]),) if row["image"] else (), row["text"])

    def asked(rows: list[dict]) -> list[Answer]:
        products = [product(row) for row in rows]
        found = recognizer.predict_many(products) if len(rows) > 1 else [recognizer.predict(products[0])]
        return [Answer(dict(one.probs.get(TASK, {"": 0.0})), one.unknown, one.notes) for one in found]

    return asked


if __name__ == "__main__":
    main(train, load)
