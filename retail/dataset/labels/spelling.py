"""When two spellings are the same label, and how a label is written cleanly.

In: what a cell holds. Out: a key that is equal for spellings of one label, or the same text tidied. Word order, plurals
and typing errors make no label the same here; `near.py` offers those.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

from retail.dataset.labels.missing import INVISIBLE

ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")  # "R&notes" has none
TAG = re.compile(r"</?(?:a|b|i|u|em|strong|span|p|div|font|small|li|ul|td|br|sub)(?:\s[^<>]*)?/?>", re.IGNORECASE)
MOST_CODED = 4  # "&amp;amp;amp;amp;" is the most that was ever escaped again
JOINERS = "\u200c\u200d"  # Persian, Indian scripts and emoji are spelt with them
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2800\u3164\uffa0\s]+")  # whatever shows as a gap
NUMBER = re.compile(r"([+-]?)(0|[1-9][0-9]*)?(?:\.([0-9]+))?")  # 007 is a code, 1,000 is 1000 here and 1.0 there
# NFKC would make 102 of 10² and 11/2 of 1½.
SMALL_DIGIT = re.compile(
    r"(?<=\d)(?=[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2079\u2080-\u2089\u2150-\u215e\u2460-\u2473])"
)
AND = re.compile(r" ?& ?|(?<=\S) (?:and|und|et) (?=\S)")
AROUND = re.compile(r" ?([/|;,]) ?")
ALIKE = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u02b9\u2032`\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u2122\u00ae\u00a9\u2120\ufe0e\ufe0f", None)  # ™ ® © ℠ and how an emoji is drawn
    | {"\u2044": "/"}
)


@lru_cache(maxsize=2**16)
def label_key(text: str) -> str:
    """Equal for spellings of one label, "" for none.

    Entities are decoded. NFKC makes one of full-width and plain letters, ligatures (ﬁ), units (㎏), Roman numbers (Ⅳ)
    and m² and m2; a raised digit after a digit stays apart (10² is not 102). Case is folded (ß is ss; İ is i, but the
    dotless ı is a letter of its own). White space of all kinds is one space, what takes no room is left out, as are ™
    and ®. Quotes, apostrophes and dashes are alike; & is "and". 3, 3.0 and +3 are one number; 007 and 1,000 stay text.
    """
    visible = INVISIBLE.sub("", cleaned(text)).translate(ALIKE)
    composed = unicodedata.normalize("NFKC", SMALL_DIGIT.sub(" ", visible)).translate(ALIKE)
    folded = unicodedata.normalize("NFC", composed.casefold().replace("i\u0307", "i"))
    key = AROUND.sub(r"\1", AND.sub("&", CONTROL.sub(" ", folded).strip()))
    return _number(key) or key or cleaned(text).casefold()


def is_number(key: str) -> bool:
    """Whether this key is that of a number."""
    return bool(_number(key))


def cleaned(text: str) -> str:
    """The same text with entities decoded, composed characters, single spaces, no tags and nothing without room."""
    if text.isascii() and text.isprintable() and not any(sign in text for sign in ("&", "<", "  ")):
        return text.strip()
    for _ in range(MOST_CODED):
        if (decoded := ENTITY.sub(lambda found: html.unescape(found[0]), text)) == text:
            break
        text = decoded
    text = TAG.sub(" ", text) if "<" in text else text
    visible = INVISIBLE.sub(_kept, unicodedata.normalize("NFC", text))
    return CONTROL.sub(" ", visible).strip()


def _kept(found: re.Match[str]) -> str:
    """A joiner between letters of a script that needs it, nothing for any other character without room."""
    before, after = found.string[found.start() - 1 : found.start()], found.string[found.end() : found.end() + 1]
    return found[0] if found[0] in JOINERS and min(before, after) > "\u0590" else ""


def _number(key: str) -> str:
    """A number in one spelling, "" for anything else; digits are compared as digits, so none is lost to rounding."""
    found = NUMBER.fullmatch(key)
    if not found or not (found[2] or found[3]):
        return ""
    whole, rest = found[2] or "0", (found[3] or "").rstrip("0")
    sign = "-" if found[1] == "-" and (whole != "0" or rest) else ""
    return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}"
