"""The names in one cell: a file, a list of files, or web addresses.

In: a cell as it stands in a table. Out: the names that it lists, in order. Nothing is looked up.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from retail.dataset.columns import PHOTO_ENDINGS, SOUND_ENDINGS
from retail.outside.limits import MAX_LIST_CHARACTERS

Kind = Literal["image", "audio"]  # of the inputs that are files
MEDIA_ENDINGS = (*PHOTO_ENDINGS, *SOUND_ENDINGS)
SCHEMES = ("http://", "https://")
# An address may hold any of these letters: it ends only where the next one begins.
NEXT_ADDRESS = re.compile(r"[\s,;|]+(?=https?://)", re.IGNORECASE)


def is_address(name: str) -> bool:
    """Whether a name is a web address."""
    return name.lower().startswith(SCHEMES)


def ends_in(name: str, endings: Sequence[str]) -> bool:
    """Whether a file's name has one of these endings, in any case."""
    return name.lower().endswith(tuple(endings))


def parts_of(cell: str) -> list[str]:
    """The names in a cell, without blanks around them; a cell that is no list is its only name.

    A comma, a line break or a space parts names only where every one of them ends like a photo or a sound: file names
    hold these letters too.
    """
    cell = cell.strip()
    if (listed := _bracketed(cell)) is not None:
        return listed
    if any(scheme in cell.lower() for scheme in SCHEMES):
        return _filled(NEXT_ADDRESS.split(cell.strip(";|, ")))
    if ";" in cell or "|" in cell:
        return _filled(re.split(r"[;|]", cell))
    for separator in (r",", r"[\r\n]+", r"\s+", r"[,\s]+"):
        parts = _filled(re.split(separator, cell))
        if len(parts) > 1 and all(ends_in(part, MEDIA_ENDINGS) for part in parts):
            return parts
    return [cell] if cell else []


def addresses_in(cells: Iterable[str]) -> list[str]:
    """Every web address in the cells, also those in lists: each once, in order."""
    return list(dict.fromkeys(part for cell in cells for part in parts_of(cell) if is_address(part)))


def _bracketed(cell: str) -> list[str] | None:
    """The strings of a list as JSON or Python writes it; None where the cell is no such list."""
    if not (cell.startswith("[") and cell.endswith("]") and len(cell) <= MAX_LIST_CHARACTERS):
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            listed = parse(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(listed, list) and all(isinstance(name, str) for name in listed):
            return _filled(listed)
    return None


def _filled(parts: Iterable[str]) -> list[str]:
    return [part.strip() for part in parts if part.strip()]
