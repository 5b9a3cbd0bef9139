"""What of a data set was not used, and what was read otherwise than it is written.

In: the cells, the files that were found and the labels as they were settled. Out: a `Remark` for each thing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from retail.dataset.columns import ROLES
from retail.dataset.filled import Cells
from retail.dataset.found_files import FILE_WORDS, FoundFiles
from retail.dataset.labels import Desk
from retail.dataset.remarks import Remark, few
from retail.dataset.source import Source, media_kind
from retail.media import MAX_SECONDS
from retail.media.language import language_note
from retail.media.text import MAX_TEXT_CHARACTERS, characters_unread
from retail.schema import Product

TEXTS_LOOKED_AT = 2_000  # to tell their language


def columns_left(cells: Cells, desks: Mapping[str, Desk], reasons: Mapping[str, str]) -> Iterator[Remark]:
    """Columns that are neither an input nor a question, each with the reason where there is one."""
    used = {*cells.texts, *ROLES.values(), *cells.groups, *desks}
    left = [name for name in cells.given if name not in used]
    if left:
        told = [f"'{cells.own(name)}'" + (f" ({reasons[name]})" if reasons.get(name) else "") for name in left]
        are = "columns are" if len(left) > 1 else "column is"
        sentence = f"{len(left)} {are} not used: {', '.join(told)}; name one with --tasks or --text-column to use it."
        yield Remark("columns", len(left), sentence)


def cells_read_otherwise(cells: Cells, desks: Mapping[str, Desk], found: FoundFiles) -> Iterator[Remark]:
    """Files found elsewhere, web addresses, words for a missing value, and what became of labels."""
    for (column, way), count in found.ways.items():
        yield Remark("cells", count, f"{count:,} {FILE_WORDS[column]} were found {way}.")
    for column, count in found.addresses.items():
        if count:
            sentence = (
                f"{count:,} {FILE_WORDS[column]} in column {cells.own(column)!r} are web addresses that were not "
                "fetched; `retail fetch` or the Data page fetches them."
            )
            yield Remark("addresses", count, sentence)
    for column, words in cells.absent.items():
        count = words.total()
        yield Remark("cells", count, f"{cells.own(column)}: {count:,} cells say {few(list(words))} and count as empty.")
    for column, desk in desks.items():
        for sentence in desk.sentences(cells.own(column)):
            yield Remark("labels", 1, sentence)


def texts_cut(products: Sequence[Product], language: bool) -> Iterator[Remark]:
    """Descriptions that are too long, and, when it is asked for, written in a language that is not English."""
    if count := sum(characters_unread(product.text) > 0 for product in products):
        sentence = f"{count:,} descriptions are longer than {MAX_TEXT_CHARACTERS:,} characters; the rest is not read."
        yield Remark("characters", count, sentence)
    some = products[:: 1 + len(products) // TEXTS_LOOKED_AT]
    if language and (sentence := language_note([product.text for product in some])):
        yield Remark("language", 1, sentence)


def sounds_cut(found: FoundFiles) -> Iterator[Remark]:
    """Sounds of which only the beginning is read."""
    if count := found.cut_off:
        sentence = f"{count:,} sounds are longer than {MAX_SECONDS} s; what follows is not read."
        yield Remark("seconds", count, sentence)


def files_left(source: Source, found: FoundFiles) -> Iterator[Remark]:
    """Photos and sounds of a folder that no row names."""
    if not source.place.is_dir():
        return
    listing = source.listing
    taken = {os.path.realpath(path) for _, path in found.files}
    for column, words in FILE_WORDS.items():
        names = [name for name in listing.files if media_kind(name) == column]
        left = [name for name in names if os.path.realpath(listing.root / name) not in taken]
        if left:
            sentence = (
                f"{len(left):,} of {len(names):,} {words} in the folder are named by no row ({few(left)}); add rows "
                "for them, or remove them."
            )
            yield Remark("files", len(left), sentence)
    if listing.cut:
        yield Remark("files", 1, f"The folder has more than {len(listing.files):,} files; only these were looked at.")
