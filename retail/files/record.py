"""Typed records: what one part writes into a JSON file and another reads.

In: fields, or the content of a file. Out: a checked `Record`, or one sentence that says what is wrong with the file.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from retail.schema import UserError


class Record(BaseModel):
    """A file or a part of one; it never changes, and a key that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, without the parts that are missing."""
        return self.model_dump(mode="json", exclude_none=True)


class FileRecord(Record):
    """A whole file, whose `format`, a literal with its value as the default, says what it is."""

    remedy: ClassVar[str]  # what the user can do about a file that does not fit

    @classmethod
    def of(cls, content: bytes, name: str) -> Self:
        """The record in a file's content; raises UserError, with the file's name, for anything else."""
        try:
            found = json.loads(content)
        except ValueError:
            raise UserError(f"{name} is damaged; {cls.remedy}.") from None
        known = found.get("format") if isinstance(found, dict) else None
        if known != (wanted := cls.model_fields["format"].default):
            raise UserError(f"{name} has format {known!r}, but this version reads {wanted!r}; {cls.remedy}.")
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            place = error.errors()[0]["loc"][0]
            raise UserError(f"{name} is damaged at {place!r}; {cls.remedy}.") from None
