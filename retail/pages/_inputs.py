"""The form of Recognise: photos, camera, description, sound; what a session was given survives a change of page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from retail.components.reading import draw_reading
from retail.components.uploads import release, uploaded
from retail.components.words import plain
from retail.config.reading import Reading
from retail.media import MAX_SECONDS, SAMPLE_RATE_HZ, MediaError, content_hash, unread_sentence
from retail.schema import MODALITIES, Product
from retail.workspace.examples import examples_of
from retail.workspace.uploads import MAX_UPLOAD_MB, THUMBNAIL_PX, take_photo, take_sound

MAX_PHOTOS = 8
STEP = 7  # neighbouring rows of the demo are the same product: step over them
NO_EXAMPLE = "There is no example: the data that this recogniser learned from is not on this machine, or has changed."
# The browser itself refuses only what is larger, with a mark that has no words: the reasons are ours.
TRANSPORT_MB = 200
# ... so what the uploader says about sizes itself would only confuse.
OWN_LIMITS = """<style>[class*="st-key-photos_"] [data-testid="stFileUploaderDropzoneInstructions"],
[class*="st-key-sound_"] [data-testid="stFileUploaderDropzoneInstructions"] { display: none; }</style>"""
EMPTY: dict[str, Any] = {
    "photos": [],
    "sound": None,
    "description": "",
    "example": "",
    "truth": {},
    "refused": [],
    "generation": 0,
}


@st.cache_data(show_spinner=False, max_entries=16)
def examples(bundle: Path) -> list[Product]:
    """Products that the chosen recogniser has not learned from."""
    return examples_of(bundle)


def forget_example() -> None:
    """What somebody typed over is no example any more."""
    st.session_state.example = ""


def take_example(bundle: Path) -> None:
    """Fills the inputs from the next example of this recogniser."""
    found = examples(bundle)
    if not found:
        st.session_state.refused = [NO_EXAMPLE]
        return
    place = st.session_state.get("example_place", {}).get(bundle, -1) + 1
    step = STEP if len(found) % STEP else 1
    product = found[(place * step) % len(found)]
    st.session_state.example_place = {bundle: place}
    st.session_state.example = product.id
    st.session_state.photos = [
        take_photo(path.name, path.read_bytes()) for path in product.images if isinstance(path, Path)
    ]
    st.session_state.description = product.text
    clip = product.audio
    st.session_state.sound = take_sound(clip.name, clip.read_bytes()) if isinstance(clip, Path) else None
    st.session_state.truth = dict(product.labels)
    renew_widgets()


def clear_inputs() -> None:
    """Back to the empty page."""
    st.session_state.update(photos=[], sound=None, description="", example="")
    renew_widgets()


def renew_widgets() -> None:
    """A new key empties the uploaders; the inputs are all switched on again."""
    st.session_state.generation += 1
    st.session_state.refused = []
    for modality in MODALITIES:
        st.session_state[f"use_{modality}"] = True


def take_photos(key: str) -> None:
    """Adds the uploaded or taken photos; a reason for each that is refused."""
    files = uploaded(st.session_state[key])
    if not files:
        return
    photos = [] if st.session_state.example else st.session_state.photos
    kept, refused = list(photos), []
    for file in files:
        if len(kept) == MAX_PHOTOS:
            refused.append(f"'{file.name}' was left out: a product can have at most {MAX_PHOTOS} photos.")
            continue
        try:
            kept.append(take_photo(file.name, file.getvalue()))
        except MediaError as error:
            refused.append(str(error))
    if len(kept) > len(photos):
        st.session_state.update(photos=kept, example="")
    taken(files, refused)


def take_clip(key: str) -> None:
    """The uploaded or recorded sound takes the place of the one before."""
    files = uploaded(st.session_state[key])
    if not files:
        return
    (file,) = files
    content = file.getvalue()
    try:
        sound = take_sound(file.name, content)
        st.session_state.update(sound=sound, example="")
        is_full = len(sound.decoded) >= MAX_SECONDS * SAMPLE_RATE_HZ
        st.session_state.sound_note = sound.checksum, unread_sentence(file.name, content) if is_full else ""
        taken(files, [])
    except MediaError as error:
        taken(files, [str(error)])


def taken(files: list, refused: list[str]) -> None:
    """The session holds what it needs: the raw uploads go, and the widgets are fresh."""
    release(files)
    renew_widgets()
    st.session_state.refused = refused


def remove_photo(place: int) -> None:
    """Takes one photo away."""
    photos = st.session_state.photos
    st.session_state.update(photos=photos[:place] + photos[place + 1 :], example="", refused=[])


def remove_sound() -> None:
    """Takes the sound away."""
    st.session_state.update(sound=None, example="", refused=[])


def shortened(name: str, most: int) -> str:
    """A file name that fits onto a button."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def draw_photos(generation: int) -> None:
    """Uploader, camera and the photos so far."""
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
    if st.toggle("Use the camera", key="camera_on"):
        key = f"camera_{generation}"
        st.camera_input("Take a photo", key=key, on_change=take_photos, args=(key,))
    if st.session_state.photos:
        draw_reading("read")
    with st.container(horizontal=True):
        for place, photo in enumerate(st.session_state.photos):
            with st.container(width=THUMBNAIL_PX):
                st.image(photo.thumbnail, width=THUMBNAIL_PX, alt=f"Photo {photo.name}")
                label = f"✕ {shortened(photo.name, 12)}"
                st.button(label, key=f"drop_{place}", help=f"Remove {photo.name}", on_click=remove_photo, args=(place,))


def draw_sound(generation: int) -> None:
    """Recorder, uploader and the clip so far."""
    key = f"record_{generation}"
    st.audio_input("Say its name", key=key, sample_rate=16_000, on_change=take_clip, args=(key,))
    if not str(st.context.url or "").startswith(("https://", "http://localhost", "http://127.0.0.1")):
        st.caption("Recording and camera need a secure address (https) or localhost.")
    key = f"sound_{generation}"
    st.file_uploader(
        f"Or upload a sound clip (up to {MAX_UPLOAD_MB} MB)",
        key=key,
        max_upload_size=TRANSPORT_MB,
        on_change=take_clip,
        args=(key,),
        help="WAV, MP3, OGG, OPUS, FLAC, M4A or WEBM. The first 60 seconds are searched for speech.",
    )
    if sound := st.session_state.sound:
        st.audio(sound.content, alt=f"Sound clip {sound.name}")
        label = f"✕ {shortened(sound.name, 30)}"
        st.button(label, key="drop_sound", help=f"Remove {sound.name}", on_click=remove_sound)
        noted, sentence = st.session_state.get("sound_note", ("", ""))
        if sentence and noted == sound.checksum:
            st.caption(plain(sentence))


def draw(bundle: Path) -> None:
    """The form's column: every change counts at once; examples are of this recogniser's own data."""
    for name, empty in EMPTY.items():
        st.session_state.setdefault(name, empty)
    generation = st.session_state.generation
    st.html(OWN_LIMITS)
    st.button("Try an example", on_click=take_example, args=(bundle,), type="primary", width="stretch")
    for reason in st.session_state.refused:
        st.error(reason)
    draw_photos(generation)
    st.text_area(
        "Description",
        key="description",
        persist_state="session",  # it survives a change of page too
        on_change=forget_example,
        placeholder="oat drink, 1 l carton",
        height=90,
    )
    draw_sound(generation)
    st.button("Clear", on_click=clear_inputs)


def reading() -> Reading:
    """What is to be read from the photos, as switched on."""
    return Reading(**{name: bool(st.session_state.get(f"read_{name}", False)) for name in Reading.options()})


def shown_key() -> str:
    """Tells what the form holds from everything else."""
    state = st.session_state
    uploads = [*state.photos, *([state.sound] if state.sound else [])]
    return " ".join([*(upload.checksum for upload in uploads), content_hash(state.description)])


def current_product() -> Product:
    """What the session holds, as one product."""
    state = st.session_state
    return Product(id="upload", images=tuple(state.photos), text=state.description, audio=state.sound)
