"""What shows a product, kept: photos and clips under the hash of their content, words as they are.

In: a `Product`. Out: its `View`s; equal content of one product is one view, however often it is added.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable
from pathlib import Path

from retail.catalogue.record import Origin, View
from retail.catalogue.tables import MEDIA
from retail.files import whole_file
from retail.media import clean_text, content_hash, content_of
from retail.schema import MediaSource, Modality, Product, Upload, UserError

LONGEST_ENDING = 6  # characters with the dot; what is longer is a part of a name
# How usual files begin: what came without a name gets an ending, so that other programs know it, and an export reads.
SIGNATURES = (
    (rb"\xff\xd8\xff", ".jpg"),
    (rb"\x89PNG", ".png"),
    (rb"RIFF....WEBP", ".webp"),
    (rb"RIFF....WAVE", ".wav"),
    (rb"OggS", ".ogg"),
    (rb"fLaC", ".flac"),
    (rb"\x1aE\xdf\xa3", ".webm"),
)


def views_of(product_id: str, product: Product, origin: Origin, folder: Path, keep_files: bool) -> tuple[View, ...]:
    """The views that show a product; its files are copied into the catalogue's folder, or named where they lie.

    Raises UserError for a file that cannot be read.
    """
    found: list[View] = []
    sources: list[tuple[Modality, MediaSource | str]] = [("image", image) for image in product.images]
    sources += [("text", product.text)] if clean_text(product.text) else []
    sources += [("audio", product.audio)] if product.audio is not None else []
    for modality, source in sources:
        try:
            content = content_hash(source)
            kept = source if isinstance(source, str) else _kept(source, content, folder, keep_files)
        except OSError as error:
            name = source.name if isinstance(source, Path) else "The upload"
            raise UserError(f"'{name}' cannot be read ({error.strerror}); give a file that exists.") from None
        found.append(View(view_id(product_id, modality, content), product_id, modality, kept, origin, time.time()))
    return each_once(found)


def each_once(views: Iterable[View]) -> tuple[View, ...]:
    """Of views with the same content the first."""
    found: dict[str, View] = {}
    for view in views:
        found.setdefault(view.id, view)
    return tuple(found.values())


def view_id(product_id: str, modality: Modality, content: str) -> str:
    """The same for the same content of the same product, so that adding it again adds nothing."""
    owner = hashlib.sha256(f"{modality}\0{product_id}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{content[:32]}{owner[:16]}"


def moved(view: View, product_id: str) -> View:
    """The same view as one of another product."""
    return View(
        view_id(product_id, view.modality, view.id[:32]),
        product_id,
        view.modality,
        view.source,
        view.origin,
        view.added,
    )


def delete_files(paths: Iterable[Path]) -> None:
    """Deletes kept files that nothing names any more."""
    for path in paths:
        path.unlink(missing_ok=True)


def _kept(source: MediaSource, content: str, folder: Path, keep_files: bool) -> Path:
    if isinstance(source, Path) and not keep_files and _is_utf8(str(source)):
        return source.absolute()
    found = content_of(source)
    given = source if isinstance(source, Path) else Path(source.name if isinstance(source, Upload) else "")
    ending = next((end for start, end in SIGNATURES if re.match(start, found, re.DOTALL)), given.suffix.lower())
    ending = ending if len(ending) <= LONGEST_ENDING and ending.isascii() else ""
    path = folder / MEDIA / content[:2] / f"{content}{ending}"
    if not path.is_file():
        with whole_file(path) as partial:
            partial.write_bytes(found)
    return path


def _is_utf8(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False
