"""Reads a workbook in a process of its own, which `excel.py` asks and outlives.

In: a path. Out: the sheets, or one sentence's middle about what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from retail.dataset.tables.cells import as_cell


class Sheet(NamedTuple):
    """The cells that hold something and those between them, as strings."""

    name: str
    line: int  # of the first row, from 1
    column: int  # of the first cell of each row, from 0
    rows: list[list[str]]
    merged: list[tuple[int, int, int]]  # first row, last row and first column, from 0


def answer(facts: Mapping[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """What is in the workbook at a path."""
    try:
        return {"sheets": list(_sheets(facts["path"]))}, b""
    except Exception as error:
        return {"error": _why(error)}, b""


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
    said = str(error)
    if type(error).__name__ == "PasswordError":
        return "is protected by a password"
    if isinstance(error, MemoryError):
        return "is too large to read"
    damage = "it is cut off" if re.search("EOF|end of file|too short|invalid length", said, re.I) else "it is damaged"
    return f"is not a usable workbook: {damage}"
