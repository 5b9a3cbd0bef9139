"""Embeddings computed once: a content-addressed cache on disk, from which products become batches.

In: encoders, photos, texts, sounds and products. Out: `EmbeddingBatch`. A cache key is the encoder's fingerprint
and the content's hash, so another encoder, other preprocessing or a changed file never meets an old embedding.
What reads some files differently and leaves the encoder as it was is named in `READINGS`, which is part of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retail import files
from retail.encoders import BATCH_SIZE, Encoder
from retail.media import clean_text, content_hash, picture_of, waveform_of
from retail.schema import (
    MODALITIES,
    MediaSource,
    Modality,
    Note,
    Product,
    Progress,
    UserError,
    Vocabulary,
)
from retail.store.batch import EmbeddingBatch
from retail.store.shards import Shards
from retail.wording import INPUT_WORDS

__all__ = ["READINGS", "EmbeddingBatch", "EmbeddingStore", "embed_products"]

SHARD_ROWS = 128  # a killed run loses at most these; 23 files for 3,000 products
DECODERS = 2  # threads that decode the next group while the model works on this one

NO_TEXT = "the description holds no words, so it does not count."  # such as "<p>&nbsp;</p>"

Source = MediaSource | str

# What a modality's files are read as, in a few words; new words when some files come to be read differently and the
# rest as before. Embeddings of the old reading are not met again, while fingerprints, and so bundles, stay valid.
READINGS: dict[Modality, str] = {
    "audio": "a minute",  # clips beyond 10 s, channels that cancel out, unfinished headers
    "image": "in sRGB",  # colour profiles, white on transparent
    "text": "in pieces",
}


class EmbeddingStore:
    """Encodes what it lacks, and keeps that as it goes: a killed run loses what was encoded last, up to SHARD_ROWS.

    Several processes may write at once, and what is damaged on the disk is computed again; see `shards`.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or files.home() / "embeddings"
        self.computed = 0  # sources that this instance encoded
        self._shards = Shards(self.root)

    def fetch(
        self, encoder: Encoder, sources: Sequence[Source], progress: Progress | None = None
    ) -> tuple[Tensor, Tensor, list[str | None]]:
        """N sources -> embeddings (N, D) float32, ok (N,) bool and one error sentence per source or None.

        Encodes only what the store lacks, equal sources once. Rows that are not ok are zeros.
        """
        sources = [clean_text(source) if isinstance(source, str) else source for source in sources]
        keys, errors = _hash_all(sources)
        errors |= {key: NO_TEXT for key, source in zip(keys, sources, strict=True) if source == ""}
        owner = " ".join(filter(None, (encoder.fingerprint, READINGS.get(encoder.modality))))
        found = self._read(owner, set(keys) - set(errors))
        missing = {
            key: source for key, source in zip(keys, sources, strict=True) if not (key in found or key in errors)
        }
        total = len(found) + len(errors) + len(missing)
        fresh: dict[str, Tensor] = {}
        encoder.expect(len(missing))
        for encoded, failures in _encode(encoder, list(missing.items())):
            fresh.update(encoded)
            found.update(encoded)
            errors.update(failures)
            self.computed += len(encoded)
            if len(fresh) >= SHARD_ROWS:
                self._write(owner, fresh)
                fresh = {}
            if progress:
                progress(f"Encoding {INPUT_WORDS[encoder.modality]}s", len(found) + len(errors), total)
        if fresh:
            self._write(owner, fresh)
        ok = torch.tensor([key in found for key in keys], dtype=torch.bool)
        embeddings = torch.zeros(len(sources), encoder.dim)
        for row, key in enumerate(keys):
            if key in found:
                embeddings[row] = found[key]
        return embeddings, ok, [None if good else errors[key] for key, good in zip(keys, ok.tolist(), strict=True)]

    def _read(self, owner: str, keys: Collection[str]) -> dict[str, Tensor]:
        """What is kept of these keys."""
        return self._shards.read(owner, keys)

    def _write(self, owner: str, embeddings: dict[str, Tensor]) -> None:
        self._shards.write(owner, embeddings)


class _Uncached(EmbeddingStore):
    """The same steps without a disk, for one upload whose content should leave no trace."""

    def __init__(self) -> None:
        self.computed = 0

    def _read(self, owner: str, keys: Collection[str]) -> dict[str, Tensor]:
        return {}

    def _write(self, owner: str, embeddings: dict[str, Tensor]) -> None:
        pass


def embed_products(
    products: Sequence[Product],
    encoders: Mapping[Modality, Encoder],
    vocabularies: Mapping[str, Vocabulary],
    store: EmbeddingStore | None = None,
    progress: Progress | None = None,
) -> tuple[EmbeddingBatch, list[Note]]:
    """N products -> their batch, and one note for each input that was given but could not be read.

    Several photos of a product become their mean. Without a store nothing is kept on disk.
    """
    store = store or _Uncached()
    embeddings: dict[str, Tensor] = {}
    present: dict[str, Tensor] = {}
    notes: list[Note] = []
    for modality in MODALITIES:
        if modality not in encoders:
            continue
        owners = [(row, source) for row, product in enumerate(products) for source in _sources(product, modality)]
        encoded, ok, errors = store.fetch(encoders[modality], [source for _, source in owners], progress)
        rows = torch.tensor([row for row, _ in owners], dtype=torch.long)
        sums = torch.zeros(len(products), encoders[modality].dim).index_add_(0, rows[ok], encoded[ok])  # (N, D_m)
        counts = torch.bincount(rows[ok], minlength=len(products))  # (N,)
        embeddings[modality] = sums / counts.clamp_min(1)[:, None]
        present[modality] = counts > 0
        notes += [
            Note(products[row].id, modality, error) for (row, _), error in zip(owners, errors, strict=True) if error
        ]
    targets = {
        task: torch.tensor([vocabulary.target(product.labels.get(task, "")) for product in products], dtype=torch.long)
        for task, vocabulary in vocabularies.items()
    }
    return EmbeddingBatch(tuple(product.id for product in products), embeddings, present, targets), notes


def _sources(product: Product, modality: Modality) -> list[Source]:
    if modality == "image":
        return list(product.images)
    if modality == "audio":
        return [] if product.audio is None else [product.audio]
    return [product.text] if product.text.strip() else []


def _hash_all(sources: Sequence[Source]) -> tuple[list[str], dict[str, str]]:
    """A key per source, and the error of each source that cannot even be opened."""
    keys: list[str] = []
    errors: dict[str, str] = {}
    for place, source in enumerate(sources):
        try:
            keys.append(content_hash(source))
        except OSError as error:
            keys.append(f"unreadable {place}")
            name = source.name if isinstance(source, Path) else ""
            errors[keys[-1]] = f"{name!r} cannot be opened ({error.strerror}); fix the path, or leave the cell empty."
    return keys, errors


def _encode(encoder: Encoder, pending: list[tuple[str, Source]]) -> Iterator[tuple[dict[str, Tensor], dict[str, str]]]:
    """Yields ({key: (D,) embedding}, {key: error}) group by group; the next group is decoded meanwhile."""
    size = BATCH_SIZE if encoder.modality == "image" else SHARD_ROWS  # many texts and clips find others of their length
    groups = [pending[start : start + size] for start in range(0, len(pending), size)]
    decode = _decoder(encoder)
    with ThreadPoolExecutor(DECODERS) if len(pending) > 1 else _AtOnce() as pool:
        upcoming = [pool.submit(decode, source) for _, source in groups[0]] if groups else []
        for number, group in enumerate(groups):
            futures = upcoming
            if number + 1 < len(groups):
                upcoming = [pool.submit(decode, source) for _, source in groups[number + 1]]
            items: dict[str, Any] = {}
            failures: dict[str, str] = {}
            for (key, _), future in zip(group, futures, strict=True):
                with suppress(UserError, OSError):
                    items[key] = future.result()
                if error := future.exception():
                    failures[key] = str(error)
            embeddings = dict(zip(items, encoder.embed_prepared(list(items.values())), strict=True))
            yield _usable(embeddings, failures, encoder.absent_note)


class _AtOnce(Executor):
    """No threads: a single item is there before they are."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        found: Future[Any] = Future()
        try:
            found.set_result(fn(*args, **kwargs))
        except Exception as error:
            found.set_exception(error)
        return found


def _decoder(encoder: Encoder) -> Callable[[Any], Any]:
    decoders: dict[Modality, Callable[[Any], Any]]
    decoders = {"image": picture_of, "audio": waveform_of, "text": lambda text: text}  # `fetch` has cleaned texts
    decode = decoders[encoder.modality]
    return lambda source: encoder.prepare(decode(source))


def _usable(
    embeddings: dict[str, Tensor], failures: dict[str, str], absent_note: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Moves to the failures what is not finite, which would poison a training, and what the encoder calls absent."""
    good: dict[str, Tensor] = {}
    for key, embedding in embeddings.items():
        if not bool(embedding.isfinite().all()):
            failures[key] = "the encoder produced no finite numbers for this input; check the file."
        elif absent_note and not bool(embedding.any()):
            failures[key] = absent_note
        else:
            good[key] = embedding
    return good, failures
