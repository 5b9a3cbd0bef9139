"""Reads a Parquet table in a process of its own, which `parquet.py` asks and outlives.

In: a path and how many rows. Out: the header and rows of strings, or the refusal. Media inside are written under the
app's home, where they are found again; their cells hold the absolute paths.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from retail.dataset.tables.cells import as_cell
from retail.dataset.tables.table import require_cells, require_columns_once
from retail.files import home, note_use, whole_file
from retail.outside import reading
from retail.outside.limits import MAX_BATCH_BYTES, MAX_RATIO, MAX_VALUES, RATIO_FROM_BYTES
from retail.schema import UserError

BATCH_ROWS = 64  # as many photos as are in memory at once
BUFFER_BYTES = 2**20  # read as needed, not a whole group of rows at once
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
NAME_LETTERS = 60
# How the bytes of a medium begin where no name says what they are.
MAGIC = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"\xff\xfb": ".mp3",
}


def answer(facts: Mapping[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """So many rows from a place on, all without a number; the next question usually goes on there."""
    try:
        _under_way.go_to(Path(facts["path"]), facts["start"], facts["rows"] is None)
        rows = list(islice(_under_way.rows, facts["rows"]))
    except UserError as refusal:
        return {"refusal": str(refusal)}, b""
    _under_way.place += len(rows)
    return {"header": _under_way.header, "rows": rows}, b""


class _UnderWay:
    """The table that this process reads, and how far it is."""

    def __init__(self) -> None:
        self.place, self.header, self.rows = 0, list[str](), iter(list[list[str]]())
        self._path: Path | None = None

    def go_to(self, path: Path, place: int, whole: bool) -> None:
        """Opens the table, unless it stands there already."""
        if (self._path, self.place) != (path, place):
            self._path = None  # should it not open, it is opened anew next time
            lines = _lines(path, whole)
            self.header, self.place, self._path = next(lines), place, path
            self.rows = islice(lines, place, None)


_under_way = _UnderWay()


def _lines(path: Path, whole: bool) -> Iterator[list[str]]:
    """The header, then the rows; a table that is read as a whole has bounds."""
    with _opened(path) as (file, header):
        if whole:
            require_cells(file.metadata.num_rows, len(header), path.name)
        yield header
        yield from _rows(file, path)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, list[str]]]:
    """The file and its columns; whatever is wrong with it inside is a UserError."""
    import pyarrow
    import pyarrow.parquet

    with reading(path.name, "Parquet file", "write it again", why=_why):
        with pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
            header = [name.strip() for name in file.schema_arrow.names]
            require_columns_once(header, path.name)
            if not header:
                raise UserError(f"{path.name} has no columns; write it again with one for each kind of cell.")
            _require_few_values(file.metadata, path.name)
            yield file, header


def _require_few_values(metadata: Any, name: str) -> None:
    """Raises UserError for lists that unfold to more than a machine should hold, or for pages that do."""
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    columns = [(group.column(place), group.num_rows) for group in groups for place in range(group.num_columns)]
    lists = sum(max(column.num_values - rows, 0) for column, rows in columns)
    if lists > MAX_VALUES:
        raise UserError(
            f"{name} holds {lists:,} values in lists, but at most {MAX_VALUES:,} are read; leave that column out."
        )
    for column, _ in columns:
        packed, unpacked = column.total_compressed_size, column.total_uncompressed_size
        if unpacked > RATIO_FROM_BYTES and unpacked > MAX_RATIO * max(packed, 1):
            raise UserError(f"{name} unpacks to over {MAX_RATIO} times its size; write it again without packing.")


def _why(error: BaseException) -> str:
    """What is wrong with a file, without the words of the library."""
    if isinstance(error, OSError) and error.errno:
        return f"it cannot be read, or what it holds cannot be kept ({error.strerror})"
    if re.search("magic bytes|smaller than|EOF|end of", str(error)):
        return "it is cut off"
    return "it is damaged, or packed in a way that is not read here"


def _rows(file: Any, path: Path) -> Iterator[list[str]]:
    done, media = 0, _Media(path)
    for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
        if batch.nbytes > MAX_BATCH_BYTES:
            raise UserError(
                f"{path.name} holds over {MAX_BATCH_BYTES // 2**30} GB in {batch.num_rows} rows; keep photos and "
                "sounds in files beside the table."
            )
        columns = [
            [_cell(value, media, f"{row:07}-{name}") for row, value in enumerate(_values(batch.column(name)), done + 2)]
            for name in batch.schema.names
        ]
        yield from (list(cells) for cells in zip(*columns, strict=True))
        done += batch.num_rows


def _values(column: Any) -> list[Any]:
    """Python's values; a short float as its own digits, 0.1 and not 0.10000000149."""
    if str(column.type) in ("float", "halffloat"):
        return [None if value is None else float(str(value)) for value in column.to_numpy(zero_copy_only=False)]
    return column.to_pylist()


def _cell(value: Any, media: _Media, name: str) -> str:
    return as_cell(_plain(value, media, name)) if isinstance(value, (bytes, list, dict)) else as_cell(value)


def _plain(value: Any, media: _Media, name: str) -> Any:
    """A value in which each medium is replaced by the path it is written to."""
    if isinstance(value, bytes):
        return (_text(value) or media.path(value, name, "")) if value else ""
    if isinstance(value, list):
        return [_plain(part, media, f"{name}-{place}") for place, part in enumerate(value, start=1)]
    if isinstance(value, dict) and {"bytes", "path"} == value.keys():
        inside = media.path(value["bytes"], name, value["path"] or "") if value["bytes"] else None
        return inside or value["path"]
    return {key: _plain(value[key], media, f"{name}-{key}") for key in value} if isinstance(value, dict) else value


def _text(value: bytes) -> str:
    """Text that was written as bytes, "" where it is none."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text else text


class _Media:
    """The folder of the media in one file, named by the file's content."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.folder: Path | None = None

    def path(self, content: bytes, name: str, original: str) -> str:
        """Where a medium lies, written there the first time; the name that it had in the file only adds to its own."""
        last = UNSAFE.sub("_", original.replace("\\", "/").rsplit("/", 1)[-1])[-NAME_LETTERS:]
        ending = "" if Path(last).suffix else _ending(content)
        start = UNSAFE.sub("_", name)[:NAME_LETTERS]
        target = self._folder() / ("-".join(filter(None, [start, last])) + ending)
        if not (target.is_file() and target.stat().st_size == len(content)):
            with whole_file(target) as partial:
                partial.write_bytes(content)
        return str(target.resolve())

    def _folder(self) -> Path:
        if not self.folder:
            with self.source.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:24]
            self.folder = home() / "unpacked" / f"{digest}-media"
            note_use(self.folder)
        return self.folder


def _ending(content: bytes) -> str:
    if content[:4] == b"RIFF":
        return ".webp" if content[8:12] == b"WEBP" else ".wav"
    return next((ending for start, ending in MAGIC.items() if content.startswith(start)), "")
