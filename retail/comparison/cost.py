"""What an input costs to use, and what it brings: seconds and memory against accuracy.

In: encoders and a few products. Out: `EncodeCost` per modality, and for each subset of inputs what it costs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retail.comparison.result_rows import Cost, SubsetScore
from retail.encoders import Encoder
from retail.schema import Modality, Product
from retail.store import embed_products

# One at a time, as in a shop; few, because a median of a handful is steady enough to choose by.
TIMED_PRODUCTS = 7


@dataclass(frozen=True)
class EncodeCost:
    """Median seconds to decode and encode one product's input, and the MiB that the encoder's weights take."""

    seconds: float
    mebibytes: float


def encode_costs(encoders: Mapping[Modality, Encoder], products: Sequence[Product]) -> dict[Modality, EncodeCost]:
    """Times each encoder on products that have its input; one that no product has is left out."""
    costs: dict[Modality, EncodeCost] = {}
    for modality, encoder in encoders.items():
        having = [product for product in products if modality in product.modalities][: TIMED_PRODUCTS + 1]
        if having:
            first, *timed = having  # the first one warms up
            embed_products([first], {modality: encoder}, {})
            seconds = [_seconds(product, modality, encoder) for product in timed or [first]]
            costs[modality] = EncodeCost(statistics.median(seconds), encoder.mebibytes)
    return costs


def _seconds(product: Product, modality: Modality, encoder: Encoder) -> float:
    started = time.perf_counter()
    embed_products([product], {modality: encoder}, {})
    return time.perf_counter() - started


def cost_rows(subsets: Sequence[SubsetScore], costs: Mapping[Modality, EncodeCost] | None) -> list[Cost]:
    """One task's accuracy rows by subset -> the same with seconds, MiB and whether nothing quicker is as good."""
    if not costs:
        return []
    rows = [_cost_row(row, costs) for row in subsets if all(modality in costs for modality in row.modalities)]
    beaten = [any(_beats(other, row) for other in rows) for row in rows]
    return [row.model_copy(update={"worth_it": not lost}) for row, lost in zip(rows, beaten, strict=True)]


def _cost_row(row: SubsetScore, costs: Mapping[Modality, EncodeCost]) -> Cost:
    spent = [costs[modality] for modality in row.modalities]
    return Cost(
        task=row.task,
        model=row.model,
        modalities=row.modalities,
        accuracy=row.accuracy,
        seconds=sum(cost.seconds for cost in spent),
        mebibytes=sum(cost.mebibytes for cost in spent),
        worth_it=True,
    )


def _beats(other: Cost, row: Cost) -> bool:
    """No worse in accuracy and seconds, and better in one (Pareto).

    Every product costs the seconds again; the encoders are loaded once, so that a small one makes nothing cheaper.
    """
    gains = other.accuracy - row.accuracy, row.seconds - other.seconds
    return min(gains) >= 0 and max(gains) > 0
