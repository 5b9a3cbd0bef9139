"""What somebody decided about single rows: which label is right, and which row is a copy of another.

In: decisions as `check --decide` takes them, such as "rows/17:brand=Nike" or "rows/17=copy-of/4", and products. Out:
`RowDecision`s that the data set's JSON keeps, and the products with them applied. The table itself is never written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from retail.dataset.remarks import Remark, few
from retail.schema import MediaSource, Product, UserError
from retail.wording import number_of

START = "rows/"
COPY, APART, UNDECIDED = "copy-of", "apart-from", "undecided"
FORMS = f"write {START}ID:COLUMN=LABEL, or {START}ID={COPY}/ID, {APART}/ID or {UNDECIDED}/ID."


@dataclass(frozen=True)
class RowDecision:
    """What was decided about one row.

    `labels` holds of each question the label that the row had and the one that is right, which may be the same: then
    nobody doubts it again. A decision counts only while the row still says what it said then. `content` tells a row
    that is named after its line from another that has moved there.
    """

    labels: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    copy_of: str = ""  # the row that stays where this one is left out
    apart_from: tuple[str, ...] = ()  # rows that look alike and are other products
    content: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is decided any more."""
        return not (self.labels or self.copy_of or self.apart_from)


Decisions = Mapping[str, RowDecision]


@dataclass(frozen=True)
class Applied:
    """The products as decided, what to say of it, and what a checksum has to cover."""

    products: Sequence[Product]
    remarks: list[Remark]
    meaning: bytes


def is_about_row(decision: str, header: Sequence[str]) -> bool:
    """Whether it is about one row, not about a column whose name begins so."""
    return decision.startswith(START) and not decision.startswith(tuple(f"{n}{s}" for n in header for s in "=:"))


def with_row(kept: Decisions, decision: str, products: Mapping[str, Product], own: Mapping[str, str]) -> Decisions:
    """With one more decision, in place of a former one; raises UserError for one that means nothing here.

    `own` is what the table calls each question.
    """
    body = decision.removeprefix(START)
    task_of = {name: task for task, name in own.items()}
    marks = [(place, name) for name in task_of if (place := body.find(f":{name}=")) > 0]
    if marks:
        place, name = min(marks, key=lambda mark: (mark[0], -len(mark[1])))
        row, label = body[:place], body[place + len(name) + 2 :].strip()
        changed = _with_label(kept.get(row, RowDecision()), row, task_of[name], label, products)
    elif found := re.fullmatch(rf"(.+?)=({COPY}|{APART}|{UNDECIDED})/(.+)", body):
        row, verb, other = found.groups()
        changed = _with_other(kept.get(row, RowDecision()), row, verb, other, products)
    else:
        raise UserError(f"{decision!r} decides nothing about a row; {FORMS} The questions are {', '.join(task_of)}.")
    rest = {name: one for name, one in kept.items() if name != row}
    return rest if changed.is_empty else {**rest, row: changed}


def apply(products: Sequence[Product], decisions: Decisions) -> Applied:
    """Right labels in place of wrong ones, and no row that copies another."""
    if not decisions:
        return Applied(products, [], b"")
    known = {product.id: product for product in products}
    left_out = {name for name in known if _stays(name, decisions, known) != name}
    corrected: dict[str, dict[str, str]] = {}
    stale = []
    for name, decision in decisions.items():
        if name not in known or name in left_out:
            continue
        for task, (written, right) in decision.labels.items():
            if known[name].labels.get(task, "") != written or not _is_same_row(decision, known[name]):
                stale.append(name)
            elif written != right:
                corrected.setdefault(name, {})[task] = right
    result = [
        replace(product, labels={**product.labels, **corrected[product.id]}) if product.id in corrected else product
        for product in products
        if product.id not in left_out
    ]
    said = (sorted(corrected.items()), sorted(left_out))
    meaning = repr(said).encode() if corrected or left_out else b""
    return Applied(result, [*_remarks(corrected, left_out, stale)], meaning)


def _with_label(decision: RowDecision, row: str, task: str, label: str, products: Mapping[str, Product]) -> RowDecision:
    if not label:
        return replace(decision, labels={name: pair for name, pair in decision.labels.items() if name != task})
    if row not in products:
        raise UserError(f"There is no usable row {row!r}; write the id of a row as `check` and the Data page show it.")
    now = products[row].labels.get(task, "")
    if label != now and all(product.labels.get(task) != label for product in products.values()):
        raise UserError(f"No row has {label!r} as its {task}; write one of the classes of {task}.")
    before = decision.labels.get(task)
    written = before[0] if before and before[1] == now else now
    labels = {**decision.labels, task: (written, label)}
    return replace(decision, labels=labels, content=_content(products[row]))


def _with_other(decision: RowDecision, row: str, verb: str, other: str, products: Mapping[str, Product]) -> RowDecision:
    apart = tuple(name for name in decision.apart_from if name != other)
    copied = "" if decision.copy_of == other else decision.copy_of
    if verb == UNDECIDED:
        return replace(decision, copy_of=copied, apart_from=apart)
    for name in (row, other):
        if name not in products and not (name == row and decision.copy_of):
            raise UserError(f"There is no usable row {name!r}; write the id of a row as the Data page shows it.")
    if row == other:
        raise UserError(f"{row!r} cannot be a copy of itself; name the row that stays.")
    content = _content(products[row]) if row in products else decision.content
    if verb == COPY:
        return replace(decision, copy_of=other, apart_from=apart, content=content)
    return replace(decision, copy_of=copied, apart_from=(*apart, other), content=content)


def _stays(name: str, decisions: Decisions, known: Mapping[str, Product]) -> str:
    """The row that stays for this one: itself, or at the end of a chain of copies one that is still there."""
    way = [name]
    while (one := decisions.get(way[-1])) and one.copy_of in known and _is_same_row(one, known[way[-1]]):
        if one.copy_of in way:
            return name
        way.append(one.copy_of)
    return way[-1]


def _is_same_row(decision: RowDecision, product: Product) -> bool:
    """A row named after its line may be another one by now."""
    return "line-" not in product.id or decision.content in ("", _content(product))


def _content(product: Product) -> str:
    names = [_name(source) for source in (*product.images, product.audio) if source is not None]
    return hashlib.sha256("\n".join([*names, product.text]).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _name(source: MediaSource) -> str:
    return source.name if isinstance(source, Path) else ""


def _remarks(corrected: Mapping[str, object], left_out: set[str], stale: Sequence[str]) -> Iterable[Remark]:
    if corrected:
        sentence = (
            f"{number_of(len(corrected), 'row has', 'rows have')} another label than the table says "
            f"({few(sorted(corrected))}), as you decided; the table is untouched. To take one back: --decide "
            f"'{START}ID:COLUMN='."
        )
        yield Remark("rows", len(corrected), sentence)
    if left_out:
        sentence = (
            f"{number_of(len(left_out), 'row is', 'rows are')} left out as copies of others "
            f"({few(sorted(left_out))}), as "
            f"you decided. To take one back: --decide '{START}ID={UNDECIDED}/ID of the row that stays'."
        )
        yield Remark("rows", len(left_out), sentence)
    if stale:
        sentence = (
            f"{number_of(len(stale), 'decision about a label does', 'decisions about labels do')} not count any more, "
            "because the rows say something else now "
            f"({few(stale)}); look at them again on the Data page."
        )
        yield Remark("rows", len(stale), sentence)
