"""Typed records: what one part writes into a JSON file and another reads.

In: fields, or the content of a file. Out: a checked `Record`, or one sentence that says what is wrong with the file.
"""

from __future__ import annotations

import math
import stat
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
)

from retail.files import whole_file
from retail.outside import reading
from retail.outside.limits import LAST_SECOND, MAX_COUNT, MAX_FIGURE, MAX_RECORD_MIB
from retail.schema import UserError
from retail.wording import shortened


def _usual(value: float) -> float:
    if abs(value) > MAX_FIGURE:  # infinity too; NaN is not
        raise ValueError("no such large number is expected here")
    return value


# A score, NaN where nobody could compute it; null in the file, because JSON has no NaN.
Figure = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    AfterValidator(_usual),
    PlainSerializer(lambda value: None if math.isnan(value) else value),
]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-MAX_FIGURE, le=MAX_FIGURE)]  # what could be computed
Share = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)]  # of rows; a probability
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Moment = Annotated[float, Field(allow_inf_nan=False, ge=0, le=LAST_SECOND)]  # seconds since 1970


Version = tuple[int, int, int]
ANYTHING = TypeAdapter(Any)  # reads JSON; unlike Python's own, it knows that half a character is no text


def version_of(path: Path) -> Version:
    """Another one once a file was written again: pages ask for the same files of all runs at each drawing.

    Raises OSError where there is no plain file: nobody waits for a pipe.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


class Unsound(ValueError):
    """A record of which one part contradicts another: where, and how."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(reason)
        self.place, self.reason = place, reason


MOST_WORDS = 200  # letters of what is quoted from a file


class Record(BaseModel):
    """A file or a part of one; it never changes, and a key that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, without the parts that are missing."""
        return self.model_dump(mode="json", exclude_none=True)


class FileRecord(Record):
    """A whole file, whose `format`, a literal with its value as the default, says what it is."""

    remedy: ClassVar[str]  # what the user can do about a file that does not fit
    most_mebibytes: ClassVar[int] = MAX_RECORD_MIB
    # The refusals; each may name the file, the remedy, the format wanted and found, and the place of an error.
    unreadable: ClassVar[str] = "{name} cannot be read; {remedy}."
    too_large: ClassVar[str] = "{name} has more than {most} MiB, too much for a file of format {wanted!r}; {remedy}."
    no_json: ClassVar[str] = "{name} is damaged; {remedy}."
    foreign: ClassVar[str] = "{name} has format {found!r}, but this version reads {wanted!r}; {remedy}."
    unfit: ClassVar[str] = "{name} is damaged at {field!r}; {remedy}."

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file; raises UserError when it cannot be read, or holds something else."""
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):  # nobody waits for a pipe
                raise cls._refused(cls.unreadable, str(path))
            if found.st_size > cls.most_mebibytes * 2**20:
                raise cls._refused(cls.too_large, str(path))
            content = path.read_bytes()
        except OSError:
            raise cls._refused(cls.unreadable, str(path)) from None
        return cls.of(content, str(path))

    @classmethod
    def of(cls, content: bytes, name: str) -> Self:
        """The record in a file's content; raises UserError, with the file's name, for anything else."""
        try:
            values = ANYTHING.validate_json(content)
        except ValueError:
            raise cls._refused(cls.no_json, name) from None
        found = values.get("format") if isinstance(values, dict) else None
        if found != cls._format():
            raise cls._refused(cls.foreign, name, found=shortened(str(found), MOST_WORDS) if found else None)
        with reading(name, "file", cls.remedy):
            try:
                record = cls.model_validate(values)
                record.check()
                return record
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                place, reason = ".".join(map(str, first["loc"])), first["msg"].lower()
            except Unsound as error:
                place, reason = error.place, error.reason
            facts = {"place": shortened(place, MOST_WORDS), "reason": shortened(reason, MOST_WORDS)}
            raise cls._refused(cls.unfit, name, field=facts["place"].partition(".")[0], **facts)

    def check(self) -> None:
        """Raises `Unsound` where one part of a file contradicts another; what this version makes never does."""

    def as_json(self) -> str:
        """The content of the file, all but the line's end."""
        return self.model_dump_json()

    def write(self, path: Path) -> None:
        """Whole or not at all: a reader never sees half a file."""
        with whole_file(path) as partial:
            partial.write_text(self.as_json() + "\n", encoding="utf-8")

    @classmethod
    def _format(cls) -> str:
        return cls.model_fields["format"].default

    @classmethod
    def _refused(cls, sentence: str, name: str, **facts: object) -> UserError:
        known = {"remedy": cls.remedy, "wanted": cls._format(), "most": cls.most_mebibytes}
        return UserError(sentence.format(name=name, **known, **facts))
