"""The one frame that bytes from outside pass through: whatever a parser raises becomes a sentence for people.

In: what is read, under which name, and what the user can do. Out: nothing, or a `UserError`. `limits` has the bounds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from retail.schema import UserError

log = logging.getLogger(__name__)


def first_line(error: BaseException) -> str:
    """What a parser says of itself, short."""
    text = " ".join(str(error).split())
    return text[:120].rstrip(".;") or type(error).__name__


@contextmanager
def reading(
    name: str,
    kind: str,
    remedy: str,
    raises: type[UserError] = UserError,
    why: Callable[[BaseException], str] = first_line,
    passes: type[Exception] = UserError,
) -> Iterator[None]:
    """Whatever is raised within says of the file `name` that it is not a usable `kind`, why, and the remedy.

    A UserError passes as it is, and so does what `passes` names. Of everything else the cause stays attached, and its
    type and place go to the log; its words do not, for they may quote the file.
    """
    try:
        yield
    except (UserError, passes):
        raise
    except MemoryError as error:
        raise raises(f"{name} asks for more memory than this machine has; give a smaller {kind}.") from error
    except Exception as error:  # parsers raise whatever they like: OSError, ValueError, SyntaxError, struct.error
        log.debug("A %s could not be read: %s at %s", kind, type(error).__name__, _place(error))
        raise raises(f"{name} is not a usable {kind}: {why(error)}; {remedy}.") from error


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
