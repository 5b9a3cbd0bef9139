"""What an audit looks at and what it says.

In: the rows of a data set and, where there is an encoder, their embeddings. Out: `Finding`s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from retail.audit.media_facts import MediaFacts, facts_of
from retail.schema import Modality, Product
from retail.splits import group_names

# From "test accuracy cannot be trusted" over "probably easier than real life" to "know this when you read the figures".
Severity = Literal["leak", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("leak", "warning", "note")

# The six kinds, each with what is looked for.
KINDS = {
    "constant text": "all products of a class share one description",
    "label words": "the answer is written in the description",
    "names": "ids, file names, folders or barcodes give the class away",
    "near-duplicates": "the same photo, sound or description is on both sides of a split",
    "shortcut": "a product is on both sides of a split, or mere file properties give the class away",
    "shuffled control": "a shuffled input, or which inputs are missing, still gives the class away",
}


@dataclass(frozen=True)
class Finding:
    """One leak or shortcut; `rows` holds the ids of the products that it concerns, `task` is "" for all tasks.

    `twins` names for each of them the product that it copies; it is empty where nothing is copied.
    """

    kind: str
    severity: Severity
    sentence: str
    rows: tuple[str, ...]
    task: str = ""
    twins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audited:
    """N products with their splits; an input without an encoder is absent from `embeddings` and `present`."""

    root: Path
    products: Sequence[Product]
    tasks: Sequence[str]
    embeddings: dict[Modality, np.ndarray] = field(default_factory=dict)  # (N, D_m)
    present: dict[Modality, np.ndarray] = field(default_factory=dict)  # (N,) bool

    def labels(self, task: str) -> np.ndarray:
        """(N,) of str, "" = none."""
        return np.array([product.labels.get(task, "") for product in self.products], dtype=object)

    def ids(self, chosen: np.ndarray) -> tuple[str, ...]:
        """The ids at these places, or where a mask is set."""
        places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return tuple(self.products[place].id for place in places.tolist())

    @property
    def groups(self) -> np.ndarray:
        """(N,) names: rows of one declared group share one name, every other row has its own."""
        return group_names(self.products)

    @cached_property
    def facts(self) -> list[MediaFacts]:
        """What every row's files look like; each file is opened once."""
        return facts_of(self.products)
