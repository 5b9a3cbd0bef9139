"""Bringing the vectors of a catalogue up to date with its views.

In: views, encoders and the store of embeddings. Out: rows in the encoders' tables, and a note for what cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retail.catalogue.record import View
from retail.catalogue.vectors import VectorTable
from retail.schema import Note, Progress
from retail.wording import INPUT_WORDS

if TYPE_CHECKING:
    from retail.encoders import Encoder
    from retail.store import EmbeddingStore

AT_ONCE = 512  # sources between two commits of vectors: a killed run loses at most these


def embed_views(
    views: Sequence[View],
    encoder: Encoder,
    vectors: VectorTable,
    store: EmbeddingStore,
    progress: Progress | None = None,
) -> list[Note]:
    """Embeds those of these views that lack a vector, and sweeps the vectors of views that are gone."""
    notes: list[Note] = []
    kept = vectors.kept()
    own = {view.id: view for view in views if view.modality == encoder.modality}
    missing = [view for key, view in own.items() if key not in kept]
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        rows, ok, errors = store.fetch(encoder, [view.source for view in part])
        good = [view for view, fine in zip(part, ok.tolist(), strict=True) if fine]
        if good:
            vectors.keep([view.id for view in good], [view.product for view in good], rows[ok].numpy())
        notes += [Note(view.product, view.modality, error) for view, error in zip(part, errors, strict=True) if error]
        if progress:
            progress(f"Encoding {INPUT_WORDS[encoder.modality]}s", start + len(part), len(missing))
    gone = sorted(kept - set(own))
    if gone:
        vectors.sweep(gone)
    if gone or missing:
        vectors.tidy()
    return notes
