"""Reads a workbook in a process of its own, which `excel.py` starts and outlives.

In: a path as the only argument. Out: JSON on standard output: the sheets, or one sentence's middle about what is wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import NamedTuple

from retail.dataset.tables.cells import as_cell
from retail.outside.limits import WORKBOOK_MEMORY_BYTES
from retail.system import limit_memory


class Sheet(NamedTuple):
    """The cells that hold something and those between them, as strings."""

    name: str
    line: int  # of the first row, from 1
    column: int  # of the first cell of each row, from 0
    rows: list[list[str]]
    merged: list[tuple[int, int, int]]  # first row, last row and first column, from 0


def main() -> None:
    """Prints what is in the workbook that the command line names."""
    limit_memory(WORKBOOK_MEMORY_BYTES)
    try:
        answer: dict[str, object] = {"sheets": list(_sheets(sys.argv[1]))}
    except Exception as error:
        answer = {"error": _why(error)}
    sys.stdout.buffer.write(json.dumps(answer).encode())


def _sheets(path: str) -> Iterator[Sheet]:
    import python_calamine

    with python_calamine.CalamineWorkbook.from_path(path) as workbook:
        for place, about in enumerate(workbook.sheets_metadata):
            if about.typ is python_calamine.SheetTypeEnum.WorkSheet:  # neither a chart nor a macro
                sheet = workbook.get_sheet_by_index(place)
                line, column = sheet.start or (0, 0)
                rows = [[as_cell(value) for value in row] for row in sheet.to_python(skip_empty_area=True)]
                merged = [(top, bottom, left) for (top, left), (bottom, _) in sheet.merged_cell_ranges or []]
                yield Sheet(about.name, line + 1, column, rows, merged)


def _why(error: Exception) -> str:
    if type(error).__name__ == "PasswordError":
        return "is protected by a password"
    why = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
    return f"is not a usable workbook ({why})"
