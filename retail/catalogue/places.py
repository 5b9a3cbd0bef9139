"""Where catalogues lie, and opening one: made when there is none, refused when the folder holds something else.

In: a name. Out: its folder, the database in it and the table of products.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from retail.catalogue.tables import MEDIA, SCHEMA
from retail.catalogue.writing import LOCK, writing
from retail.files import SHIPPED_CATALOGUES, home
from retail.files.faults import sentence_of
from retail.schema import UserError

PRODUCTS = "products"
FILLED = "filled"  # a file in a catalogue that ships: whoever removes its products does not get them back
LONGEST_NAME = 80  # characters; a folder's name has room for 255 bytes
# Nobody needs quotes, slashes or line breaks in a name, and Windows refuses them in a folder's.
NAME = re.compile(r"[^\W_][\w ()&+,.-]*(?<![. ])")


def catalogues_folder() -> Path:
    """Where they live, one folder each."""
    return home() / "catalogues"


def names() -> list[str]:
    """The catalogues of this machine and those that ship, by name."""
    folder = catalogues_folder()
    there = folder.iterdir() if folder.is_dir() else ()
    found = [path.name for path in there if NAME.fullmatch(path.name) and _is_catalogue(path)]  # not what is deleted
    found += [name for name, data in SHIPPED_CATALOGUES.items() if name not in found and data.is_dir()]
    return sorted(found, key=str.casefold)


def folder_of(name: str) -> Path:
    """The folder of a catalogue; raises UserError for a name that cannot be a folder's."""
    name = name.strip()
    if len(name) > LONGEST_NAME or not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be the name of a catalogue; take up to {LONGEST_NAME} letters, digits and spaces, "
            "beginning with a letter or a digit."
        )
    return catalogues_folder() / name


def open_products(folder: Path) -> tuple[Any, Any]:
    """The database in a folder and its table of products; raises UserError when the folder holds something else."""
    import lancedb

    if not _is_catalogue(folder):
        _require_room(folder)
    try:
        database = lancedb.connect(folder, read_consistency_interval=timedelta(0))
        if not _is_catalogue(folder):
            _make(folder, database)
        try:
            return database, _opened(database)
        except Exception:
            if not _drop_torn_commit(table_folder(folder, PRODUCTS)):
                raise
            return database, _opened(database)
    except UserError:
        raise
    except Exception as error:  # lancedb raises RuntimeError, ValueError and OSError alike
        if sentence := sentence_of(error):
            raise UserError(sentence) from error
        raise UserError(
            f"The catalogue in {folder} cannot be read ({_first_line(error)}); restore the folder from a copy, or move "
            "it away to begin anew."
        ) from error


def _make(folder: Path, database: Any) -> None:
    from lancedb.index import FTS, BTree

    folder.mkdir(parents=True, exist_ok=True)
    with writing(table_folder(folder, PRODUCTS)):
        if not _is_catalogue(folder):
            table = database.create_table(PRODUCTS, schema=SCHEMA, exist_ok=True)
            # Words as they stand: names are in any language, and "The" or "No" may be part of one.
            table.create_index("words", config=FTS(stem=False, remove_stop_words=False))
            table.create_index("id", config=BTree())


def _opened(database: Any) -> Any:
    table = database.open_table(PRODUCTS)
    if SCHEMA.names[0] not in table.schema.names:  # LanceDB reads a commit of zeros as a table without columns
        raise ValueError("it has no column of ids")
    return table


def _drop_torn_commit(table: Path) -> bool:
    """Whether the newest commit was one that a power cut left without content; it was never flushed, so nobody was
    told of it, and it goes.
    """
    with writing(table):
        newest = min((table / "_versions").glob("*.manifest"))  # LanceDB counts down in these names
        torn = not newest.read_bytes().strip(b"\0")
        if torn:
            newest.unlink()
        return torn


def table_folder(folder: Path, table: str) -> Path:
    """Where LanceDB keeps a table."""
    return folder / f"{table}.lance"


def _is_catalogue(folder: Path) -> bool:
    return any((table_folder(folder, PRODUCTS) / "_versions").glob("*.manifest"))


def _require_room(folder: Path) -> None:
    """Raises UserError for a folder with files that are none of a catalogue's."""
    ours = {MEDIA, PRODUCTS + LOCK, f"{PRODUCTS}.lance"}
    if folder.is_file() or folder.is_dir() and any(path.name not in ours for path in folder.iterdir()):
        raise UserError(
            f"{folder} holds something other than a catalogue; move it away, or choose another name for the catalogue."
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200].rstrip(".")
