"""Where work on many products is done: on this machine, or on a cluster; and where embeddings are kept. No torch.

In: what somebody chose. Out: a `Spread`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Engine = Literal["local", "ray"]


@dataclass(frozen=True)
class Spread:
    """`workers` hold encoders each, 0 is one for every processor; `store` is a folder or an address, "" the home's."""

    engine: Engine = "local"
    workers: int = 0
    store: str = ""
