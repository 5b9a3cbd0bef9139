"""What somebody decided about labels and rows, kept in the data set's JSON beside the data and part of its checksum.

In: decisions as `check --decide` takes them, such as "tags=each", "rows=join" or "rows/17:brand=Nike". Out: the JSON,
or a `Pointer`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from retail.dataset.columns import Pointer, read_pointer, write_pointer
from retail.dataset.labels import rule_with
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.dataset.row_decisions import is_about_row, with_row
from retail.dataset.rows import roles_of, rows_of
from retail.dataset.source import open_source
from retail.files import DEMO_DIR, SHIPPED_DATA, or_shipped
from retail.schema import UserError

ROWS = {"rows=join": "photo", "rows=apart": "product"}  # decision -> what a row is


def decided(
    pointer: Pointer, decisions: Iterable[str], header: Sequence[str], manifest: Callable[[], Manifest]
) -> Pointer:
    """The JSON with these decisions in it; raises UserError for one that nobody understands.

    The data is read only where a decision is about a single row.
    """
    check_original(pointer)
    columns, rules, rows = pointer.columns, dict(pointer.labels), pointer.rows
    for_rows: Manifest | None = None
    for decision in decisions:
        if is_about_row(decision, header):
            for_rows = for_rows or manifest()
            rows = dict(with_row(rows, decision, {row.id: row for row in for_rows.products}, for_rows.own_names))
        elif decision in ROWS and decision.partition("=")[0] not in header:
            columns = replace(columns, row=ROWS[decision])  # type: ignore[arg-type]
        else:
            rules = rule_with(rules, decision, header)
    return pointer.model_copy(update={"columns": columns, "labels": rules, "rows": rows})


def check_original(pointer: Pointer) -> None:
    """Raises UserError for a version of other data, which is meant as that is."""
    if pointer.also:
        raise UserError(
            f"{pointer.name!r} is a version of {pointer.metadata}; decide about that, and train again from the "
            "corrections."
        )


def keep_decisions(data: str | Path, decisions: Sequence[str]) -> None:
    """Writes them beside the data, where everything that reads the folder finds them; raises UserError."""
    folder = or_shipped(data, SHIPPED_DATA)
    if folder.resolve() == DEMO_DIR.resolve():
        raise UserError("The demo is built in, so nothing can be decided about it; copy its folder first.")
    if not folder.is_dir():
        raise UserError(
            f"Decisions are kept beside the data, but {folder} is no folder; unpack it, or name the folder it lies in."
        )
    found = open_source(folder)
    rows = rows_of(found)
    new = Pointer(name=folder.resolve().name, metadata="", columns=roles_of(rows), notes=(), added=time.time())
    pointer = decided(read_pointer(folder) or new, decisions, rows.header, lambda: read_manifest(folder))
    try:
        write_pointer(folder, pointer)
    except OSError as error:
        raise UserError(f"The decisions cannot be kept in {folder} ({error.strerror}); make it writable.") from None
