"""What somebody decided about a label column, and how it is written on the command line.

In: `--decide` texts. Out: a `LabelRule` for each column that was decided about, which the data set's pointer keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from retail.dataset.labels.spelling import cleaned, label_key
from retail.schema import UserError


@dataclass(frozen=True)
class LabelRule:
    """What was decided about a label column.

    `spellings`: whether those of one label are one class. `several`: what becomes of a cell that holds several labels:
    the combination is a class, the first label counts, or each label is a question of its own. `missing`: whether words
    such as "None" are no label. `same`: pairs (written, kept) that were said to be one label.
    """

    spellings: Literal["joined", "apart"] = "joined"
    several: Literal["together", "first", "each"] = "together"
    missing: Literal["absent", "label"] = "absent"
    same: tuple[tuple[str, str], ...] = ()


# What `--decide COLUMN=WORD` may say, and what it sets.
DECISIONS: dict[str, dict[str, str]] = {
    "joined": {"spellings": "joined"},
    "apart": {"spellings": "apart"},
    "together": {"several": "together"},
    "first": {"several": "first"},
    "each": {"several": "each"},
    "missing-is-absent": {"missing": "absent"},
    "missing-is-label": {"missing": "label"},
}


def rule_with(rules: Mapping[str, LabelRule], decision: str, columns: Iterable[str]) -> dict[str, LabelRule]:
    """The rules with one more decision: COLUMN=WORD, or COLUMN:WRITTEN=KEPT; raises UserError for anything else.

    A column's name may hold these signs itself: the longest name that fits is meant.
    """
    columns = list(columns)
    fits = [name for name in columns if decision.startswith((f"{name}=", f"{name}:"))]
    if not fits:
        raise UserError(f"{decision!r} decides about no column; {_possible()} The columns are {', '.join(columns)}.")
    column = max(fits, key=len)
    sign, said = decision[len(column)], decision[len(column) + 1 :]
    rule = rules.get(column, LabelRule())
    if sign == "=" and said in DECISIONS:
        rule = replace(rule, **DECISIONS[said])  # type: ignore[arg-type]
    elif sign == ":" and all(pair := [part.strip() for part in said.rpartition("=")[::2]]):
        rule = _with_pair(rule, *pair)
    else:
        raise UserError(f"{decision!r} decides nothing about {column!r}; {_possible()}")
    return {**rules, column: rule}


def key_of(rule: LabelRule) -> Callable[[str], str]:
    """What is equal for spellings of one class."""
    return label_key if rule.spellings == "joined" else str


def resolved(rule: LabelRule) -> tuple[dict[str, str], dict[str, str]]:
    """Key -> the key at the end of its chain, and key -> the name that was kept; raises UserError for a circle."""
    key = key_of(rule)
    step = {key(written): key(kept) for written, kept in rule.same}
    step = {own: kept for own, kept in step.items() if own != kept}  # else it only says which spelling is kept
    target = {}
    for start in step:
        way = [start]
        while way[-1] in step:
            way.append(step[way[-1]])
            if way[-1] in way[:-1]:
                raise UserError(
                    f"The labels {' = '.join(map(repr, way))} go round in a circle; say once which of them is kept."
                )
        target[start] = way[-1]
    tidy = cleaned if rule.spellings == "joined" else str
    return target, {key(kept): tidy(kept) for _, kept in rule.same}


def _with_pair(rule: LabelRule, written: str, kept: str) -> LabelRule:
    """With one more pair, in place of the label's former one; a label that is kept as itself has none."""
    pairs = [pair for pair in rule.same if pair[0] != written]
    changed = replace(rule, same=tuple(pairs if written == kept else [*pairs, (written, kept)]))
    resolved(changed)
    return changed


def _possible() -> str:
    return f"write COLUMN={'|'.join(DECISIONS)} or COLUMN:WRITTEN=KEPT."
