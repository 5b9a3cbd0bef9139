"""What a session was given on Recognise: photos, words, a sound; it survives a change of page.

In: uploads, examples, and what is removed. Out: one `Product`, and the reasons for what was refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from retail.components.uploads import release, uploaded
from retail.config.reading import Reading
from retail.media import SAMPLE_RATE_HZ, MediaError, content_hash, unread_sentence
from retail.outside.limits import MAX_CLIP_SECONDS, MAX_PHOTOS
from retail.schema import Product
from retail.workspace.background import Background
from retail.workspace.examples import examples_of
from retail.workspace.uploads import take_photo, take_sound

STEP = 7  # neighbouring rows of the demo are the same product: step over them
NO_EXAMPLE = "There is no example: the data that this recogniser learned from is not on this machine, or has changed."
EMPTY: dict[str, Any] = {
    "photos": [],
    "sound": None,
    "description": "",
    "example": "",
    "truth": {},
    "refused": [],
    "generation": 0,
}


def begin() -> None:
    """Nothing is given yet."""
    for name, empty in EMPTY.items():
        st.session_state.setdefault(name, empty)


@st.cache_resource(show_spinner=False, max_entries=16)
def examples(bundle: Path) -> Background[list[Product]]:
    """Products that the chosen recogniser has not learned from; a large data set takes a while to read."""
    return Background(lambda _: examples_of(bundle))


def forget_example() -> None:
    """What somebody typed over is no example any more."""
    st.session_state.example = ""


def take_example(bundle: Path) -> None:
    """Fills the inputs from the next example of this recogniser."""
    work = examples(bundle)
    work.wait()
    found = work.result
    if not found:
        st.session_state.refused = [work.error or NO_EXAMPLE]
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
    st.session_state.switched_off = set()


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
        is_full = len(sound.decoded) >= MAX_CLIP_SECONDS * SAMPLE_RATE_HZ
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
