"""Data without a table: a row for every photo or sound of a folder, with the folder as its class.

In: a `Listing`. Out: a `Table` under the convention's names. No file is opened.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from retail.dataset.columns import AUDIO, ID, IMAGE, PHOTO_ENDINGS, SOUND_ENDINGS, SPLIT, SPLIT_WORDS, split_word
from retail.dataset.places.listing import Listing
from retail.dataset.tables import Table

LABEL = "label"  # the question of class folders, as Hugging Face calls it
LABELS = (LABEL, "label_2", "label_3")  # of folders within class folders
MEDIA_FOLDERS = {"image", "images", "img", "photo", "photos", "picture", "pictures", "pics"}
MEDIA_FOLDERS |= {"audio", "sound", "sounds", "clip", "clips"}


def table_of_files(listing: Listing) -> Table | None:
    """A row for every photo or sound, or for those of one place and base name; its classes are its folders.

    Folders named train, val or test say the split, also Train Set and Test Set where all of them are named so; those
    named images or audio say nothing.
    """
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    shared = _shared_folders(listing)
    split_in = _split_folders(listing, shared)
    for name in listing.files:
        kind = media_kind(name)
        if not kind:
            continue
        path = PurePosixPath(name)
        folders = [folder for folder in path.parts[shared:-1] if folder.lower() not in MEDIA_FOLDERS]
        split = split_in.get(folders[0], "") if folders else ""
        folders = folders[1:] if split else folders
        key = (split, *folders, path.stem)
        if key in rows and kind in rows[key]:  # another ending of the same name is another product
            key = (*key, path.suffix)
        levels = dict(zip(LABELS, folders, strict=False))
        row = rows.setdefault(key, {LABEL: "", SPLIT: split, ID: name} | levels)
        row[kind] = name
        row[ID] = row.get(IMAGE, name)
    if not rows:
        return None
    kept = [name for name in (ID, IMAGE, AUDIO, *LABELS, SPLIT) if any(row.get(name) for row in rows.values())]
    if len({row[SPLIT] for row in rows.values()}) == 1:
        kept = [name for name in kept if name != SPLIT]
    cells = [(place, [row.get(name, "") for name in kept]) for place, row in enumerate(rows.values(), start=1)]
    return Table(kept, cells, [], [place for place, _ in cells])


def media_kind(name: str) -> str:
    """The convention's column of a file by its ending, "" for what is neither a photo nor a sound."""
    lower = name.lower()
    return IMAGE if lower.endswith(PHOTO_ENDINGS) else AUDIO if lower.endswith(SOUND_ENDINGS) else ""


def _split_folders(listing: Listing, shared: int) -> dict[str, str]:
    """The folders that say a split: by a word where that parts all the folders, else by their whole name.

    A single one of that name holds folders, or it is a class of its own: of toys, train is one.
    """
    below = [PurePosixPath(name).parts[shared:-1] for name in listing.files if media_kind(name)]
    paths = {tuple(name for name in parts if name.lower() not in MEDIA_FOLDERS) for parts in below}
    tops = {path[0] if path else "" for path in paths}
    words = {name: split_word(name) for name in tops}
    if "train" in words.values() and "" not in words.values() and len(set(words.values())) > 1:
        return words
    named = {name: SPLIT_WORDS[name.lower()] for name in tops if name.lower() in SPLIT_WORDS}
    if len(set(named.values())) > 1:
        return named
    return {name: split for name, split in named.items() if any(len(path) > 1 for path in paths if path[:1] == (name,))}


def _shared_folders(listing: Listing) -> int:
    """How many folders every photo and sound lies in, as a ZIP often wraps all in one; a class of its own stays."""
    parents = [PurePosixPath(name).parts[:-1] for name in listing.files if media_kind(name)]
    depth = 0
    while (
        parents and all(len(parts) > depth + 1 for parts in parents) and len({parts[depth] for parts in parents}) == 1
    ):
        depth += 1
    return depth
