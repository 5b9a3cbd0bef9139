r"""Names as text: what comes from people's data is shown as it is, wherever it goes, and acts on nothing.

In: a column's name, a class, an id, a title, a file's name, words. Out: the same for one target: markdown of a page or
of a card, HTML, JSON, a spreadsheet's cell, LaTeX, a line of a terminal or a log, a file's name. A sentence is put
together first and escaped once, where it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

# Escape sequences of terminals, and what turns the direction of the text that follows. Lone halves of a pair, as names
# of files that are not UTF-8 hold them, can be written nowhere.
CONTROLS = re.compile("[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
NOT_IN_A_LINE = re.compile(f"{CONTROLS.pattern}|[\x85\u2028\u2029]")
LONE = re.compile("[\ud800-\udfff]")
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
INSTEAD = "\ufffd"
LONGEST_FILE_NAME = 60  # characters, 240 bytes at most: systems allow 255, and an ending and a date follow
# What Windows opens as a device, with any ending.
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


def printable(text: str) -> str:
    """Without what steers a terminal or turns the text around; lines stay."""
    return CONTROLS.sub(INSTEAD, text)


def in_line(text: str) -> str:
    """On one line, for a terminal, a log or a table of text: a name never looks like the next line."""
    return re.sub(r"\s", " ", printable(text))


def in_json(written: str) -> str:
    """JSON whose strings hold such signs as codes, for a terminal or a log: what reads it gets the name whole."""
    return NOT_IN_A_LINE.sub(lambda sign: f"\\u{ord(sign[0]):04x}", written)


def in_html(text: str) -> str:
    """As the text of an element or the value of an attribute."""
    return escape(printable(text))


def in_xml(text: str) -> str:
    """With a sign in place of each that no XML file may hold; tags stay what they are."""
    return NOT_IN_XML.sub(INSTEAD, text)


# A backslash takes from a sign what it begins. Addresses, codes of emoji and icons, and arrows are looked for later, in
# pieces of text without their backslashes: only an element between their signs keeps these from being one.
SIGNS = re.compile(r"[\\`*_$~<|#\[\]]|&(?=[#\w])|:(?=[a-z])")
FIRST = re.compile(r"^(?:[-+](?=[\s-]|$)|>|\d+(?=[.)](?:\s|$)))")  # a list, a line across, a quote
APART = re.compile(
    r"(?P<addresses>(?<=http):(?=//)|(?<=https):(?=//)|(?<=www)\.(?=[-.\w])|@(?=[-\w]+\.[-\w]))"
    r"|(?P<codes>:+(?=(?:[-+\w]*[-+a-z_][-+\w]*|100|1234):|material/))"
    # Also beside what is kept apart itself: there, too, a piece of text begins or ends.
    r"|(?P<arrows>(?<![^\s:.@<>~-])(?:[<-](?=[->])|[<>~](?==)|(?<=<)-(?=>))(?=..?(?![^\s:.@<>~=-])))",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """As markdown of a page: it formats, links and loads nothing, and reads as the name does."""
    return _markdown(text, lambda sign: f":color[{sign}]")  # a colour that names none is an element without a style


def in_card(text: str) -> str:
    """As markdown of a model card, which websites show, a cell of its tables too."""
    return _markdown(text, lambda sign: f"{sign}<!-- -->")


def _markdown(text: str, kept_apart: Callable[[str], str]) -> str:
    line = re.sub(" {2,}", " ", in_line(text))
    pieces, end = [], 0
    for found in APART.finditer(line):
        pieces += [SIGNS.sub(r"\\\g<0>", line[end : found.start()]), kept_apart(_signed(found[0]))]
        end = found.end()
    return FIRST.sub(_not_first, "".join([*pieces, SIGNS.sub(r"\\\g<0>", line[end:])]))


def _signed(sign: str) -> str:
    return f"\\{sign}" if sign in "<~" else sign


def _not_first(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


# A spreadsheet runs what begins so, in the letters of Chinese and Japanese keyboards too.
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)? ?%?")
# Where a semicolon or a tab separates, what stands behind one is a cell of its own.
CELL_WITHIN = re.compile(r"([;\t])(?=[=+\-@＝＋－＠])")


def in_cell(text: str) -> str:
    """As a cell of a CSV file: an apostrophe in front of what a spreadsheet would run; a number stays one."""
    if NUMBER.fullmatch(text):
        return text
    written = LONE.sub(INSTEAD, text)
    return ("'" if FORMULA.match(written) else "") + CELL_WITHIN.sub(r"\1'", written)


LATEX = {"\\": r"\textbackslash{}", "–": "--", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    sign: "\\" + sign for sign in "&%$#_{}"
}


def in_latex(text: str) -> str:
    r"""As text of a cell or a caption; what stands first is no argument of the `\\` before it."""
    line = in_line(text)
    words = "".join(LATEX.get(sign, sign) for sign in line.replace("--", "-\0-")).replace("\0", "{}")
    return re.sub(r"^\s*([\[*])", r"{\1}", words)


def in_file_name(text: str, usual: str, gap: str = "_") -> str:
    """As a name without an ending that every system takes and that leads nowhere; `usual` where nothing is left."""
    return no_device(re.sub(r"[^\w-]+", gap, text).strip("_-")[:LONGEST_FILE_NAME].strip("_-") or usual)


def no_device(name: str) -> str:
    """'con.jpg' -> 'con_.jpg': a file's name under which no system opens something else."""
    stem, dot, ending = name.partition(".")
    return f"{stem}_{dot}{ending}" if stem.lower() in DEVICES else name
