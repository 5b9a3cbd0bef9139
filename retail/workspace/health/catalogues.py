"""Catalogues: can each be read, and is there what its products show?

In: the home folder. Out: findings. A product exists once, so people decide what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from retail.catalogue.examined import missing_files
from retail.catalogue.places import folder_of, names
from retail.schema import UserError
from retail.wording import number_of
from retail.workspace.health.finding import Finding


def incomplete_catalogues() -> Iterator[Finding]:
    """Those that nobody can open, and those whose photos or clips are gone."""
    for name in names():
        folder = folder_of(name)
        if not folder.is_dir():  # it ships, and nobody has opened it yet
            continue
        try:
            missing = missing_files(folder)
        except UserError as error:
            yield Finding("damaged", str(error), (folder,))
            continue
        if missing:
            words = number_of(len(missing), "photo or clip", "photos or clips")
            words = f"The catalogue “{name}” misses {words} of its products; bring back what is gone."
            yield Finding("gone", words, tuple(missing))
