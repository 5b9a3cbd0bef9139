"""A switch for each thing that is read from photos beside the picture itself: codes, printed words.

In: the name of a field of `Reading`. Out: whether it is switched on.
"""

from __future__ import annotations

import streamlit as st

from retail.config.reading import Reading
from retail.media.printed import NOT_INSTALLED, can_read_words


def reading_toggle(name: str, key: str) -> bool:
    """The switch; what this machine cannot read is off and says why."""
    missing = name == "words" and not can_read_words()
    label = Reading.options()[name].label
    return st.toggle(label, key=key, disabled=missing, help=NOT_INSTALLED if missing else None)
