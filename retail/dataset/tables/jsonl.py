"""Tables of JSON: an object a line, or one list of objects, also as the only list of an object.

In: the path of a file in UTF-8. Out: its `Table`; keys are columns in the order in which they first appear.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from retail.dataset.tables.table import (
    Fault,
    Table,
    require_cells,
    require_few_faults,
    require_lines,
    too_long,
    too_many_cells,
    whole_content,
)
from retail.outside.limits import MAX_JSON_BYTES, MAX_LINE_CHARACTERS, MAX_ROWS
from retail.schema import UserError

ENDINGS = (".jsonl", ".ndjson", ".json")
SIGNATURES: tuple[bytes, ...] = ()

SPACE = re.compile(r"[ \t\r\n]*")
KINDS = {str: "a text", list: "a list", bool: "true or false", type(None): "null"}


class _Number(str):
    """A number as it is written, so that 3 and 3.0 stay what they are."""


class _Item(NamedTuple):
    line: int
    value: Any  # an object, or the ValueError that reading it raised


def read(path: Path) -> dict[str, Table]:
    """The one table of the file; raises UserError when nothing in it is an object."""
    text = _text(path)
    start = _list_start(text, path.name)
    items = _all(_lines(text, path.name) if start is None else _elements(text, start, path.name), path.name)
    objects = [item for item in items if isinstance(item.value, dict)]
    if len({item.line for item in objects}) < len(objects):  # several in one line: each counts as one
        items = [_Item(place, item.value) for place, item in enumerate(items, start=1)]
        objects = [item for item in items if isinstance(item.value, dict)]
    faults = [Fault(item.line, _fault(item.value)) for item in items if not isinstance(item.value, dict)]
    header = list(dict.fromkeys(key for item in objects for key in item.value))
    if not header or (len(items) == 1 and _is_document(items[0].value)):
        first = f" (line {faults[0].line} {faults[0].message})" if faults else ""
        raise UserError(f"{path.name} is no table: an object in each line, or a list of objects, was expected{first}.")
    require_cells(len(objects), len(header), path.name)
    rows, nested = [], []
    for line, value in objects:
        try:
            rows.append((line, [_cell(value.get(key)) for key in header]))
        except RecursionError as error:
            nested.append(Fault(line, _fault(error)))
    faults = sorted(faults + nested)
    return {"": Table(header, rows, faults, [item.line for item in items])}


def _all(items: Iterator[_Item], name: str) -> list[_Item]:
    """Every item; raises UserError for more than a table may have."""
    found, faults = list[_Item](), list[Fault]()
    for item in items:
        found.append(item)
        if not isinstance(item.value, dict):
            faults.append(Fault(item.line, _fault(item.value)))
            require_few_faults(faults, name)
        if len(found) > MAX_ROWS:
            raise too_many_cells(name)
    return found


def _text(path: Path) -> str:
    content = whole_content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path.name} is not UTF-8 (line {line}), as JSON must be; save it as UTF-8.") from None
    require_lines(text, path.name)
    if "\0" in text:
        raise UserError(f"{path.name} is not UTF-8, as JSON must be; save it as UTF-8.")
    return text


def _list_start(text: str, name: str) -> int | None:
    """Where the list of the rows begins; None where each line is a row, or several lists could be meant."""
    first = SPACE.match(text).end()  # type: ignore[union-attr]
    if text[first : first + 1] not in ("{", "["):
        return None
    is_document = text[first] == "[" or "\n" not in text[: MAX_LINE_CHARACTERS + 1]
    if is_document and len(text) > MAX_JSON_BYTES:
        raise UserError(f"{name} is one JSON document of over {MAX_JSON_BYTES // 2**20} MB; write an object a line.")
    if text[first] == "[":
        return first
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return None
    lists = [key for key, value in whole.items() if isinstance(value, list) and any(isinstance(v, dict) for v in value)]
    if len(lists) != 1:
        return None
    starts = [found.end() - 1 for found in re.finditer(rf"{re.escape(json.dumps(lists[0]))}\s*:\s*\[", text)]
    return starts[0] if len(starts) == 1 else None


def _is_document(value: Any) -> bool:
    """Whether an object holds lists and objects only, as annotations or a table by columns do, and so is no row."""
    return isinstance(value, dict) and all(isinstance(part, (list, dict)) for part in value.values())


def _lines(text: str, name: str) -> Iterator[_Item]:
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise too_long(name, f"Line {number:,}", "JSON Lines with one object a line")
        if line.strip():
            try:
                yield _Item(number, DECODER.decode(line))
            except (ValueError, RecursionError) as error:
                yield _Item(number, error)


def _elements(text: str, start: int, name: str) -> Iterator[_Item]:
    """Each element of the list that starts there, with the line it begins in; raises UserError where it breaks off."""
    line, counted, place = 1, 0, _after(text, start, "[")
    try:
        while text[place] != "]":
            line, counted = line + text.count("\n", counted, place), place
            try:
                value, place = DECODER.raw_decode(text, place)
            except _DoubleKey as error:
                value, place = error, json.JSONDecoder().raw_decode(text, place)[1]
            yield _Item(line, value)
            place = _after(text, place)
            place = _after(text, place, ",") if text[place : place + 1] == "," else place
    except (ValueError, RecursionError, IndexError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else "it breaks off"
        line = text.count("\n", 0, getattr(error, "pos", len(text))) + 1
        raise UserError(f"{name} is not usable JSON ({why}, line {line}); write it again.") from None


def _after(text: str, place: int, mark: str = "") -> int:
    """The place of what follows the white space, or the mark and more white space."""
    place = SPACE.match(text, place).end()  # type: ignore[union-attr]
    return SPACE.match(text, place + len(mark)).end() if mark else place  # type: ignore[union-attr]


class _DoubleKey(ValueError):
    """An object names a key twice; which value was meant is not said."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if (name := key.strip()) in found:
            raise _DoubleKey(f"has the key {name!r} twice; remove one of them.")
        found[name] = value
    return found


def _constant(word: str) -> str | None:
    return None if word == "NaN" else word  # pandas and numpy write a missing number as NaN


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_Number, parse_int=_Number, parse_constant=_constant)


def _fault(value: Any) -> str:
    if isinstance(value, _DoubleKey):
        return str(value)
    if isinstance(value, json.JSONDecodeError):
        return f"is not JSON ({value.msg}, character {value.pos + 1}); mend or remove it."
    if isinstance(value, Exception):
        return "is nested too deeply; simplify or remove it."
    kind = "a number" if isinstance(value, _Number) else KINDS[type(value)]
    return f'holds {kind}, but an object such as {{"text": "…"}} was expected; mend or remove it.'


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else _written(value)


def _written(value: Any) -> str:
    """As JSON, with every number as it was."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key, ensure_ascii=False)}: {_written(value[key])}' for key in value)}}}"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
