"""Read and validate a data set in the Hugging Face folder convention: files beside a metadata.csv.

In: a folder, a ZIP or a metadata.csv. Out: a `Manifest` with every usable row and every problem. No torch.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from retail.archive import unpack
from retail.columns import AUDIO, GROUP, ID, IMAGE, SPLIT, SPLIT_WORDS, Columns, guessed_tasks, read_pointer
from retail.media import MediaError, decode_audio, decode_image
from retail.schema import Product, Progress, UserError, Vocabulary

METADATA = "metadata.csv"
NOT_LABELS = {ID, IMAGE, AUDIO, SPLIT, GROUP, "text", "title", "description", "voice"}


@dataclass(frozen=True)
class Problem:
    """One thing to mend in the data; `line` counts from 1, the header being line 1."""

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

    def in_split(self, name: str) -> list[Product]:
        """The rows of train, val or test."""
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
    data: Path,
    tasks: Sequence[str] | None = None,
    text_column: str = "text",
    check_media: bool = False,
    progress: Progress | None = None,
    most_rows: int = 0,
) -> Manifest:
    """Every usable row and every problem; raises UserError when no row is usable or a named column is missing.

    With `most_rows` a longer table is refused before any file is read.
    """
    metadata, notes, columns, title = _locate(Path(data))
    reader = _Reader(metadata, text_column, check_media, [Problem(None, "", note) for note in notes], columns)
    header, rows = reader.rows()
    if most_rows and len(rows) > most_rows:
        raise UserError(
            f"{metadata.name} has {len(rows):,} rows, but at most {most_rows:,} are taken at once; split it into parts."
        )
    chosen, label_columns = _columns(header, rows, tasks or columns.tasks, text_column)
    products = reader.products(header, rows, label_columns, progress)
    has_split = SPLIT in header
    products = _check_groups(products, reader.problems) if has_split else assign_splits(products)
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
    return Manifest(root, found, problems, *facts)


def read_table(metadata: Path) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a table as they stand; raises UserError when it is none."""
    header, rows = _Reader(metadata, "", False, []).rows()
    return header, [cells for _, cells in rows]


def _locate(data: Path) -> tuple[Path, list[str], Columns, str]:
    """The table, notes from unpacking, what its columns mean and the data set's name ("" where it has none)."""
    if data.is_dir() and (pointer := read_pointer(data)):
        metadata = data / pointer.metadata  # an absolute path stays as it is
        if not metadata.is_file():
            raise UserError(f"{metadata} of data set {pointer.name!r} is gone; bring it back, or add the data again.")
        return metadata, list(pointer.notes), pointer.columns, pointer.name
    notes: list[str] = []
    if data.is_file() and data.suffix.lower() == ".zip":
        data, notes = unpack(data)
        inner = [child for child in data.iterdir() if child.name != "__MACOSX"]
        if len(inner) == 1 and inner[0].is_dir():
            data = inner[0]
    if data.is_dir():
        data = data / METADATA
    if not data.is_file():
        raise UserError(f"{data} does not exist; name a folder or ZIP with a {METADATA}, or that file itself.")
    return data, notes, Columns(), ""


def _columns(
    header: list[str], rows: list[tuple[int, list[str]]], tasks: Sequence[str] | None, text_column: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tasks to learn, and every column that could be one; raises UserError for a column that is missing."""
    if text_column not in header and text_column != "text":
        raise UserError(f"There is no text column {text_column!r}; the columns are {', '.join(header)}.")
    for task in tasks or ():
        if task not in header:
            raise UserError(f"There is no label column {task!r}; the columns are {', '.join(header)}.")
        if task in {ID, IMAGE, AUDIO, SPLIT, GROUP, text_column}:
            raise UserError(f"Column {task!r} is an input, not a label; choose a label column.")
    likely = guessed_tasks(header, [cells for _, cells in rows])
    guessed = [column for column in likely if column not in NOT_LABELS | {text_column}]
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

    def say(self, line: int | None, column: str, message: str) -> None:
        self.problems.append(Problem(line, self.own_names.get(column, column), message))

    def rows(self) -> tuple[list[str], list[tuple[int, list[str]]]]:
        """The header and the rows with as many fields as it, each with its line number."""
        content = self.metadata.read_bytes()
        self.digest.update(content)
        text = self._decode(content)
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)  # what a spreadsheet's "save as CSV" writes depends on the country
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
        except csv.Error as error:
            raise UserError(f"{self.metadata.name} is not a usable CSV ({error}); save it again as CSV.") from None
        if not lines:
            raise UserError(f"{self.metadata.name} is empty; its first line names the columns.")
        header = lines[0][1]
        if doubled := [name for name, count in Counter(header).items() if count > 1]:
            raise UserError(f"Column {doubled[0]!r} appears twice in {self.metadata.name}; rename one of them.")
        self.digest.update(repr(self.columns).encode() if self.columns != Columns() else b"")
        self.own_names = dict(zip(renamed := self.columns.renamed(header), header, strict=True))
        header, rows = renamed, []
        for line, cells in lines[1:]:
            if len(cells) == len(header):
                rows.append((line, cells))
            elif any(cells):
                message = f"{len(cells)} fields instead of {len(header)}; quote cells that hold commas."
                self.say(line, "", message)
        return header, rows

    def _decode(self, content: bytes) -> str:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
        pieces = []
        for line, piece in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True), start=1):
            try:
                pieces.append(piece.decode("utf-8"))
            except UnicodeDecodeError as error:
                byte = piece[error.start]
                message = (
                    f"byte 0x{byte:02x} is not UTF-8, so the line was read as Windows-1252; save the file as UTF-8."
                )
                self.say(line, "", message)
                pieces.append(piece.decode("cp1252", errors="replace"))
        return "".join(pieces)

    def products(
        self, header: list[str], rows: list[tuple[int, list[str]]], labels: Sequence[str], progress: Progress | None
    ) -> list[Product]:
        """The usable rows; a row whose file is missing keeps its other inputs."""
        found, products = self.lines, []
        for done, (line, cells) in enumerate(rows, start=1):
            row, before = dict(zip(header, cells, strict=True)), len(self.problems)
            product_id = row.get(ID) or f"line-{line}"
            if product_id in found:
                message = f"{product_id!r} stands in line {found[product_id]} already; this row is left out."
                self.say(line, ID, message)
            elif product := self._product(line, product_id, row, labels):
                found[product_id] = line
                products.append(product)
            name = product_id if found.get(product_id, line) == line else f"line-{line}"  # of a row with a taken id
            self.problems[before:] = [replace(problem, id=name) for problem in self.problems[before:]]
            if progress and (done % 50 == 0 or done == len(rows)):
                progress("checking" if self.check_media else "reading", done, len(rows))
        return products

    def _product(self, line: int, product_id: str, row: dict[str, str], labels: Sequence[str]) -> Product | None:
        split = SPLIT_WORDS.get(row[SPLIT].lower(), "") if SPLIT in row else ""
        if SPLIT in row and not split:
            self.say(line, SPLIT, f"{row[SPLIT]!r} is not train, val or test; this row is left out.")
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
            group=row.get(GROUP, ""),
        )
        if not product.modalities:
            self.say(line, "", "no photo, sound or text is left, so this row is left out.")
            return None
        return product

    def _file(self, line: int, column: str, name: str) -> Path | None:
        root = self.metadata.parent.resolve()
        try:
            path = (root / name).resolve()
            if not path.is_relative_to(root):
                self.say(line, column, f"{name!r} points out of the folder; put the file into the folder.")
                return None
            content = path.read_bytes() if path.is_file() else None
        except (OSError, ValueError):
            content = None
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


def _check_groups(products: list[Product], problems: list[Problem]) -> list[Product]:
    splits: dict[str, set[str]] = {}
    for product in products:
        if product.group:
            splits.setdefault(product.group, set()).add(product.split)
    for group, found in splits.items():
        if len(found) > 1:
            names = " and ".join(sorted(found))
            problems.append(Problem(None, GROUP, f"group {group!r} is in {names}; put it into one split."))
    return products


def assign_splits(products: Sequence[Product]) -> list[Product]:
    """70 % train, 15 % val, 15 % test by whole groups, in an order that only the names decide."""

    def key(name: str) -> str:
        return hashlib.sha256(name.encode()).hexdigest()

    groups = Counter(product.group or product.id for product in products)
    place, split_of = 0, {}
    for name in sorted(groups, key=key):
        share = (place + groups[name] / 2) / len(products)
        split_of[name] = "train" if share < 0.70 else "val" if share < 0.85 else "test"
        place += groups[name]
    return [replace(product, split=split_of[product.group or product.id]) for product in products]
