"""The accuracy that somebody wishes for the answers that nobody looks at. No torch.

In: a number. Out: the same, or one sentence that says why it cannot be had.
"""

from __future__ import annotations

from retail.schema import UserError

DEFAULT_WISH = 0.95
LEAST, MOST = 0.50, 0.99


def check_wish(wished: float) -> float:
    """The wish; raises UserError for an accuracy that is never promised."""
    if not LEAST <= wished <= MOST:
        raise UserError(f"The target accuracy lies between {LEAST:g} and {MOST:g}, not at {wished:g}; try 0.95.")
    return wished
