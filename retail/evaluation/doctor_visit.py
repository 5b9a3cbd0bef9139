"""The fusion doctor on its own: trains the single inputs and one fusion, examines them and writes what it found.

In: `Splits` and a `CompareConfig`. Out: the findings and measurements of `doctor.examine`, as text and tables too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retail.config import CompareConfig
from retail.evaluation.comparison import plan_models, select
from retail.evaluation.doctor import examine
from retail.evaluation.fits import FitOutput, run_fits
from retail.evaluation.scoring import Scoring
from retail.evaluation.splits import Splits
from retail.evaluation.table_formats import Column, Estimate, Table, as_text
from retail.evaluation.tables import doctor_table
from retail.schema import INPUT_WORDS, MODALITIES, Progress, UserError


def visit(splits: Splits, config: CompareConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Trains what is to be examined; raises UserError when there is only one kind of input."""
    modalities = tuple(m for m in MODALITIES if m in splits.train.present and bool(splits.train.present[m].any()))
    if len(modalities) < 2:
        raise UserError("The doctor examines fusion, but the training rows have only one kind of input; add another.")
    plans = plan_models(config, tuple(splits.vocabularies), modalities)
    done = 0

    def count(_: FitOutput) -> None:
        nonlocal done
        done += 1
        if progress:
            progress("training", done, len(plans))

    outputs = run_fits(plans, splits, count)
    groups: dict[str, list[FitOutput]] = {}
    for output in outputs:
        groups.setdefault(output.plan.model, []).append(output)
    return examine(Scoring(splits), groups, select(outputs, tuple(splits.vocabularies)), concatenate=True)


def doctor_tables(found: Mapping[str, Any]) -> list[Table]:
    """Inputs, complementarity and plain concatenation, those that have rows."""
    tables = (doctor_table({"doctor": found}), complementarity_table(found), concatenation_table(found))
    return [table for table in tables if table.rows]


def complementarity_table(found: Mapping[str, Any]) -> Table:
    """How often all, one or no input alone is right, and the ceiling of choosing among them."""
    keys = ("best_accuracy", "fusion", "oracle", "oracle_by_luck", "all_right", "exactly_one", "none_right")
    rows = [
        [row["task"], INPUT_WORDS[row["best"]], *(row[key] for key in keys), row["n"]]
        for row in found["complementarity"]
    ]
    names = ("its accuracy", "fusion", "ceiling", "ceiling by luck", "all right", "exactly one", "none right")
    columns = [Column("task"), Column("best input"), *(Column(name, "%") for name in names), Column("n")]
    note = (
        "Ceiling: at least one input alone is right. A fusion that combines evidence may exceed it; by luck: with the "
        "other inputs' answers dealt out at random."
    )
    return Table("complementarity", "Do the inputs complement each other?", columns, rows, note)


def concatenation_table(found: Mapping[str, Any]) -> Table:
    """A plain linear head side by side, as they are and standardised, against the best input alone."""
    rows = [
        [row["task"], row["head"], row["accuracy"], INPUT_WORDS[row["best"]], row["best_accuracy"]]
        + [Estimate(row["difference"], row["low"], row["high"]), row["n"]]
        for row in found["concatenation"]
    ]
    columns = [Column("task"), Column("side by side"), Column("accuracy", "%"), Column("best alone")]
    columns += [Column("its accuracy", "%"), Column("difference", "points"), Column("n")]
    return Table("concatenation", "A plain linear head on embeddings of different lengths", columns, rows)


def doctor_text(found: Mapping[str, Any]) -> str:
    """Findings with their remedies, then the measurements."""
    lines = [f"{f['kind']}: {f['sentence']}\n  Remedy: {f['remedy']}" for f in found["findings"]]
    said = "\n".join(lines) or "Nothing found: no input drowns, dominates, lags or repeats another."
    return "\n\n".join([said, *(as_text(table) for table in doctor_tables(found))])
