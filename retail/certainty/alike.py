"""How alike uploads and known products are: by each input that both have, and as the recogniser sees them as a whole.

In: embeddings of uploads, and of the views of products. Out: cosines of every upload with every product.

A product with several views counts by the best of each input. As a whole, the two are compared by the logits of all
tasks, so that even a photo and a description can be compared, which share no input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from retail.certainty.spaces import FusedSpace, Space, side_by_side
from retail.fusion import FusionHead
from retail.schema import MODALITIES, SUBSETS, Modality
from retail.store import EmbeddingBatch
from retail.training import predict_logits

FUSED_COSINE = "fused"
# By each input as the encoder has it, around the training rows' mean, and behind the map of `spaces`. The map tells
# trained classes apart far better, the plain cosine new ones (`benchmarks/enrolment.md`).
PLAIN: Mapping[Modality, str] = {modality: modality for modality in MODALITIES}
MAPPED: Mapping[Modality, str] = {modality: f"mapped {modality}" for modality in MODALITIES}
COSINES = (*PLAIN.values(), *MAPPED.values(), FUSED_COSINE)
AT_ONCE = 20_000_000  # cosines held at a time
REPEATED = 1 - 1e-4  # cosine from which on two files are one; decoding and batches make differences of 1e-6


@dataclass(frozen=True, eq=False)
class Views:
    """The views of some products by one input: unit vectors, and which product each belongs to."""

    directions: Mapping[str, Tensor]  # of COSINES: (V, q)
    owners: Tensor  # (V,) long

    def cosines(self, name: str, directions: Tensor, count: int) -> Tensor:
        """(Q, q) -> (Q, N) of the best view; NaN where a product has none."""
        best = torch.full((len(directions), count), -torch.inf)
        step = max(1, AT_ONCE // max(1, len(self.owners)))
        for start in range(0, len(directions), step):
            cosines = directions[start : start + step] @ self.directions[name].T
            best[start : start + step].scatter_reduce_(1, self.owners.expand_as(cosines), cosines, "amax")
        return best.masked_fill(best == -torch.inf, torch.nan)

    def counts(self, products: int) -> Tensor:
        """(N,) views of each product."""
        return torch.bincount(self.owners, minlength=products)

    def of(self, places: Tensor, products: int) -> Views:
        """Those of the products at these places, which are counted anew."""
        new = torch.full((products,), -1)
        new[places] = torch.arange(len(places))
        kept = new[self.owners] >= 0
        return Views({name: own[kept] for name, own in self.directions.items()}, new[self.owners][kept])


@dataclass(frozen=True, eq=False)
class Shown:
    """What shows N products: their views by each input, and how the recogniser sees each as a whole."""

    count: int
    views: Mapping[Modality, Views]
    fused: Tensor  # (N, q) unit vectors, zeros where the recogniser reads none of its inputs

    def __len__(self) -> int:
        return self.count

    def of(self, places: Tensor) -> Shown:
        """The products at these places, in this order."""
        views = {modality: own.of(places, self.count) for modality, own in self.views.items()}
        return Shown(len(places), views, self.fused[places])

    def counts(self) -> Tensor:
        """(N,) views of each product by the input that it has most of."""
        every = [own.counts(self.count) for own in self.views.values()]
        return torch.stack(every).max(0).values if every else torch.zeros(self.count, dtype=torch.long)

    def subsets(self, read: Iterable[Modality]) -> Tensor:
        """(N,) the place of each product's inputs in `SUBSETS`, of those that are `read`, -1 without any."""
        there = {m: self.views[m].counts(self.count) > 0 for m in read if m in self.views}
        return subset_places(there, self.count)


@dataclass(frozen=True, eq=False)
class Alike:
    """Q uploads beside N products."""

    cosines: Mapping[str, Tensor]  # of COSINES: (Q, N); NaN where there is nothing to compare
    uploads: Tensor  # (Q,) the place in `SUBSETS` of their inputs that the recogniser has a map for, -1 without any
    products: Tensor  # (N,) the same

    def of(self, places: Tensor) -> Alike:
        """The same beside the products at these places."""
        return Alike({name: own[:, places] for name, own in self.cosines.items()}, self.uploads, self.products[places])

    def rows(self, places: Tensor) -> Alike:
        """The same of the uploads at these places."""
        return Alike({name: own[places] for name, own in self.cosines.items()}, self.uploads[places], self.products)


@dataclass(frozen=True, eq=False)
class Spaces:
    """Where one recogniser compares: by each input, and as a whole."""

    centres: Mapping[Modality, Tensor]  # {input: (D,)}
    maps: Mapping[Modality, Space]
    head: FusionHead | None = None
    fused: FusedSpace | None = None
    forgotten: tuple[str, Tensor] | None = None  # classes of a task that the head's answers are taken without

    def shown(self, views: Mapping[Modality, Tensor], owners: Mapping[Modality, Tensor], count: int) -> Shown:
        """N products from the embeddings of their views {input: (V, D)} and whose they are {input: (V,)}."""
        means: dict[str, Tensor] = {}
        present: dict[str, Tensor] = {}
        for m, rows in views.items():
            counts = torch.bincount(owners[m], minlength=count)
            means[m] = torch.zeros(count, rows.shape[1]).index_add_(0, owners[m], rows) / counts.clamp_min(1)[:, None]
            present[m] = counts > 0
        batch = EmbeddingBatch(tuple(map(str, range(count))), means, present, {})
        known = {m: Views(self._directions(m, rows), owners[m]) for m, rows in views.items() if m in self.centres}
        return Shown(count, known, self.whole(batch))

    def _directions(self, modality: Modality, rows: Tensor) -> dict[str, Tensor]:
        """(V, D) -> unit vectors {cosine: (V, q)}."""
        found = {PLAIN[modality]: normalize(rows - self.centres[modality], dim=1)}
        if modality in self.maps:
            found[MAPPED[modality]] = normalize(self.maps[modality].mapped(rows), dim=1)
        return found

    def whole(self, batch: EmbeddingBatch, logits: Mapping[str, Tensor] | None = None) -> Tensor:
        """(N, q) unit vectors of products as the recogniser sees them as a whole; zeros where it reads nothing."""
        if self.head is None or self.fused is None:
            return torch.zeros(len(batch), 1)
        batch = with_all(batch, self.head.dims)
        logits = predict_logits(self.head, batch) if logits is None else dict(logits)
        if self.forgotten is not None:
            logits = without(logits, *self.forgotten)
        some = torch.stack([batch.present[m] for m in self.head.dims]).any(0)
        return normalize(self.fused.mapped(side_by_side(logits)), dim=1) * some[:, None]

    def alike(self, batch: EmbeddingBatch, shown: Shown, logits: Mapping[str, Tensor] | None = None) -> Alike:
        """Every upload beside every product; `logits` are the head's for the uploads, where somebody has them."""
        nothing = torch.full((1, 1), torch.nan).expand(len(batch), len(shown))  # takes no memory
        found = dict.fromkeys(COSINES, nothing)
        present = {m: batch.present[m] for m in MODALITIES if m in batch.present and m in self.centres}
        read = {m: there for m, there in present.items() if m in self.maps}
        for m, own in shown.views.items():
            if m in present:
                for name, directions in self._directions(m, batch.embeddings[m][present[m]]).items():
                    found[name] = nothing.clone()
                    found[name][present[m]] = own.cosines(name, directions, len(shown))
        whole = self.whole(batch, logits)
        either = whole.any(1)[:, None] & shown.fused.any(1)
        found[FUSED_COSINE] = torch.where(either, whole @ shown.fused.T, torch.nan)
        return Alike(found, subset_places(read, len(batch)), shown.subsets(self.maps))

    def among(self, batch: EmbeddingBatch, modality: Modality) -> Alike:
        """Two examples or more, each beside a product for each of them that the others show; the diagonal counts."""
        count, rows = len(batch), batch.embeddings[modality]
        others = [place for left in range(count) for place in range(count) if place != left]
        owners = torch.arange(count).repeat_interleave(count - 1)
        return self.alike(batch.only([modality]), self.shown({modality: rows[others]}, {modality: owners}, count))


def plainly(alike: Alike, far: Tensor) -> Alike:
    """Without the learned cosines of uploads that are `far`, (Q,) bool, where one shares an input with a product."""
    shared = torch.stack([~alike.cosines[name].isnan() for name in PLAIN.values()]).any(0)  # (Q, N)
    blank = far[:, None] & shared
    plain = set(PLAIN.values())
    cosines = {n: own if n in plain else own.masked_fill(blank, torch.nan) for n, own in alike.cosines.items()}
    return replace(alike, cosines=cosines)


def repeated(alike: Alike) -> Tensor:
    """(Q, N) bool: whether every input that both have is the same file again."""
    plain = torch.stack([alike.cosines[name] for name in PLAIN.values()])  # (3, Q, N)
    return (plain > REPEATED).any(0) & ((plain > REPEATED) | plain.isnan()).all(0)


def without(logits: Mapping[str, Tensor], task: str, classes: Tensor) -> dict[str, Tensor]:
    """Logits without those of some classes of a task."""
    kept = torch.ones(logits[task].shape[1], dtype=torch.bool)
    kept[classes] = False
    return {**logits, task: logits[task][:, kept]}


def with_all(batch: EmbeddingBatch, dims: Mapping[str, int]) -> EmbeddingBatch:
    """The same batch with exactly these inputs, absent where it lacks one."""
    embeddings = {m: batch.embeddings.get(m, torch.zeros(len(batch), dim)) for m, dim in dims.items()}
    present = {m: batch.present.get(m, torch.zeros(len(batch), dtype=torch.bool)) for m in dims}
    return replace(batch, embeddings=embeddings, present=present)


def subset_places(present: Mapping[Modality, Tensor], count: int) -> Tensor:
    """(N,) the place of each row's inputs in `SUBSETS`, -1 without any."""
    codes = torch.zeros(count, dtype=torch.long)
    for modality, there in present.items():
        codes += 2 ** MODALITIES.index(modality) * there.long()
    place_of = torch.full((2 ** len(MODALITIES),), -1)
    for place, subset in enumerate(SUBSETS):
        place_of[sum(2 ** MODALITIES.index(modality) for modality in subset)] = place
    return place_of[codes]
