"""Filters on a catalogue's fields and labels as the database reads them.

In: {field: value}. Out: a condition in SQL. A value such as "2..5", "2.." or "..5" is a range of numbers, both ends
included; it also finds cells with just these words. A decimal comma reads as a point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from retail.catalogue.tables import FIELD, LABEL, column_of, names_in, searchable, storable
from retail.dataset.remarks import few
from retail.media.gtin import GAPS
from retail.schema import UserError

NUMBER = r"[+-]?\d+(?:[.,]\d+)?"
RANGE = re.compile(rf"\s*({NUMBER})?\s*\.\.\s*({NUMBER})?\s*")


def condition(where: Mapping[str, str] | None, columns: Sequence[str], words: str = "") -> str:
    """All of these at once, "" for none; each word may stand anywhere in a product's words, also within one.

    Raises UserError for a field that no product has.
    """
    parts = [_one(name, value, columns) for name, value in (where or {}).items()]
    parts += [f"contains(words, {quoted(word)})" for word in searchable(words).split()]
    return " AND ".join(parts)


def among(column: str, values: Iterable[str]) -> str:
    """The rows whose value is one of these."""
    return f"{column} IN ({', '.join(map(quoted, values))})"


def holds(field: str, part: str) -> str:
    """The rows with a text within this field, the case, spaces and hyphens of the cell aside."""
    cell = f"regexp_replace(lower({column_of(FIELD, field)}), '{GAPS}', '', 'g')"
    return f"contains({cell}, {quoted(part)})"


def quoted(text: str) -> str:
    """A string in SQL."""
    return "'" + storable(text).replace("'", "''") + "'"


def _one(name: str, value: str, columns: Sequence[str]) -> str:
    column = next((c for kind in (FIELD, LABEL) if (c := column_of(kind, name)) in columns), "")
    if not column:
        known = [*names_in(columns, FIELD), *names_in(columns, LABEL)]
        raise UserError(f"No product has a field {name!r}; the fields are {few(known) or 'none'}. Choose one of them.")
    same = f"{column} = {quoted(value)}"
    found = RANGE.fullmatch(value)
    if not found or not any(found.groups()):
        return same
    number = f"try_cast(replace({column}, ',', '.') AS double)"
    low, high = (end.replace(",", ".") if end else "" for end in found.groups())
    ends = [f"{number} >= {float(low)}" if low else "", f"{number} <= {float(high)}" if high else ""]
    return f"({same} OR ({' AND '.join(filter(None, ends))}))"
