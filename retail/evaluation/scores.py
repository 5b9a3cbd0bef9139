"""How well one recogniser does on labelled rows.

In: a `Recognizer` and a manifest. Out: `scores` rows, the labels it did not know and the answer to each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retail.dataset.manifest import Manifest
from retail.metrics.scores import score
from retail.recognizer import Recognizer
from retail.schema import Modality, Product, Progress, UserError
from retail.splits import groups_of
from retail.store import EmbeddingStore


def rows_to_score(recognizer: Recognizer, manifest: Manifest, split: str) -> tuple[list[Product], str]:
    """The rows of a split and its name: "all" when that is asked for, or for foreign data without a split column.

    The data that the recogniser learned from were split for it in the same way, split column or not.
    """
    learned_from = recognizer.info.get("data", {}).get("checksum") == manifest.checksum
    if split == "all" or not (manifest.has_split or learned_from):
        return list(manifest.products), "all"
    rows = manifest.in_split(split)
    if not rows:
        raise UserError(f"The data has no rows marked {split!r}; use --split all, or mark rows in the split column.")
    return rows, split


def evaluate(
    recognizer: Recognizer,
    manifest: Manifest,
    split: str = "test",
    modalities: Sequence[Modality] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Scores every task of a recognizer on labelled rows; a label it does not know counts as wrong."""
    tasks = [task for task in recognizer.vocabularies if task in manifest.label_columns]
    if not tasks:
        raise UserError(
            f"The data has none of the bundle's tasks ({', '.join(recognizer.vocabularies)}); its label columns are "
            f"{', '.join(manifest.label_columns) or 'none'}. Rename the columns."
        )
    used = tuple(m for m in recognizer.modalities if modalities is None or m in modalities)
    if not used:
        raise UserError(f"The bundle knows {', '.join(recognizer.modalities)}; choose --modalities among them.")
    rows, scored = rows_to_score(recognizer, manifest, split)
    if not any(row.labels.get(task) for row in rows for task in tasks):
        raise UserError(f"No row to score has a label for {' or '.join(tasks)}; add labels, or choose another --split.")
    batch, notes = recognizer.embed(rows, EmbeddingStore(), progress)
    predictions = recognizer.answer(batch.only(used), notes)
    base = {"model": recognizer.strategy, "kind": "fusion" if len(used) > 1 else "single", "modalities": list(used)}
    base |= {"seed": recognizer.info.get("config", {}).get("seed", 0), "split": scored}
    scores, unknown, per_row = [], {}, {}
    for task in tasks:
        known = [(row, pred) for row, pred in zip(rows, predictions, strict=True) if row.labels.get(task)]
        answers = [pred.best(task) if pred.used else ("", 0.0) for _, pred in known]
        target = np.array([row.labels[task] for row, _ in known], dtype=object)
        preds = np.array([label for label, _ in answers], dtype=object)
        confidence, groups = np.array([prob for _, prob in answers]), groups_of([row for row, _ in known])
        scores.append({"task": task} | base | score(target, preds, confidence, groups))
        unknown[task] = sorted(set(target) - set(recognizer.vocabularies[task].classes))
        per_row[task] = {"ids": [p.id for _, p in known], "target": target.tolist(), "preds": preds.tolist()}
    return {
        "format": "retail-scores/1",
        "bundle": recognizer.info,
        "data": {"name": manifest.title, "checksum": manifest.checksum, "split": scored, "n": len(rows)},
        "scores": scores,
        "unknown_labels": unknown,
        "notes": [str(note) for note in notes],
        "predictions": per_row,
    }
