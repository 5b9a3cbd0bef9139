"""What a shelf is filled with: vectors of a catalogue's views, and where they are compared.

In: a recogniser, and a catalogue with its products, all of them or candidates. Out: parts of a `Shelf`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.certainty.alike import PLAIN, Spaces, Views, with_all
from retail.certainty.descent import minimized
from retail.certainty.matching import USUAL_PLAIN, Matching, by_itself
from retail.encoders import Encoder, load_preset
from retail.evaluation.hierarchy import ParentMap, parents_of
from retail.recognizer import Recognizer
from retail.schema import MODALITIES, Modality, Product
from retail.store import EmbeddingBatch, EmbeddingStore

FEWEST = 20  # views with another of the same product, below which their cosines say little
MOST_VIEWS = 1000  # more tell two numbers no better
PRIOR = 0.1  # of a distance of 1 from the usual ones, in views
CANDIDATES = 200  # nearest views by each input that are compared exactly where a catalogue is too large for memory

Owned = tuple[
    dict[Modality, Tensor], dict[Modality, Tensor]
]  # {input: (V, D)} embeddings, {input: (V,)} whose they are


def all_views(
    catalogue: Catalogue, products: Sequence[CatalogueProduct], encoders: Mapping[Modality, Encoder]
) -> Owned:
    """The vectors that the catalogue keeps."""
    place_of = {product.id: place for place, product in enumerate(products)}
    views: dict[Modality, Tensor] = {}
    owners: dict[Modality, Tensor] = {}
    for modality, encoder in encoders.items():
        found = catalogue.vectors(encoder)
        known = [place for place, product in enumerate(found.products) if product in place_of]
        views[modality] = torch.as_tensor(found.vectors, dtype=torch.float32).reshape(-1, encoder.dim)[known]
        owners[modality] = torch.tensor([place_of[found.products[place]] for place in known], dtype=torch.long)
    return views, owners


def views_near(
    catalogue: Catalogue, batch: EmbeddingBatch, encoders: Mapping[Modality, Encoder]
) -> tuple[list[CatalogueProduct], Owned]:
    """The products with the nearest views to any of these uploads, with all their views."""
    ids: dict[str, None] = {}
    for modality, encoder in encoders.items():
        asked = batch.embeddings[modality][batch.present[modality]]
        for near in catalogue.nearest(encoder, asked.numpy(), CANDIDATES) if len(asked) else ():
            ids |= dict.fromkeys(one.product for one in near)
    products = catalogue.products(list(ids))
    views: dict[Modality, Tensor] = {}
    owners: dict[Modality, Tensor] = {}
    for modality, encoder in encoders.items():
        own = [(place, view) for place, one in enumerate(products) for view in one.views if view.modality == modality]
        rows, read, _ = EmbeddingStore().fetch(encoder, [view.source for _, view in own])
        views[modality] = rows[read]
        owners[modality] = torch.tensor([place for place, _ in own], dtype=torch.long)[read]
    return products, (views, owners)


def joined(first: Owned, count: int, train: EmbeddingBatch) -> Owned:
    """The views of `count` products, then those of training rows."""
    views, owners = dict(first[0]), dict(first[1])
    for modality, there in train.present.items():
        m: Modality = modality  # type: ignore[assignment]
        rows, places = train.embeddings[m][there], count + there.nonzero().flatten()
        views[m] = torch.cat([views[m], rows]) if m in views else rows
        owners[m] = torch.cat([owners[m], places]) if m in owners else places
    return views, owners


def parents_in(recognizer: Recognizer, train: Sequence[Product]) -> Mapping[str, Mapping[str, ParentMap]]:
    """Which task is whose parent, by the training rows."""
    known = recognizer.vocabularies
    targets = {task: np.array([own.index(row.labels.get(task, "")) for row in train]) for task, own in known.items()}
    return parents_of(targets, {task: len(own) for task, own in known.items()}) if train else {}


def own_weights(views: Views, modality: Modality, products: int) -> tuple[float, float]:
    """Weight and constant of the plain cosine, from the catalogue's own views, each asked beside all others.

    The usual ones where fewer than `FEWEST` views have another one of their product beside them.
    """
    usual = USUAL_PLAIN[modality]
    rows = torch.arange(len(views.owners))[:: -(-len(views.owners) // MOST_VIEWS) or 1]
    several = rows[views.counts(products)[views.owners[rows]] > 1]
    if len(several) < FEWEST:
        return usual
    directions = views.directions[PLAIN[modality]]
    cosines = directions[several] @ directions.T
    cosines[torch.arange(len(several)), several] = -torch.inf
    best = torch.full((len(several), products), -torch.inf)
    best.scatter_reduce_(1, views.owners.expand_as(cosines), cosines, "amax")
    own = views.owners[several]
    others = best.clone()
    others[torch.arange(len(several)), own] = -torch.inf

    def loss(weights: Tensor) -> Tensor:
        """Asked once with the product in the catalogue, once without it: then it is none of them."""
        inside, outside = (_log_shares(weights, cosines.double()) for cosines in (best, others))
        lost = -inside[torch.arange(len(own)), own + 1].mean() - outside[:, 0].mean()
        return len(own) * lost + PRIOR / 2 * (weights - torch.tensor(usual)).square().sum()

    weight, constant = minimized(loss, torch.tensor(usual), [(0.0, None), (None, None)]).tolist()
    return weight, constant


def _log_shares(weights: Tensor, cosines: Tensor) -> Tensor:
    """(2,) weight and constant, (Q, N) -> (Q, 1 + N) log probabilities of none and of each, as products speak alone."""
    known = cosines.isfinite()
    odds = (weights[0] * cosines.nan_to_num(neginf=0.0) + weights[1]).masked_fill(~known, -torch.inf)
    return torch.cat([torch.zeros(len(odds), 1), by_itself(odds)], 1).log_softmax(1)


def with_inputs(batch: EmbeddingBatch, recognizer: Recognizer) -> EmbeddingBatch:
    """What the recogniser's head reads of a batch; absent where the batch lacks it."""
    return with_all(batch, recognizer.head.dims)


def spaces_of(recognizer: Recognizer, views: Mapping[Modality, Tensor]) -> Spaces:
    """The recogniser's own; around the mean of the catalogue's views {input: (V, D)} where it has none."""
    novelty = recognizer.certainty.novelty
    maps = {} if novelty is None else novelty.inputs
    centres = {m: space.centre for m, space in maps.items()}
    centres |= {m: rows.mean(0) for m, rows in views.items() if m not in centres and len(rows)}
    return Spaces(centres, maps, recognizer.head, None if novelty is None else novelty.fused)


def matching_of(recognizer: Recognizer) -> Matching:
    """The recogniser's own, or the usual one."""
    return recognizer.certainty.matching or Matching.usual()


def encoders_for(recognizer: Recognizer, counts: Mapping[Modality, int]) -> dict[Modality, Encoder]:
    """The recogniser's, and the bundled ones for inputs that it lacks but some view has."""
    there = {modality for modality, count in counts.items() if count} - set(recognizer.modalities)
    found = {m: recognizer.encoders[m] for m in recognizer.modalities} | load_preset("bundled", there)
    return {m: found[m] for m in MODALITIES if m in found}
