"""What the tuned encoders read: batches of photos, texts and clips, augmented for training and plain for validation.

In: products, their places in a batch, a seed and an epoch. Out: for each modality the places that have it and the
network's inputs. The same seed, epoch and places give the same numbers, in whichever process they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from retail.augmentation.image import seeded, training_transform
from retail.augmentation.sound import augmented_features
from retail.augmentation.speech import noise_bank
from retail.augmentation.text import augmented_text
from retail.config import FinetuneConfig
from retail.encoders.tunable import TunableEncoder
from retail.media import MediaError, clean_text, picture_of, waveform_of
from retail.schema import MediaSource, Modality, Product, UserError
from retail.store import EmbeddingBatch

MediaRows = tuple[Sequence[Product], EmbeddingBatch]  # products and their embeddings, row by row
Inputs = dict[Modality, tuple[Tensor, Any]]  # places in the batch (P,), and what the network takes
Reader = Callable[[list[int], int], Any]  # products' places and an epoch -> what the network takes
Picture = TypeVar("Picture")

WORKERS = 2  # processes that decode and augment beside the training
TEXT_PIECES = 8  # of a long description a training step sees these; each is a row of its own in the network
CACHE_BYTES = 2**30  # of decoded photos; what does not fit is decoded again in each epoch
SPARE = 2  # photos are kept twice the training size: the smallest crops take half of a side


class Batches(Dataset[Inputs]):
    """(split, epoch, places of a batch) -> its inputs."""

    def __init__(self, readers: Mapping[str, Mapping[Modality, Reader]], batches: Mapping[str, EmbeddingBatch]) -> None:
        self._readers = readers
        self._present = {
            split: {modality: batches[split].present[modality] for modality in own} for split, own in readers.items()
        }

    def __getitem__(self, wanted: tuple[str, int, Tensor]) -> Inputs:
        split, epoch, rows = wanted
        inputs: Inputs = {}
        for modality, read in self._readers[split].items():
            places = self._present[split][modality][rows].nonzero().flatten()
            if len(places):
                inputs[modality] = places, read(rows[places].tolist(), epoch)
        return inputs


class Feed:
    """Prepares batches ahead, in processes that live as long as the run where there is enough to do."""

    def __init__(self, readers: Mapping[str, Mapping[Modality, Reader]], batches: Mapping[str, EmbeddingBatch]) -> None:
        self._wanted: list[tuple[str, int, Tensor]] = []
        workers = WORKERS if any(set(own) - {"text"} for own in readers.values()) else 0
        self._loader = DataLoader(
            Batches(readers, batches),
            batch_size=None,
            sampler=self._wanted,
            num_workers=workers,
            persistent_workers=workers > 0,
            # Else it would draw from the training's generator, in a resumed run more often than in an unbroken one.
            generator=torch.Generator(),
        )

    def __call__(self, epoch: int, parts: Mapping[str, Sequence[Tensor]]) -> Iterator[Inputs]:
        """The inputs of these batches of each split, one after the other."""
        self._wanted[:] = [(split, epoch, rows) for split, own in parts.items() for rows in own]
        return self._readable()

    def _readable(self) -> Iterator[Inputs]:
        try:
            yield from self._loader
        except (MediaError, OSError) as error:  # helpers send theirs with the whole way it took
            reason = str(error).strip().splitlines()[-1].rpartition("Error: ")[2].rstrip(".")
            raise UserError(
                f"The training data cannot be read any more ({reason}); put the files back where they were, and start "
                "again: training goes on behind its last epoch."
            ) from error


def training_readers(
    encoders: Mapping[Modality, TunableEncoder], products: Sequence[Product], config: FinetuneConfig
) -> dict[Modality, Reader]:
    """One reader per modality, which augments as the settings say."""
    kinds: dict[Modality, Any] = {"image": TrainingPhotos, "text": TrainingTexts, "audio": TrainingSounds}
    return {modality: kinds[modality](encoder, products, config) for modality, encoder in encoders.items()}


class TrainingPhotos:
    """One of a product's photos, decoded once if all fit into the cache."""

    def __init__(self, encoder: Any, products: Sequence[Product], config: FinetuneConfig) -> None:
        self._encoder, self._products, self._seed = encoder, products, config.seed
        self._transform = training_transform(encoder.data_config, config)
        self._cache = PhotoCache(SPARE * config.size)
        self._cache.fill(source for product in products for source in product.images)

    def __call__(self, places: list[int], epoch: int) -> Tensor:
        return self._encoder.inputs([self._pixels(place, epoch) for place in places])

    def _pixels(self, place: int, epoch: int) -> Tensor:
        images = self._products[place].images
        with seeded([self._seed, epoch, place]) as drawn:
            first = drawn % len(images)
            return self._transform(first_readable([*images[first:], *images[:first]], self._cache.photo))


class TrainingTexts:
    """Descriptions with words left out and typos; of a long one, pieces drawn anew in each epoch."""

    def __init__(self, encoder: TunableEncoder, products: Sequence[Product], config: FinetuneConfig) -> None:
        self._encoder, self._config = encoder, config
        self._pieces = [encoder.pieces(clean_text(product.text)) for product in products]

    def __call__(self, places: list[int], epoch: int) -> Any:
        return self._encoder.inputs_of_pieces(
            [self._drawn(place, [self._config.seed, epoch, place]) for place in places]
        )

    def _drawn(self, place: int, seed: list[int]) -> list[str]:
        pieces = self._pieces[place]
        if len(pieces) > TEXT_PIECES:
            drawn = np.random.default_rng(seed).choice(len(pieces), TEXT_PIECES, replace=False)
            pieces = [pieces[number] for number in sorted(drawn)]
        seeds = [seed] + [[*seed, number] for number in range(1, len(pieces))]
        return [augmented_text(piece, own, self._config) for piece, own in zip(pieces, seeds, strict=True)]


class TrainingSounds:
    """Clips as other voices would say them in other rooms, all in one batch of features."""

    def __init__(self, encoder: TunableEncoder, products: Sequence[Product], config: FinetuneConfig) -> None:
        encoder.new_model()  # says at once if this encoder cannot learn
        self._encoder, self._products, self._config = encoder, products, config
        for kind in ("coloured", "without_voice") if config.vary_sound else ():
            noise_bank(kind)  # made here, so that no helper process makes its own

    def __call__(self, places: list[int], epoch: int) -> list[Tensor]:
        sources = [source for place in places if (source := self._products[place].audio) is not None]
        clips = [self._encoder.prepare(waveform_of(source)) for source in sources]
        return [augmented_features(clips, [self._config.seed, epoch, *places], self._config)]


class AsServed:
    """What the encoder sees at prediction; of several photos the first that can be read."""

    def __init__(self, encoder: TunableEncoder, products: Sequence[Product]) -> None:
        self._encoder, self._products = encoder, products

    def __call__(self, places: list[int], epoch: int) -> Any:
        return self._encoder.inputs([self._encoder.prepare(self._decoded(self._products[place])) for place in places])

    def _decoded(self, product: Product) -> Any:
        if self._encoder.modality == "image":
            return first_readable(product.images, picture_of)
        if self._encoder.modality == "text":
            return clean_text(product.text)
        assert product.audio is not None
        return waveform_of(product.audio)


def first_readable(photos: Sequence[MediaSource], read: Callable[[MediaSource], Picture]) -> Picture:
    """The first of a product's photos that is not damaged, as its embedding is of those; raises MediaError."""
    for photo in photos[:-1]:
        with suppress(MediaError):
            return read(photo)
    return read(photos[-1])


class PhotoCache:
    """Decoded photos, never larger than needed, kept while they fit into memory."""

    def __init__(self, shortest: int, limit_bytes: int = CACHE_BYTES) -> None:
        self._shortest, self._limit_bytes = shortest, limit_bytes
        self._pixels: dict[MediaSource, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        """A forked helper shares the memory; one that is spawned decodes by itself."""
        return vars(self) | {"_pixels": {}}

    def fill(self, sources: Iterator[MediaSource]) -> None:
        """Decodes photos until the limit is reached; one that cannot be read is left to whoever asks for it."""
        used = 0
        with ThreadPoolExecutor(WORKERS) as pool:
            while used < self._limit_bytes and (group := list(islice(sources, 64))):
                for source, pixels in zip(group, pool.map(self._decoded, group), strict=True):
                    if pixels is not None and used + pixels.nbytes <= self._limit_bytes:
                        self._pixels[source] = pixels
                        used += pixels.nbytes

    def photo(self, source: MediaSource) -> Image.Image:
        """The picture, the same whether it was kept or not."""
        kept = self._pixels.get(source)
        return shrunk(picture_of(source), self._shortest) if kept is None else Image.fromarray(kept)

    def _decoded(self, source: MediaSource) -> np.ndarray | None:
        try:
            return np.asarray(shrunk(picture_of(source), self._shortest))
        except (ValueError, OSError):
            return None


def shrunk(photo: Image.Image, shortest: int) -> Image.Image:
    """A picture whose shorter side has at most this many pixels."""
    share = shortest / min(photo.size)
    if share >= 1:
        return photo
    width, height = (max(1, round(side * share)) for side in photo.size)
    return photo.resize((width, height), Image.Resampling.BICUBIC)
