"""How well one recogniser does on labelled rows.

In: a `Recognizer` and a manifest. Out: `Scores`: figures of each task, labels it did not know, the answer to each row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from retail.dataset.columns import SPLIT_WORDS
from retail.dataset.labels import respell
from retail.dataset.manifest import Manifest
from retail.evaluation.reports import ScoredData, Scores, TaskPredictions, TaskScore
from retail.evaluation.subset_certainty import subset_certainty
from retail.metrics.scores import score
from retail.recognizer import Recognizer
from retail.schema import Modality, Product, Progress, UserError, Vocabulary
from retail.splits import groups_of
from retail.store import EmbeddingStore


def rows_to_score(recognizer: Recognizer, manifest: Manifest, split: str) -> tuple[list[Product], ScoredData]:
    """The rows of a split and what they are: all of them when that is asked for, or for data without a split column.

    Any split of the manifest's products counts; `read_manifest(..., every_split=True)` keeps those of other words.

    The data that the recogniser learned from were split for it in the same way, split column or not. A label that is
    one of its classes in another spelling, such as 3.0 for 3, is that class.
    """
    manifest = replace(manifest, products=_spelled_as(manifest.products, recognizer.vocabularies))
    learned_from = recognizer.learned_from == manifest.checksum
    if split == "all" or not (manifest.has_split or learned_from):
        return list(manifest.products), _facts(manifest, "all", len(manifest.products))
    # The table's own words are taken as they are meant: "Holdout" for holdout, "validation" for val.
    wanted = SPLIT_WORDS.get(split.lower(), split)
    rows = [product for product in manifest.products if product.split.lower() == wanted.lower()]
    if not rows:
        counts = Counter(product.split for product in manifest.products if product.split)
        there = ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items()))
        raise UserError(f"The data has no rows marked {split!r}; choose --split among {there or 'all'}, or use all.")
    return rows, _facts(manifest, wanted, len(rows))


def _spelled_as(products: Sequence[Product], vocabularies: Mapping[str, Vocabulary]) -> tuple[Product, ...]:
    """The same products, with every label that is one class in another spelling in that of the class."""
    changes = {}
    for task, vocabulary in vocabularies.items():
        found, _ = respell((row.labels.get(task, "") for row in products), vocabulary.classes)
        if found:
            changes[task] = found
    if not changes:
        return tuple(products)
    return tuple(
        replace(row, labels={task: changes.get(task, {}).get(label, label) for task, label in row.labels.items()})
        for row in products
    )


def _facts(manifest: Manifest, split: str, n: int) -> ScoredData:
    return ScoredData(name=manifest.title, checksum=manifest.checksum, split=split, n=n)


def evaluate(
    recognizer: Recognizer,
    manifest: Manifest,
    split: str = "test",
    modalities: Sequence[Modality] | None = None,
    progress: Progress | None = None,
) -> Scores:
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
    rows, data = rows_to_score(recognizer, manifest, split)
    if not any(row.labels.get(task) for row in rows for task in tasks):
        raise UserError(f"No row to score has a label for {' or '.join(tasks)}; add labels, or choose another --split.")
    batch, notes = recognizer.embed(rows, EmbeddingStore(), progress)
    batch = batch.only(used)
    predictions = recognizer.answer(batch, notes)
    scores, unknown, per_row = [], {}, {}
    for task in tasks:
        known = [(row, pred) for row, pred in zip(rows, predictions, strict=True) if row.labels.get(task)]
        answers = [pred.best(task) if pred.used else ("", 0.0) for _, pred in known]
        target = np.array([row.labels[task] for row, _ in known], dtype=object)
        preds = np.array([label for label, _ in answers], dtype=object)
        confidence, groups = np.array([prob for _, prob in answers]), groups_of([row for row, _ in known])
        scores.append(
            TaskScore(
                task=task,
                model=recognizer.strategy,
                kind="fusion" if len(used) > 1 else "single",
                modalities=used,
                seed=recognizer.info.config.seed if recognizer.info else 0,
                split=data.split,
                **score(target, preds, confidence, groups),
            )
        )
        unknown[task] = tuple(sorted(set(target) - set(recognizer.vocabularies[task].classes)))
        per_row[task] = TaskPredictions(
            ids=tuple(row.id for row, _ in known),
            target=tuple(target),
            preds=tuple(preds),
            groups=() if groups is None else tuple(groups),
        )
    return Scores(
        bundle=recognizer.info.to_dict() if recognizer.info else {},
        data=data,
        scores=tuple(scores),
        unknown_labels=unknown,
        notes=tuple(map(str, notes)),
        predictions=per_row,
        subset_certainty=tuple(
            subset_certainty(
                recognizer.certainty,
                recognizer.head,
                batch,
                {task: batch.targets[task].numpy() for task in tasks},
                groups_of(rows),
            )
        ),
    )
