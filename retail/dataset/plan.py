"""What will be learned from a data set, in ten seconds of reading: inputs, questions, rows, splits, what to mend first.

In: a `Manifest`. Out: headed lines, the same for `check` and the Data page.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from retail.dataset.manifest import Manifest
from retail.dataset.remarks import few
from retail.wording import FILES_WORDS, INPUT_WORDS, SPLIT_WORDS, number_of, task_words

MEND = 3  # things to mend first that are named
CUT = {"characters": "descriptions", "seconds": "sounds"}  # kinds of remark -> what has an end that is not read
FEWEST = 2  # training products of a class below which it cannot be learned


class Line(NamedTuple):
    """A heading and what stands under it."""

    heading: str
    text: str


def plan(manifest: Manifest) -> list[Line]:
    """The whole plan, one line a heading; what does not apply is left out."""
    lines = [
        Line("Inputs", _inputs(manifest)),
        Line("Questions", _questions(manifest)),
        Line("Rows", _rows(manifest)),
        Line("Splits", _splits(manifest)),
        Line("By class", _by_class(manifest)),
        Line("Not used", _not_used(manifest)),
    ]
    lines += [Line(f"Mend {place}", text) for place, text in enumerate(mend_first(manifest), start=1)]
    return [line for line in lines if line.text]


def _inputs(manifest: Manifest) -> str:
    total = len(manifest.products)
    counts = Counter(modality for product in manifest.products for modality in product.modalities)
    parts = []
    for modality, word in INPUT_WORDS.items():
        columns = " + ".join(manifest.inputs.get(modality, ()))
        origin = f" ({columns})" if columns else ""
        parts.append(f"{word} {counts[modality]:,} of {total:,}{origin}" if counts[modality] else "")
    return " · ".join(part for part in parts if part)


def _questions(manifest: Manifest) -> str:
    if not manifest.tasks:
        return "none found; name a label column with --tasks"
    counts = {task: len(manifest.support(task)) for task in manifest.tasks}
    return " · ".join(f"{task_words(task)} ({number_of(count, 'class', 'classes')})" for task, count in counts.items())


def _rows(manifest: Manifest) -> str:
    used, total = len(manifest.lines), manifest.rows
    if used >= total:
        return f"all {total:,} used"
    return f"{used:,} of {total:,} used; {total - used:,} left out, each among the problems"


def _splits(manifest: Manifest) -> str:
    sizes = Counter(product.split for product in manifest.products)
    how = "as the data says" if manifest.has_split else "split for you"
    if manifest.has_split and not manifest.has_validation:
        how += ", validation taken from training"
    return " · ".join(f"{sizes[name]:,} for {word}" for name, word in SPLIT_WORDS.items()) + f", {how}"


def _by_class(manifest: Manifest) -> str:
    """How many training products the classes of each question have, and how many lack a training or a test product."""
    parts = []
    for task in manifest.tasks:
        counts = {split: manifest.support(task, split) for split in ("train", "val", "test")}
        labels = set().union(*counts.values())
        untested = [label for label in labels if not counts["test"][label]]
        untaught = [label for label in labels if not counts["train"][label]]
        sizes = sorted(counts["train"].values()) or [0]
        span = f"{sizes[0]:,}" if sizes[0] == sizes[-1] else f"{sizes[0]:,} to {sizes[-1]:,}"
        lacking = [f"{len(untaught):,} without any"] if untaught else []
        lacking += [f"{len(untested):,} without a test product"] if untested else []
        parts.append(f"{task_words(task)} {span}" + (f" ({', '.join(lacking)})" if lacking else ""))
    return f"{' · '.join(parts)} training products a class" if parts else ""


def _not_used(manifest: Manifest) -> str:
    """How much of each kind; the sentences stand above."""
    counts = Counter[str]()
    for remark in manifest.remarks:
        if remark.kind in ("columns", "tables", "files", "characters", "seconds"):
            counts[remark.kind] += remark.count
    named = ("tables", "columns", "files")
    parts = [f"{counts[kind]:,} {kind if counts[kind] != 1 else kind[:-1]}" for kind in named if counts[kind]]
    parts += [f"the end of {counts[kind]:,} {word}" for kind, word in CUT.items() if counts[kind]]
    return ", ".join(parts)


def mend_first(manifest: Manifest) -> list[str]:
    """The most that can be won, the most important first."""
    found = [
        f"None of the {count:,} {FILES_WORDS[modality]} was found: mend the paths in column "
        f"{manifest.inputs[modality][0]!r}."
        for modality, count in manifest.lost.items()
    ]
    found += [str(remark) for remark in manifest.remarks if remark.kind == "addresses"]
    left_out = manifest.rows - len(manifest.lines)
    if left_out:
        found.append(f"Left out: {left_out:,} of {manifest.rows:,} rows.")
    for task, desk in manifest.desks.items():
        if desk.several and desk.rule.several == "together":
            found.append(
                f"{task_words(task)}: several labels stand in {number_of(desk.several.cells, 'cell')}; choose with "
                "--decide."
            )
    for task in manifest.tasks:
        few_rows = [label for label, count in manifest.support(task).items() if count < FEWEST]
        if few_rows:
            classes = "1 class has" if len(few_rows) == 1 else f"{len(few_rows):,} classes have"
            found.append(f"{task_words(task)}: {classes} one training product only ({few(few_rows)}); add products.")
    found += [
        f"{task_words(task)}: no label on {unlabelled:,} of {len(manifest.products):,} products."
        for task in manifest.tasks
        if (unlabelled := sum(not product.labels.get(task) for product in manifest.products)) * 2
        > len(manifest.products)
    ]
    return found[:MEND]
