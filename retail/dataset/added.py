"""Examples that joined a data set after it was made: further training rows beside its tables.

In: the JSON that a version of a data set points at, and the `Manifest` of the data that it is a version of. Out: the
manifest with the examples among the training rows. The splits of all other rows are those of the data; an example that
equals a held-out row, or is of its group, stays out, so that nobody is tested on what he learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from retail.dataset.manifest import Manifest
from retail.dataset.remarks import Remark
from retail.files.record import FileRecord, Record
from retail.media import clean_text, content_hash
from retail.schema import Product
from retail.wording import number_of

ADDED = "added.json"


class KeptFile(Record):
    """A photo or a clip that was copied: its name among the copies, and the SHA-256 of the file as it came.

    `size` is that of the file as it came, 0 where what was kept is a smaller copy.
    """

    name: str
    sha256: str
    size: int


class AddedRow(Record):
    """One example with its labels by task."""

    id: str
    images: tuple[KeptFile, ...] = ()
    text: str = ""
    audio: KeptFile | None = None
    group: str = ""
    labels: dict[str, str] = {}

    @property
    def files(self) -> tuple[KeptFile, ...]:
        """Photos and clip."""
        return (*self.images, *((self.audio,) if self.audio else ()))

    def product(self, folder: Path, columns: Sequence[str]) -> Product:
        """As a training row of data with these label columns; `folder` has the copies."""
        return Product(
            id=self.id,
            images=tuple(folder / image.name for image in self.images),
            text=self.text,
            audio=folder / self.audio.name if self.audio else None,
            labels={column: self.labels.get(column, "") for column in columns},
            split="train",
            group=self.group,
        )


class AddedRows(FileRecord):
    """The whole file; the copies lie beside it."""

    remedy: ClassVar[str] = "train again from the corrections, which makes the version anew"

    format: Literal["retail-added/1"] = "retail-added/1"
    rows: tuple[AddedRow, ...]


def with_added(manifest: Manifest, file: Path) -> Manifest:
    """The data with the examples of this file; raises UserError when it is damaged."""
    added = AddedRows.read(file)
    held_out = [product for product in manifest.products if product.split != "train"]
    left_out = _known_to(held_out, added.rows)
    kept = [row for row in added.rows if row.id not in left_out]
    seal, last = manifest.seal, _last_line(manifest)
    files = [(each.name, file.parent / each.name) for row in added.rows for each in row.files]
    return replace(
        manifest,
        products=(*manifest.products, *(row.product(file.parent, manifest.label_columns) for row in kept)),
        seal=replace(seal, tables=(*seal.tables, file), files=(*seal.files, *files)),
        lines={**manifest.lines, **{row.id: last + place for place, row in enumerate(kept, start=1)}},
        rows=manifest.rows + len(kept),
        added=tuple(row.id for row in added.rows),
        remarks=(*manifest.remarks, *_remarks(len(kept), len(left_out))),
    )


def _known_to(held_out: Sequence[Product], rows: Sequence[AddedRow]) -> set[str]:
    """Ids of the examples that share a file with a held-out row, have its words and nothing else, or its group."""
    groups = {product.group for product in held_out if product.group}
    alone = {_words(product.text) for product in held_out if not _files(product)} - {""}
    texts = {_words(product.text) for product in held_out} - {""}
    hashes = _hashes((file for product in held_out for file in _files(product)), rows)
    return {
        row.id
        for row in rows
        if (row.group and row.group in groups)
        or any(file.sha256 in hashes for file in row.files)
        or _words(row.text) in (alone if row.files else texts)
    }


def _hashes(files: Iterable[Path], rows: Sequence[AddedRow]) -> set[str]:
    """Of the files that may equal one of an example; only those of its size are read, if that is known."""
    sizes = {file.size for row in rows for file in row.files}
    found = set()
    for path in files if sizes else ():
        try:
            if 0 in sizes or path.stat().st_size in sizes:
                found.add(content_hash(path))
        except OSError:  # gone since it was listed
            continue
    return found


def _files(product: Product) -> list[Path]:
    return [source for source in (*product.images, product.audio) if isinstance(source, Path)]


def _words(text: str) -> str:
    return " ".join(clean_text(text).lower().split())


def _last_line(manifest: Manifest) -> int:
    return max([0, *manifest.lines.values(), *(problem.line or 0 for problem in manifest.problems)])


def _remarks(kept: int, left_out: int) -> list[Remark]:
    found = []
    if kept:
        many = number_of(kept, "corrected example is", "corrected examples are")
        found.append(Remark("rows", kept, f"{many} among the training rows."))
    if left_out:
        one = "corrected example that equals a validation or test row, or belongs to its group, is"
        many = "corrected examples that equal a validation or test row, or belong to its group, are"
        found.append(Remark("rows", left_out, f"{number_of(left_out, one, many)} left out of training."))
    return found
