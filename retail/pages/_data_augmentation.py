"""The tab Augmentation of Data: one product as fine-tuning sees it, changed at random a few times.

In: a `Manifest`. Out: photos, words and sounds on the page.
"""

from __future__ import annotations

import streamlit as st

from retail.components.page_words import refusal
from retail.dataset.manifest import Manifest
from retail.media import SAMPLE_RATE_HZ, MediaError

EXAMPLES = 4  # shown at a time


def draw_augmentation(manifest: Manifest) -> None:
    """One product as fine-tuning sees it, changed at random a few times."""
    st.markdown(
        "Fine-tuning never shows a model the same photo twice: it crops and recolours photos, drops and mistypes "
        "words, and plays sounds in other voices, rooms and microphones, so that the model learns what matters."
    )
    product = st.selectbox(
        "Product", manifest.products[:200], format_func=lambda product: f"{product.id}: {product.text[:50]}"
    )
    seed = st.session_state.get("augment_seed", 0)
    if not st.button("Show examples" if not seed else "More examples"):
        return
    st.session_state.augment_seed = seed + 1
    from retail.augmentation import preview

    with st.spinner("Changing it at random …"):
        try:
            examples = preview(product, seed, EXAMPLES)
        except MediaError as error:
            st.error(refusal(error))
            return
    for place, (cell, example) in enumerate(zip(st.columns(EXAMPLES), examples, strict=True)):
        with cell.container(border=True):
            if example.photo is not None:
                st.image(example.photo, alt=f"Augmented photo {place + 1}")
            if example.text:
                st.text(example.text)
            if example.sound is not None:
                st.audio(example.sound, sample_rate=SAMPLE_RATE_HZ)
