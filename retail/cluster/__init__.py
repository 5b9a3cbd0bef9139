"""Work on many products, part by part: here, or by workers on the machines of a cluster, with the same results.

In: parts, and what to make of one. Out: what came of each part, in their order.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from retail import files
from retail.config.spread import Spread
from retail.files.remote import RemoteFile, address_of, brought
from retail.schema import Product, Progress

# Products of a part. Few enough that a killed worker loses seconds, many enough that what a part costs beside its
# encoding does not count. The same everywhere: which photos an encoder sees together may change the last bits of an
# embedding.
PRODUCTS = 256

Part = TypeVar("Part")
Made = TypeVar("Made")
Asked = TypeVar("Asked", contravariant=True)
Given = TypeVar("Given", covariant=True)
Maker = Callable[[Part, Progress | None], Made]


class Work(Protocol[Asked, Given]):
    """What a worker is sent, pickled, and makes ready once: encoders and heads are loaded there."""

    def ready(self) -> Callable[[Asked, Progress | None], Given]:
        """What makes something of a part."""


def spread(
    work: Callable[[], Work[Part, Made]],
    here: Callable[[], Maker[Part, Made]],
    parts: Iterable[Part],
    chosen: Spread,
    progress: Progress | None = None,
) -> Iterator[Made]:
    """What came of each part. `here` is for this machine, where it may be loaded already; a cluster is sent `work`.

    `progress` hears of what goes on within a part, as far as that is here.
    """
    if chosen.engine == "local":
        make = here()
        return (make(part, progress) for part in parts)
    from retail.cluster.on_ray import on_ray

    return on_ray(work(), parts, chosen.workers, shared=bool(chosen.store))


def store_place(chosen: Spread) -> str:
    """Where embeddings are kept, as every worker finds it: an address, or a whole path."""
    if address_of(chosen.store):
        return chosen.store
    return str(Path(chosen.store).absolute() if chosen.store else files.home() / "embeddings")


def parts_of(rows: Sequence[Part]) -> list[Sequence[Part]]:
    """In their order, `PRODUCTS` each, the last one shorter."""
    return [rows[start : start + PRODUCTS] for start in range(0, len(rows), PRODUCTS)]


@contextmanager
def files_here(products: Sequence[Product]) -> Iterator[Sequence[Product]]:
    """The same products with files that lie elsewhere fetched, all at once; the copies are gone afterwards.

    A file that cannot be had stays what it was, and whoever opens it says why.
    """
    away = [file for product in products for file in (*product.images, product.audio) if isinstance(file, RemoteFile)]
    if not away:
        yield products
        return
    with tempfile.TemporaryDirectory(prefix="retail-") as folder:
        here = brought(away, Path(folder))
        yield [_with_files(product, here) for product in products]


def _with_files(product: Product, here: dict[RemoteFile, Path]) -> Product:
    images = tuple(here.get(file, file) if isinstance(file, RemoteFile) else file for file in product.images)
    audio = here.get(product.audio, product.audio) if isinstance(product.audio, RemoteFile) else product.audio
    return replace(product, images=images, audio=audio)
