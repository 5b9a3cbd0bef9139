"""What a card shows of a product: its photos, its words and a player; what cannot be read says why.

In: a `Product` whose files lie on this machine. Out: elements on the page; small copies of photos are kept.
"""

from __future__ import annotations

import io
import mimetypes
from pathlib import Path

import streamlit as st

from retail.media import MediaError, decode_audio, decode_image
from retail.pages._words import plain
from retail.schema import Product

THUMBNAIL_PX = 320
MOST_LETTERS = 400  # of a description


@st.cache_data(show_spinner=False, max_entries=512)
def thumbnail(path: str, changed: float) -> bytes:
    """A small upright JPEG of a photo; raises MediaError."""
    picture = decode_image(Path(path))
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return stream.getvalue()


@st.cache_data(show_spinner=False, max_entries=512)
def fault(path: str, changed: float) -> str:
    """Why a clip cannot be played, "" where it can."""
    try:
        decode_audio(Path(path))
    except MediaError as error:
        return str(error)
    return ""


def draw_media(product: Product) -> None:
    """Every photo, the words, the clip."""
    for path in product.images:
        if isinstance(path, Path):
            try:
                content = thumbnail(str(path), path.stat().st_mtime)
                st.image(content, width="stretch", alt=f"Photo of {product.id}")
            except (MediaError, OSError) as error:
                st.error(plain(f"No photo: {error}"))
    if product.text.strip():
        st.markdown(f"“{plain(product.text[:MOST_LETTERS])}”")
    if isinstance(product.audio, Path):
        if not product.audio.is_file():
            st.error(plain(f"No sound: '{product.audio.name}' does not exist any more; bring it back."))
        elif reason := fault(str(product.audio), product.audio.stat().st_mtime):
            st.error(plain(f"No sound: {reason}"))
        else:
            st.audio(str(product.audio), format=mimetypes.guess_type(product.audio.name)[0] or "audio/wav")
