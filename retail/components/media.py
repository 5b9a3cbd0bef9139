"""What a card shows of a product: its photos, its words and a player; what cannot be read says why.

In: a `Product` whose files are on this machine. Out: elements on the page; small copies of photos are kept.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from retail.escaping import plain
from retail.media import MediaError, decode_audio, decode_image, small_copy
from retail.schema import MediaSource, Product
from retail.wording import shortened

THUMBNAIL_PX = 320
LARGE_PX = 900  # of a photo that somebody judges
MOST_LETTERS = 400  # of a description
FACE_LETTERS = 90  # of one on a small card


@st.cache_data(show_spinner=False, max_entries=512)
def thumbnail(path: str, changed: float) -> bytes:
    """A small upright JPEG of a photo; raises MediaError."""
    return small_copy(decode_image(Path(path), THUMBNAIL_PX), (THUMBNAIL_PX, THUMBNAIL_PX))


@st.cache_data(show_spinner=False, max_entries=512)
def fault(path: str, changed: float) -> str:
    """Why a clip cannot be played, "" where it can."""
    try:
        decode_audio(Path(path))
    except MediaError as error:
        return str(error)
    return ""


def draw_photo(
    path: MediaSource, name: str, width: int | Literal["stretch"] = "stretch", complain: Callable[[str], Any] = st.error
) -> None:
    """A small copy of a photo of the product `name`, or why there is none."""
    if isinstance(path, Path):
        try:
            st.image(thumbnail(str(path), path.stat().st_mtime), width=width, alt=f"Photo of {name}")
        except (MediaError, OSError) as error:
            complain(plain(f"No photo: {error}"))


@st.cache_data(show_spinner=False, max_entries=64)
def _large(path: str, changed: float) -> bytes:
    return small_copy(decode_image(Path(path), LARGE_PX), (LARGE_PX, LARGE_PX))


def draw_large_photo(path: MediaSource, name: str) -> None:
    """A copy of a photo that is large enough to judge by, or why there is none."""
    if isinstance(path, Path):
        try:
            st.image(_large(str(path), path.stat().st_mtime), width="stretch", alt=f"Photo of {name}")
        except (MediaError, OSError) as error:
            st.error(plain(f"No photo: {error}"))


def draw_face(product: Product, name: str, width: int | Literal["stretch"] = "stretch") -> None:
    """What a small card shows of a product: its first photo, else its first words, else that there is a sound."""
    if product.images:
        draw_photo(product.images[0], name, width, complain=st.caption)
    elif product.text.strip():
        st.caption(plain(f"“{shortened(product.text, FACE_LETTERS)}”"))
    else:
        st.caption("Sound only")


def draw_media(product: Product) -> None:
    """Every photo, the words, the clip."""
    for path in product.images:
        draw_photo(path, product.id)
    if product.text.strip():
        st.markdown(f"“{plain(product.text[:MOST_LETTERS])}”")
    if isinstance(product.audio, Path):
        draw_sound(product.audio)


def draw_sound(path: Path) -> None:
    """A player, or why there is none."""
    if not path.is_file():
        st.error(plain(f"No sound: '{path.name}' no longer exists; restore the file."))
    elif reason := fault(str(path), path.stat().st_mtime):
        st.error(plain(f"No sound: {reason}"))
    else:
        st.audio(str(path), format=mimetypes.guess_type(path.name)[0] or "audio/wav")
