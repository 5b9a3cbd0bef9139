"""The next version of a data set: the same rows, and corrected examples among those that teach.

In: a data set and `Correction`s. Out: a folder below the home folder that every command takes as DATA. The data are
pointed at and never written to; validation and test rows stay as they are.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from retail.certainty.matching import naming_task
from retail.dataset.added import ADDED, AddedRow, AddedRows
from retail.dataset.columns import Pointer, datasets_folder, read_pointer, write_pointer
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.dataset.rows import roles_of, rows_of
from retail.dataset.source import open_source
from retail.files import SHIPPED_DATA, or_shipped, whole_folder
from retail.review.corrections import Corrections
from retail.review.examples import kept_folder
from retail.review.record import Correction
from retail.schema import UserError
from retail.wording import number_of


def with_corrections(
    data: Path,
    corrections: Sequence[Correction],
    tasks: Sequence[str] = (),
    text_column: str = "text",
    name: str = "",
) -> Path:
    """The data with these examples, such as "Fashion with 37 corrections"; the same call gives the same folder.

    Of a version, the data that it is a version of, with what it holds already unless it was taken back. Of several
    verdicts on one example the last counts. `tasks` and `text_column` are those of the training to come. Raises
    UserError without a correction, and for data that cannot be read.
    """
    data = or_shipped(data, SHIPPED_DATA)
    pointer = read_pointer(data) if data.is_dir() else None
    original = data / pointer.metadata if pointer and pointer.also else data
    base = read_manifest(original, tasks or None, text_column)
    held = _still_said(AddedRows.read(data / pointer.also).rows) if pointer and pointer.also else []
    rows = _last_said([*held, *(_row(correction, naming_task(base.tasks)) for correction in corrections)])
    if not rows:
        raise UserError("There is no correction to learn from; correct or confirm some answers first.")
    added = AddedRows(rows=tuple(rows))
    title = name or pointer_name(original) or base.title
    called = f"{title} with {number_of(len(rows), 'correction')}"
    folder = _folder(original, called, added)
    if not (folder / ADDED).is_file():
        _write(folder, called, original, added)
    return folder


def note_version(manifest: Manifest) -> None:
    """Remembers that whoever learns from these data has learned the corrections in them; call it before training."""
    if manifest.added:
        Corrections().note_version(manifest.checksum, manifest.added)


def pointer_name(data: Path) -> str:
    """What a data set that was added by name is called, "" for any other."""
    pointer = read_pointer(data) if data.is_dir() else None
    return pointer.name if pointer else ""


def _row(correction: Correction, naming: str | None) -> AddedRow:
    """The name of a catalogue's product is its class where no label says another."""
    example, labels = correction.example, dict(correction.labels)
    if naming and correction.name and not labels.get(naming):
        labels[naming] = correction.name
    return AddedRow(
        id=correction.id,
        images=example.images,
        text=example.text,
        audio=example.audio,
        group=example.group,
        labels=labels,
    )


def _still_said(rows: Sequence[AddedRow]) -> list[AddedRow]:
    said = {correction.id for correction in Corrections().all()}
    return [row for row in rows if row.id in said]


def _last_said(rows: Sequence[AddedRow]) -> list[AddedRow]:
    """Each example once, with the last verdict on it; ids are times of what was said."""
    last = {(*sorted(file.sha256 for file in row.files), row.text): row for row in rows}
    return list(last.values())


def _folder(original: Path, called: str, added: AddedRows) -> Path:
    """Named by its content, so that equal corrections of equal data make one version."""
    content = f"{original.resolve()}\0{called}\0{added.as_json()}"
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    words = "".join(char if char.isascii() and char.isalnum() else "-" for char in called.lower())
    return datasets_folder() / f"{'-'.join(filter(None, words.split('-')))[:40]}-{digest}"


def _write(folder: Path, called: str, original: Path, added: AddedRows) -> None:
    source = open_source(original)
    columns = source.pointer.columns if source.pointer else roles_of(rows_of(source))
    with whole_folder(folder) as partial:
        for row in added.rows:
            for file in row.files:
                shutil.copyfile(kept_folder() / file.name, partial / file.name)
        added.write(partial / ADDED)
        write_pointer(
            partial,
            Pointer(
                name=called,
                metadata=str(original.resolve()),
                columns=columns,
                notes=(),
                added=time.time(),
                tables=tuple(str(table.resolve()) for table in source.tables),
                also=ADDED,
            ),
        )
