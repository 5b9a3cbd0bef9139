"""Which cells say nothing: empty ones, and words that tools write where a value is missing.

In: a cell. Out: whether it holds a value. A word counts where it is the whole cell and some tool writes it, or people
write it for "no entry". What people mean as an answer ("unknown", "other", "no", "0", "false", "not available") is a
value.
"""

from __future__ import annotations

import re

# In any case: Python, JSON and SQL, JavaScript, Go, pandas, R, database tools, pivot tables.
ANY_CASE = """
    none null undefined <nil> <na> <none> <null> (null) [null] {null} (none) (blank) nat na_character_ [object\\0object]
    n/a n.a. n.\\0a. n.a n/d n.d. k.a. k.\\0a. ./. [] {} "" ''
"""
# Only as they are written here. "NAN" is a baby food, "Nan" a name, "Na" sodium, "Nil" may be a zero or a name.
AS_WRITTEN = r"nan NaN -nan -NaN nan(ind) -nan(ind) 1.#IND -1.#IND 1.#QNAN -1.#QNAN NA na nil \N . ?"
# What a spreadsheet shows for a formula that failed, also in German, French, Spanish, Italian and Portuguese.
FAILED = """
    #n/a #na #n/a\\0n/a #ref! #value! #div/0! #name? #num! #null! #spill! #calc! #error! #field! #blocked! #unknown!
    #connect! #busy! #getting_data #nv #bezug! #wert! #zahl! #n/d #n/v #valeur! #nom? #nombre! #valor! #¡valor! #¡ref!
    #¡div/0! #¡num! #¿nombre? #valore! #nome? #rif! #überlauf!
"""

_FOLDED = frozenset(word.replace("\\0", " ") for word in (ANY_CASE + FAILED).split())
_EXACT = frozenset(AS_WRITTEN.split())
_LONGEST = max(map(len, _FOLDED | _EXACT))
_LINES = re.compile(r"[-\u2010-\u2015\u2212_]+|#{3,}")  # a dash for "nothing here"; a number wider than its column
# Format characters that take no room: zero-width space, joiners, marks of direction, soft hyphen, byte order mark.
INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")


def is_blank(cell: str) -> bool:
    """Whether there is nothing to see in the cell."""
    return not _bare(cell)


def is_missing(cell: str) -> bool:
    """Whether the cell is blank or holds nothing but a word for a missing value."""
    word = _bare(cell)
    if len(word) > _LONGEST and word[0] not in "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212_#":
        return False
    return not word or word in _EXACT or word.casefold() in _FOLDED or bool(_LINES.fullmatch(word))


def _bare(cell: str) -> str:
    return cell.strip() if cell.isascii() else INVISIBLE.sub("", cell).strip()
