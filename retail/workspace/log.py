"""The log of a run in lines that can be read, searched and filtered: a time, a level and words.

In: what the process printed. Out: `LogLine`s. A line without a time belongs to the moment before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from retail.workspace.jobs import Job

Level = Literal["", "Note", "Warning", "Error"]
TIMED = re.compile(r"(\d\d:\d\d:\d\d) (.*)")
BAR = re.compile(r"\d+%\|")  # a progress bar, of which a log keeps every state
TRACEBACK = "Traceback (most recent call last):"
ALL_LINES = 100_000


@dataclass(frozen=True)
class LogLine:
    """One line; no level means that it just tells."""

    time: str
    level: Level
    text: str

    @property
    def shown(self) -> str:
        """In columns of a fixed width."""
        return f"{self.time or ' ' * 8}  {self.level.upper():<7}  {self.text}".rstrip()


def log_of(job: Job) -> list[LogLine]:
    """All lines of a run."""
    return read_lines(job.log_tail(ALL_LINES))


def read_lines(text: str) -> list[LogLine]:
    """Progress bars are left out, and so are empty lines; a traceback is an error up to the line that names it."""
    found: list[LogLine] = []
    time, falling = "", False
    for line in text.splitlines():
        if not line.strip() or BAR.search(line):
            continue
        if timed := TIMED.fullmatch(line):
            time, line = timed.groups()
        inside = falling or line == TRACEBACK
        falling = line == TRACEBACK or (falling and line.startswith((" ", "\t")))
        level, words = _level(line)
        if inside:
            level, words = "Error", line
        found.append(LogLine(time, level, words))
    return found


def matching(lines: Sequence[LogLine], words: str = "", leveled: bool = False) -> list[LogLine]:
    """The lines that hold all these words; on demand only those that bear a level."""
    wanted = words.lower().split()
    return [
        line for line in lines if (line.level or not leveled) and all(word in line.shown.lower() for word in wanted)
    ]


def _level(line: str) -> tuple[Level, str]:
    levels: tuple[Level, ...] = ("Note", "Warning", "Error")
    for level in levels:
        if line.startswith(f"{level}: "):
            return level, line.removeprefix(f"{level}: ")
    return ("Warning" if re.search(r"\w+Warning: ", line) else ""), line
