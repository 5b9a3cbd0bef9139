"""Which file is the table, which column holds what where the convention is not followed; and the data set's own JSON.

In: a header and a `Columns`. Out: the header in the convention's names. A folder with a `dataset.json` is a data set
that was added by name: the JSON says where its table lies and how its columns are meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retail.config.options import joined, listed
from retail.files import home, whole_file
from retail.files.record import Record
from retail.schema import UserError

IMAGE, AUDIO, TEXT, ID, SPLIT, GROUP = "image_file_name", "audio_file_name", "text", "id", "split", "group"
# Role -> the convention's name of its column.
ROLES = {"image": IMAGE, "audio": AUDIO, "text": TEXT, "id": ID, "split": SPLIT, "group": GROUP}
SPLIT_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val"}
SPLIT_WORDS |= {"test": "test", "testing": "test"}
# More classes than this is free text or a number, not a label column to guess.
MAX_GUESSED_CLASSES = 200
NONE = "(none)"  # no column has this role, whatever the columns are called
DATASET = "dataset.json"
METADATA = "metadata.csv"
TABLE_ENDINGS = (".csv", ".tsv")
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
SOUND_ENDINGS = (".wav", ".mp3", ".ogg", ".opus", ".flac", ".m4a", ".webm")
TEXT_WORDS = ("description", "text", "title", "name")
ID_WORDS = ("id", "sku", "ean", "gtin", "article_number", "product_id")


@dataclass(frozen=True)
class Columns:
    """The column of each role, "" where the convention's name holds, and the label columns to learn (none: guess).

    A group may be made of several columns, separated by commas; they keep their names.
    """

    image: str = ""
    audio: str = ""
    text: str = ""
    id: str = ""
    split: str = ""
    group: str = ""
    tasks: tuple[str, ...] = ()

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
        chosen = {role: getattr(self, role) for role in ROLES if role != "group" and getattr(self, role)}
        for role, column in [*chosen.items(), *(("group", column) for column in self.groups)]:
            if column != NONE and column not in header:
                raise UserError(
                    f"There is no column {column!r} for {role}; the columns are {', '.join(header)}. Choose another."
                )
        taken = {ROLES[role] for role in chosen} | ({GROUP} if self.group and GROUP not in self.groups else set())
        plain = [f"{name} (column)" if name in taken else name for name in header]
        for role, column in chosen.items():
            if column != NONE:
                plain[list(header).index(column)] = ROLES[role]
        return plain


class Pointer(Record):
    """What a `dataset.json` says of a data set."""

    name: str
    metadata: str  # where the table lies: absolute, or below the folder
    columns: Columns
    notes: tuple[str, ...]
    added: float  # seconds since 1970


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


def find_table(files: Iterable[Path], folder: Path) -> Path | None:
    """Of these files in the folder the table: metadata.csv, else the uppermost CSV, else the first by name."""
    tables = [path for path in files if path.suffix.lower() in TABLE_ENDINGS and _visible(path, folder)]
    return min(tables, key=lambda path: (path.name.lower() != METADATA, len(path.parts), str(path)), default=None)


def suggest(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Columns:
    """What the columns probably hold, from their names and cells; somebody should look at it."""
    cells = {name: [row[place] for row in rows if row[place]] for place, name in enumerate(header)}
    found: dict[str, str] = {}

    def take(role: str, fits: list[str]) -> None:
        free = [name for name in fits if name not in found.values()]
        if ROLES[role] in header:
            found[role] = ROLES[role]
        elif free:
            found[role] = free[0]

    take("image", [name for name in header if _ends(cells[name], PHOTO_ENDINGS)])
    take("audio", [name for name in header if _ends(cells[name], SOUND_ENDINGS)])
    take("split", [name for name in header if cells[name] and {v.lower() for v in cells[name]} <= set(SPLIT_WORDS)])
    take("group", [name for name in header if name.lower() in ("group", "series", "family")])
    unique = [name for name in header if cells[name] and len(set(cells[name])) == len(rows)]
    take("id", [name for name in unique if name.lower().replace(" ", "_") in ID_WORDS])
    take("text", sorted((n for n in header if _named(n, TEXT_WORDS)), key=lambda n: -_letters(cells[n])))
    tasks = tuple(name for name in guessed_tasks(header, rows) if name not in found.values())
    same = {role: column for role, column in found.items() if column != ROLES[role]}
    return Columns(**same, tasks=tasks)  # type: ignore[arg-type]


def guessed_tasks(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns that could be labels: a few values, and some of them more than once."""
    guessed = []
    for place, column in enumerate(header):
        values = Counter(row[place] for row in rows if row[place])
        if 2 <= len(values) <= MAX_GUESSED_CLASSES and sum(values.values()) > len(values):
            guessed.append(column)
    return guessed


def _visible(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return path.is_file() and not any(part.startswith((".", "__MACOSX")) for part in parts)


def _ends(values: Sequence[str], endings: tuple[str, ...]) -> bool:
    return bool(values) and 2 * sum(value.lower().endswith(endings) for value in values) > len(values)


def _named(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def _letters(values: Sequence[str]) -> float:
    return sum(map(len, values)) / max(len(values), 1)
