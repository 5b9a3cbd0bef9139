"""The contract of an encoder whose weights can be trained on, and what is the same for every family.

In: an `Encoder`. Out: a network to train, the inputs it takes, and the path where the trained weights were kept.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from retail.encoders import Encoder

# How networks number the repeated layers of their trunk: "encoder.layer.3.", "blocks.3.", "h.3."
NUMBERED = re.compile(r"(?:^|\.)(?:layers?|blocks?|h)\.(\d+)\.")

AFTER = -1  # marks what follows the numbered layers until their count is known


class TunableEncoder(Encoder):
    """An encoder that hands out its network; `retail.finetuning` trains it and knows no family."""

    suffix: ClassVar[str] = ".safetensors"  # of the kept weights; "" for a folder

    @abstractmethod
    def new_model(self) -> nn.Module:
        """A copy of the network that may be trained on: what `inputs` gives -> (B, D)."""

    @abstractmethod
    def blank_model(self) -> nn.Module:
        """The same network with new random weights, drawn from PyTorch's generator."""

    @abstractmethod
    def inputs(self, items: list[Any]) -> Any:
        """B prepared items -> what the network takes; it sees them as `embed` would."""

    def inputs_of_pieces(self, pieces: list[list[Any]]) -> Any:
        """The same of B items that were cut into pieces before."""
        return self.inputs([only for (only,) in pieces])

    @abstractmethod
    def save(self, model: nn.Module, path: Path) -> None:
        """Keeps a trained copy of the network in half precision, whole or not at all."""

    @property
    @abstractmethod
    def finetuned(self) -> Path | None:
        """Where this encoder's weights lie, if `save` wrote them."""

    @abstractmethod
    def name_with(self, path: Path) -> str:
        """The name of an encoder that differs from this one only in its weights."""

    def check_tunable(self) -> None:
        """Raises UserError where this encoder reads its network in a way that training would not."""

    def depths(self, model: nn.Module) -> dict[str, int]:
        """{parameter that may learn: how many layers lie behind its own}."""
        return layer_depths(name for name, _ in model.named_parameters())


def layer_depths(parameters: Iterable[str]) -> dict[str, int]:
    """Depths of parameters named in the network's order, from numbered layers and what lies before and after them."""
    places: dict[str, int] = {}
    highest = 0
    for name in parameters:
        number = NUMBERED.search(name)
        places[name] = int(number[1]) + 1 if number else AFTER if highest else 0
        highest = max(highest, int(number[1]) + 1 if number else 0)
    places = {name: highest + 1 if place == AFTER else place for name, place in places.items()}
    last = max(places.values(), default=0)
    return {name: last - place for name, place in places.items()}
