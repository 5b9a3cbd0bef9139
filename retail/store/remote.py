"""Embeddings kept where many machines reach them: on any path that fsspec reads, such as s3://shop/embeddings.

In and out: what `EmbeddingStore` takes and gives. There is no index, for nothing locks a file there: what is fetched
together is kept together, in one safetensors file whose name is the hash of encoder and contents. So who asks for the
same products again finds them, and workers never write the same file with other content.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from retail.encoders import Encoder
from retail.files.remote import address_of, file_system
from retail.schema import Progress
from retail.store import EmbeddingStore, Source


class RemoteStore(EmbeddingStore):
    """A file a fetch, written aside and renamed; one that is damaged is computed again."""

    def __init__(self, address: str) -> None:
        self.address, self.computed = address.rstrip("/"), 0
        self._keys: list[str] = []
        self._file = ""
        self._held: dict[str, Tensor] = {}
        self._fresh = False

    def fetch(
        self, encoder: Encoder, sources: Sequence[Source], progress: Progress | None = None
    ) -> tuple[Tensor, Tensor, list[str | None]]:
        """As `EmbeddingStore` does it; all that is new is written once, at the end."""
        found = super().fetch(encoder, sources, progress)
        if self._fresh:
            self._save()
        return found

    def _read(self, owner: str, keys: Collection[str]) -> dict[str, Tensor]:
        self._keys, self._fresh = sorted(keys), False
        digest = hashlib.sha256("\n".join((owner, *self._keys)).encode()).hexdigest()
        folder = hashlib.sha256(owner.encode()).hexdigest()[:16]
        self._file = f"{self.address}/{folder}/{digest[:2]}/{digest}.safetensors"
        self._held = self._kept() if keys else {}
        return dict(self._held)

    def _write(self, owner: str, embeddings: dict[str, Tensor]) -> None:
        self._held.update(embeddings)
        self._fresh = True

    def _kept(self) -> dict[str, Tensor]:
        system, path = file_system(self._file)
        try:
            found = safetensors.torch.load(system.cat_file(path))
            embeddings, rows = found["embeddings"], found["rows"].tolist()
            if found["check"].tolist() != _check(embeddings):
                return {}
            return {self._keys[row]: embedding for row, embedding in zip(rows, embeddings, strict=True)}
        except (FileNotFoundError, KeyError, IndexError, ValueError, safetensors.SafetensorError):
            return {}

    def _save(self) -> None:
        rows = [row for row, key in enumerate(self._keys) if key in self._held]
        embeddings = torch.stack([self._held[self._keys[row]] for row in rows])
        content = {"embeddings": embeddings, "rows": torch.tensor(rows), "check": torch.tensor(_check(embeddings))}
        system, path = file_system(self._file)
        aside = f"{path}.{uuid.uuid4().hex[:8]}.part"
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
        system.pipe_file(aside, safetensors.torch.save(content))
        system.mv(aside, path)


def store_at(place: str) -> EmbeddingStore:
    """The store at an address or in a folder; "" is this machine's own."""
    if address := address_of(place):
        return RemoteStore(address)
    return EmbeddingStore(Path(place) if place else None)


def _check(embeddings: Tensor) -> list[int]:
    """SHA-256 as numbers."""
    return list(hashlib.sha256(embeddings.contiguous().numpy().tobytes()).digest())
