"""The batch that heads are trained on: embeddings, what is present and what is to be answered, row by row.

In: tensors of N products. Out: `EmbeddingBatch`, which is cut as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from retail.schema import MODALITIES, Subset
from retail.store.on_disk import RowsOnDisk


@dataclass(frozen=True, eq=False)
class EmbeddingBatch:
    """Ids, embeddings, present masks and targets of N products; they are cut together, so rows cannot slip.

    embeddings {modality: (N, D_m)} · present {modality: (N,) bool} · targets {task: (N,) long, -1 = no label}

    A label that is not in the task's vocabulary has target C_t: no answer is right, and no loss can be computed.
    Embeddings of a large data set may be `RowsOnDisk`; only whoever trains a head on them knows what to do with these,
    and everybody else takes some rows `in_memory`.
    """

    ids: tuple[str, ...]
    embeddings: dict[str, Tensor]
    present: dict[str, Tensor]
    targets: dict[str, Tensor]

    def __post_init__(self) -> None:
        if set(self.embeddings) != set(self.present):
            raise ValueError("embeddings and present name different modalities.")
        for label, tensors in (("embeddings", self.embeddings), ("present", self.present), ("targets", self.targets)):
            for name, tensor in tensors.items():
                if len(tensor) != len(self.ids):
                    raise ValueError(f"{label}[{name!r}] has {len(tensor)} rows for {len(self.ids)} ids.")
        if any(mask.dtype != torch.bool or mask.ndim != 1 for mask in self.present.values()):
            raise ValueError("present masks are (N,) bool.")
        if any(embedding.ndim != 2 for embedding in self.embeddings.values()):
            raise ValueError("embeddings are (N, D).")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def dims(self) -> dict[str, int]:
        """{modality: D_m}"""
        return {modality: embedding.shape[1] for modality, embedding in self.embeddings.items()}

    def rows(self, index: Tensor | Sequence[int] | slice) -> EmbeddingBatch:
        """The products at these places, in this order; a bool mask is understood too."""
        places = torch.arange(len(self))[_index(index)]
        ids = tuple(self.ids[place] for place in places.tolist())
        return EmbeddingBatch(
            ids,
            *({name: _at(rows, places) for name, rows in group.items()} for group in self._groups()),  # type: ignore
        )

    @property
    def on_disk(self) -> bool:
        """Whether embeddings are too many for memory."""
        return any(isinstance(rows, RowsOnDisk) for rows in self.embeddings.values())

    def in_memory(self, places: Tensor | slice) -> EmbeddingBatch:
        """The products at these places, whatever there are of them."""
        few = self.rows(places)
        return replace(few, embeddings={name: rows[:] for name, rows in few.embeddings.items()})

    def only(self, modalities: Iterable[str]) -> EmbeddingBatch:
        """The same products with every other modality marked absent."""
        kept = set(modalities)
        present = {name: mask if name in kept else torch.zeros_like(mask) for name, mask in self.present.items()}
        return EmbeddingBatch(self.ids, self.embeddings, present, self.targets)

    def select(self, modalities: Iterable[str]) -> EmbeddingBatch:
        """The same products without the other modalities' tensors."""
        kept = set(modalities)
        embeddings = {name: rows for name, rows in self.embeddings.items() if name in kept}
        return EmbeddingBatch(self.ids, embeddings, {name: self.present[name] for name in embeddings}, self.targets)

    def having(self, modalities: Iterable[str]) -> Tensor:
        """(N,) bool: the rows that have all of these inputs."""
        return torch.stack([self.present[name] for name in modalities]).all(0)

    def by_inputs(self, modalities: Iterable[str]) -> Iterator[tuple[Subset, Tensor]]:
        """Each subset of these modalities that some rows have, with the places of those rows; () for none of them."""
        names = [name for name in MODALITIES if name in set(modalities)]
        patterns = torch.stack([self.present[name] for name in names], dim=1)  # (N, M)
        for pattern in patterns.unique(dim=0):
            subset = tuple(name for name, there in zip(names, pattern.tolist(), strict=True) if there)
            yield subset, (patterns == pattern).all(1).nonzero().flatten()

    def _groups(self) -> tuple[dict[str, Tensor], ...]:
        return self.embeddings, self.present, self.targets


def _at(rows: Tensor | RowsOnDisk, places: Tensor) -> Tensor | RowsOnDisk:
    return rows.at(places) if isinstance(rows, RowsOnDisk) else rows[places]


def _index(index: Tensor | Sequence[int] | slice) -> Tensor | slice:
    if isinstance(index, slice):
        return index
    index = torch.as_tensor(index)
    return index if index.dtype == torch.bool else index.long()
