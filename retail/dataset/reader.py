"""Read a data set, whatever form it has: tables in the Hugging Face convention or not, class folders, loose files.

In: a folder, a ZIP or a table. Out: a `Manifest` with every usable row, every problem and all that was not used. The
command line and the dashboard read through this one function. No torch.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from retail.dataset.added import with_added
from retail.dataset.cells import INPUTS, Cells, text_columns
from retail.dataset.columns import AUDIO, ID, IMAGE, ROLES, SPLIT, SPLIT_WORDS, TEXT
from retail.dataset.grouping import group_names
from retail.dataset.identity import joined_rows, names_of
from retail.dataset.manifest import Manifest, Problem, Seal
from retail.dataset.places.found import FoundFiles
from retail.dataset.places.names import Kind
from retail.dataset.product_table import MOST_MADE, ProductTable, each
from retail.dataset.remarks import Remark, few
from retail.dataset.row_decisions import apply
from retail.dataset.rows import Row, Rows, roles_of, rows_of
from retail.dataset.source import Source, open_source
from retail.dataset.splitting import as_in_folders, group_faults, split_products, with_validation
from retail.dataset.unused import (
    cells_read_otherwise,
    columns_left,
    files_left,
    header_like_a_row,
    photos_joined,
    rows_passed_over,
    sounds_cut,
    texts_cut,
)
from retail.schema import Modality, Product, Progress, UserError
from retail.wording import number_of, with_short_quotes

MOST_QUOTED = 160  # letters of a cell in a sentence


def read_rows(data: str | Path) -> Rows:
    """The rows as they stand, under the user's own column names; raises UserError."""
    return rows_of(open_source(data, labelled=False))


def header_of(data: str | Path, asked: Sequence[str] = ()) -> list[str]:
    """The columns in the convention's names, and questions that are one of a column's labels; raises UserError.

    Of labels that were `asked` for, also those that are rare in this data are questions.
    """
    cells = cells_of(open_source(data), TEXT, asked)
    return [*cells.header, *cells.column_of]


def media_cells(data: str | Path) -> dict[Kind, list[str]]:
    """The cells that name photos and those that name sounds; raises UserError."""
    cells = cells_of(open_source(data, labelled=False), TEXT, ())
    photos = [cell for place in range(len(cells)) for cell in cells.photos(place)]
    return {"image": photos, "audio": [cell for cell in cells.cells.get(AUDIO, []) if cell]}


def read_manifest(
    data: str | Path,
    tasks: Sequence[str] | None = None,
    text_column: str = TEXT,
    check_media: bool = False,
    progress: Progress | None = None,
    most_rows: int = 0,
    use_split: bool = True,
    group: Sequence[str] = (),
    every_split: bool = False,
) -> Manifest:
    """Every usable row and every problem; raises UserError when no row is usable or a named column is missing.

    With `most_rows` a longer table is refused before any file is looked for. Without `use_split` the column of splits
    is not looked at, as for products that are only to be recognised. Rows that share a value of a `group` column stay
    in one split; without any named, the data set's own group column counts. With `every_split` rows that the table
    gives another split than train, val or test, such as holdout, are among the products. Several text columns,
    separated by commas, make one description.
    """
    source = open_source(data, labelled=use_split)
    rows = rows_of(source)
    if most_rows and len(rows.rows) > most_rows:
        raise UserError(
            f"{source.name} has {len(rows.rows):,} rows, but the limit is {most_rows:,}; split it into parts."
        )
    cells = cells_of(source, text_column, tasks or (), group, rows)
    reader = Reader(cells, check_media, use_split, every_split)
    manifest = reader.manifest(tuple(tasks or cells.columns.tasks), tuple(group), progress)
    return with_added(manifest, source.added) if source.added and use_split else manifest


def cells_of(
    source: Source, text_column: str, tasks: Sequence[str], group: Sequence[str] = (), rows: Rows | None = None
) -> Cells:
    """The cells under what they mean: as the data set says, else as names and cells suggest."""
    rows = rows or rows_of(source)
    if source.pointer:
        columns = source.pointer.columns
    else:
        guess = roles_of(rows)
        named = {*tasks, *text_columns(rows.header, text_column)}  # what somebody named keeps its name
        free = {role: "" for role in ROLES if getattr(guess, role) in named}
        columns = replace(guess, **free)  # type: ignore[arg-type]
    return Cells(source, rows, columns.grouped_by(group), text_column, tuple(tasks))


@dataclass
class Reader:
    """Turns rows into products and gathers what is wrong on the way."""

    cells: Cells
    check_media: bool
    use_split: bool
    every_split: bool
    finds: FoundFiles | None = None  # of an earlier piece of the same data
    earlier: Mapping[str, int] = field(default_factory=dict)  # id -> number of its row in an earlier piece
    problems: list[Problem] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)  # id -> number of each usable row

    def __post_init__(self) -> None:
        self.source, self.table = self.cells.source, self.cells.table
        self.called = [""] * len(self.table.rows)  # what a row is called in problems, "" where after its line
        self.numbers = self.table.numbers
        self.taken = array("q")  # the rows that became a product, in the order of the products
        self.problems = [Problem(None, "", note) for note in self.source.notes]
        self.problems += [Problem(line, "", message) for line, message in self.table.faults]
        self.remarks = [*self.source.remarks, *rows_passed_over(self.table), *header_like_a_row(self.table)]
        self.remarks += photos_joined(self.cells)
        self.files = self.finds or FoundFiles(self.source, self.check_media)

    def manifest(self, tasks: tuple[str, ...], named_groups: tuple[str, ...], progress: Progress | None) -> Manifest:
        """Everything that is known of the data; raises UserError when no row is usable."""
        cells = self.cells
        questions = cells.questions(tasks)
        desks = {column: cells.desk(column) for column in questions.columns}
        labels = {name: values for desk in desks.values() for name, values in desk.columns.items()}
        chosen = questions.chosen
        asked = tuple(name for task in chosen for name in ([task] if task in labels else desks[task].columns))
        products = self.products(labels, progress)
        if not products:
            if not cells.inputs and len(cells):
                raise UserError(
                    f"{self.source.name} has no column of photos, sounds or descriptions that is known as one; the "
                    f"columns are {few(self.table.header)}. Name the one with descriptions with --text-column."
                )
            first = f" The first problem is: {self.problems[0]}" if self.problems else ""
            raise UserError(
                f"{self.source.name} has no usable row: a row needs a photo, a sound or a description.{first}"
            )
        has_split = SPLIT in cells.header and self.use_split
        if self.use_split and not has_split and (placed := as_in_folders(products, self.source.root)):
            products, has_split = placed, True
            sentence = "The rows are split as the folders of their files are named; a column 'split' would count more."
            self.remarks.append(Remark("rows", len(placed), sentence))
        has_validation = has_split and "val" in each(products, "split")
        if self.use_split:
            for sentence in group_faults(products, cells.groups, has_split):
                self._say(None, ", ".join(cells.groups), sentence)
        if self.use_split and not has_validation:
            divide = with_validation if has_split else split_products
            products = divide(products, self.contents(products), tuple(labels), asked)
        decided = self.source.pointer.rows if self.source.pointer else {}
        applied = apply(products, decided)  # after dividing, so that no decision moves another row
        self.remarks += [
            *questions.remarks,
            *applied.remarks,
            *columns_left(cells, desks, questions.reasons),
            *cells_read_otherwise(cells, desks, self.files),
            *texts_cut(products, language=self.check_media),
            *sounds_cut(self.files),
            *files_left(self.source, self.files),
        ]
        single = len(self.source.tables) == 1
        return Manifest(
            root=self.source.tables[0].parent.resolve() if single else self.source.root,
            products=applied.products if isinstance(applied.products, ProductTable) else tuple(applied.products),
            problems=self.placed_problems(),
            tasks=asked,
            label_columns=tuple(labels),
            text_column=cells.text_column,
            has_split=has_split,
            seal=Seal(self.source.tables, cells.meaning() + applied.meaning, self.files.files),
            title=self.source.title,
            source=self.source.place,
            lines=self._lines_of(applied.products),
            where=self.table.where,
            group=named_groups,
            has_validation=has_validation,
            remarks=tuple(self.remarks),
            inputs=cells.inputs,
            lost=self._lost(),
            rows=len(self.table.starts),
            desks=desks,
            not_asked=questions.reasons,
            decided=decided,
            own_names={task: _own_name(cells, task) for task in labels},
        )

    def _say_used(self, line: int, name: str, first: int) -> None:
        place = self.table.where.get(first, f"line {first}")
        self._say(line, ID, f"{name!r} is already used in {place}; this row is left out.")

    def _say(self, line: int | None, column: str, message: str) -> None:
        self.problems.append(Problem(line, self.cells.own(column), with_short_quotes(message, MOST_QUOTED)))

    def placed_problems(self) -> tuple[Problem, ...]:
        """In the order of the rows, each with what its row is called and where it stands."""
        where, starts = self.table.where, self.table.starts
        lines = {problem.line for problem in self.problems if problem.line}
        called = {line: starts.get(line, "") for line in lines}
        called |= {line: name for line, name in zip(self.numbers, self.called, strict=True) if line in lines and name}
        placed = [
            replace(one, id=called.get(one.line or 0, ""), where=where.get(one.line or 0, "")) for one in self.problems
        ]
        return tuple(sorted(placed, key=lambda problem: problem.line or 0))

    def products(self, labels: Mapping[str, Sequence[str]], progress: Progress | None = None) -> Sequence[Product]:
        """The usable rows; a row whose file is missing keeps its other inputs."""
        cells, count = self.cells, len(self.cells)
        self.names = names_of(self.table, cells.cells.get(ID))
        self.remarks += self.names.remarks
        found = ProductTable(os.path.realpath(self.table.rows[0].folder) if count else "", labels)
        again = Counter[str]()  # id -> further rows of it with other photos
        seen = {name: set[str]() for name, rows in Counter(self.names.names).items() if rows > 1}  # id -> photo cells
        for place, (row, name, group) in enumerate(zip(self.table.rows, self.names.names, self._groups(), strict=True)):
            photos = cells.at(IMAGE, place)
            is_new = name not in self.lines
            if not is_new and (not photos or photos in seen[name]):
                self._say_used(row.number, name, self.lines[name])
            elif name in self.earlier and not photos:
                self._say_used(row.number, name, self.earlier[name])
            elif read := self._product(place, row, name, labels, group):
                if name in seen:
                    seen[name].add(photos)
                if is_new:
                    self._keep(found, read, row.number, place)
                elif cells.columns.row == "photo":
                    number, at = row.number, self._at(name)
                    found.put(at, joined_rows(found[at], read, lambda *said, at=number: self._say(at, *said)))
                    self.called[place] = name
                else:
                    again[name] += 1
                    at = self._at(name)
                    group = read.group or found[at].group or name
                    found.put(at, replace(found[at], group=group))
                    self._keep(found, replace(read, id=f"{name} ({again[name] + 1})", group=group), row.number, place)
            elif is_new:
                self.called[place] = name
            if progress and ((place + 1) % 50 == 0 or place + 1 == count):
                progress("checking" if self.check_media else "reading", place + 1, count)
        if again:
            sentence = (
                f"{number_of(len(again), 'product has', 'products have')} several rows with other photos "
                f"({few(list(again))}); every row counts as a product, those of one product in one split. To make "
                "one product of them: --decide rows=join."
            )
            self.remarks.append(Remark("photos", again.total(), sentence))
        return found if len(found) > MOST_MADE else list(found)

    def _groups(self) -> Sequence[str]:
        """The name of each row's group, "" without one."""
        groups = self.cells.groups
        if len(groups) == 1:
            return self.cells.cells[groups[0]]
        return group_names(groups, self.cells.rows_of(groups)) if groups else [""] * len(self.cells)

    def _at(self, name: str) -> int:
        """The place of a product among those that are there already."""
        return bisect_left(self.taken, self.lines[name], key=self.numbers.__getitem__)

    def _keep(self, found: ProductTable, product: Product, number: int, place: int) -> None:
        found.add(product, place, self.cells.at(IMAGE, place), self.cells.at(AUDIO, place))
        self.taken.append(place)
        self.lines[product.id] = number
        self.called[place] = product.id

    def contents(self, products: Sequence[Product]) -> dict[str, str] | None:
        """Id -> what names a row when its line moves; None where ids do."""
        if self.names.given and all(self.cells.cells[ID]):
            return None
        contents, copies = dict[str, str](), Counter[str]()
        for place, product in zip(self.taken, products, strict=True):
            content = "\n".join((self.cells.at(IMAGE, place), self.cells.at(AUDIO, place), self.cells.text(place)))
            copies[content] += 1  # the first, the second, … row of this content
            given = self.names.given and self.cells.at(ID, place)
            contents[product.id] = product.id if given else f"{copies[content]} of {content}"
        return contents

    def _lines_of(self, products: Sequence[Product]) -> dict[str, int]:
        if len(products) == len(self.lines):
            return self.lines
        usable = set(each(products, "id"))
        return {name: line for name, line in self.lines.items() if name in usable}

    def _product(
        self, place: int, row: Row, name: str, labels: Mapping[str, Sequence[str]], group: str
    ) -> Product | None:
        word = self.cells.at(SPLIT, place)
        split = SPLIT_WORDS.get(word.lower(), word if self.every_split else "")
        if SPLIT in self.cells.header and not split and self.use_split and not self.every_split:
            self._say(row.number, SPLIT, f"{word!r} is not train, val or test; this row is left out.")
            return None
        images: list[Path] = []
        for cell in self.cells.photos(place):
            images += [path for path in self._files(IMAGE, cell, row) if path not in images]
        sounds = self._files(AUDIO, self.cells.at(AUDIO, place), row)
        product = Product(
            id=name,
            images=tuple(images),
            text=self.cells.text(place),
            audio=sounds[0] if sounds else None,
            labels={label: values[place] for label, values in labels.items()},
            split=split,
            group=group,
        )
        if not product.modalities:
            self._say(row.number, "", "no photo, sound or description is left, so this row is left out.")
            return None
        return product

    def _files(self, column: str, cell: str, row: Row) -> list[Path]:
        return self.files.of(cell, column, row.folder, lambda message: self._say(row.number, column, message))

    def _lost(self) -> dict[Modality, int]:
        """Inputs whose column names files of which none was found, with the number of cells."""
        files = self.files
        named = {modality: files.named[column] for modality, column in INPUTS.items() if not files.found[column]}
        return {modality: count for modality, count in named.items() if count}


def _own_name(cells: Cells, task: str) -> str:
    """What the table calls a question; one that asks for one label of a column bears the column's name in front."""
    column = cells.column_of.get(task, task)
    return cells.own(column) + task.removeprefix(column)
