"""The label desk: which spellings are one class, which cells hold no label, which hold several, and what may be one.

In: the cells of a label column and what somebody decided about it. Out: a `Desk` with the labels of each question and
everything that a person should see of how they came about.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import combining

from retail.dataset.labels.missing import is_blank, is_missing
from retail.dataset.labels.near import MOST_PAIRS, Near, near_pairs
from retail.dataset.labels.rule import DECISIONS, LabelRule, key_of, resolved, rule_with
from retail.dataset.labels.several import Several, find_several
from retail.dataset.labels.spelling import cleaned, label_key

__all__ = [
    "DECISIONS",
    "Desk",
    "LabelRule",
    "Near",
    "Several",
    "label_key",
    "respell",
    "rule_with",
    "settle",
    "visible",
]

YES, NO = "yes", "no"
MOST_QUESTIONS = 50  # one for each label of a list; each is a task of its own to train
LEAST_YES = 2
MOST_SHOWN = 4  # of each kind in a sentence


@dataclass(frozen=True)
class Desk:
    """The labels of a column as they were decided, and what a person should see of it.

    `columns` hold a label for each row, "" without any: one question named as the column, or one for each label.
    `spellings` are those of each class with how often each is written; `alike` the spellings of one label where they
    were kept apart.
    """

    column: str
    rule: LabelRule
    columns: Mapping[str, list[str]]
    spellings: Mapping[str, Mapping[str, int]]
    missing: Counter[str]
    near: tuple[Near, ...]
    several: Several | None
    alike: tuple[Mapping[str, int], ...] = ()
    left_out: tuple[str, ...] = ()  # labels that are no question, being too rare or too many

    @property
    def joined(self) -> dict[str, Mapping[str, int]]:
        """The classes that are written in more than one way, the most common first."""
        several = [name for name, written in self.spellings.items() if len(written) > 1]
        several.sort(key=lambda name: (-sum(self.spellings[name].values()), name))
        return {name: self.spellings[name] for name in several}

    def sentences(self, column: str = "") -> list[str]:
        """What a person reads, each with the words that change it; `column` is what the table calls it."""
        column = column or self.column
        found = [_joined(self, column), _apart(self, column), _missing(self, column), *_several(self, column)]
        return [f"{column}: {sentence}" for sentence in [*found, _near(self, column)] if sentence]


def settle(
    column: str,
    cells: Sequence[str],
    rule: LabelRule = LabelRule(),  # noqa: B008 - it never changes
    asked: Sequence[str] = (),
) -> Desk:
    """The labels of a column by what was decided; raises UserError where pairs of one label go round in a circle.

    Where each label is a question, a trained recogniser's questions are those `asked`, however rare they are here.
    """
    counts = Counter(cells)
    missing = Counter({cell: count for cell, count in counts.items() if not is_blank(cell) and is_missing(cell)})
    absent = _is_absent(rule)
    written = {cell: count for cell, count in counts.items() if not absent(cell)}
    several = find_several(written, decided=rule.several != "together")
    parts = _parts(written, several, rule)
    pieces: Counter[str] = Counter()
    for cell, labels in parts.items():
        pieces.update(dict.fromkeys(labels, written[cell]))
    class_of = _classes(pieces, rule)
    held = {cell: tuple(dict.fromkeys(class_of[label] for label in labels)) for cell, labels in parts.items()}
    if rule.several == "each" and (several or asked):
        columns, left_out = _questions(column, cells, held, written, asked)
    else:
        columns, left_out = {column: [next(iter(held.get(cell, ())), "") for cell in cells]}, ()
    spellings = _by_class(pieces, class_of.__getitem__)
    near = near_pairs({name: sum(group.values()) for name, group in spellings.items()}, _lists(several, class_of, rule))
    alike = [group for group in _by_class(pieces, label_key).values() if len(group) > 1]
    apart = tuple(alike) if rule.spellings == "apart" else ()
    return Desk(column, rule, columns, spellings, missing, near, several, apart, left_out)


def respell(labels: Iterable[str], classes: Iterable[str]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """{label written otherwise: the class it is}, and {label: classes} where it could be more than one.

    A label that is a class as it stands, and one that is none in any spelling, are in neither.
    """
    by_key: dict[str, list[str]] = {}
    for name in sorted(set(classes)):
        by_key.setdefault(label_key(name), []).append(name)
    exact = {name for names in by_key.values() for name in names}
    found = {label: by_key.get(label_key(label), []) for label in dict.fromkeys(labels) if label and label not in exact}
    one = {label: names[0] for label, names in found.items() if len(names) == 1}
    return one, {label: tuple(names) for label, names in found.items() if len(names) > 1}


def visible(text: str) -> str:
    """A spelling as a person can tell it from another: what nobody sees is written as its code, odd spaces quoted."""
    if cleaned(text) == text:
        return text
    seen = "".join(_code(char) if combining(char) or cleaned(char) != char != " " else char for char in text)
    return seen if " ".join(seen.split()) == seen else repr(text)


def _is_absent(rule: LabelRule) -> Callable[[str], bool]:
    return is_missing if rule.missing == "absent" else is_blank


def _parts(written: Iterable[str], several: Several | None, rule: LabelRule) -> dict[str, tuple[str, ...]]:
    """The labels that count of each cell."""
    if not several or rule.several == "together":
        return {cell: (cell,) for cell in written}
    absent = _is_absent(rule)
    most = 1 if rule.several == "first" else None
    lists = {cell: tuple(part for part in parts if not absent(part))[:most] for cell, parts in several.parts.items()}
    return {cell: lists.get(cell, (cell,)) for cell in written}


def _classes(pieces: Mapping[str, int], rule: LabelRule) -> dict[str, str]:
    """The class of every label as it is written."""
    key = key_of(rule)
    target, wished = resolved(rule)
    groups = _by_class(pieces, lambda piece: target.get(own := key(piece), own))
    names = {key: wished.get(key) or _best(group, rule) for key, group in groups.items()}
    return {piece: names[key] for key, group in groups.items() for piece in group}


def _by_class(pieces: Mapping[str, int], class_of: Callable[[str], str]) -> dict[str, dict[str, int]]:
    """The spellings of each class, the most common first."""
    groups: dict[str, dict[str, int]] = {}
    for piece, count in sorted(pieces.items(), key=_most_first):
        groups.setdefault(class_of(piece), {})[piece] = count
    return groups


def _lists(several: Several | None, class_of: Mapping[str, str], rule: LabelRule) -> dict[str, tuple[str, ...]]:
    """The classes that are combinations, with their labels."""
    combined = several.parts if several and rule.several == "together" else {}
    return {class_of[cell]: labels for cell, labels in combined.items()}


def _best(group: Mapping[str, int], rule: LabelRule) -> str:
    """The spelling to keep: the most common one, tidied; of equals the shorter one, then one not in capitals."""
    if rule.spellings == "apart":
        return min(group, key=lambda piece: (-group[piece], piece))
    tidy: Counter[str] = Counter()
    for piece, count in group.items():
        tidy[cleaned(piece)] += count
    return min(tidy, key=lambda name: (-tidy[name], len(name), name.isupper(), name))


def _questions(
    column: str,
    cells: Sequence[str],
    held: Mapping[str, tuple[str, ...]],
    written: Mapping[str, int],
    wanted: Sequence[str],
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """One question for each label: yes or no, "" where the cell holds no label; and the labels without a question."""
    counts: Counter[str] = Counter()
    for cell, labels in held.items():
        counts.update(dict.fromkeys(labels, written[cell]))
    rows = sum(written[cell] for cell, labels in held.items() if labels)
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    found = [label for label in ranked if LEAST_YES <= counts[label] < rows][:MOST_QUESTIONS]
    keys = {cell: {label_key(label) for label in labels} for cell, labels in held.items() if labels}
    columns = {}
    for label in wanted or found:
        answers = {cell: YES if label_key(label) in own else NO for cell, own in keys.items()}
        columns[f"{column}: {label}"] = [answers.get(cell, "") for cell in cells]
    return columns, tuple(sorted(set(counts) - set(wanted or found)))


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _decide(text: str) -> str:
    return f"--decide {shlex.quote(text)}"


def _code(char: str) -> str:
    return char.encode("unicode_escape").decode()


def _few(words: Sequence[str], comma: str = ", ") -> str:
    more = len(words) - MOST_SHOWN
    return comma.join(words[:MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _cells(count: int) -> str:
    return f"{count:,} cell" if count == 1 else f"{count:,} cells"


def _joined(desk: Desk, column: str) -> str:
    if not (joined := desk.joined):
        return ""
    examples = []
    for name, written in joined.items():
        others = [f"{visible(piece)} ({count:,})" for piece, count in written.items() if piece != name]
        own = f" ({written[name]:,})" if name in written else ""
        examples.append(f"{name}{own} ← {_few(others)}")
    spellings = sum(map(len, joined.values()))
    words = "1 class" if len(joined) == 1 else f"{len(joined):,} classes"
    apart = f" To keep them apart: {_decide(f'{column}=apart')}." if desk.rule.spellings == "joined" else ""
    return f"{spellings:,} spellings of {words} were joined: {_few(examples, '; ')}.{apart}"


def _apart(desk: Desk, column: str) -> str:
    if not desk.alike:
        return ""
    first = ", ".join(f"{visible(piece)} ({count:,})" for piece, count in list(desk.alike[0].items())[:MOST_SHOWN])
    spellings = sum(map(len, desk.alike))
    joined = _decide(f"{column}=joined")
    return f"{spellings:,} spellings that look alike are classes of their own, such as {first}. To join them: {joined}."


def _missing(desk: Desk, column: str) -> str:
    if not desk.missing:
        return ""
    words = [f"{word!r} ({count:,})" for word, count in sorted(desk.missing.items(), key=_most_first)]
    cells = _cells(desk.missing.total())
    one = desk.missing.total() == 1
    say = f"{cells} {'says' if one else 'say'} {_few(words)} and {'counts' if one else 'count'}"
    if desk.rule.missing == "label":
        return f"{say} as a label. To count it as none: {_decide(f'{column}=missing-is-absent')}."
    return f"{say} as no label. To count it as one: {_decide(f'{column}=missing-is-label')}."


def _several(desk: Desk, column: str) -> list[str]:
    if not (several := desk.several):
        return []
    done = {
        "together": "every combination, in its order, counts as a class",
        "first": "the first of them counts",
        "each": f"each label is a question of its own, {len(desk.columns):,} in all",
    }[desk.rule.several]
    hold = "holds" if several.cells == 1 else "hold"
    what = f"{_cells(several.cells)} {hold} two or more labels, joined {several.joined_by}; {done}."
    other = [word for word in ("first", "each", "together") if word != desk.rule.several]
    found = [f"{what} To change that: {_decide(f'{column}={other[0]}')} or {other[1]}."]
    if desk.left_out:
        words = _few(desk.left_out)
        found.append(
            f"no question asks for {words}: fewer than {LEAST_YES} rows have it, all have it, or more than "
            f"{MOST_QUESTIONS} labels are more common."
        )
    return found


def _near(desk: Desk, column: str) -> str:
    if not desk.near:
        return ""
    words = [f"{n.written} ({n.written_cells:,}) and {n.kept} ({n.kept_cells:,}), {n.reason}" for n in desk.near]
    first = _decide(f"{column}:{desk.near[0].written}={desk.near[0].kept}")
    more = " or more" if len(words) == MOST_PAIRS else ""
    pairs = "1 pair of labels" if len(words) == 1 else f"{len(words):,}{more} pairs of labels"
    return f"{pairs} may be one label each: {_few(words, '; ')}. To join the first: {first}."
