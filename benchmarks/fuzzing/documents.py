"""Damage as files meet it, and as somebody makes it who knows the format: of bytes, of JSON, of safetensors.

In: a sound file and a source of chance. Out: the file with one to four things wrong.
"""

from __future__ import annotations

import copy
import json
import random
import struct
from typing import Any

# What stands in places where something else is expected: of another kind, empty, huge, leading elsewhere.
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        7,
        0.5,
        -0.0,
        1e-320,
        1e18,
        1e308,
        -1e308,
        10**9,
        -(10**9),
        2**31,
        2**63,
        10**400,
    ),
    *("", "x", "0", "NaN", "a" * 5000, "../../etc/passwd", "/etc/passwd", "{bundle}/../x", "hf:evil/repo", "\ud800"),
    *(
        "timm:hf-hub:evil/repo@{bundle}/image_encoder.safetensors",
        "torchaudio:WAVLM_BASE_PLUS",
        "\0",
        "ünï\u202e",
        "__",
    ),
    *([], {}, [None], [[]], {"a": {}}, [1e308] * 3, ["x"] * 300, [0] * 300, {"format": "x"}),
)
LITERALS = (b"NaN", b"Infinity", b"-Infinity", b"1e999", b'"\\ud800"', b"0x1", b"[" * 400, b"9" * 5000, b"")
DTYPES = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL", "F8_E4M3", "C64", "X9")


def some_bytes(content: bytes, chance: random.Random) -> bytes:
    """One to four flips, cuts, insertions or repetitions anywhere."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place, size = chance.randrange(len(made) + 1), chance.choice((1, 1, 2, 4, 16, 200))
        match chance.randrange(5):
            case 0 if made:
                made[min(place, len(made) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                del made[place : place + size]
            case 2:
                made[place:place] = chance.randbytes(size)
            case 3:
                made[place:place] = made[place : place + size]
            case _:
                del made[place if chance.random() < 0.3 else len(made) :]
    return bytes(made)


def some_json(values: Any, chance: random.Random) -> Any:
    """The same with one to three values changed, dropped, doubled, renamed or exchanged, at any depth.

    Half of the time the kind of value stays what it was, so that the file gets past the first look.
    """
    made = copy.deepcopy(values)
    plausible = chance.random() < 0.5
    for _ in range(chance.randint(1, 3)):
        holder, key = _place(made, chance)
        if holder is None:
            return chance.choice(VALUES)
        if plausible:
            holder[key] = _alike(holder[key], made, chance)
        else:
            _broken(holder, key, made, chance)
    return made


def _alike(value: Any, whole: Any, chance: random.Random) -> Any:
    """Another value of the same kind."""
    if isinstance(value, list):
        kept = list(value)
        match chance.randrange(5):
            case 0:
                chance.shuffle(kept)
            case 1 if kept:
                del kept[chance.randrange(len(kept))]
            case 2 if kept:
                kept.append(copy.deepcopy(chance.choice(kept)))
            case 3:
                kept = kept[: chance.randint(0, 2)]
            case _ if kept:
                kept[chance.randrange(len(kept))] = copy.deepcopy(chance.choice(kept))
        return kept
    if isinstance(value, dict) and value:
        name = chance.choice(list(value))
        return {**value, name: _alike(value[name], whole, chance)}
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return chance.choice((0, 1, 2, 3, value + 1, value - 1, -value, 10 * value, 10**6, 10**12))
    if isinstance(value, float):
        return chance.choice((0.0, 0.5, 1.0, 1 - value, -value, 10 * value, value + 1e-9, 1e12, 1e-12))
    if value is None:
        return chance.choice((None, 0, 0.5, "x"))
    if isinstance(value, str):
        for _ in range(20):
            holder, key = _place(whole, chance)
            if isinstance(holder, dict | list) and isinstance(holder[key], str):
                return chance.choice((holder[key], holder[key].upper(), "", "x", value[:3], key))
    return value


def _broken(holder: Any, key: Any, made: Any, chance: random.Random) -> None:
    match chance.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        case 1:
            holder[chance.choice(["new", "", "x" * 300, *holder])] = copy.deepcopy(holder[key])
        case 2:
            other, theirs = _place(made, chance)
            holder[key], other[theirs] = copy.deepcopy(other[theirs]), copy.deepcopy(holder[key])
        case 3 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = chance.choice((-1, 0, 2, 10, 1e6, 1e12)) * holder[key] + chance.choice((-1, 0, 0.5, 1))
        case 4 if isinstance(holder[key], list):
            holder[key] = holder[key][: chance.randint(0, 3)] * chance.randint(0, 3)
        case _:
            holder[key] = copy.deepcopy(chance.choice(VALUES))


def as_json(values: Any, chance: random.Random) -> bytes:
    """Mutated values as a file, whose text is damaged now and then too."""
    text = json.dumps(values).encode()
    if chance.random() < 0.1 and b": " in text:
        places = [place for place in range(len(text)) if text.startswith(b": ", place)][:4000]
        place = chance.choice(places) + 2
        end = min((found for mark in (b",", b"}", b"]") if (found := text.find(mark, place)) > 0), default=len(text))
        text = text[:place] + chance.choice(LITERALS) + text[end:]
    return some_bytes(text, chance) if chance.random() < 0.1 else text


def some_tensors(content: bytes, chance: random.Random) -> bytes:
    """A safetensors file with another header, other numbers or fewer tensors."""
    (size,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + size]), bytearray(content[8 + size :])
    names = [name for name in header if name != "__metadata__"]
    for _ in range(chance.randint(1, 3)):
        name = chance.choice(names)
        entry = header.get(name)
        if entry is None:
            continue
        first, last = entry["data_offsets"] if isinstance(entry.get("data_offsets"), list) else (0, 0)
        match chance.randrange(7):
            case 0:
                entry["dtype"] = chance.choice(DTYPES)
            case 1:
                shape = entry["shape"]
                entry["shape"] = chance.choice(
                    ([*shape[::-1]], [*shape, 1], shape[1:], [10**9], [10**9, 10**9], [0], [])
                )
            case 2:
                entry["data_offsets"] = chance.choice(([0, 0], [0, 10**12], [last, first], [first, last + 4], [-4, 4]))
            case 3:
                header[chance.choice(("x", "novelty.x", "known.0", "classes.0.0", name + "2"))] = header.pop(name)
            case 4:
                del header[name]
            case _ if isinstance(last, int) and 4 <= last - first and last <= len(data):
                _odd_numbers(data, entry["dtype"], first, last, chance)
            case _:
                header = some_json(header, chance)
                if not isinstance(header, dict):
                    break
    header = header if isinstance(header, dict) else {}
    if chance.random() < 0.5:
        data = _packed(header, data)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if chance.random() < 0.95 else chance.choice((0, 2**40, 2**63))) + text + data


def _odd_numbers(data: bytearray, dtype: str, first: int, last: int, chance: random.Random) -> None:
    """NaN, infinities, negative and huge numbers in the place of some."""
    kinds = {"F64": ("<d", 8), "F32": ("<f", 4), "I64": ("<q", 8), "I32": ("<i", 4)}
    form, step = kinds.get(dtype, ("<b", 1))
    odd = (float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e30) if form in "<d<f" else (0, -1, 1, 100, -100)
    for _ in range(chance.choice((1, 1, 3, 50))):
        place = first + step * chance.randrange(max(1, (last - first) // step))
        data[place : place + step] = struct.pack(form, chance.choice(odd))


def _packed(header: dict[str, Any], data: bytearray) -> bytearray:
    """Tensors side by side again, so that the file is sound and only its content is not."""
    packed = bytearray()
    for name, entry in header.items():
        if name == "__metadata__" or not isinstance(entry, dict):
            continue
        match entry.get("data_offsets"):
            case [int(first), int(last)] if 0 <= first <= last <= len(data):
                entry["data_offsets"] = [len(packed), len(packed) + last - first]
                packed += data[first:last]
    return packed


def _place(values: Any, chance: random.Random) -> tuple[Any, Any]:
    """A holder and one of its keys, those near the root as likely as those far below."""
    found: list[tuple[Any, Any]] = []
    here = values
    while isinstance(here, dict | list) and here:
        key = chance.choice(list(here)) if isinstance(here, dict) else chance.randrange(len(here))
        found.append((here, key))
        here = here[key]
    return chance.choice(found) if found else (None, None)
