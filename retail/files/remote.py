"""Files behind an address that fsspec reads, such as s3://shop/products.csv: an object store, another machine, memory.

In: an address, or a `Path` of one, which has lost a slash. Out: the address, a `RemoteFile`, a copy on this machine.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from retail.files import home, whole_file
from retail.schema import UserError

AT_ONCE = 8  # files that are fetched beside each other: an object store answers late, and many at once
ADDRESS = re.compile(r"([a-z][a-z0-9+]+):/+(?=[^/])")  # two letters at least, for C:/ is a disk
WEB = ("http", "https")  # `fetch` keeps these; a table of them is no data set that lies there


def address_of(place: str | Path) -> str:
    """'s3:/shop/products.csv', as a `Path` has it -> 's3://shop/products.csv'; "" for a place on this machine."""
    typed = Path(place).as_posix()
    found = ADDRESS.match(typed)
    if not found or found[1] in WEB or Path(place).exists():
        return ""
    return f"{found[1]}://{'/' if found[1] == 'file' else ''}{typed[found.end() :]}"


class RemoteFile(type(Path())):  # type: ignore[misc]
    """A file behind an address; whoever reads a path reads it too, over the network."""

    @property
    def address(self) -> str:
        """As fsspec takes it."""
        return address_of(self)

    def open(self, mode: str = "rb", *_: Any, **__: Any) -> IO[Any]:  # type: ignore[override]
        """The opened file; raises OSError for one that cannot be had, whatever its store calls that."""
        system, path = file_system(self.address)
        try:
            return system.open(path, mode)
        except OSError:
            raise
        except Exception as error:
            raise OSError(errno.EIO, " ".join(str(error).split())[:160]) from error


def file_system(address: str) -> tuple[Any, str]:
    """fsspec's file system and the path in it; raises UserError where its package is missing or nobody knows it."""
    from fsspec.core import url_to_fs

    try:
        return url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise UserError(f"{address} cannot be read: {' '.join(str(error).split()).rstrip('.')}.") from None


def copied(address: str) -> Path:
    """A copy of one file on this machine, fetched again whenever it is asked for; raises UserError."""
    system, path = file_system(address)
    folder = home() / "remote" / hashlib.sha256(address.encode()).hexdigest()[:16]
    own = folder / path.rpartition("/")[2]
    try:
        with whole_file(own) as partial:
            system.get_file(path, str(partial))
    except UserError:
        raise
    except Exception as error:  # each store has errors of its own
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(
            f"{address} cannot be read ({reason}); name a table that lies there and that you may read."
        ) from None
    return own


def brought(files: Iterable[RemoteFile], folder: Path) -> dict[RemoteFile, Path]:
    """Copies in a folder, each once and under its own name; one that cannot be had is left out."""

    def bring(numbered: tuple[int, RemoteFile]) -> tuple[RemoteFile, Path | None]:
        number, file = numbered
        own = folder / str(number) / file.name
        own.parent.mkdir()
        try:
            with file.open() as stream, own.open("wb") as copy:
                copy.write(stream.read())
        except OSError:  # whoever opens it says so
            return file, None
        return file, own

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {file: own for file, own in pool.map(bring, enumerate(dict.fromkeys(files))) if own is not None}
