"""The robustness figures as tables, and a few sentences: what hurts most, and which input the model follows.

In: a `Robustness`. Out: `Table`s and text for the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence

from retail.evaluation.damage import DAMAGES
from retail.evaluation.reports import DamagedScore, Robustness, SwappedScore
from retail.report.table_formats import Cell, Column, Estimate, Table, as_text
from retail.schema import Modality
from retail.wording import INPUT_WORDS, inputs_words, percent

MEASURES = {(damage.modality, damage.name): damage.measure for damage in DAMAGES}


def curves_table(results: Robustness) -> Table:
    """Every damage and strength: the model given all inputs, and given the damaged one alone."""
    cells: dict[tuple[str, Modality, str, float | None], dict[str, DamagedScore]] = {}
    for row in results.curves:
        key = (row.task, row.input, row.damage, row.strength)
        cells.setdefault(key, {})[row.given] = row
    rows: list[list[Cell]] = []
    tasks = list(dict.fromkeys(key[0] for key in cells))
    ordered = sorted(cells.items(), key=lambda cell: tasks.index(cell[0][0]))  # a task's curves together
    for (task, modality, damage, strength), found in ordered:
        some = next(iter(found.values()))
        level = "" if strength is None else f"{strength:g}"
        figures = (_accuracy(found.get("all")), _change(found.get("all")), _accuracy(found.get("alone")))
        rows.append([task, INPUT_WORDS[modality], damage, level, *figures, some.n])
    columns = [Column("task"), Column("input"), Column("damage"), Column("strength"), Column("all inputs", "%")]
    columns += [Column("change", "points"), Column("damaged input alone", "%"), Column("n")]
    used = {(row.input, row.damage) for row in results.curves}
    said = "; ".join(f"{INPUT_WORDS[m]} {name}: {words}" for (m, name), words in MEASURES.items() if (m, name) in used)
    note = f"Strength counts: {said}. 'Left out' is what the model does without that input."
    return Table("robustness", "Accuracy under damage [95 % interval]", columns, rows, note)


def swapped_table(results: Robustness) -> Table:
    """Which input the model follows when one is of another product."""
    rows: list[list[Cell]] = [
        [row.task, inputs_words(row.given), INPUT_WORDS[row.swapped], *_followed(row), row.n] for row in results.swapped
    ]
    names = ("follows the swapped one", "follows the others", "neither")
    columns = [Column("task"), Column("given"), Column("swapped"), *(Column(name, "%") for name in names), Column("n")]
    return Table(
        "swapped", "One input of another product with another class: which does the model follow?", columns, rows
    )


def _followed(row: SwappedScore) -> list[Estimate]:
    return [
        Estimate(row.follows_swapped, row.follows_swapped_low, row.follows_swapped_high),
        Estimate(row.follows_others, row.follows_others_low, row.follows_others_high),
        Estimate(row.follows_neither, row.follows_neither_low, row.follows_neither_high),
    ]


def _accuracy(row: DamagedScore | None) -> Estimate | None:
    return Estimate(row.accuracy, row.accuracy_low, row.accuracy_high) if row else None


def _change(row: DamagedScore | None) -> Estimate | None:
    if row is None or row.damage == "none":
        return None
    return Estimate(row.change, row.change_low, row.change_high)


def robustness_tables(results: Robustness) -> list[Table]:
    """Those that have rows."""
    return [table for table in (curves_table(results), swapped_table(results)) if table.rows]


def sentences(results: Robustness) -> list[str]:
    """For each task and input the first strength at which it is better left out, and which input is followed."""
    said = []
    for task in dict.fromkeys(row.task for row in results.curves):
        rows = [row for row in results.curves if row.task == task and row.given == "all"]
        for modality in dict.fromkeys(row.input for row in rows):
            said += _better_left_out(task, modality, [row for row in rows if row.input == modality])
        said += [_believed(row) for row in results.swapped if row.task == task and len(row.given) == 2]
    return said


def _better_left_out(task: str, modality: Modality, rows: Sequence[DamagedScore]) -> list[str]:
    without = next((row for row in rows if row.damage == "left out"), None)
    if without is None:
        return []
    worse: dict[str, DamagedScore] = {}
    for row in rows:
        if row.strength is not None and row.use_high < 0:  # paired, row by row
            worse.setdefault(row.damage, row)
    if not worse:
        return [f"{task}: no damage to the {INPUT_WORDS[modality]} is clearly worse than leaving it out."]
    levels = ", ".join(f"{name} {row.strength:g} ({percent(row.accuracy)})" for name, row in worse.items())
    alone = percent(without.accuracy)
    return [f"{task}: leave the {INPUT_WORDS[modality]} out ({alone}) rather than give it with {levels}."]


def _believed(row: SwappedScore) -> str:
    other = next(modality for modality in row.given if modality != row.swapped)
    return (
        f"{row.task}: where {INPUT_WORDS[row.swapped]} and {INPUT_WORDS[other]} contradict each other, the model "
        f"follows the {INPUT_WORDS[row.swapped]} for {percent(row.follows_swapped)}, the {INPUT_WORDS[other]} "
        f"for {percent(row.follows_others)} and neither for {percent(row.follows_neither)} (n = {row.n:,})."
    )


def robustness_text(results: Robustness) -> str:
    """Sentences, tables and remarks for the terminal."""
    parts = ["\n".join(sentences(results)), *(as_text(table) for table in robustness_tables(results))]
    return "\n\n".join(filter(None, [*parts, "\n".join(results.remarks)]))
