"""Photos, a sound and words for a product of the catalogue, or to search by: decoded once, kept by the session.

In: uploads of the page. Out: `Given`, which becomes a `Product`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from retail.components.uploads import release, uploaded
from retail.dataset.columns import AUDIO
from retail.dataset.loose import media_kind
from retail.escaping import plain
from retail.media import MediaError
from retail.outside.limits import MAX_PHOTOS
from retail.schema import Product, Upload
from retail.wording import shortened
from retail.workspace.uploads import MAX_UPLOAD_MB, THUMBNAIL_PX, take_photo, take_sound

TRANSPORT_MB = 200  # the browser refuses larger ones without words; the reasons are ours
OWN_LIMITS = """<style>[class*="st-key-given_"] [data-testid="stFileUploaderDropzoneInstructions"]
{ display: none; }</style>"""


@dataclass
class Given:
    """What somebody gave so far; `refused` says why a file was not taken."""

    photos: list[Upload] = field(default_factory=list)
    sound: Upload | None = None
    refused: list[str] = field(default_factory=list)
    generation: int = 0  # a new one empties the uploaders

    def product(self, words: str = "") -> Product:
        """As one product."""
        return Product("upload", tuple(self.photos), words, self.sound)

    def clear(self) -> None:
        """Back to nothing."""
        self.photos, self.sound, self.refused = [], None, []
        self.generation += 1


def given(key: str) -> Given:
    """What the session holds under this key."""
    return st.session_state.setdefault(f"catalogue_given_{key}", Given())


def draw_given(key: str, record: bool = False) -> Given:
    """An uploader for photos and sounds, with `record` also a recorder, and what was taken so far."""
    have = given(key)
    st.html(OWN_LIMITS)
    box = f"given_{key}_{have.generation}"
    st.file_uploader(
        f"Photos or a sound (up to {MAX_UPLOAD_MB} MB each)",
        accept_multiple_files=True,
        key=box,
        max_upload_size=TRANSPORT_MB,
        on_change=_take,
        args=(have, box),
    )
    if record:
        voice = f"voice_{key}_{have.generation}"
        st.audio_input("Or say its name", key=voice, sample_rate=16_000, on_change=_take, args=(have, voice))
    for reason in have.refused:
        st.error(plain(reason))
    with st.container(horizontal=True):
        for place, photo in enumerate(have.photos):
            with st.container(width=THUMBNAIL_PX):
                st.image(photo.thumbnail, width=THUMBNAIL_PX, alt=f"Photo {photo.name}")
                label = plain(f"✕ {shortened(photo.name, 12)}")
                st.button(
                    label,
                    key=f"drop_{key}_{place}",
                    help=plain(f"Remove {photo.name}"),
                    on_click=_drop,
                    args=(have, place),
                )
    if have.sound:
        st.audio(have.sound.content, alt=f"Sound {have.sound.name}")
        label = plain(f"✕ {shortened(have.sound.name, 30)}")
        st.button(
            label, key=f"drop_{key}_sound", help=plain(f"Remove {have.sound.name}"), on_click=_drop, args=(have, None)
        )
    return have


def _take(have: Given, box: str) -> None:
    """Photos are added, a sound takes the place of the one before; a reason for each file that is refused."""
    files = uploaded(st.session_state[box])
    if not files:
        return
    have.refused = []
    for file in files:
        try:
            if media_kind(file.name) == AUDIO:
                have.sound = take_sound(file.name, file.getvalue())
            elif len(have.photos) == MAX_PHOTOS:
                have.refused.append(f"'{file.name}' was left out: {MAX_PHOTOS} photos are taken at a time.")
            else:
                have.photos.append(take_photo(file.name, file.getvalue()))
        except MediaError as error:
            have.refused.append(str(error))
    release(files)
    have.generation += 1


def _drop(have: Given, place: int | None) -> None:
    if place is None:
        have.sound = None
    else:
        del have.photos[place]
    have.refused = []
