"""Which column holds what where the convention is not followed; and the data set's own JSON.

In: a header and its cells. Out: a `Columns`, and the header in the convention's names. A folder with a `dataset.json`
is a data set that was added by name: the JSON says where its data lies, how its columns are meant and what was decided
of its labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from retail.config.options import joined, listed
from retail.dataset.continued import continued_rows
from retail.dataset.labels.missing import is_missing
from retail.dataset.labels.questions import FREE_TEXT, ID_NAMES, NO_TEXT, offered, words_of
from retail.dataset.labels.rule import LabelRule
from retail.dataset.remarks import columns_said
from retail.dataset.row_decisions import RowDecision
from retail.files import home, whole_file
from retail.files.record import Moment, Record
from retail.schema import UserError

IMAGE, AUDIO, TEXT, ID, SPLIT, GROUP = "image_file_name", "audio_file_name", "text", "id", "split", "group"
# Role -> the convention's name of its column.
ROLES = {"image": IMAGE, "audio": AUDIO, "text": TEXT, "id": ID, "split": SPLIT, "group": GROUP}
SPLIT_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val"}
SPLIT_WORDS |= {"test": "test", "testing": "test"}
NONE = "(none)"  # no column has this role, whatever the columns are called
DATASET = "dataset.json"
METADATA = "metadata.csv"
PHOTO_ENDINGS = tuple(".jpg .jpeg .jpe .jfif .png .webp .gif .bmp .tif .tiff .avif .heic .heif".split())
SOUND_ENDINGS = (".wav", ".mp3", ".ogg", ".opus", ".flac", ".m4a", ".webm")
# Names of columns that say what they hold when the cells, such as numbers that files are named by, do not.
IMAGE_WORDS = ("file_name", "filename", "image", "photo", "picture", "img", "image_link", "image_url")
AUDIO_WORDS = ("audio", "sound", "clip", "audio_url")
SURE_TEXT_WORDS: tuple[str, ...] = ("desc", "text", "body (html)", "body_html", "title")
SURE_TEXT_WORDS += ("beschreibung", "titel", "titre", "désignation", "título", "titolo")
TEXT_WORDS = (*SURE_TEXT_WORDS, "name", "bezeichnung", "nazwa")  # colour_name and brand_name are named so too
ID_WORDS = ("handle", "id", "sku", "ean", "gtin", "article_number", "product_id")


@dataclass(frozen=True)
class Columns:
    """The column of each role, "" where the convention's name holds, and the label columns to learn (none: guess).

    A description and a group may be made of several columns, separated by commas; they keep their names. Where a row
    is a photo, the rows of one id are one product.
    """

    image: str = ""
    audio: str = ""
    text: str = ""
    id: str = ""
    split: str = ""
    group: str = ""
    tasks: tuple[str, ...] = ()
    row: Literal["product", "photo"] = field(default="product", repr=False)  # repr is part of checksums

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns that make up the description; () where the convention's name holds, or none is meant."""
        return () if self.text == NONE else listed(self.text)

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns whose values tie rows together; () where the convention's name holds, or none is meant."""
        return () if self.group == NONE else listed(self.group)

    def grouped_by(self, columns: Sequence[str]) -> Columns:
        """The same with these columns as groups, whatever their order; without any, as it was."""
        group = joined(sorted(set(columns)))
        return replace(self, group="" if group == GROUP else group) if columns else self

    def renamed(self, header: Sequence[str]) -> list[str]:
        """The header with the convention's names; a column that merely has such a name gets another one."""
        several = ("group", "text") if len(self.texts) > 1 else ("group",)
        chosen = {role: getattr(self, role) for role in ROLES if role not in several and getattr(self, role)}
        if chosen.get("text", NONE) != NONE:
            chosen["text"] = self.texts[0]
        named = [*chosen.items(), *(("group", column) for column in self.groups)]
        named += [("text", column) for column in self.texts if "text" in several]
        for role, column in named:
            if column != NONE and column not in header:
                raise UserError(
                    f"There is no column {column!r} for {role}; the columns are {columns_said(header)}. Choose another."
                )
        taken = {ROLES[role] for role in chosen} | ({GROUP} if self.group and GROUP not in self.groups else set())
        taken |= {TEXT} if "text" in several and TEXT not in self.texts else set()
        plain = [f"{name} (column)" if name in taken else name for name in header]
        for role, column in chosen.items():
            if column != NONE:
                plain[list(header).index(column)] = ROLES[role]
        return plain


class Pointer(Record):
    """What a `dataset.json` says of a data set."""

    name: str
    metadata: str  # where the data lies, a folder or a table: absolute, or below the folder
    columns: Columns
    notes: tuple[str, ...]
    added: Moment  # seconds since 1970
    labels: dict[str, LabelRule] = {}  # what was decided of label columns
    rows: dict[str, RowDecision] = {}  # and of single rows, by their ids
    tables: tuple[str, ...] = ()  # what was read when the data was added, as `metadata` is written
    also: str = ""  # a version of the data below `metadata`: the file with further training rows


def split_word(name: str) -> str:
    """The split that a word in the name of a folder, a table or a sheet says, "" where none does."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "")


def datasets_folder() -> Path:
    """Where the data sets live that were added by name."""
    return home() / "datasets"


def read_pointer(folder: Path) -> Pointer | None:
    """The data set that this folder describes, None when it describes none; a damaged JSON of ours raises UserError.

    A `dataset.json` in a folder of the user's may be anything.
    """
    path = folder / DATASET
    if not path.is_file():
        return None
    try:
        return Pointer.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        if folder.absolute().parent.resolve() != datasets_folder().resolve():
            return None
        raise UserError(f"{path} is damaged; delete the data set and add it again.") from None


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Whole or not at all."""
    with whole_file(folder / DATASET) as partial:
        partial.write_text(pointer.model_dump_json(indent=1), encoding="utf-8")


def suggest(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Columns:
    """What the columns probably hold, from their names and cells, where no column has the convention's name.

    A description is the longest text of the columns that are named like one, else of those that hold free text.
    """
    questions, reasons = offered(header, rows)
    cells = {name: [row[place] for row in rows if not is_missing(row[place])] for place, name in enumerate(header)}
    found: dict[str, str] = {}

    def take(role: str, fits: list[str]) -> None:
        free = [name for name in fits if name not in found.values()]
        if alike := [name for name in header if name.lower() == ROLES[role]]:
            found[role] = ROLES[role] if ROLES[role] in header else alike[0]
        elif free:
            found[role] = free[0]

    others = {name for name in ROLES.values() if name in header}
    free = [name for name in header if name not in others]
    media = {name: _media_share(cells[name]) for name in free}
    take(
        "image",
        _by_share(media, "image", IMAGE_WORDS) + [name for name in free if _link(name, cells[name], IMAGE_WORDS)],
    )
    take(
        "audio",
        _by_share(media, "audio", AUDIO_WORDS) + [name for name in free if _link(name, cells[name], AUDIO_WORDS)],
    )
    take("split", [name for name in free if cells[name] and {v.lower() for v in cells[name]} <= set(SPLIT_WORDS)])
    take("group", [])
    unique = [name for name in free if cells[name] and len(set(cells[name])) == len(rows)]
    by_name = [name for name in unique if name.lower().replace(" ", "_") in ID_WORDS]
    repeated = [name for name in free if name.lower().replace(" ", "_") in ID_WORDS and name not in unique]
    once = {*unique, *(name for name in free if media[name]["image"] > 0.5)}
    by_name += [name for name in repeated if _goes_on(name, header, rows) or _is_of_photos(name, header, rows, once)]
    take("id", by_name + [name for name in unique if words_of(name) & ID_NAMES])
    named = [n for n in free if _named(n, TEXT_WORDS) and reasons.get(n) not in NO_TEXT]
    named = [n for n in named if n not in questions or _is_text_by_name(n)]
    texts = named or [n for n in free if reasons.get(n) == FREE_TEXT]
    take("text", sorted(texts, key=lambda n: -_letters(cells[n])))
    tasks = tuple(name for name in questions if name not in found.values())
    same = {role: column for role, column in found.items() if column != ROLES[role]}
    return Columns(**same, tasks=tasks)  # type: ignore[arg-type]


def more_photo_columns(header: Sequence[str], cells: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Beside the convention's column of photos, those named like one with the same in them: files, or addresses."""
    named = [name for name in header if name not in ROLES.values() and _named(name, IMAGE_WORDS)]
    if IMAGE not in header or not named:
        return ()
    given = {name: [cell for cell in cells[name] if not is_missing(cell)] for name in (IMAGE, *named)}
    alike = [name for name in named if _mostly_addresses(given[name]) == _mostly_addresses(given[IMAGE])]
    return tuple(
        name for name in alike if _media_share(given[name])["image"] > 0.5 or _link(name, given[name], IMAGE_WORDS)
    )


def _is_of_photos(name: str, header: Sequence[str], rows: Sequence[Sequence[str]], once: set[str]) -> bool:
    """Whether rows of one value differ only in their photos and in what differs in every row, and others in more."""
    place = list(header).index(name)
    rest = [p for p, column in enumerate(header) if column not in {name, *once}]
    same = {(row[place], *(row[p] for p in rest)) for row in rows}
    several = {tuple(row[p] for p in rest) for row in rows}
    return len(same) == len({row[place] for row in rows}) and len(several) > 1


def _goes_on(name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether every row that repeats a value of this column goes on with the product of the row above."""
    ids = [row[list(header).index(name)] for row in rows]
    return len(continued_rows(ids, rows)) == len(ids) - len(set(ids)) > 0


def _media_share(values: Sequence[str]) -> dict[str, float]:
    """Of the cells the share that end like a photo and like a sound, whatever follows in a web address."""
    names = [re.split(r"[?#]", value.rstrip("\"'] "), maxsplit=1)[0].lower() for value in values]
    count = max(len(names), 1)
    return {
        "image": sum(name.endswith(PHOTO_ENDINGS) for name in names) / count,
        "audio": sum(name.endswith(SOUND_ENDINGS) for name in names) / count,
    }


def _by_share(media: Mapping[str, Mapping[str, float]], kind: str, words: Sequence[str]) -> list[str]:
    """The columns most of whose cells name such files, those that are called so first."""
    fits = [name for name, share in media.items() if share[kind] > 0.5]
    return sorted(fits, key=lambda name: not _named(name, words))


def _link(name: str, values: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a column that is called so holds web addresses, which need no ending."""
    return _named(name, words) and _mostly_addresses(values)


def _mostly_addresses(values: Sequence[str]) -> bool:
    return 2 * sum(value.lower().startswith(("http://", "https://")) for value in values) > len(values)


def _named(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def _is_text_by_name(name: str) -> bool:
    """Whether a name ends in a word for texts: product_title does, text_colour does not."""
    return any(re.search(rf"{re.escape(word)}[^\W_]*[\W_]*$", name.lower()) for word in SURE_TEXT_WORDS)


def _letters(values: Sequence[str]) -> float:
    return sum(map(len, values)) / max(len(values), 1)
