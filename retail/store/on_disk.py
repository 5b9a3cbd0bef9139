"""Embeddings of more rows than fit in memory: a matrix in a file, mapped piece by piece while somebody reads it.

In: rows, part by part. Out: `RowsOnDisk`, which gives any of them as a tensor. The file has no name, so that it is gone
when the process is, however that ends.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

MAPPED_ROWS = 64  # mapped at once; rows read together should come in runs of so many


def new_file(folder: Path) -> IO[bytes]:
    """Where rows are kept as long as somebody holds the file."""
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)


def add(file: IO[bytes], rows: Tensor) -> None:
    """Adds (B, D) rows at the end."""
    file.write(rows.float().contiguous().numpy().tobytes())
    file.flush()


@dataclass(frozen=True, eq=False)
class RowsOnDisk:
    """(N, D) float32 rows of a file, at `places` of it; what is asked for is copied into memory, nothing else stays."""

    file: IO[bytes]
    dim: int
    places: Tensor  # (N,) long

    @classmethod
    def of(cls, file: IO[bytes], dim: int) -> RowsOnDisk:
        """All rows that were added to a file."""
        return cls(file, dim, torch.arange(file.tell() // (4 * dim)))

    @property
    def ndim(self) -> int:
        """As of a tensor."""
        return 2

    @property
    def shape(self) -> tuple[int, int]:
        """As of a tensor."""
        return len(self.places), self.dim

    def __len__(self) -> int:
        return len(self.places)

    def at(self, places: Tensor) -> RowsOnDisk:
        """These rows, still on disk."""
        return replace(self, places=self.places[places])

    def __getitem__(self, places: Tensor | slice) -> Tensor:
        """(B, D) these rows in memory."""
        wanted = self.places[places]
        order = wanted.argsort(stable=True)
        ordered, found = wanted[order].numpy(), np.empty((len(wanted), self.dim), dtype=np.float32)
        blocks, starts, counts = np.unique(ordered // MAPPED_ROWS, return_index=True, return_counts=True)
        for block, start, end in zip(blocks.tolist(), starts, starts + counts, strict=True):
            own = ordered[start:end] - block * MAPPED_ROWS
            found[order[start:end].numpy()] = self._mapped(block, int(own[-1]) + 1)[own]
        return torch.from_numpy(found)

    def _mapped(self, block: int, rows: int) -> np.ndarray:
        offset = block * MAPPED_ROWS * self.dim * 4
        return np.memmap(self.file, np.float32, "r", offset, (rows, self.dim))
