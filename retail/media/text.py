"""A description as encoders take it.

In: any string. Out: clean text.
"""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT_CHARACTERS = 5_000


def clean_text(text: str) -> str:
    """Composed characters, no control characters, single spaces, at most 5,000 characters.

    What only says how to lay a text out, such as a soft hyphen within a word, leaves no gap.
    """
    composed = unicodedata.normalize("NFC", text[: 2 * MAX_TEXT_CHARACTERS])
    kinds = map(unicodedata.category, composed)
    visible = "".join(
        " " if kind.startswith("C") else char for char, kind in zip(composed, kinds, strict=True) if kind != "Cf"
    )
    return re.sub(r"\s+", " ", visible).strip()[:MAX_TEXT_CHARACTERS]
