"""Is a runtime that rounds otherwise good enough for an encoder? Measured on somebody's own items.

In: an encoder, decoded items, the name of a runtime. Out: a `GateRecord`, kept, which opens the gate if it passes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from retail.encoders import Encoder
from retail.inference import rounding
from retail.inference.rounding import LEAST_ITEMS, GateRecord
from retail.schema import UserError


def measured(encoder: Encoder, items: Sequence[Any], runtime: str) -> GateRecord:
    """Both runtimes on the same items; raises UserError where there are too few, or no graph."""
    if len(items) < LEAST_ITEMS:
        raise UserError(
            f"{len(items)} different {encoder.modality} inputs cannot tell whether {runtime} is good enough; "
            f"give data with at least {LEAST_ITEMS}."
        )
    prepared = [encoder.prepare(item) for item in items]
    usual, usual_milliseconds = _embedded(encoder, prepared, "")
    other, milliseconds = _embedded(encoder, prepared, runtime)
    heard = usual.any(1) & other.any(1)  # zeros: nothing in it for this encoder
    cosine, same_nearest = rounding.likeness(usual[heard], other[heard])
    record = GateRecord(
        runtime=runtime,
        version=rounding.version_of(runtime),
        items=int(heard.sum()),
        cosine=cosine,
        same_nearest=same_nearest,
        milliseconds=milliseconds,
        usual_milliseconds=usual_milliseconds,
    )
    rounding.keep(encoder.networks[0].key, record)
    return record


def _embedded(encoder: Encoder, prepared: Sequence[Any], runtime: str) -> tuple[Tensor, float]:
    """(N, D), and milliseconds of the processor an item once all is warm."""
    with encoder.tried_in(runtime):
        encoder.embed_prepared(prepared[:8])
        started = time.process_time()
        embeddings = encoder.embed_prepared(prepared)
        return embeddings, 1000 * (time.process_time() - started) / len(prepared)
