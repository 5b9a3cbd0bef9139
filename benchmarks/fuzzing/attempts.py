"""One input: what came of it, the time and memory that it took, and whether that is a finding.

In: a target, its name, a seed and the number of the input. Out: an `Outcome`.
"""

from __future__ import annotations

import random
import re
import time
import traceback
from dataclasses import dataclass

from benchmarks.fuzzing import Target
from retail.schema import UserError
from retail.system import peak_memory_mib

MOST_SECONDS = 5.0  # of the processor
MOST_MIB = 512  # by which one input may make the process grow
# What only a programmer reads, in a sentence for people.
INNER_WORDS = re.compile(
    r"object at 0x|Traceback|NoneType|subscript|positional argument|codec can't|decoder error|broken data stream|"
    r"has no attribute|unsupported operand|list index|out of range|buffer is|BytesIO|unpack requires|Errno \d"
)
LONGEST_SENTENCE = 600


@dataclass(frozen=True)
class Outcome:
    """`kind` is "value", "refused", or what was found; `said` is the sentence or the trace."""

    kind: str
    said: str
    seconds: float
    mib: int

    @property
    def is_finding(self) -> bool:
        """Whether somebody has to look at it."""
        return self.kind not in ("value", "refused")


class _Enough(BaseException):
    """Ends an attempt once its input is known."""


_last = b""
_only_input = False


def given(content: bytes) -> bytes:
    """Remembers the input that a target is about to read; gives it back."""
    global _last
    _last = content
    if _only_input:
        raise _Enough
    return content


def last_input() -> bytes:
    """What was last `given`."""
    return _last


def attempt(target: Target, name: str, seed: int, number: int) -> Outcome:
    """Tries one input; nothing escapes but what ends the process."""
    global _last
    _last = b""
    before, started = peak_memory_mib() or 0, time.process_time()
    kind, said = "value", ""
    try:
        target(random.Random(f"{name} {seed} {number}"))
    except UserError as error:
        kind, said = "refused", str(error)
        if fault := sentence_fault(said):
            kind = f"sentence: {fault}"
    except Exception as error:
        kind, said = type(error).__name__, traceback.format_exc()
    seconds, mib = time.process_time() - started, (peak_memory_mib() or 0) - before
    if kind in ("value", "refused"):
        kind = f"{seconds:.0f} s" if seconds > MOST_SECONDS else f"{mib} MiB" if mib > MOST_MIB else kind
    return Outcome(kind, said, seconds, mib)


def input_of(target: Target, name: str, seed: int, number: int) -> bytes:
    """The bytes that this number stands for, which are not read; b"" where the target does not say them."""
    global _only_input
    _only_input = True
    try:
        target(random.Random(f"{name} {seed} {number}"))
    except _Enough:
        return _last
    except Exception:
        return b""
    finally:
        _only_input = False
    return b""


def sentence_fault(sentence: str) -> str:
    """What is wrong with a refusal, "" when a user understands it."""
    if "\n" in sentence or not sentence.endswith((".", "?", "!")):
        return "is not one line with a stop"
    if len(sentence) > LONGEST_SENTENCE:
        return "is too long"
    found = INNER_WORDS.search(sentence)
    return f"says {found[0]!r}" if found else ""
