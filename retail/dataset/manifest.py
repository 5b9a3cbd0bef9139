"""Read and validate a data set in the Hugging Face folder convention: files beside a metadata.csv.

In: a folder, a ZIP or a metadata.csv. Out: a `Manifest` with every usable row and every problem. No torch.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from retail.dataset.archive import unpack
from retail.dataset.columns import (
    AUDIO,
    GROUP,
    ID,
    IMAGE,
    METADATA,
    ROLES,
    SPLIT,
    SPLIT_WORDS,
    Columns,
    find_table,
    guessed_tasks,
    read_pointer,
)
from retail.dataset.grouping import group_names
from retail.dataset.splitting import SHARES, WITHOUT_VALIDATION, split_products
from retail.dataset.tables.csv import parse_table
from retail.files import DEMO_DIR, or_demo
from retail.media import MediaError, decode_audio, decode_image
from retail.schema import Product, Progress, UserError, Vocabulary

NOT_LABELS = {ID, IMAGE, AUDIO, SPLIT, GROUP, "text", "title", "description", "voice"}


@dataclass(frozen=True)
class Problem:
    """One thing to fix in the data; `line` counts from 1, the header being line 1."""

    line: int | None
    column: str
    message: str
    id: str = ""  # of the product in this line, where it is known

    def __str__(self) -> str:
        place = [f"line {self.line}"] if self.line else []
        place += [f"column {self.column!r}"] if self.column else []
        return f"{', '.join(place)}: {self.message}" if place else self.message


@dataclass(frozen=True)
class Manifest:
    """The usable rows of a data set and what is wrong with the others."""

    root: Path
    products: tuple[Product, ...]
    problems: tuple[Problem, ...]
    tasks: tuple[str, ...]
    label_columns: tuple[str, ...]
    text_column: str
    has_split: bool
    checksum: str
    title: str = ""  # what the data set is called
    source: Path = Path()  # the folder that reads as this data set again
    lines: Mapping[str, int] = field(default_factory=dict)  # id of a usable row -> its line, the header being line 1
    group: tuple[str, ...] = ()  # the group columns that were named, beside what the data set says of itself
    has_validation: bool = False  # the table marks validation rows; else they were taken from those of training

    def in_split(self, name: str) -> list[Product]:
        """The rows of a split: train, val, test or, where they were asked for, another word of the table."""
        return [product for product in self.products if product.split == name]

    def vocabularies(self, split: str = "train") -> dict[str, Vocabulary]:
        """One vocabulary per task from the rows of a split."""
        rows = self.in_split(split)
        return {task: Vocabulary.from_labels(row.labels.get(task, "") for row in rows) for task in self.tasks}

    def support(self, task: str, split: str = "train") -> Counter[str]:
        """How many rows of a split each class has; rows without a label are left out."""
        return Counter(label for row in self.in_split(split) if (label := row.labels.get(task, "")))


def support_sentence(counts: Counter[str]) -> str:
    """How evenly the classes of one task are filled, in one line."""
    if not counts:
        return "no labelled training row."
    sizes = sorted(counts.values())
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    return (
        f"{len(counts)} classes with {sizes[0]} ({least}) to {sizes[-1]} ({most}) training rows, "
        f"median {median(sizes):g}."
    )


def read_manifest(
    data: str | Path,
    tasks: Sequence[str] | None = None,
    text_column: str = "text",
    check_media: bool = False,
    progress: Progress | None = None,
    most_rows: int = 0,
    use_split: bool = True,
    group: Sequence[str] = (),
    every_split: bool = False,
) -> Manifest:
    """Every usable row and every problem; raises UserError when no row is usable or a named column is missing.

    With `most_rows` a longer table is refused before any file is read. Without `use_split` the column of splits is not
    looked at, as for products that are only to be recognised. Rows that share a value of a `group` column stay in one
    split; without any named, the data set's own group column counts. With `every_split` rows that the table gives
    another split than train, val or test, such as holdout, are among the products.
    """
    metadata, notes, columns, title = locate(data)
    columns = columns.grouped_by(group)
    reader = _Reader(metadata, text_column, check_media, [Problem(None, "", note) for note in notes], columns)
    reader.use_split, reader.every_split = use_split, every_split
    header, rows = reader.rows()
    header = reader.convention(header, tasks or columns.tasks)
    if most_rows and len(rows) > most_rows:
        raise UserError(f"{metadata.name} has {len(rows):,} rows, but the limit is {most_rows:,}; split it into parts.")
    reader.group_columns = columns.groups or tuple(name for name in header if name == GROUP)
    chosen, label_columns = _columns(header, rows, tasks or columns.tasks, text_column, reader.group_columns)
    products = reader.products(header, rows, label_columns, progress)
    has_split = SPLIT in header and use_split
    has_validation = has_split and any(product.split == "val" for product in products)
    if use_split:
        _check_groups(products, reader, has_split)
    if use_split and not has_split:
        products = split_products(products, reader.contents, label_columns, chosen)
    elif use_split and not has_validation:
        products = _with_validation(products, reader.contents, label_columns, chosen)
    if not products:
        first = f" The first problem is: {reader.problems[0]}" if reader.problems else ""
        raise UserError(f"{metadata.name} has no usable row: a row needs a photo, a sound or a text.{first}")
    order = sorted(reader.problems, key=lambda problem: problem.line or 0)
    checksum = reader.digest.hexdigest()
    root = metadata.parent.resolve()
    found, problems = tuple(products), tuple(order)
    named = bool(title) or Path(data).suffix.lower() == ".csv"  # else the folder that was found says it all
    title, source = title or root.name, Path(data).resolve() if named else root
    facts = (chosen, label_columns, text_column, has_split, checksum, title, source, reader.lines)
    return Manifest(root, found, problems, *facts, tuple(group), has_validation)


def read_table(metadata: Path) -> tuple[list[str], dict[int, list[str]]]:
    """The header and the rows of a table as they stand, by line; raises UserError when it is none."""
    header, rows = _Reader(metadata, "", False, []).rows()
    return header, dict(rows)


def header_of(data: str | Path) -> list[str]:
    """The columns of a data set in the convention's names."""
    table, _, columns, _ = locate(data)
    return columns.renamed(read_table(table)[0])


def locate(data: str | Path) -> tuple[Path, list[str], Columns, str]:
    """The table, notes from unpacking, what its columns mean and the data set's name ("" where it has none)."""
    data = or_demo(data, DEMO_DIR)
    if data.is_dir() and (pointer := read_pointer(data)):
        metadata = data / pointer.metadata  # an absolute path stays as it is
        if not metadata.is_file():
            raise UserError(f"{metadata} of data set {pointer.name!r} is missing; restore it, or add the data again.")
        return metadata, list(pointer.notes), pointer.columns, pointer.name
    notes: list[str] = []
    if data.is_file() and data.suffix.lower() == ".zip":
        folder, notes = unpack(data)
        table, lack = (
            find_table(folder.rglob("*"), folder),
            f"{data.name} contains no {METADATA} and no other CSV table",
        )
    elif data.is_dir():  # only its top: a mistyped folder may be a whole disk
        table, lack = find_table(data.iterdir(), data), f"{data / METADATA} does not exist, nor any other CSV table"
    else:
        table, lack = data if data.is_file() else None, f"{data} does not exist"
    if table is None:
        raise UserError(f"{lack}; name a folder or ZIP with a {METADATA}, or that file itself.")
    return table, notes, Columns(), ""


def _columns(
    header: list[str],
    rows: list[tuple[int, list[str]]],
    tasks: Sequence[str] | None,
    text_column: str,
    groups: Sequence[str],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tasks to learn, and every column that could be one; raises UserError for a column that is missing."""
    if text_column not in header and text_column != "text":
        raise UserError(f"There is no text column {text_column!r}; the columns are {', '.join(header)}.")
    for task in tasks or ():
        if task not in header:
            raise UserError(f"There is no label column {task!r}; the columns are {', '.join(header)}.")
        if task in {ID, IMAGE, AUDIO, SPLIT, GROUP, text_column}:
            raise UserError(f"Column {task!r} is an input, not a label; choose a label column.")
        if task in groups:
            raise UserError(f"Column {task!r} says which rows form a group, so it is no label; choose another column.")
    likely = guessed_tasks(header, [cells for _, cells in rows])
    guessed = [column for column in likely if column not in NOT_LABELS | {text_column, *groups}]
    chosen = tuple(dict.fromkeys(tasks)) if tasks else tuple(guessed)
    return chosen, tuple(dict.fromkeys([*chosen, *guessed]))


@dataclass
class _Reader:
    """Turns lines into products and gathers what is wrong on the way."""

    metadata: Path
    text_column: str
    check_media: bool
    problems: list[Problem]
    columns: Columns = field(default_factory=Columns)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    own_names: dict[str, str] = field(default_factory=dict)  # the convention's name -> the table's
    lines: dict[str, int] = field(default_factory=dict)  # id -> line of each usable row
    names: dict[int, str] = field(default_factory=dict)  # line of each row -> what the row is called in problems
    listings: dict[Path, dict[str, str]] = field(default_factory=dict)  # folder -> composed name -> the name on disk
    use_split: bool = True
    every_split: bool = False
    group_columns: tuple[str, ...] = ()
    contents: dict[str, str] = field(default_factory=dict)  # id -> what names the row when its line moves

    def say(self, line: int | None, column: str, message: str) -> None:
        self.problems.append(Problem(line, self.own_names.get(column, column), message))

    def rows(self) -> tuple[list[str], list[tuple[int, list[str]]]]:
        """The header and the rows with as many fields as it, each with the number of its first line."""
        content = self.metadata.read_bytes()
        self.digest.update(content)
        table = parse_table(content, self.metadata.name)
        self.problems += [Problem(line, "", message) for line, message in table.faults]
        self.names = {line: f"line-{line}" for line in table.starts}
        self.digest.update(repr(self.columns).encode() if self.columns != Columns() else b"")
        self.own_names = dict(zip(renamed := self.columns.renamed(table.header), table.header, strict=True))
        return renamed, table.rows

    def convention(self, header: list[str], tasks: Sequence[str]) -> list[str]:
        """The header with "Text" or "ID" in the convention's spelling, where they have no other meaning."""
        named = {self.text_column, *tasks}
        for role, name in ROLES.items():
            alike = [column for column in header if column.lower() == name and column not in named]
            if alike and name not in header and not getattr(self.columns, role):
                header = [name if column == alike[0] else column for column in header]
                self.own_names[name] = alike[0]
        return header

    def products(
        self, header: list[str], rows: list[tuple[int, list[str]]], labels: Sequence[str], progress: Progress | None
    ) -> list[Product]:
        """The usable rows; a row whose file is missing keeps its other inputs."""
        found, products, copies = self.lines, [], Counter[str]()
        named = [(line, dict(zip(header, cells, strict=True))) for line, cells in rows]
        groups = group_names(self.group_columns, [row for _, row in named]) if self.group_columns else [""] * len(named)
        for done, ((line, row), group) in enumerate(zip(named, groups, strict=True), start=1):
            product_id = row.get(ID) or f"line-{line}"
            if product_id in found:
                message = f"{product_id!r} is already used in line {found[product_id]}; this row is left out."
                self.say(line, ID, message)
            elif product := self._product(line, product_id, row, labels, group):
                found[product_id] = line
                products.append(product)
                content = "\n".join(row.get(name, "") for name in (IMAGE, AUDIO, self.text_column))
                copies[content] += 1  # the first, the second, … row of this content
                self.contents[product_id] = row.get(ID) or f"{copies[content]} of {content}"
            if found.get(product_id, line) == line:  # else the id is taken
                self.names[line] = product_id
            if progress and (done % 50 == 0 or done == len(rows)):
                progress("checking" if self.check_media else "reading", done, len(rows))
        self.problems = [replace(problem, id=self.names.get(problem.line or 0, "")) for problem in self.problems]
        return products

    def _product(
        self, line: int, product_id: str, row: dict[str, str], labels: Sequence[str], group: str
    ) -> Product | None:
        word = row.get(SPLIT, "")
        split = SPLIT_WORDS.get(word.lower(), word if self.every_split else "")
        if SPLIT in row and not split and self.use_split and not self.every_split:
            self.say(line, SPLIT, f"{word!r} is not train, val or test; this row is left out.")
            return None
        names = [name.strip() for name in row.get(IMAGE, "").split(";") if name.strip()]
        images = [path for name in names if (path := self._file(line, IMAGE, name))]
        audio = self._file(line, AUDIO, row[AUDIO]) if row.get(AUDIO) else None
        product = Product(
            id=product_id,
            images=tuple(images),
            text=row.get(self.text_column, ""),
            audio=audio,
            labels={label: row[label] for label in labels},
            split=split,
            group=group,
        )
        if not product.modalities:
            self.say(line, "", "no photo, sound or text is left, so this row is left out.")
            return None
        return product

    def _file(self, line: int, column: str, name: str) -> Path | None:
        root, content = self.metadata.parent.resolve(), None
        try:
            for path in self._candidates(root, name):
                if not path.is_relative_to(root):
                    self.say(line, column, f"{name!r} points outside the folder; move the file into the folder.")
                    return None
                if path.is_file():
                    content = path.read_bytes()
                    break
        except (OSError, ValueError):
            pass
        if content is None:
            self.say(line, column, f"{name!r} does not exist; fix the path, or leave the cell empty.")
            return None
        self.digest.update(name.encode() + hashlib.sha256(content).digest())
        if self.check_media:
            try:
                (decode_image if column == IMAGE else decode_audio)(path)
            except MediaError as error:
                self.say(line, column, str(error))
                return None
        return path

    def _candidates(self, root: Path, name: str) -> Iterator[Path]:
        """Where the file may lie: as named, with Windows' back-slashes turned, then in another Unicode form."""
        for form in dict.fromkeys((name, name.replace("\\", "/"))):
            path = (root / form).resolve()
            yield path
            folder = root
            for part in path.relative_to(root).parts:  # an é is one letter on Linux, an e and an accent on a Mac
                folder = folder / self._listing(folder).get(unicodedata.normalize("NFC", part), part)
            yield folder.resolve()

    def _listing(self, folder: Path) -> dict[str, str]:
        if folder not in self.listings:
            names = sorted(child.name for child in folder.iterdir()) if folder.is_dir() else []
            self.listings[folder] = {unicodedata.normalize("NFC", name): name for name in names}
        return self.listings[folder]


def _check_groups(products: Sequence[Product], reader: _Reader, has_split: bool) -> None:
    """Says which groups lie in several splits, and which is so large that nothing is left to split."""
    column = ", ".join(reader.group_columns)
    splits: dict[str, set[str]] = {}
    for product in products:
        if product.group:
            splits.setdefault(product.group, set()).add(product.split)
    for group, found in splits.items():
        if len(found) > 1:
            names = " and ".join(sorted(found))
            reader.say(None, column, f"group {group!r} is in {names}; put it into one split.")
    sizes = Counter(product.group for product in products if product.group)
    most = max(sizes.values(), default=0)
    if not has_split and most > SHARES["train"] * len(products):
        ties = "these columns tie" if len(reader.group_columns) > 1 else "this column ties"
        remedy = "name fewer or other columns, or mark the splits yourself"
        sentence = f"{ties} {most:,} of {len(products):,} rows into one group, which stays in one split; {remedy}."
        reader.say(None, column, sentence)


def _with_validation(
    products: Sequence[Product], names: Mapping[str, str], columns: Sequence[str], tasks: Sequence[str]
) -> list[Product]:
    """Whole groups of the training rows become validation rows, as none are marked."""
    train = [product for product in products if product.split == "train"]
    moved = {row.id: row for row in split_products(train, names, columns, tasks, WITHOUT_VALIDATION)}
    return [moved.get(product.id, product) for product in products]
