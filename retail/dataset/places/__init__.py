"""Which file a cell means: as it is written first, then as tables are usually wrong about it.

In: cells of a table and the folder they speak of. Out: a `Found` for each name: its file, or a sentence why there is
none. A file is looked for, never read, and no cell raises an error.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from retail.dataset.columns import PHOTO_ENDINGS, SOUND_ENDINGS
from retail.dataset.places.listing import Listing
from retail.dataset.places.names import MEDIA_ENDINGS, Kind, ends_in, is_address, parts_of
from retail.dataset.places.web import cached, fetched_folder
from retail.dataset.remarks import as_said
from retail.files import home
from retail.wording import INPUT_WORDS

ENDINGS: dict[Kind, tuple[str, ...]] = {"image": PHOTO_ENDINGS, "audio": SOUND_ENDINGS}

# How a file was found that does not lie where its cell says: "48 photos were found by base name in another folder".
DECODED = "with %20 decoded"
FROM_TOP = "from the data set's own folder"
OTHER_CASE = "in another case"
OTHER_ENDING = "with another ending"
NO_ENDING = "by name without ending"
BASE_NAME = "by base name in another folder"
IN_FOLDER = "in a folder named in place of a file"
WEB = "web"

MOST_REMEMBERED = 10_000  # files that a look found; it is asked for right after
MOST_COMPARED = 20  # files of one name that may be one file behind links; more are several without a look
MOST_IN_FOLDER = 20  # photos of one product; a folder with more is hardly one product's

ABSENT = "{name!r} does not exist; fix the path, or leave the cell empty."
OUTSIDE = "{name!r} points outside the folder; move the file into the folder."
UNFETCHED = "{name!r} is a web address that was not fetched; fetch it, or put the file into the folder."
AMBIGUOUS = "{name!r} could be any of {count:,} files ({files}); write the path of the one that is meant."
CUT = (
    "{name!r} does not exist where the cell says, and the folder holds too many files to look elsewhere; fix the path."
)
EMPTY_FOLDER = "{name!r} is a folder without a {word}; name a file, or leave the cell empty."
FULL_FOLDER = "{name!r} is a folder of {count:,} {word}s, of which the first {most} are used; name the ones you want."
SPARE_SOUNDS = "a product has one sound, so {files} {verb} not used; name one file."


class Found(NamedTuple):
    """What one name led to: a file and how it was found (`remark`, "" as written), or why there is none (`message`)."""

    path: Path | None
    name: str
    message: str = ""
    remark: str = ""


class Places:
    """Finds the files that the cells of one data set name.

    `own` is a folder of this machine's user: links and absolute paths lead where they lead. Without it (a ZIP, an
    upload) nothing outside the folder is touched, not even to see whether it exists.
    """

    def __init__(self, root: Path, own: bool, listing: Callable[[], Listing]) -> None:
        self.root, self.own = os.path.realpath(root), own
        self._listing = listing
        tops = (os.path.abspath(root), self.root, home() / "unpacked", fetched_folder())
        self._tops = tuple(
            dict.fromkeys(path for top in tops for path in (os.path.abspath(top), os.path.realpath(top)))
        )
        self._folders: dict[str, str] = {}  # a folder -> what it is with every link followed
        self._names: dict[str, dict[str, str]] = {}  # a folder -> composed name -> the name on disk
        self._from: dict[Path | None, tuple[str, ...]] = {}  # a table's folder -> where its paths may count from
        self._files: set[str] = set()  # what the last look at each path found to be a file; a disk may be slow to ask

    def find(self, cell: str, kind: Kind, folder: Path | None = None) -> list[Found]:
        """One `Found` for each name in the cell; relative paths count from `folder`, then from the root."""
        name = cell.strip()
        try:
            found = self._names_in(name, kind, self._bases(folder))
        except (OSError, ValueError, RuntimeError):  # a name that no disk takes
            found = [Found(None, name, ABSENT.format(name=as_said(name)))]
        return found if kind == "image" else _one_sound(found)

    def _bases(self, folder: Path | None) -> Sequence[str]:
        """Where relative paths of a table in this folder may count from."""
        if folder not in self._from:
            below = [self._real(os.path.join(self.root, folder))] if folder else []
            self._from[folder] = tuple(dict.fromkeys((*below, self.root)))
        return self._from[folder]

    def _names_in(self, cell: str, kind: Kind, bases: Sequence[str]) -> list[Found]:
        parts = parts_of(cell)
        if parts in ([], [cell]):
            return [each for part in parts for each in self._one(part, kind, bases)]
        if self._as_written(cell, bases):  # a file name may hold what separates names
            return self._one(cell, kind, bases)
        found = [each for part in parts for each in self._one(part, kind, bases)]
        if not any(each.path for each in found):
            whole = self._one(cell, kind, bases)
            return whole if whole[0].path else found
        return found

    def _one(self, name: str, kind: Kind, bases: Sequence[str]) -> list[Found]:
        if is_address(name):
            kept = cached(name)
            return [Found(kept, name) if kept else Found(None, name, UNFETCHED.format(name=as_said(name)), WEB)]
        plain = _from_url(name)
        ways = {plain: ""}
        ways.setdefault(unquote(plain), DECODED)
        ways.setdefault(plain.lstrip("/\\"), FROM_TOP)
        for way, remark in ways.items():
            if way and (path := self._as_written(way, bases)):
                return self._opened(path, name, kind, remark)
        return [self._elsewhere(list(ways)[:2], name, kind, bases)]

    def _as_written(self, name: str, bases: Sequence[str]) -> str:
        """The file or folder that lies there, also behind back-slashes or in another Unicode form; else ""."""
        for base in bases:
            for form in _slashes(name):
                path = os.path.join(base, form)
                if self._may_look_at(path):
                    for each in (path, *(() if path.isascii() else (self._composed(path),))):
                        if (real := self._real(each)) and self._is_meant(real):
                            return real
        return ""

    def _is_meant(self, real: str) -> bool:
        """Whether it is a file, or a folder below which the data set does not lie itself."""
        if not (self.own or _below(real, self._tops)):
            return False
        return self._is_file(real) or (os.path.isdir(real) and not _below(self.root, (real,)))

    def _may_look_at(self, path: str) -> bool:
        # Judged by its letters, before the disk is asked: the very look at a path of the network gives something away.
        return self.own or _below(os.path.normpath(path), self._tops)

    def _real(self, path: str) -> str:
        """The path with links followed; that of each folder is found once."""
        folder, name = os.path.split(path)
        if name in ("", ".", "..") or stat.S_ISLNK(mode := _mode(path)):
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], name)
        if stat.S_ISREG(mode):
            if len(self._files) >= MOST_REMEMBERED:
                self._files.clear()
            self._files.add(real)
        return real

    def _is_file(self, real: str) -> bool:
        return real in self._files or os.path.isfile(real)

    def _composed(self, path: str) -> str:
        """The path as it is on disk: an é is one letter on Linux, an e and an accent on a Mac."""
        top, *parts = Path(path).parts
        for part in parts:
            step = os.path.join(top, part)
            top = step if os.path.lexists(step) else os.path.join(top, self._on_disk(top).get(_composed(part), part))
        return top

    def _on_disk(self, folder: str) -> dict[str, str]:
        if folder not in self._names:
            names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
            self._names[folder] = {_composed(name): name for name in names}
        return self._names[folder]

    def _opened(self, path: str, name: str, kind: Kind, remark: str) -> list[Found]:
        """The file itself, or the photos or sounds in a folder."""
        if self._is_file(path):
            return [Found(Path(path), name, "", remark)]
        names = [child for child in sorted(os.listdir(path)) if child[0] != "." and ends_in(child, ENDINGS[kind])]
        reals = {child: self._real(os.path.join(path, child)) for child in names}
        inside = [child for child, real in reals.items() if self._is_meant(real) and os.path.isfile(real)]
        if not inside:
            return [Found(None, name, EMPTY_FOLDER.format(name=as_said(name), word=INPUT_WORDS[kind]))]
        used = inside[:MOST_IN_FOLDER] if kind == "image" else inside
        found = [Found(Path(reals[child]), f"{name.rstrip('/')}/{child}", "", IN_FOLDER) for child in used]
        if len(used) == len(inside):
            return found
        facts = {"count": len(inside), "word": INPUT_WORDS[kind], "most": MOST_IN_FOLDER}
        return [*found, Found(None, name, FULL_FOLDER.format(name=as_said(name), **facts))]

    def _elsewhere(self, ways: Iterable[str], name: str, kind: Kind, bases: Sequence[str]) -> Found:
        """A file that the name can only mean, wherever it lies; else the sentence that says why there is none."""
        several: list[str] = []
        for way in ways:
            turned = way.replace("\\", "/")
            files, remark = self._index.meant(turned, kind, [self._below_root(base, turned) for base in bases])
            if len(files) <= MOST_COMPARED:
                paths = {self._real(os.path.join(self.root, file)): file for file in files}
                reals = {real: file for real, file in paths.items() if self._is_meant(real)}
                if len(reals) == 1:
                    return Found(Path(next(iter(reals))), name, "", remark)
                files = list(reals.values())
            several = several or files
        if several:
            some = ", ".join(map(as_said, several[:2])) + (", …" if len(several) > 2 else "")
            return Found(None, name, AMBIGUOUS.format(name=as_said(name), count=len(several), files=some))
        written = [os.path.join(base, form) for base in bases for form in _slashes(next(iter(ways)))]
        if not all(self._may_look_at(path) and (self.own or _below(self._real(path), self._tops)) for path in written):
            return Found(None, name, OUTSIDE.format(name=as_said(name)))
        return Found(None, name, (CUT if self._index.cut else ABSENT).format(name=as_said(name)))

    def _below_root(self, base: str, name: str) -> str:
        path = os.path.normpath(os.path.join(base, name))
        inside = _below(path, (self.root,))
        return path[len(self.root.rstrip(os.sep)) + 1 :].replace("\\", "/") if inside else ""

    @cached_property
    def _index(self) -> _Index:
        try:
            return _Index(self._listing())
        except OSError:
            return _Index(Listing(Path(self.root), (), False))


class _Index:
    """The listed files by path, by the last two parts of it and by name, all without case and media ending."""

    def __init__(self, listing: Listing) -> None:
        self.cut = listing.cut
        self._by_path: dict[str, list[str]] = {}
        self._by_pair: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        self._kept: dict[tuple[str, str], list[str]] = {}
        for file in listing.files:
            key = _without_ending(_folded(file))
            folder, _, name = key.rpartition("/")
            self._by_path.setdefault(key, []).append(file)
            self._by_name.setdefault(name, []).append(file)
            if folder:
                self._by_pair.setdefault(f"{folder.rpartition('/')[2]}/{name}", []).append(file)

    def meant(self, name: str, kind: Kind, paths: Sequence[str]) -> tuple[list[str], str]:
        """The files that a name may mean, in the first way in which there are any, and that way.

        `paths` is where it should lie below the root ("" where that is outside).
        """
        base = _folded(name).rpartition("/")[2]
        if base in ("", ".", ".."):
            return [], ""
        for path in filter(None, map(_folded, paths)):
            alike = self._by_path.get(_without_ending(path), [])
            if same := [file for file in alike if _folded(file) == path]:
                return same, OTHER_CASE
            if len(others := [file for file in alike if ends_in(file, ENDINGS[kind])]) == 1:
                return others, OTHER_ENDING if ends_in(base, MEDIA_ENDINGS) else NO_ENDING
        if same := self._nearest(_folded(name), base, lambda file: _folded(file).rpartition("/")[2] == base):
            return same, BASE_NAME
        if ends_in(base, MEDIA_ENDINGS):
            return [], ""
        return self._nearest(_folded(name), kind, lambda file: ends_in(file, ENDINGS[kind])), NO_ENDING

    def _nearest(self, name: str, rule: str, keep: Callable[[str], bool]) -> list[str]:
        """Of the files with this name those that share most folders with it, counted from the name upwards."""
        parts = _without_ending(name).strip("/").split("/")
        by_pair = self._by_pair.get("/".join(parts[-2:]), []) if len(parts) > 1 else []
        if files := [file for file in by_pair if keep(file)]:
            shared = {file: _shared(_without_ending(_folded(file)).split("/"), parts) for file in files}
            return [file for file in files if shared[file] == max(shared.values())]
        if (key := (parts[-1], rule)) not in self._kept:  # thousands of products may each have a front.jpg
            self._kept[key] = [file for file in self._by_name.get(parts[-1], []) if keep(file)]
        return self._kept[key]


def _one_sound(found: Sequence[Found]) -> list[Found]:
    """The first sound that was found, what was not found, and a sentence about those beyond the first."""
    sounds = [each for each in found if each.path]
    if not (spare := sounds[1:]):
        return list(found)
    names = [repr(as_said(each.name)) for each in spare]
    files = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
    message = SPARE_SOUNDS.format(files=files, verb="is" if len(names) == 1 else "are")
    return [sounds[0], *(each for each in found if not each.path), Found(None, spare[0].name, message)]


def _from_url(name: str) -> str:
    """The path in a file:// address; any other name as it is."""
    if not name.lower().startswith("file:"):
        return name
    path = unquote(name[len("file:") :])
    if path.startswith("//"):
        path = "/" + path[2:].partition("/")[2]  # what stands before is the machine
    return path[1:] if path[2:3] == ":" else path  # /C:/shop/a.jpg


def _slashes(name: str) -> tuple[str, ...]:
    return (name, name.replace("\\", "/")) if "\\" in name else (name,)


def _mode(path: str) -> int:
    """What lies there, a link itself; 0 where nothing does."""
    try:
        return os.lstat(path).st_mode
    except (OSError, ValueError):
        return 0


def _below(path: str, tops: Iterable[str]) -> bool:
    return any(path == top or path.startswith(top.rstrip(os.sep) + os.sep) for top in tops)


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _folded(text: str) -> str:
    """The same for names that differ in case or Unicode form only."""
    return text.lower() if text.isascii() else _composed(_composed(text).casefold())


def _without_ending(folded: str) -> str:
    return folded.rpartition(".")[0] if ends_in(folded, MEDIA_ENDINGS) else folded


def _shared(some: Sequence[str], others: Sequence[str]) -> int:
    """How many parts are the same, counted from the end."""
    count = 0
    for one, other in zip(reversed(some), reversed(others), strict=False):
        if one != other:
            break
        count += 1
    return count
