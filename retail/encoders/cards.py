"""What is known of an encoder without loading its network: kept beside its graph, so that a start is quick.

In: an encoder's name and the weights on this machine that it stands for. Out: its fingerprint, its size and what
prepares its items, as long as neither the weights nor the versions that decide an embedding have changed.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

from torch import Tensor

from retail import files
from retail.encoders import Encoder
from retail.files.record import FileRecord, version_of
from retail.schema import UserError

READERS = ("torch", "timm", "transformers", "tokenizers")  # another version may read the same weights otherwise


class Card(FileRecord):
    """One encoder of this machine."""

    remedy: ClassVar[str] = "delete the folder 'graphs' of RETAIL_HOME"

    format: Literal["retail-encoder/1"] = "retail-encoder/1"
    fingerprint: str
    dim: int
    facts: dict[str, Any]  # what its family needs beside the graph


@dataclass(frozen=True)
class CardPlace:
    """Where the card of an encoder lies; named after its weights' files as they are, so a changed one has none."""

    name: str
    weights: Path  # a file or a folder
    version: int  # of the family
    checksum: str = ""  # that the weights are checked against

    def read(self) -> Card | None:
        """The card, if there is one."""
        try:
            return Card.read(self._path)
        except UserError:
            return None

    def write(self, fingerprint: str, dim: int, facts: Mapping[str, Any]) -> None:
        """Where the home folder cannot be written, the encoder is loaded in full each time."""
        try:
            Card(fingerprint=fingerprint, dim=dim, facts=dict(facts)).write(self._path)
        except OSError:
            pass

    @cached_property
    def _path(self) -> Path:
        """Of the weights as they were when the card was looked for: they are read after that."""
        parts = sorted(self.weights.rglob("*")) if self.weights.is_dir() else [self.weights]
        found = [(str(part.resolve()), *version_of(part)[:2]) for part in parts if part.is_file()]
        marks = [self.name, self.version, self.checksum, found, _versions()]
        key = hashlib.sha256(json.dumps(marks).encode()).hexdigest()[:32]
        return files.home() / "graphs" / "encoders" / f"{key}.json"


class KnownByCard(Encoder):
    """An encoder whose network is not built where its card and its graph are there; else `__init__` loads it."""

    _place: CardPlace | None
    _has_card = False

    @abstractmethod
    def _card_place(self) -> CardPlace | None:
        """None where its weights may change without a file of this machine changing, or no card says enough."""

    @abstractmethod
    def _use_card(self, card: Card) -> None:
        """Sets `networks`, and what prepares the items."""

    @abstractmethod
    def _card_facts(self) -> Mapping[str, Any] | None:
        """What `_use_card` needs; None where that is not enough."""

    def _load_card(self) -> bool:
        """Whether the encoder is ready, without its network."""
        self._place = self._card_place()
        card = self._place.read() if self._place else None
        if card is None:
            return False
        self._fingerprint, self.dim = card.fingerprint, card.dim
        try:
            self._use_card(card)
        except (KeyError, TypeError, ValueError):  # damaged, yet JSON: the network says it all again
            return False
        self._has_card = self._has_graphs
        return self._has_card

    def embed_prepared(self, items: Sequence[Any]) -> Tensor:
        """N prepared items -> (N, D); a graph that this made is found at the next start."""
        embeddings = super().embed_prepared(items)
        self._keep_card()
        return embeddings

    def make_ready(self) -> None:
        """Makes the graph and the card."""
        super().make_ready()
        self._keep_card()

    @property
    def is_ready(self) -> bool:
        """Whether the graph and the card are there, as far as there can be any."""
        return super().is_ready and (self._has_card or not self._has_graphs)

    @property
    def _has_graphs(self) -> bool:
        return all(network.has_graph for network in self.networks)

    def _keep_card(self) -> None:
        if self._has_card or not self._has_graphs:
            return
        self._has_card = True
        if self._place and (facts := self._card_facts()) is not None:
            self._place.write(self._fingerprint, self.dim, facts)


@cache
def _versions() -> list[str]:
    return [version(name) for name in READERS]
