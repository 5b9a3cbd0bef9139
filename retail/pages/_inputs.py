"""The form of Recognise: an example, photos, camera, description, sound; low, for the answer may stand below."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from retail.components.page_words import refusal
from retail.components.reading import draw_reading
from retail.components.your_uploads import say_kept
from retail.escaping import plain
from retail.pages._given import (
    NO_EXAMPLE,
    begin,
    clear_inputs,
    current_product,
    examples,
    forget_example,
    remove_photo,
    remove_sound,
    take_clip,
    take_example,
    take_photos,
)
from retail.wording import shortened
from retail.workspace.uploads import MAX_UPLOAD_MB

# The browser itself refuses only what is larger, with a mark that has no words: the reasons are ours.
TRANSPORT_MB = 200
# ... so what the uploader says about sizes itself would only confuse. On a phone the answer stands under the
# form, which is low for that reason.
LOOKS = """<style>[class*="st-key-photos_"] [data-testid="stFileUploaderDropzoneInstructions"],
[class*="st-key-sound_"] [data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
[class*="st-key-photos_"] [data-testid="stFileUploaderDropzone"],
[class*="st-key-sound_"] [data-testid="stFileUploaderDropzone"] { padding: 0.4rem; min-height: 0; }</style>"""
SHOWN_PX = 64  # of a photo; the answer shows it larger
AUDIO_PX = 180  # a player beside the button that takes the clip away
MOST_LETTERS = 18  # of a file's name on a button
EXAMPLES_SECONDS = 0.2  # to look whether there are any; a large data set tells it at a later drawing


def draw_photos(generation: int) -> None:
    """Uploader and the photos so far."""
    key = f"photos_{generation}"
    st.file_uploader(
        f"Photos (up to {MAX_UPLOAD_MB} MB each)",
        accept_multiple_files=True,
        key=key,
        max_upload_size=TRANSPORT_MB,
        on_change=take_photos,
        args=(key,),
        help="JPEG, PNG, WEBP, AVIF, HEIC, GIF, BMP or TIFF. Several photos of the same product are averaged.",
    )
    for place, photo in enumerate(st.session_state.photos):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.image(photo.thumbnail, width=SHOWN_PX, alt=f"Photo {photo.name}")
            label = plain(f"✕ {shortened(photo.name, MOST_LETTERS)}")
            st.button(
                label, key=f"drop_{place}", help=plain(f"Remove {photo.name}"), on_click=remove_photo, args=(place,)
            )


def draw_sound(generation: int) -> None:
    """Recorder and the clip so far."""
    key = f"record_{generation}"
    st.audio_input("Say its name", key=key, sample_rate=16_000, on_change=take_clip, args=(key,))
    if not str(st.context.url or "").startswith(("https://", "http://localhost", "http://127.0.0.1")):
        st.caption("Recording and camera need a secure address (https) or localhost.")
    if sound := st.session_state.sound:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.audio(sound.content, alt=f"Sound clip {sound.name}", width=AUDIO_PX)
            label = plain(f"✕ {shortened(sound.name, MOST_LETTERS)}")
            st.button(label, key="drop_sound", help=plain(f"Remove {sound.name}"), on_click=remove_sound)
        noted, sentence = st.session_state.get("sound_note", ("", ""))
        if sentence and noted == sound.checksum:
            st.caption(plain(sentence))


def draw_more(generation: int) -> None:
    """What is asked for less often, folded: the camera, a sound file, and reading what is printed."""
    with st.expander("Camera, sound file, barcodes"):
        if st.toggle("Use the camera", key="camera_on"):
            key = f"camera_{generation}"
            st.camera_input("Take a photo", key=key, on_change=take_photos, args=(key,))
        key = f"sound_{generation}"
        st.file_uploader(
            f"A sound clip (up to {MAX_UPLOAD_MB} MB)",
            key=key,
            max_upload_size=TRANSPORT_MB,
            on_change=take_clip,
            args=(key,),
            help="WAV, MP3, OGG, OPUS, FLAC, M4A or WEBM. The first 60 seconds are searched for speech.",
        )
        draw_reading("read")


def draw_buttons(bundle: Path) -> None:
    """An example, while nothing is given the next step, and back to the empty page."""
    work = examples(bundle)
    work.wait(EXAMPLES_SECONDS)
    none = not work.running and not work.result
    given = bool(current_product().modalities)
    with st.container(horizontal=True):
        st.button(
            "Try an example",
            on_click=take_example,
            args=(bundle,),
            type="secondary" if given else "primary",
            disabled=none,
            help=refusal(work.error or NO_EXAMPLE) if none else None,
        )
        st.button("Clear", on_click=clear_inputs)
    if none:
        st.caption(refusal(work.error or NO_EXAMPLE))


def draw(bundle: Path) -> None:
    """The form's column: every change counts at once; examples are of this recogniser's own data."""
    begin()
    generation = st.session_state.generation
    st.html(LOOKS)
    with st.container(gap="xsmall"):
        draw_buttons(bundle)
        if refused := st.session_state.refused:
            st.error("\n\n".join(map(plain, refused)))
        draw_photos(generation)
        st.text_area(
            "Description",
            key="description",
            persist_state="session",  # it survives a change of page too
            on_change=forget_example,
            placeholder="oat drink, 1 l carton",
            height=68,
        )
        draw_sound(generation)
        draw_more(generation)
        say_kept("recognise")
