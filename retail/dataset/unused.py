"""What of a data set was not used, and what was read otherwise than it is written.

In: the cells, the files that were found and the labels as they were settled. Out: a `Remark` for each thing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath

from retail.dataset.cells import Cells
from retail.dataset.columns import DATASET, IMAGE, ROLES
from retail.dataset.folder_tables import SURELY_TABLES
from retail.dataset.labels import Desk
from retail.dataset.labels.questions import IS_ADDRESS, IS_FILE
from retail.dataset.loose import media_kind
from retail.dataset.places.found import FILE_WORDS, FoundFiles
from retail.dataset.places.named import NamedFiles
from retail.dataset.product_table import each
from retail.dataset.remarks import Remark, few
from retail.dataset.rows import Rows
from retail.dataset.source import Source
from retail.dataset.tables import OFTEN_NO_TABLE
from retail.media.language import language_note
from retail.media.text import MAX_TEXT_CHARACTERS, characters_unread
from retail.outside.limits import MAX_CLIP_SECONDS
from retail.schema import Product
from retail.wording import number_of

# Files that people keep beside their photos, by what can be done about them.
PICTURES = {".svg", ".psd", ".ai", ".eps", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".jp2", ".jxl", ".ico"}
FILMS = {".mp4", ".mov", ".avi", ".mkv", ".m4v"}
PACKED = {".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"}
TEXTS_LOOKED_AT = 2_000  # to tell their language


def columns_left(cells: Cells, desks: Mapping[str, Desk], reasons: Mapping[str, str]) -> Iterator[Remark]:
    """Columns that are neither an input nor a question, each with the reason where there is one."""
    used = {*cells.texts, *cells.more_photos, *ROLES.values(), *cells.groups, *desks}
    left = [name for name in cells.given if name not in used]
    if left:
        told = [f"'{cells.own(name)}'" + (f" ({reasons[name]})" if reasons.get(name) else "") for name in left]
        are = "columns are" if len(left) > 1 else "column is"
        sentence = f"{len(left)} {are} not used: {', '.join(told)}; name one with --tasks or --text-column to use it."
        yield Remark("columns", len(left), sentence)


def cells_read_otherwise(cells: Cells, desks: Mapping[str, Desk], found: FoundFiles) -> Iterator[Remark]:
    """Files found elsewhere, web addresses, words for a missing value, and what became of labels."""
    for (column, way), count in found.ways.items():
        yield Remark("cells", count, f"{_files(count, column, 'was', 'were')} found {way}.")
    for column, count in found.addresses.items():
        if count:
            sentence = (
                f"{_files(count, column)} in column {cells.own(column)!r} "
                f"{'is a web address that was' if count == 1 else 'are web addresses that were'} not fetched; "
                "`retail fetch` or the Data page fetches them."
            )
            yield Remark("addresses", count, sentence)
    for column, words in cells.absent.items():
        count = words.total()
        yield Remark(
            "cells",
            count,
            f"{cells.own(column)}: {number_of(count, 'cell says', 'cells say')} {few(list(words))} and "
            f"{'counts' if count == 1 else 'count'} as empty.",
        )
    for column, desk in desks.items():
        for sentence in desk.sentences(cells.own(column)):
            yield Remark("labels", 1, sentence)


def _files(count: int, column: str, is_: str = "", are: str = "") -> str:
    """'2 photos were'."""
    many = FILE_WORDS[column]
    return number_of(count, f"{many.removesuffix('s')} {is_}".rstrip(), f"{many} {are}".rstrip())


def rows_passed_over(table: Rows) -> Iterator[Remark]:
    """Rows that hold nothing, or the header once more."""
    if table.empty:
        yield Remark(
            "cells",
            table.empty,
            f"{number_of(table.empty, 'row has', 'rows have')} no cell filled and "
            f"{'is' if table.empty == 1 else 'are'} passed over.",
        )
    if count := table.headers:
        repeat = "row repeats the header and is" if count == 1 else "rows repeat the header and are"
        yield Remark("cells", count, f"{count:,} {repeat} passed over.")


def photos_joined(cells: Cells) -> Iterator[Remark]:
    """Products whose photos stand in several columns or rows."""
    if cells.more_photos:
        names = [cells.own(name) for name in (IMAGE, *cells.more_photos)]
        sentence = f"The photos of a product stand in {len(names)} columns ({few(names)}), and all of them count."
        yield Remark("cells", len(names), sentence)
    if count := sum(map(len, cells.added.values())):
        sentence = (
            f"{number_of(count, 'row goes', 'rows go')} on with a product above, with its id and few cells filled: the "
            "photos count for it; nothing else is read."
        )
        yield Remark("rows", count, sentence)


def header_like_a_row(table: Rows) -> Iterator[Remark]:
    """A header that is the first row of a table without one, as its own cells and those below tell."""
    some = [row.cells for row in table.rows[:TEXTS_LOOKED_AT]]
    for place, name in enumerate(table.header):
        for pattern in (IS_FILE, IS_ADDRESS):
            if pattern.fullmatch(name) and any(pattern.fullmatch(cells[place]) for cells in some):
                sentence = (
                    f"The first row was read as the names of the columns, but {name!r} is no name; write names above "
                    "it, or it is not used."
                )
                yield Remark("rows", 1, sentence)
                return


def texts_cut(products: Sequence[Product], language: bool) -> Iterator[Remark]:
    """Descriptions that are too long, and, when it is asked for, written in a language that is not English."""
    if count := sum(characters_unread(text) > 0 for text in each(products, "text")):
        sentence = (
            f"{number_of(count, 'description is', 'descriptions are')} longer than {MAX_TEXT_CHARACTERS:,} "
            "characters; the rest is not read."
        )
        yield Remark("characters", count, sentence)
    some = products[:: 1 + len(products) // TEXTS_LOOKED_AT]
    if language and (sentence := language_note(list(each(some, "text")))):
        yield Remark("language", 1, sentence)


def sounds_cut(found: FoundFiles) -> Iterator[Remark]:
    """Sounds of which only the beginning is read."""
    if count := found.cut_off:
        sentence = (
            f"{number_of(count, 'sound is', 'sounds are')} longer than {MAX_CLIP_SECONDS} s; what follows is not read."
        )
        yield Remark("seconds", count, sentence)


def files_left(source: Source, found: FoundFiles) -> Iterator[Remark]:
    """Of a folder the photos and sounds that no row names, and whatever else nobody reads."""
    if not source.place.is_dir():
        return
    listing = source.listing
    taken = found.files
    for column, words in FILE_WORDS.items():
        names = [name for name in listing.files if media_kind(name) == column]
        if left := _left_of(names, listing.root, lambda: taken.paths):
            sentence = (
                f"{len(left):,} of {len(names):,} {words} in the folder {'is' if len(left) == 1 else 'are'} named by "
                "no row "
                f"({few(left)}); add rows for them, or remove them."
            )
            yield Remark("files", len(left), sentence)
    yield from _other_files(source, taken)
    if listing.cut:
        yield Remark("files", 1, f"The folder has more than {len(listing.files):,} files; only these were looked at.")


def _left_of(names: Sequence[str], root: Path, taken: Callable[[], Iterable[str]]) -> list[str]:
    """Those of these names below `root` that are none of the files that are taken.

    What a link leads to is looked up only where a name is not taken as it lies there. Nothing is kept of the files that
    are taken: there may be many more than names.
    """
    left = {os.path.join(root, name): name for name in names}
    for path in taken() if left else ():
        left.pop(path, None)
    real = {path: os.path.realpath(path) for path in left}
    wanted = set(real.values())
    named = {found for path in taken() if (found := os.path.realpath(path)) in wanted} if left else set[str]()
    return [name for path, name in left.items() if real[path] not in named]


def _other_files(source: Source, taken: NamedFiles) -> Iterator[Remark]:
    """Files of kinds that are not read, what cannot be opened, and folders with nothing in them."""
    listing = source.listing
    tables = [str(path) for path in (*source.tables, source.root / DATASET)]
    names = [name for name in listing.files if not media_kind(name) and not name.lower().endswith(SURELY_TABLES)]
    left = _left_of(names, listing.root, lambda: chain(taken.paths, tables))
    parts = (
        (left, "other file is", "other files are", "not read ({}); {}."),
        (listing.closed, "folder or link", "folders or links", "cannot be opened ({}); mend or remove what is listed."),
        (listing.empty, "folder has", "folders have", "nothing in it ({}); put files into it, or remove it."),
    )
    for held, one, many, say in parts:
        if held:
            words = say.format(few(held), _remedy(held))
            yield Remark("files", len(held), f"{len(held):,} {one if len(held) == 1 else many} {words}")


def _remedy(names: Sequence[str]) -> str:
    """What to do with files of these kinds."""
    endings = {PurePosixPath(name).suffix.lower() for name in names}
    ways = (
        ({""}, "give files their ending, such as .jpg"),
        (PICTURES, "save pictures as JPEG or PNG"),
        (FILMS, "save stills of films as JPEG and their sound as MP3"),
        (PACKED, "unpack archives"),
        (set(OFTEN_NO_TABLE), "save what is a table as CSV"),
    )
    return ", ".join(way for kinds, way in ways if endings & kinds) or "nothing needs doing if that is no data"
