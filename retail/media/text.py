"""A description as encoders take it: readable text, whether it came as plain text or as HTML.

In: any string. Out: clean text, and how much of it lies beyond the limit.

>>> clean_text("<p>Oat&nbsp;drink</p><ul><li>1&amp;nbsp;l<li>no <b>sugar</b></ul>")
'Oat drink\\n1 l\\nno sugar'
>>> clean_text("size <10 cm>, a < b, R&D")
'size <10 cm>, a < b, R&D'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from html import unescape
from html.entities import html5

from retail.outside.limits import MAX_SOURCE_CHARACTERS, MAX_TEXT_CHARACTERS

# Tags that break a line; what stands before and after them are different words.
BLOCKS = (
    "address article aside blockquote body br button caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html iframe img input legend li link main menu "
    "meta nav noscript object ol optgroup option p pre script section select source style summary table tbody td "
    "template textarea tfoot th thead title tr ul video audio picture svg canvas embed param track map area base"
).split()
INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark meter nobr output progress q rp "
    "rt ruby s samp slot small span strike strong sub sup time tt u var wbr"
).split()
UNREAD = "script, style, template, noscript, head, svg, iframe, object, select, textarea"
# One of these is enough; of another name, a single "<small>" or "<S>" in a text may be the shop's own brackets.
ALONE = "br hr img li p div span td th tr tbody ul ol dl dt dd h1 h2 h3 h4 h5 h6 strong html"

_NAME = "|".join(sorted(BLOCKS + INLINE, key=len, reverse=True))
_OTHER = re.compile(rf"<(?!/?(?:{_NAME})(?![^\s/>])|!--|!doctype\b)", re.IGNORECASE)
_BLOCK = re.compile(rf"(?=</?(?:{'|'.join(sorted(BLOCKS, key=len, reverse=True))})(?![^\s/>]))", re.IGNORECASE)
# What nobody writes by chance: a closing tag, one with an attribute, one of some names, or a comment.
_EVIDENCE = re.compile(
    rf"</(?:{_NAME})\s*>|<(?:{_NAME})\s+[\w:.-]+(?:=|\s*=\s*[\"'])|<(?:{ALONE.replace(' ', '|')})\s*/?>"
    r"|<!--.{0,300}?-->|<!doctype\s+html",
    re.IGNORECASE | re.DOTALL,
)
_ENTITY = re.compile(r"&(?:amp;)*(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
REPEATED_WORDS = 3
ROUNDS = 3  # HTML that was escaped, and escaped again


def clean_text(text: str) -> str:
    """Text without tags and entities, composed, no control characters, single spaces, at most 20,000 characters.

    What only says how to lay a text out, such as a soft hyphen within a word, leaves no gap. The lines that tags make
    stay lines, for that is where long texts are best cut; in a text without tags a line break is a space.
    """
    return _readable(text[:MAX_SOURCE_CHARACTERS], 2 * MAX_TEXT_CHARACTERS)[:MAX_TEXT_CHARACTERS].rstrip()


def characters_unread(text: str) -> int:
    """How many characters of a description lie beyond what `clean_text` keeps; 0 for nearly every one."""
    if len(text) <= MAX_TEXT_CHARACTERS:
        return 0
    source = text[:MAX_SOURCE_CHARACTERS]
    beyond = len(text) - len(source)
    return max(0, len(_readable(source, MAX_SOURCE_CHARACTERS)) - MAX_TEXT_CHARACTERS) + beyond


def is_html(text: str) -> bool:
    """Whether a text holds HTML's own tags, rather than signs such as "<3", "a < b" or "<10 cm>"."""
    return "<" in text and _EVIDENCE.search(text) is not None


def _readable(text: str, most: int) -> str:
    lines = map(_tidy, lines_of(text, most))
    return "\n".join(_said_once(line for line in lines if line))


def _tidy(line: str) -> str:
    if not (line.isascii() and line.isprintable()):
        composed = unicodedata.normalize("NFC", line)
        kinds = map(unicodedata.category, composed)
        line = "".join(
            " " if kind.startswith("C") else char for char, kind in zip(composed, kinds, strict=True) if kind != "Cf"
        )
    return re.sub(r"\s+", " ", line).strip()


def _said_once(lines: Iterable[str]) -> list[str]:
    """Without what a template repeats; short lines stay, for a size may well be told twice."""
    known: set[str] = set()
    kept = []
    for line in lines:
        if line not in known:
            kept.append(line)
        if len(line.split()) >= REPEATED_WORDS:
            known.add(line)
    return kept


def lines_of(text: str, most: int = MAX_SOURCE_CHARACTERS) -> list[str]:
    """The lines of HTML, entities decoded; a text without tags is one line. No more than `most` characters."""
    lines = [text]
    for _ in range(ROUNDS):
        before = lines
        lines = [line for part in before for line in _decoded_once(part)]
        if lines == before:
            break
    return "\n".join(lines)[:most].split("\n") if len(lines) > 1 else [lines[0][:most]]


def _decoded_once(text: str) -> list[str]:
    if is_html(text):
        return _lines_of_html(text)
    return [_ENTITY.sub(_decoded, text) if "&" in text else text]


def _lines_of_html(source: str) -> list[str]:
    from selectolax.lexbor import LexborHTMLParser

    one_line = re.sub(r"\s", " ", source)
    tree = LexborHTMLParser(_BLOCK.sub("\n", _OTHER.sub("&lt;", one_line)))
    tree.strip_tags(UNREAD.split(", "))
    return [""] if tree.root is None else tree.root.text().split("\n")


def _decoded(entity: re.Match[str]) -> str:
    name = entity[1]
    if name.startswith("#"):
        return unescape(f"&{name};")
    return html5.get(f"{name};", entity[0])
