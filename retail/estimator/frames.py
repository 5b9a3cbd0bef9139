"""A table in memory as products: which column holds which input, and what its cells say.

In: a pandas DataFrame of photo paths, texts and clip paths. Out: `Product`s in the order of its rows. No torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from retail.dataset.columns import ROLES, suggest
from retail.dataset.grouping import group_names
from retail.dataset.labels.missing import is_missing
from retail.dataset.places.names import parts_of
from retail.schema import MediaSource, Modality, Product, Upload, UserError
from retail.wording import FILES_WORDS

Columns = str | Sequence[str] | None
FOUND = "auto"


@dataclass(frozen=True)
class Roles:
    """The columns of each input, and those whose values tie rows together."""

    image: tuple[str, ...]
    text: tuple[str, ...]
    audio: tuple[str, ...]
    group: tuple[str, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, image: Columns, text: Columns, audio: Columns, group: Columns) -> Roles:
        """As named, or as the data reader would guess where it says "auto"; raises UserError without any input."""
        asked = {"image": image, "text": text, "audio": audio}
        guess = _guess(table) if FOUND in asked.values() else {}
        named = {role: _listed(columns) for role, columns in (*asked.items(), ("group", group)) if columns != FOUND}
        taken = {column for columns in named.values() for column in columns}
        found = {role: tuple(c for c in guess.get(role, ()) if c not in taken) for role in asked} | named
        if missing := [column for columns in named.values() for column in columns if column not in table]:
            raise UserError(f"There is no column {missing[0]!r}; the columns are {', '.join(map(str, table.columns))}.")
        if not any(found[role] for role in asked):
            raise UserError(
                "No column holds photo paths, texts or clip paths; name one with image, text or audio. "
                f"The columns are {', '.join(map(str, table.columns))}."
            )
        return cls(**found)


def products_of_frame(table: pd.DataFrame, roles: Roles) -> list[Product]:
    """One product a row, named by its place; cells without a value are absent inputs."""
    photos = [[source for name in roles.image for source in _sources(cell[name])] for cell in _rows(table, roles.image)]
    clips = [[source for name in roles.audio for source in _sources(cell[name])] for cell in _rows(table, roles.audio)]
    texts = [_text([_word(cell[name]) for name in roles.text]) for cell in _rows(table, roles.text)]
    cells = [{name: _word(value) for name, value in row.items()} for row in _rows(table, roles.group)]
    groups = group_names(roles.group, cells) if roles.group else [""] * len(table)
    rows = zip(photos, texts, clips, groups, strict=True)
    return [
        Product(str(place), tuple(images), text, sounds[0] if sounds else None, group=group)
        for place, (images, text, sounds, group) in enumerate(rows)
    ]


def is_nothing(cell: Any) -> bool:
    """Whether a cell holds no value: None, NaN, NaT, or a word that means so."""
    return is_missing(cell) if isinstance(cell, str) else bool(pd.api.types.is_scalar(cell) and pd.isna(cell))


def check_found(products: Sequence[Product], roles: Roles) -> None:
    """Raises UserError where a column names files and none of them is there."""
    files: dict[Modality, tuple[Sequence[str], list[MediaSource]]] = {
        "image": (roles.image, [photo for product in products for photo in product.images]),
        "audio": (roles.audio, [product.audio for product in products if product.audio is not None]),
    }
    for modality, (columns, sources) in files.items():
        paths = [source for source in sources if isinstance(source, Path)]
        if paths and not any(path.is_file() for path in paths):
            raise UserError(
                f"None of the {len(paths):,} {FILES_WORDS[modality]} that column {columns[0]!r} names was found, e.g. "
                f"{paths[0]}; write paths that count from the current folder, or whole ones."
            )


def _guess(table: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    header = [str(name) for name in table.columns]
    rows = [[_word(cell) for cell in row] for row in table.itertuples(index=False, name=None)]
    columns = suggest(header, rows)
    named = {role: getattr(columns, role) or ROLES[role] for role in ("image", "text", "audio")}
    return {role: (name,) for role, name in named.items() if name in header}


def _listed(columns: Columns) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns or ())


def _rows(table: pd.DataFrame, columns: Sequence[str]) -> list[dict[str, Any]]:
    if not columns:
        return [{} for _ in range(len(table))]
    return [dict(zip(columns, row, strict=True)) for row in zip(*(table[name] for name in columns), strict=True)]


def _sources(cell: Any) -> list[MediaSource]:
    """The files of a cell: a path, several in one cell as tables list them, bytes, or a list of these."""
    if is_nothing(cell):
        return []
    if isinstance(cell, bytes | Path | Upload):
        return [cell]
    if isinstance(cell, str):
        return [Path(name) for name in parts_of(cell)]
    if pd.api.types.is_list_like(cell):
        return [source for one in cell for source in _sources(one)]
    raise UserError(f"A photo or a clip is a path or the bytes of a file, not {type(cell).__name__} ({cell!r}).")


def _word(cell: Any) -> str:
    return "" if is_nothing(cell) else str(cell)


def _text(cells: Sequence[str]) -> str:
    """Several columns are read as sentences."""
    given = [cell for cell in cells if cell]
    return " ".join([*(cell if cell[-1] in ".!?:;" else f"{cell}." for cell in given[:-1]), *given[-1:]])
