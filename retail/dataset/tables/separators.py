"""Which character stands between the cells of a table that is text.

In: its lines, from the header on. Out: the separator, or a UserError when the header is several names in one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from retail.dataset.tables.table import MOST_TITLES, filled
from retail.schema import UserError

USUAL = ",;\t|"  # what a spreadsheet's "save as CSV" writes depends on the country; databases write the last
SAMPLE_LINES, SAMPLE_CHARACTERS = 200, 2_000_000
LONGEST_HEADER = 10_000  # characters of it that are looked at for an unusual separator
MOST_RARE = 20  # unusual characters of a header that the whole file is asked about
QUOTED = re.compile('"[^"]*"')
# Letters of a name or a path. Another character is a separator when the whole file agrees.
NO_SEPARATOR = frozenset("_-./\\ '\"()[]{}<>&%$€£°+=?@\r\n")
# A single blank, dash, stop or slash parts the words of one name; only a file that agrees on more parts is refused.
WORDS = re.compile(r" {2,}| |-|\.|/")
LEAST_PARTS = 3
NOWHERE = "\x1f"  # parts nothing: in a table of one column, each comma is part of a text


def separator_of(lines: Sequence[str], name: str) -> str:
    """The separator that most records agree with the header on; raises UserError where it cannot be read.

    Only what stands in the header outside quotes counts. Where none does, the table has one column.
    """
    if not lines:
        return USUAL[0]
    bare = QUOTED.sub("", lines[0])
    marks = [mark for mark in USUAL if mark in bare]
    sample = _sample(lines)
    agreed = {mark: _agreement(sample, mark, len(lines) > len(sample)) for mark in marks}
    best = max(marks, key=lambda mark: (agreed[mark], bare.count(mark)), default="")
    if agreed.get(best, 0) < 0.5 and (rare := _rare(lines, bare)):
        return rare
    _require_one_name_each(lines, best, name)
    return best or _below_title(lines) or (USUAL[0] if _agreement(lines, USUAL[0], False) == 1 else NOWHERE)


def _sample(lines: Sequence[str]) -> Sequence[str]:
    """The first lines, fewer where they are long."""
    room, count = SAMPLE_CHARACTERS, 0
    while count < min(len(lines), SAMPLE_LINES) and room > 0:
        room -= len(lines[count])
        count += 1
    return lines[:count]


def _agreement(lines: Sequence[str], mark: str, is_cut: bool) -> float:
    """The share of records with as many fields as the header, empty ones at the end aside, and no half of a quote."""
    records = (cells for cells in csv.reader(lines, delimiter=mark) if any(cells))
    header = next(records, None)
    if not header:
        return 0.0
    width, named = len(header), filled(header)
    count = agreed = last = 0
    for cells in records:
        whole = filled(cells) <= width and named <= len(cells) and not any(cell.count('"') % 2 for cell in cells)
        count, agreed, last = count + 1, agreed + whole, int(whole)
    if is_cut and count:  # the last may go on beyond the sample
        count, agreed = count - 1, agreed - last
    return agreed / count if count else 0.0


def _rare(lines: Sequence[str], bare: str) -> str:
    """An unusual separator that parts every line of the file into as many cells, "" where there is none."""
    odd = [mark for mark in dict.fromkeys(bare[:LONGEST_HEADER]) if not mark.isalnum() and mark not in NO_SEPARATOR]
    return next((mark for mark in odd[:MOST_RARE] if _agrees(lines, mark)), "")


def _agrees(lines: Sequence[str], mark: str) -> bool:
    parts = {line.count(mark) for line in lines if line.strip()}
    return len(parts) == 1 and "" not in map(str.strip, lines[0].split(mark)) and len(lines) > 2


def _below_title(lines: Sequence[str]) -> str:
    """The separator of a table that a title stands above, "" where there is none."""
    sample = _sample(lines)
    start = next((place for place, line in enumerate(sample) if any(mark in line for mark in USUAL)), len(sample))
    for mark in USUAL:
        widths = {len(cells) for cells in csv.reader(sample[start:], delimiter=mark) if any(cells)}
        if (
            0 < start <= MOST_TITLES
            and len(sample) - start >= LEAST_PARTS
            and len(widths) == 1
            and widths.pop() >= LEAST_PARTS
        ):
            return mark
    return ""


def _require_one_name_each(lines: Sequence[str], mark: str, name: str) -> None:
    """Raises UserError when the only column's name looks like several, or two characters part the cells."""
    stuck = (mark * 2 if _is_doubled(lines, mark) else "") if mark else not _below_title(lines) and _stuck(lines)
    if stuck:
        between = "blanks" if stuck.isspace() else repr(stuck)
        raise UserError(
            f"The header {lines[0].strip()[:60]!r} of {name} looks like several names between {between}, which cannot "
            "be read; save it as CSV with one comma, semicolon or tab between cells, and quotes around single cells."
        )


def _is_doubled(lines: Sequence[str], mark: str) -> bool:
    """Whether every cell of the header and of most lines is parted from the next by two marks."""
    parts = [line.strip().split(mark * 2) for line in _sample(lines) if line.strip()]
    alike = sum(len(cells) == len(parts[0]) > 1 for cells in parts)
    return alike > len(parts) / 2 and all(part and mark not in part for part in parts[0])


def _stuck(lines: Sequence[str]) -> str:
    """What joins several names in the header and as many cells in most lines, "" when the header is one name."""
    header = lines[0].strip().strip('"')[:LONGEST_HEADER]
    body = [line[:LONGEST_HEADER] for line in _sample(lines)[1:] if line.strip()]
    for mark in dict.fromkeys(re.findall(r"[^\w\s\"'().&%$€/-]", header)):
        if all(part.strip() for part in re.split(f"(?:{re.escape(mark)})+", header)):
            if not body or sum(line.count(mark) >= header.count(mark) for line in body) > len(body) / 2:
                return mark
    for mark in dict.fromkeys(WORDS.findall(header)):
        counts = {len(re.split(f"(?:{re.escape(mark)})+", line.strip())) for line in [header, *body]}
        if len(counts) == 1 and counts.pop() >= LEAST_PARTS and len(body) > 1:
            return mark
    return ""
