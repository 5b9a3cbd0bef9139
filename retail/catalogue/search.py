"""Finding products of a catalogue by words, by a photo, a description or a sound, and by filters, all together.

In: a catalogue and what is looked for. Out: `Found`, best first.

Each way of searching ranks products on its own: full text by BM25, each input by its cosine. The ranks are joined by
reciprocal rank fusion (Cormack, Clarke and Büttcher 2009), since a BM25 score and a cosine have no common scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from retail.catalogue.filters import among, condition
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.tables import searchable
from retail.schema import Modality, Product

if TYPE_CHECKING:
    from retail.catalogue.database import Catalogue
    from retail.catalogue.vectors import VectorTable
    from retail.encoders import Encoder

RANK_OFFSET = 60  # as in the paper: the first places of one ranking do not outvote several good ones
DEPTH = 5  # places of each ranking that are joined, for each result that is wanted
# Filters that so few products pass are settled first and the views of these compared one by one; otherwise the nearest
# views are looked up and those of other products dropped. Naming a product in a condition costs 0.04 ms, so with a
# million products both cost about the same here.
FEW_PASSING = 2_000
SPARE = 2  # how many times more views are looked up than should do, and again when they did not
# "Smiht" for "Smith" is two changes; the first letter has to be right, or short words find each other.
WRONG_LETTERS = 2


@dataclass(frozen=True)
class Near:
    """A view that is near to a query, and their cosine, -1 to 1."""

    view: str
    product: str
    similarity: float


@dataclass(frozen=True)
class Found:
    """A product that was found; `score` orders results of one search and means nothing else.

    `by_words` says whether its own words fit; `similarity` the best cosine of its views by each input.
    """

    product: CatalogueProduct
    score: float
    by_words: bool = False
    similarity: Mapping[Modality, float] = field(default_factory=dict)


def search(
    catalogue: Catalogue,
    words: str,
    product: Product | None,
    encoders: Mapping[Modality, Encoder],
    where: Mapping[str, str] | None,
    count: int,
) -> list[Found]:
    """Products by all that is given; words count as full text and, with an encoder for text, by their meaning.

    Where the encoders for photos and text share a space, words also find photos, and a photo descriptions.

    Without words and product these are the products that pass the filters, by name.
    """
    asked = _asked(words, product)
    if not words.strip() and not asked:
        return [Found(one, 0.0) for one in catalogue.products(where=where, limit=count)]
    rankings: list[list[str]] = []
    similarity: dict[str, dict[Modality, float]] = {}
    by_words = catalogue.ids_by_words(words, where, DEPTH * count) if words.strip() else []
    rankings.append(by_words)
    for shown in asked:
        for encoder, kept in _comparable(encoders):
            ranking = _by_vector(catalogue, shown, encoder, kept, where, DEPTH * count)
            rankings.append(list(ranking))
            for key, cosine in ranking.items():
                best = similarity.setdefault(key, {})
                best[kept.modality] = max(cosine, best.get(kept.modality, -1.0))
    scores = fused(rankings)
    products = catalogue.products(list(scores)[:count])
    fits = set(by_words)
    return [Found(one, scores[one.id], one.id in fits, similarity.get(one.id, {})) for one in products]


def fused(rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    """The reciprocal ranks of each id summed over the rankings, best first."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + 1 / (RANK_OFFSET + rank)
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


def nearest_views(
    catalogue: Catalogue, table: VectorTable, query: np.ndarray, count: int, where: Mapping[str, str] | None
) -> list[Near]:
    """The nearest views (D,) of products that pass the filters; see FEW_PASSING for how."""
    passing = catalogue.ids(where) if where else None
    wanted, looked_up = "", count
    if passing is not None and len(passing) <= FEW_PASSING:
        wanted = among("product", passing) if passing else "false"
    elif passing is not None:
        looked_up = ceil(SPARE * count * len(catalogue) / len(passing))
    fits = None if passing is None or wanted else set(passing)
    while True:
        rows = [Near(*row) for row in table.nearest(query, looked_up, wanted)]
        near = _still_there(catalogue, [row for row in rows if fits is None or row.product in fits], count)
        if len(near) >= count or len(rows) < looked_up:
            return near[:count]
        looked_up *= SPARE


def _still_there(catalogue: Catalogue, near: Sequence[Near], count: int) -> list[Near]:
    """Without vectors of views that are gone, which lag behind; stops once there are `count`."""
    found: list[Near] = []
    for start in range(0, len(near), SPARE * count):
        part = near[start : start + SPARE * count]
        there = catalogue.view_ids({row.product for row in part})
        found += [row for row in part if row.view in there]
        if len(found) >= count:
            break
    return found


def match_words(table: Any, words: str, wanted: str, count: int) -> list[str]:
    """Ids by full text, the best first: words as they stand, else as parts of words."""
    found = _match(table, words, wanted, count, wrong_letters=0)
    if found:
        return found
    both = " AND ".join(filter(None, (wanted, condition(None, (), words))))
    return table.search().where(both).limit(count).select(["id"]).to_arrow()["id"].to_pylist()


def match_misspelt(table: Any, words: str, wanted: str, count: int) -> list[str]:
    """Ids of rows with words that differ in some letters; only rows that the index covers are found."""
    return _match(table, words, wanted, count, WRONG_LETTERS)


def _match(table: Any, words: str, wanted: str, count: int, wrong_letters: int) -> list[str]:
    from lancedb.query import MatchQuery

    query = MatchQuery(searchable(words), "words", fuzziness=wrong_letters, prefix_length=1)  # type: ignore[call-arg]
    search = table.search(query, query_type="fts").limit(count).select(["id", "_score"])
    return (search.where(wanted, prefilter=True) if wanted else search).to_arrow()["id"].to_pylist()


def _asked(words: str, product: Product | None) -> list[Product]:
    """What is to be embedded: the words as a description, and the product."""
    asked = [Product("words", text=words)] if words.strip() else []
    return asked + ([product] if product is not None and product.modalities else [])


def _comparable(encoders: Mapping[Modality, Encoder]) -> list[tuple[Encoder, Encoder]]:
    """(encoder of what is looked for, encoder of views that this can be compared with): itself first."""
    from retail.encoders import share_space

    each = list(encoders.values())
    return [(one, one) for one in each] + [(a, b) for a in each for b in each if a is not b and share_space(a, b)]


def _by_vector(
    catalogue: Catalogue,
    shown: Product,
    encoder: Encoder,
    kept: Encoder,
    where: Mapping[str, str] | None,
    count: int,
) -> dict[str, float]:
    """Products by the cosine of the nearest view of `kept`, best first; {} where this input is absent or unreadable."""
    from retail.store import embed_products

    modality = encoder.modality
    if modality not in shown.modalities:
        return {}
    batch, _ = embed_products([shown], {modality: encoder}, {})
    if not bool(batch.present[modality][0]):
        return {}
    best: dict[str, float] = {}
    for near in catalogue.nearest(kept, batch.embeddings[modality].numpy(), count, where)[0]:
        best.setdefault(near.product, near.similarity)
    return best
