"""What a results file says beside its verdicts, one plain sentence a finding.

In: a results dictionary. Out: sentences; what an older file does not hold is left unsaid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retail.comparison.dedicated import largest_loss
from retail.evaluation.attribution import listed, sentences
from retail.evaluation.cascade import cheapest, chosen_by
from retail.wording import inputs_words, percent

Results = Mapping[str, Any]
Row = Mapping[str, Any]

READINGS = ("calibration", "conformal", "attribution", "cascade")
# The wished accuracy that the sentence speaks of; the table has the others.
WISHED = 0.95


def findings(results: Results) -> list[str]:
    """One model's loss, the threshold, the deciding input, the cascade and the hierarchy, task by task."""
    found = _loss(results.get("dedicated", []))
    for task in results["tasks"]:
        mine = {
            name: _of(results.get(name, []), task) for name in ("calibration", "conformal", "attribution", "cascade")
        }
        found += [_threshold(row) for row in mine["calibration"]]
        found += [_broken_promise(row) for row in mine["conformal"] if _is_broken(row)]
        found += [f"For {task}: {_lower(sentence)}" for sentence in sentences(mine["attribution"])]
        found += _cascade(mine["cascade"])
    found += [_hierarchy(row) for row in results.get("hierarchy", [])]
    return found + [_remedy(finding) for finding in results.get("doctor", {}).get("findings", [])]


def _remedy(finding: Row) -> str:
    return f"{finding['sentence']} {finding['remedy']}"


def _of(rows: Sequence[Row], task: str) -> list[Row]:
    return [row for row in rows if row["task"] == task]


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _loss(rows: Sequence[Row]) -> list[str]:
    worst = largest_loss(rows)
    if worst is None or worst["loss"] <= 0:
        return []
    given = inputs_words(worst["modalities"])
    return [
        f"The one model is furthest behind a model trained for one subset only on {given} for {worst['task']}: "
        f"{percent(worst['accuracy'])} against {percent(worst['dedicated'])}, a loss of "
        f"{100 * worst['loss']:.1f} points [{100 * worst['loss_low']:.1f}, {100 * worst['loss_high']:.1f}], "
        f"n = {worst['n']:,}."
    ]


def _threshold(row: Row) -> str:
    wish = next(wish for wish in row["thresholds"] if wish["wished"] == WISHED)
    if wish["threshold"] is None:
        return f"{row['task']}: no threshold makes the answers {percent(WISHED)} right on validation."
    if wish["accuracy"] is None:
        return (
            f"{row['task']}: to be right {percent(WISHED)} of the time on validation, answer when at least "
            f"{percent(wish['threshold'])} sure; for no test product the model is that sure."
        )
    return (
        f"{row['task']}: to be right {percent(WISHED)} of the time, answer when at least {percent(wish['threshold'])} "
        f"sure; that answers {percent(wish['coverage'])} of the test products, and {percent(wish['accuracy'])} of "
        "these were right."
    )


def _is_broken(row: Row) -> bool:
    """Is the coverage below the promise by more than chance explains? Files of old do not say what chance explains."""
    return bool(row["n"]) and row["coverage"] < row.get("lowest_by_chance", 0.0)


def _broken_promise(row: Row) -> str:
    return (
        f"{row['task']}: sets that promise {percent(row['promised'])} hold the right answer for only "
        f"{percent(row['coverage'])} of the test products, so validation is easier than test: do not rely on them."
    )


def _cascade(rows: Sequence[Row]) -> list[str]:
    """Of the second step that brings most when it is always asked, both chosen on validation."""
    steps: dict[tuple, list[Row]] = {}
    for row in rows:
        steps.setdefault(tuple(row["then"]), []).append(row)
    if not steps:
        return []
    key = chosen_by(rows)
    best = max(steps.values(), key=lambda step: step[-1][key])
    enough, always, never = cheapest(best), best[-1], best[0]
    flattered = " (chosen on the test products themselves)" if key == "accuracy" else ""
    return [
        f"{best[0]['task']}: asking for {inputs_words(always['then'])} only when unsure, for "
        f"{percent(enough['asked'])} of the products, reaches {percent(enough['accuracy'])}{flattered}; always asking "
        f"{percent(always['accuracy'])}, never {percent(never['accuracy'])}."
    ]


def _hierarchy(row: Row) -> str:
    parents = listed([parent["task"] for parent in row["parents"]])
    said = (
        f"{row['child']} lies within {parents}: answered one by one they contradict each other for "
        f"{percent(row['contradictions'])} of the products, answered together never"
    )
    if row["error"] is None:
        return f"{said}; at {percent(row['risk'])} risk the {row['child']} is left open throughout."
    return (
        f"{said}; at {percent(row['risk'])} risk the {row['child']} is named for {percent(row['answered'])} "
        f"({percent(row['error'])} of these wrong) and left open for the others."
    )
