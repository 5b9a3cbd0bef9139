"""A catalogue under another name, or gone with all its products.

In: names of catalogues. Out: nothing; the recognisers that answer with it follow.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from retail.catalogue.choice import OWN, follow, forget
from retail.catalogue.places import PRODUCTS, folder_of, names, table_folder
from retail.catalogue.writing import writing
from retail.files import SHIPPED_CATALOGUES
from retail.schema import UserError

GONE = ".deleted-"  # what a folder's name begins with that is being deleted


def rename(name: str, new: str) -> str:
    """The catalogue under its new name, which is returned; raises UserError where that cannot be."""
    if name == OWN:
        raise UserError(f"“{OWN}” is what recognisers answer with where nobody chose, so its name stays.")
    folder, to = _of_ones_own(name), folder_of(new)
    taken = {one.casefold() for one in (*names(), OWN)} - {name.casefold()}
    if to.name.casefold() in taken:
        raise UserError(f"There is a catalogue “{to.name}” already; take another name.")
    _moved(folder, to)
    follow(name, to.name)
    return to.name


def delete(name: str) -> None:
    """All of a catalogue, whole or not at all; files outside it stay."""
    folder = _of_ones_own(name)
    gone = folder.with_name(f"{GONE}{secrets.token_hex(4)}")
    _moved(folder, gone)
    forget(name)
    for left in gone.parent.glob(f"{GONE}*"):  # also what a killed process did not get to
        shutil.rmtree(left, ignore_errors=True)


def _of_ones_own(name: str) -> Path:
    """The folder of a catalogue that does not ship."""
    if name in SHIPPED_CATALOGUES:
        raise UserError(f"“{name}” comes with the product and would come back; remove its products instead.")
    folder = folder_of(name)
    if folder.name not in names():
        raise UserError(f"There is no catalogue “{folder.name}”; there are: {', '.join(names()) or 'none yet'}.")
    return folder


def _moved(folder: Path, to: Path) -> None:
    """In one step, once nobody writes it any more."""
    with writing(table_folder(folder, PRODUCTS)):
        pass  # Windows moves no folder with an open lock in it
    try:
        os.rename(folder, to)
    except OSError as error:
        raise UserError(
            f"The catalogue in {folder} cannot be moved ({error.strerror}); close whatever has it open and try again."
        ) from None
