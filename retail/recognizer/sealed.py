"""The files of a bundle as they were saved: where they may lie, and whether they are still the same.

In: a bundle's folder, names and checksums. Out: checked content, or one sentence. A file counts only where it lies in
the folder itself; links that lead out of it do not, but for those of the hub's own cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from retail.media import content_hash
from retail.outside.limits import MAX_WEIGHTS_BYTES
from retail.schema import UserError


def file_in(folder: Path, name: str) -> Path:
    """A file of the bundle; raises UserError where it is missing, no plain file, or leads out of the folder."""
    path = folder / name
    if not path.is_file():
        raise UserError(f"Bundle {folder} lacks {name}; export or copy the whole folder again.")
    _check_inside(folder, path)
    return path


def content_of(folder: Path, name: str, checksum: str) -> bytes:
    """A file's content; raises UserError where it is not the one that the bundle was saved with."""
    path = file_in(folder, name)
    if path.stat().st_size > MAX_WEIGHTS_BYTES:
        raise UserError(
            f"{name} in bundle {folder} has more than {MAX_WEIGHTS_BYTES >> 30} GiB; copy the folder again."
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != checksum:
        raise UserError(f"{name} in bundle {folder} does not match its checksum; copy the folder again.")
    return content


def checksums(folder: Path, names: list[str]) -> dict[str, str]:
    """{file: its SHA-256} of the files and folders of these names, by their places in the bundle."""
    found = {}
    for name in names:
        own = folder / name
        for path in sorted(own.rglob("*")) if own.is_dir() else [own]:
            found[path.relative_to(folder).as_posix()] = content_hash(path)
    return found


def check_own(folder: Path, name: str, checksums_then: Mapping[str, str]) -> Path:
    """A file or a folder of the bundle. Raises UserError where something of it is missing, other or more than then.

    A bundle from before there were checksums has none to compare.
    """
    own = folder / name
    if not own.is_dir():
        file_in(folder, name)
    _check_inside(folder, own)
    for path in own.rglob("*"):
        _check_inside(folder, path)
    if checksums_then and (changed := _changed(folder, name, checksums_then)):
        raise UserError(f"{changed} in bundle {folder} does not match its checksum; copy the folder again.")
    return own


def _changed(folder: Path, name: str, then: Mapping[str, str]) -> str:
    """The first file that differs, "" for none."""
    own = {place: digest for place, digest in then.items() if place == name or place.startswith(f"{name}/")}
    now = checksums(folder, [name])
    return next((place for place in sorted({*own, *now}) if own.get(place) != now.get(place)), "")


def _check_inside(folder: Path, path: Path) -> None:
    """The hub's cache has a folder of links for each revision, and beside it one with the files."""
    root, real = folder.resolve(), path.resolve()
    cached = root.parent.parent / "blobs" if root.parent.name == "snapshots" else root
    if not real.is_relative_to(root) and not real.is_relative_to(cached):
        raise UserError(f"{path.name} in bundle {folder} is a link that leads out of it; copy the folder again.")
