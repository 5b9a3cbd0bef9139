"""Data that are only to be recognised, piece by piece: a large table never stands in memory as a whole.

In: a folder, a ZIP or a table. Out: `Piece`s of rows in their order, each row with its product, or why there is none.
What the first piece says of columns holds for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retail.dataset.cells import Cells
from retail.dataset.columns import ID, Pointer, read_pointer
from retail.dataset.folder_tables import SURELY_TABLES
from retail.dataset.manifest import Problem
from retail.dataset.places.found import FoundFiles
from retail.dataset.places.listing import list_files
from retail.dataset.reader import Reader, cells_of, read_manifest, read_rows
from retail.dataset.remarks import MOST_OF_A_KIND, few_of_each, kind_of
from retail.dataset.rows import rows_of
from retail.dataset.source import Part, Source, is_own
from retail.dataset.tables import LARGE_BYTES, PIECE_ROWS, in_pieces
from retail.files import SHIPPED_DATA, or_shipped
from retail.schema import Product, Progress


@dataclass(frozen=True)
class AskedRow:
    """One row: what it is called, its own cells, its product if it is one, and what is wrong with it."""

    name: str
    cells: list[str]
    product: Product | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """Some rows, `number` 0 first; `rows_in_all` is an estimate where a table was not read to its end."""

    number: int
    header: list[str]  # the user's own columns
    rows: list[AskedRow]
    rows_in_all: int
    sentences: tuple[str, ...] = ()  # what a person should hear of

    @property
    def is_all(self) -> bool:
        """Whether there is no other."""
        return self.number == 0 and self.rows_in_all <= len(self.rows)


def pieces_of(
    data: str | Path, text_column: str, most_rows: int = 0, progress: Progress | None = None
) -> Iterator[Piece]:
    """Every row; with `most_rows` a longer table is refused. Raises UserError."""
    large = None if most_rows else _large(or_shipped(data, SHIPPED_DATA))
    if large is None:
        yield from _cut(data, text_column, most_rows, progress)
    else:
        yield from _streamed(data, *large, text_column)


def _cut(data: str | Path, text_column: str, most_rows: int, progress: Progress | None) -> Iterator[Piece]:
    """Of data that are read as a whole."""
    manifest = read_manifest(data, None, text_column, progress=progress, most_rows=most_rows, use_split=False)
    remarks = [str(remark) for remark in manifest.remarks if remark.kind != "labels"]  # nobody learns from these rows
    said = (*few_of_each(map(str, manifest.problems)), *remarks)
    table = read_rows(data)
    rows = asked_rows(manifest.products, manifest.lines, manifest.problems, table.header, table.by_number)
    for number, start in enumerate(range(0, max(len(rows), 1), PIECE_ROWS)):
        yield Piece(number, table.header, rows[start : start + PIECE_ROWS], len(rows), () if number else said)


def asked_rows(
    products: Sequence[Product],
    lines: Mapping[str, int],
    problems: Sequence[Problem],
    header: Sequence[str],
    own: Mapping[int, list[str]],
) -> list[AskedRow]:
    """Products with what was wrong in their rows, and the rows that are no product at all, line by line."""
    names: dict[int, str] = {}
    reasons: dict[int, tuple[str, ...]] = {}  # by line, for two rows may bear one id
    for problem in problems:
        if problem.line is not None and problem.id:  # the header has none
            names[problem.line] = problem.id
            reasons[problem.line] = (*reasons.get(problem.line, ()), str(problem))
    product_of = {lines[product.id]: product for product in products}
    names |= {line: product.id for line, product in product_of.items()}
    return [
        AskedRow(
            names[line],
            own.get(line) or [names[line] if column == ID else "" for column in header],
            product_of.get(line),
            reasons.get(line, ()),
        )
        for line in sorted(names)
    ]


def _large(data: Path) -> tuple[Path, Source] | None:
    """The one table of the data and where its files lie, where it is large and can be read piece by piece."""
    pointer = read_pointer(data) if data.is_dir() else None
    place = data / pointer.metadata if pointer else data
    if pointer and (pointer.also or pointer.rows or pointer.columns.row == "photo"):
        return None  # what was decided of single rows needs all of them
    own = is_own(place)
    if place.is_dir():
        listing = list_files(place, own)
        tables = [place / name for name in listing.files if name.lower().endswith(SURELY_TABLES)]
    elif place.is_file():
        listing, tables = list_files(place.parent, own), [place]
    else:
        return None
    if len(tables) != 1 or tables[0].suffix.lower() == ".zip" or tables[0].stat().st_size < LARGE_BYTES:
        return None
    if in_pieces(tables[0], PIECE_ROWS) is None:
        return None
    root = place.resolve() if place.is_dir() else place.resolve().parent
    title = pointer.name if pointer else root.name
    notes = pointer.notes if pointer else ()
    source = Source(root, own, (), (tables[0],), data.resolve(), title, (), notes, _without_rows(pointer))
    return tables[0], replace(source, walked=listing)


def _without_rows(pointer: Pointer | None) -> Pointer | None:
    return pointer and pointer.model_copy(update={"rows": {}})


def _streamed(data: str | Path, path: Path, source: Source, text_column: str) -> Iterator[Piece]:
    tables = in_pieces(path, PIECE_ROWS)
    assert tables is not None
    files, earlier, columns = FoundFiles(source, opened=False), dict[str, int](), None
    told, in_all = Counter[str](), _rows_in(path)
    for number, table in enumerate(tables):
        part = replace(source, parts=(Part("", table, path.parent),), notes=() if number else source.notes)
        rows = rows_of(part)
        if columns is None:
            cells = cells_of(part, text_column, (), rows=rows)
            columns = cells.columns
        else:
            cells = Cells(part, rows, columns, text_column)
        reader = Reader(cells, check_media=False, use_split=False, every_split=False, finds=files, earlier=earlier)
        products = reader.products({})
        if not products and not number:  # perhaps no table of products at all, and all of it says why
            yield from _cut(data, text_column, 0, None)
            return
        problems = reader.placed_problems()
        asked = asked_rows(products, reader.lines, problems, rows.header, rows.by_number)
        yield Piece(number, rows.header, asked, in_all, tuple(_news(problems, told)))
        files.files.clear()
        if reader.names.given:
            earlier |= reader.lines


def _news(problems: Sequence[Problem], told: Counter[str]) -> Iterator[str]:
    """The problems of a piece, as far as not enough of their kind were told; every row keeps its own."""
    for sentence in map(str, problems):
        told[kind := kind_of(sentence)] += 1
        if told[kind] <= MOST_OF_A_KIND:
            yield sentence
        elif told[kind] == MOST_OF_A_KIND + 1:
            yield f"… and more of this kind, which stand beside their rows: {sentence}"


def _rows_in(path: Path) -> int:
    """About how many; of a CSV its lines."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_metadata(path).num_rows
    with path.open("rb") as file:
        return sum(part.count(b"\n") for part in iter(lambda: file.read(2**20), b""))
