"""Work on many products, chunk by chunk: here, or by workers on the machines of a cluster, with the same results.

In: products, and what to make of a chunk of them. Out: what came of each chunk, in their order.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from retail import files
from retail.config.spread import Spread
from retail.files.remote import RemoteFile, address_of, brought
from retail.schema import Product, Progress

# Few enough that a killed worker loses seconds, many enough that what a chunk costs beside its encoding does not count.
# The same everywhere: which inputs an encoder sees together may change the last bits of an embedding.
CHUNK = 256

Made = TypeVar("Made")
Maker = Callable[[Sequence[Product], Progress | None], Made]
MadeThere = TypeVar("MadeThere", covariant=True)


class Work(Protocol[MadeThere]):
    """What a worker is sent, pickled, and makes ready once: encoders and heads are loaded there."""

    def ready(self) -> Maker[MadeThere]:
        """What makes something of a chunk."""


def spread(
    work: Work[Made],
    here: Callable[[], Maker[Made]],
    products: Sequence[Product],
    stage: str,
    chosen: Spread,
    progress: Progress | None = None,
) -> Iterator[Made]:
    """What came of each chunk; `here` is for this machine, where much is loaded already, a cluster is sent `work`."""
    if chosen.engine == "local":
        return in_chunks(here(), products, stage, progress)
    from retail.cluster.on_ray import on_ray

    return on_ray(work, products, stage, progress, chosen.workers, shared=bool(chosen.store))


def store_place(chosen: Spread) -> str:
    """Where embeddings are kept, as every worker finds it: an address, or a whole path."""
    if address_of(chosen.store):
        return chosen.store
    return str(Path(chosen.store).absolute() if chosen.store else files.home() / "embeddings")


def chunks_of(products: Sequence[Product]) -> list[Sequence[Product]]:
    """In their order, the last one shorter."""
    return [products[start : start + CHUNK] for start in range(0, len(products), CHUNK)]


def in_chunks(make: Maker[Made], products: Sequence[Product], stage: str, progress: Progress | None) -> Iterator[Made]:
    """Here, one after the other; of a single chunk its own progress is told."""
    chunks, done = chunks_of(products), 0
    for chunk in chunks:
        yield made(make, chunk, progress if len(chunks) == 1 else None)
        done += len(chunk)
        if progress and len(chunks) > 1:
            progress(stage, done, len(products))


def made(make: Maker[Made], chunk: Sequence[Product], progress: Progress | None = None) -> Made:
    """Of one chunk; files that lie elsewhere are fetched first, all at once, and gone afterwards."""
    away = [file for product in chunk for file in (*product.images, product.audio) if isinstance(file, RemoteFile)]
    if not away:
        return make(chunk, progress)
    with tempfile.TemporaryDirectory(prefix="retail-") as folder:
        here = brought(away, Path(folder))
        return make([_with_files(product, here) for product in chunk], progress)


def _with_files(product: Product, here: dict[RemoteFile, Path]) -> Product:
    """With the copies; a file that could not be had stays what it was, and whoever opens it says why."""
    images = tuple(here.get(file, file) if isinstance(file, RemoteFile) else file for file in product.images)
    audio = here.get(product.audio, product.audio) if isinstance(product.audio, RemoteFile) else product.audio
    return replace(product, images=images, audio=audio)
