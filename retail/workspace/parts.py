"""A long table written part by part: a stopped run goes on behind the parts that it wrote.

In: `Answered` pieces, in any order. Out: a CSV or a Parquet file, as its name says. The parts lie beside it, in a
folder with `.parts` behind its name, and go when the table is whole.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retail.files import whole_file
from retail.files.record import Count, Record
from retail.schema import Decision
from retail.workspace.answering import Answered, Tally

PARQUET = ".parquet"
PLAN = "plan.json"


class PartFacts(Record):
    """What stands beside a part of the table."""

    header: tuple[str, ...]
    rows: Count
    lost: Count
    decided: dict[Decision, Count]

    @property
    def tally(self) -> Tally:
        """What is in the part."""
        return Tally(self.rows, self.lost, Counter(self.decided))


class Parts:
    """The parts of one table; `plan` says what it is made of, and parts of another plan are thrown away."""

    def __init__(self, out: Path, plan: str) -> None:
        self.out, self.folder = out, out.with_name(out.name + ".parts")
        kept = self.folder / PLAN
        if not kept.is_file() or kept.read_text(encoding="utf-8") != plan:
            shutil.rmtree(self.folder, ignore_errors=True)
            with whole_file(kept) as partial:
                partial.write_text(plan, encoding="utf-8")

    def has(self, number: int) -> bool:
        """Whether a part is written, and what is said of it can be read."""
        return self._read(number) is not None and self._part(number).is_file()

    def write(self, piece: Answered) -> None:
        """Whole or not at all: its facts come last."""
        write = _write_parquet if self.out.suffix.lower() == PARQUET else _write_csv
        with whole_file(self._part(piece.number)) as partial:
            write(piece, partial)
        tally = piece.tally
        facts = PartFacts(header=tuple(piece.header), rows=tally.rows, lost=tally.lost, decided=dict(tally.decided))
        with whole_file(self._facts(piece.number)) as partial:
            partial.write_text(facts.model_dump_json(), encoding="utf-8")

    def finish(self, count: int) -> Tally:
        """Makes the table of so many parts; what is in it."""
        facts = [known for number in range(count) if (known := self._read(number))]
        join = _join_parquet if self.out.suffix.lower() == PARQUET else _join_csv
        with whole_file(self.out) as partial:
            join([self._part(number) for number in range(count)], facts[0].header, partial)
        shutil.rmtree(self.folder, ignore_errors=True)
        return sum((own.tally for own in facts), Tally())

    def _read(self, number: int) -> PartFacts | None:
        """What is in a part; None where there is none, or a damaged one."""
        try:
            return PartFacts.model_validate_json(self._facts(number).read_bytes())
        except (OSError, ValueError):
            return None

    def _part(self, number: int) -> Path:
        return self.folder / f"{number:06}.part"

    def _facts(self, number: int) -> Path:
        return self.folder / f"{number:06}.json"


def _write_csv(piece: Answered, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(piece.rows)


def _join_csv(parts: list[Path], header: Sequence[str], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerow(header)
    with path.open("ab") as joined:
        for part in parts:
            with part.open("rb") as stream:
                shutil.copyfileobj(stream, joined)


def _write_parquet(piece: Answered, path: Path) -> None:
    import pyarrow.parquet

    columns = [list(column) for column in zip(*piece.rows, strict=True)] or [[] for _ in piece.header]
    schema = pyarrow.schema([(name, pyarrow.string()) for name in piece.header])
    arrays = [pyarrow.array(column, pyarrow.string()) for column in columns]
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), path)


def _join_parquet(parts: list[Path], header: Sequence[str], path: Path) -> None:
    import pyarrow.parquet

    schema = pyarrow.schema([(name, pyarrow.string()) for name in header])
    with pyarrow.parquet.ParquetWriter(path, schema) as joined:
        for table in _tables(parts):
            joined.write_table(table)


def _tables(parts: list[Path]) -> Iterator[Any]:
    import pyarrow.parquet

    return (pyarrow.parquet.read_table(part) for part in parts)
