"""Parquet tables, also Hugging Face's with photos and sounds inside.

In: the path of a Parquet file. Out: its `Table`. Another process reads it: the library ends its own on damaged files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from retail.dataset.tables.table import Table
from retail.outside.helper import Died, Helper
from retail.outside.limits import TABLE_MEMORY_BYTES, TABLE_SECONDS
from retail.schema import UserError

ENDINGS = (".parquet",)
SIGNATURES = (b"PAR1",)
READER = "retail.dataset.tables.parquet_rows"


def read(path: Path) -> dict[str, Table]:
    """The one table of the file; its first row counts as line 2. Raises UserError."""
    return {"": next(_tables(path, None))}


def pieces(path: Path, rows: int) -> Iterator[Table]:
    """The same table, so many rows at a time."""
    return (table for table in _tables(path, rows) if table.rows)


def _tables(path: Path, rows: int | None) -> Iterator[Table]:
    done = 0
    path.stat()  # what is not there is no damaged file
    try:
        with Helper(READER, TABLE_SECONDS, TABLE_MEMORY_BYTES) as helper:
            while True:
                answer, _ = helper.ask({"path": str(path.absolute()), "start": done, "rows": rows})
                if "refusal" in answer:
                    raise UserError(answer["refusal"])
                lines = range(done + 2, done + 2 + len(answer["rows"]))
                yield Table(answer["header"], list(zip(lines, answer["rows"], strict=True)), [], list(lines))
                done += len(lines)
                if rows is None or len(lines) < rows:
                    return
    except Died:
        raise UserError(f"{path.name} is a damaged Parquet file, or one too large to read; write it again.") from None
