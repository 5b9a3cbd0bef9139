"""The cells of a data set by column, in the convention's names, and which columns are inputs, labels or neither.

In: `Rows` and a `Columns`. Out: `Cells`, in which words for a missing value are nothing and labels are settled.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

from retail.config.options import listed
from retail.dataset.columns import AUDIO, GROUP, ID, IMAGE, NONE, ROLES, SPLIT, TEXT, Columns, more_photo_columns
from retail.dataset.continued import continued_rows
from retail.dataset.labels import Desk, settle
from retail.dataset.labels.missing import is_missing
from retail.dataset.labels.questions import offered
from retail.dataset.labels.rule import LabelRule
from retail.dataset.loose import media_kind
from retail.dataset.remarks import Remark, as_said, columns_said
from retail.dataset.rows import Rows
from retail.dataset.source import Source
from retail.media.text import clean_text
from retail.schema import Modality, UserError

INPUTS: dict[Modality, str] = {"image": IMAGE, "text": TEXT, "audio": AUDIO}
NOT_LABELS = {ID, IMAGE, AUDIO, SPLIT, GROUP, "text", "title", "description", "voice"}
MOSTLY = 0.5  # share of a column's cells that must name files for it to be taken as their names


def text_columns(header: Sequence[str], text_column: str) -> tuple[str, ...]:
    """The columns of the description: the one of this name, or several with commas between them."""
    return (text_column,) if text_column in header else listed(text_column) or (text_column,)


@dataclass(frozen=True)
class Questions:
    """The columns to learn, every column that could be one, and why the others are none."""

    chosen: tuple[str, ...]
    columns: tuple[str, ...]
    reasons: Mapping[str, str]
    remarks: tuple[Remark, ...]


@dataclass
class Cells:
    """Every column's cells, row by row; raises UserError for a text column that is missing.

    `asked` are the tasks that somebody named: with a column of lists they say which of its labels are questions.
    """

    source: Source
    table: Rows
    columns: Columns
    text_column: str
    asked: tuple[str, ...] = ()
    absent: dict[str, Counter[str]] = field(default_factory=dict)  # input column -> word -> cells without a value
    desks: dict[str, Desk] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.header = self.columns.renamed(self.table.header)
        self.given = tuple(self.header)  # without the columns that the places of tables and files make
        self.own_names = dict(zip(self.header, self.table.header, strict=True))
        self.texts = self._texts()
        self.added = self._join_continued()
        self.cells = {name: self.table.column(place) for place, name in enumerate(self.header)}
        self.more_photos = more_photo_columns(self.header, self.cells)
        called = dict(zip(self.table.header, self.header, strict=True))  # a column that groups may be an input too
        groups = tuple(called.get(name, name) for name in self.columns.groups)
        self.groups = groups or tuple(name for name in self.header if name == GROUP)
        self._split_by_place()
        self.written = dict(self.cells)  # label columns have their own rule for words that mean nothing
        self._empty_missing()
        self._files_by_stem()

    def __len__(self) -> int:
        return len(self.table.rows)

    def at(self, column: str, place: int) -> str:
        """A cell, "" where there is no such column."""
        return self.cells[column][place] if column in self.cells else ""

    def photos(self, place: int) -> list[str]:
        """The cells that name a row's photos: of every column of photos, and of the rows that go on with it."""
        columns = [IMAGE, *self.more_photos] if IMAGE in self.header else []
        own = [self.cells[column][place] for column in columns]
        later = [
            row[self.given.index(name)] for row in self.added.get(place, ()) for name in columns if name in self.given
        ]
        return [cell for cell in dict.fromkeys([*own, *later]) if not is_missing(cell)]

    def rows_of(self, columns: Sequence[str]) -> list[dict[str, str]]:
        """These columns' cells, row by row."""
        rows = zip(*(self.cells[name] for name in columns), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def own(self, column: str) -> str:
        """What the user calls a column."""
        return self.own_names.get(column, column)

    def text(self, place: int) -> str:
        """The description; of several columns their cells as sentences, in the order in which they were named."""
        cells = [cell for name in self.texts if (cell := self.at(name, place))]
        text = "".join(f"{cell} " if cell[-1] in ".!?:;" else f"{cell}. " for cell in cells[:-1]) + "".join(cells[-1:])
        return "" if "<" in text and not clean_text(text) else text

    @property
    def inputs(self) -> dict[Modality, tuple[str, ...]]:
        """The user's columns of each input."""
        found: dict[Modality, tuple[str, ...]] = {}
        for modality, column in INPUTS.items():
            names = self.texts if modality == "text" else (column,) if column in self.header else ()
            names += self.more_photos if modality == "image" else ()
            if names:
                found[modality] = tuple(self.own_names.get(name, name) for name in names)
        return found

    def questions(self, tasks: Sequence[str]) -> Questions:
        """With these tasks, or all that look like one; raises UserError for a task that cannot be learned."""
        remarks = []
        inputs = {ID, IMAGE, AUDIO, SPLIT, GROUP, *self.more_photos}
        for task in tasks:
            if task not in self.header and task not in self.column_of:
                raise UserError(
                    f"There is no label column {as_said(task)!r}; the columns are {columns_said(self.header)}."
                )
            said = self.text_column != TEXT and len(self.texts) > 1
            if task in inputs or (task in self.texts and not said):
                raise UserError(f"Column {task!r} is an input, not a label; choose a label column.")
            if task in self.groups:
                raise UserError(f"Column {task!r} says which rows form a group, so it is no label; choose another.")
            if task in self.texts:
                sentence = (
                    f"Column {task!r} is read as description and learned as a label, as you named it for both: the "
                    "answer stands in the input, so its scores say nothing about products without it."
                )
                remarks.append(Remark("columns", 1, sentence))
        names = [name for name in self.header if name not in {*NOT_LABELS, *self.texts, *self.groups} or name in tasks]
        likely, reasons = offered(names, list(zip(*(self.cells[name] for name in names), strict=True)))
        guessed = [name for name in likely if name not in {*NOT_LABELS, *self.texts, *self.groups}]
        chosen = tuple(dict.fromkeys(tasks)) if tasks else tuple(guessed)
        columns = [self.column_of.get(task, task) for task in chosen]
        return Questions(chosen, tuple(dict.fromkeys([*columns, *guessed])), reasons, tuple(remarks))

    @property
    def rules(self) -> Mapping[str, LabelRule]:
        """What was decided of label columns, under their names in the convention."""
        rules = self.source.pointer.labels if self.source.pointer else {}
        return {name: rules[own] for name, own in self.own_names.items() if own in rules}

    @cached_property
    def column_of(self) -> dict[str, str]:
        """Every question that is one of a column's labels, with that column."""
        each = [name for name, rule in self.rules.items() if rule.several == "each"]
        return {question: name for name in each for question in self.desk(name).columns if question != name}

    def desk(self, column: str) -> Desk:
        """The labels of a column as they were decided."""
        if column not in self.desks:
            front = f"{column}: "
            asked = tuple(task.removeprefix(front) for task in self.asked if task.startswith(front))
            self.desks[column] = settle(column, self.written[column], self.rules.get(column, LabelRule()), asked)
        return self.desks[column]

    def meaning(self) -> bytes:
        """What was meant and decided beside the tables' own bytes; nothing for plain data in the convention."""
        said = {column: rule for column, rule in sorted(self.rules.items()) if rule != LabelRule()}
        words = repr(self.columns) if replace(self.columns, row="product") != Columns() else ""
        words += self.columns.row if self.columns.row != "product" else ""
        return (words + (repr(said) if said else "")).encode()

    def _texts(self) -> tuple[str, ...]:
        """The columns that make up the description; raises UserError for one that is missing."""
        if len(self.columns.texts) > 1 and self.text_column == TEXT:
            return self.columns.texts
        texts = text_columns(self.header, self.text_column)
        for name in texts:
            if name not in self.header and name != TEXT:
                raise UserError(f"There is no text column {name!r}; the columns are {columns_said(self.header)}.")
        return tuple(name for name in texts if name in self.header)

    def _join_continued(self) -> dict[int, list[list[str]]]:
        """Takes rows that go on with a product out of the table; {place of the product's row: their cells}."""
        if ID not in self.header or self.columns.row == "photo":
            return {}
        rows = self.table.cells
        texts = [self.header.index(name) for name in self.texts]
        found = continued_rows(self.table.column(self.header.index(ID)), rows)
        goes_on = {p: start for p, start in found.items() if not any(rows[p][text] for text in texts)}
        if not goes_on:
            return {}
        kept = (place for place in range(len(rows)) if place not in goes_on)
        new_place = {place: new for new, place in enumerate(kept)}
        added: dict[int, list[list[str]]] = {}
        for place, start in goes_on.items():
            added.setdefault(new_place[start], []).append(list(rows[place]))
        self.table = self.table.without(goes_on)
        return added

    def _split_by_place(self) -> None:
        """Where a table's place says its split and no column does, the place counts."""
        if not any(row.split for row in self.table.rows):
            return
        given = self.cells.get(SPLIT, [""] * len(self.table.rows))
        self.cells[SPLIT] = [cell or row.split for cell, row in zip(given, self.table.rows, strict=True)]
        if SPLIT not in self.header:
            self.header.append(SPLIT)

    def _files_by_stem(self) -> None:
        """Where no column names photos, or sounds, one whose values are their names without an ending does."""
        for kind in (IMAGE, AUDIO):
            role = "image" if kind == IMAGE else "audio"
            if kind in self.header or getattr(self.columns, role) == NONE or not self.source.tables:
                continue
            stems = [PurePosixPath(name).stem for name in self.source.listing.files if media_kind(name) == kind]
            stem_of = _by_number(stems)
            for name in self.header if stems else ():
                values = [cell for cell in self.cells[name] if cell]
                named = sum(_number_key(value) in stem_of or value.lower() in stem_of for value in values)
                if len(set(values)) > 1 and named > MOSTLY * len(values):
                    self.header.append(kind)
                    self.cells[kind] = [
                        stem_of.get(cell.lower()) or stem_of.get(_number_key(cell), cell) for cell in self.cells[name]
                    ]
                    self.own_names[kind] = self.own_names.get(name, name)
                    break

    def _empty_missing(self) -> None:
        """In the columns of inputs, words for a missing value become nothing and are counted."""
        for name in dict.fromkeys((*ROLES.values(), *self.more_photos, *self.texts, *self.groups)):
            cells = self.cells.get(name, [])
            words = {cell for cell in set(cells) if cell and is_missing(cell)}
            if words:
                self.absent[name] = Counter(cell for cell in cells if cell in words)
                self.cells[name] = ["" if cell in words else cell for cell in cells]


def _by_number(stems: Sequence[str]) -> dict[str, str]:
    """The names of files as they are and by their key; of several with one key, such as 07 and 007, none by it."""
    found: dict[str, set[str]] = {}
    for stem in stems:
        found.setdefault(_number_key(stem), set()).add(stem)
    alone = {key: min(names) for key, names in found.items() if len({name.lower() for name in names}) == 1}
    return alone | {stem.lower(): stem for stem in stems}


def _number_key(name: str) -> str:
    """The same for 7, 7.0 and 0007, as tools write one number; any other name without case."""
    number = re.fullmatch(r"0*(\d+)(?:\.0+)?", name)
    return number[1] if number else name.lower()
