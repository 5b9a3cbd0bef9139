"""Does the export answer as the product does? The same products through both, by every mix of inputs.

In: a recogniser and a folder with its export. Out: the largest difference of a probability for each mix.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from retail.dataset.reader import read_manifest
from retail.export.facts import mix, subsets_of
from retail.export.standalone import Exported
from retail.files import DEMO_DIR
from retail.media import waveform_of
from retail.media.sound import SAMPLE_RATE_HZ
from retail.recognizer import Recognizer
from retail.schema import MediaSource, Product, Upload, UserError

PRODUCTS = 6
MOST = 1e-4  # of a probability


def measured(recognizer: Recognizer, folder: Path, products: Sequence[Product] = ()) -> dict[str, float]:
    """Raises UserError where a difference is larger than `MOST`."""
    exported = Exported(folder)
    products = products or demo_products()
    batch, _ = recognizer.embed(products)
    embedded = [
        exported.embed(_files(one.images), one.text, *_files([one.audio] if one.audio else [])) for one in products
    ]
    found = {}
    for subset in subsets_of(recognizer.modalities):
        rows = batch.having(subset).nonzero().flatten().tolist()
        ours = recognizer.certainty.probs(recognizer.head, batch.only(subset))
        apart = [_difference(exported, {name: embedded[row][name] for name in subset}, ours, row) for row in rows]
        found[mix(subset)] = max(apart, default=float("nan"))
    if wrong := [name for name, value in found.items() if not value <= MOST]:
        raise UserError(
            f"The export differs from the product by {found[wrong[0]]:.1e} with {wrong[0]}, more than {MOST:.0e}, so "
            "it was not kept; report the encoders and the versions of torch and onnxruntime."
        )
    return found


def demo_products() -> list[Product]:
    """Products of the demo with every input, their clips as WAV."""
    whole = [product for product in read_manifest(DEMO_DIR).products if len(product.modalities) == 3]
    chosen = whole[:: len(whole) // PRODUCTS][:PRODUCTS]
    return [Product(one.id, one.images, one.text, as_wav(one.audio)) for one in chosen if one.audio is not None]


def as_wav(clip: MediaSource) -> bytes:
    """A clip of any kind as 16-bit WAV."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((np.clip(waveform_of(clip), -1, 1) * 32767).astype("<i2").tobytes())
    return stream.getvalue()


def _files(sources: Sequence[MediaSource]) -> list[Path | bytes]:
    return [source for source in sources if not isinstance(source, Upload)]


def _difference(exported: Exported, embeddings: dict[str, np.ndarray], ours: dict[str, Tensor], row: int) -> float:
    answers = exported.answer(embeddings)["answers"]
    return max(
        float(np.abs(np.array(list(answers[task]["probabilities"].values())) - probs[row].numpy()).max())
        for task, probs in ours.items()
    )
