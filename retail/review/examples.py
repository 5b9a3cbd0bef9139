"""The files of corrected examples, copied so that they outlive an upload; equal files are kept once.

In: a `Product` as somebody showed it. Out: an `Example`, and the product again from what was kept.
"""

from __future__ import annotations

import re
from pathlib import Path

from retail.dataset.added import KeptFile
from retail.files import home, whole_file
from retail.media import content_hash, content_of
from retail.review.record import Example
from retail.schema import MediaSource, Product, Upload, UserError


def kept_folder() -> Path:
    """Where the copies lie, each under the checksum of what was kept."""
    return home() / "corrections" / "files"


def keep(product: Product) -> Example:
    """Copies the files, flushed to the disk; raises UserError when the product shows nothing or a file has gone."""
    if not product.modalities:
        raise UserError("A correction needs the example that it is about: a photo, a description or a sound.")
    return Example(
        images=tuple(map(_kept, product.images)),
        text=product.text,
        audio=None if product.audio is None else _kept(product.audio),
        group=product.group,
    )


def shown(example: Example, product_id: str = "") -> Product:
    """The product that was shown, from the copies."""
    folder = kept_folder()
    return Product(
        id=product_id,
        images=tuple(folder / image.name for image in example.images),
        text=example.text,
        audio=folder / example.audio.name if example.audio else None,
        group=example.group,
    )


def _kept(source: MediaSource) -> KeptFile:
    try:
        content = content_of(source)
    except OSError as error:
        name = source.name if isinstance(source, Path | Upload) else "A file"
        raise UserError(
            f"{name!r} cannot be read any more ({error.strerror}), so the correction would be lost; give it again."
        ) from None
    checksum, own = content_hash(source), content_hash(content)
    kept = kept_folder() / f"{own}{_ending(source)}"
    if not kept.is_file():
        with whole_file(kept) as partial:
            partial.write_bytes(content)
    return KeptFile(name=kept.name, sha256=checksum, size=len(content) if own == checksum else 0)


def _ending(source: MediaSource) -> str:
    """Of the file's name, where it is a plain one; decoders look at the content."""
    name = source.name if isinstance(source, Path | Upload) else ""
    ending = Path(name).suffix.lower()
    return ending if re.fullmatch(r"\.[a-z0-9]{1,5}", ending) else ""
