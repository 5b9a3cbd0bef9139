"""What one server may do, how much it takes in, and for how long. No torch.

In: options of `retail serve` and the key in the environment. Out: `ServeSettings`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from retail.outside.limits import MAX_REQUEST_MIB, MAX_REQUEST_SECONDS, MAX_WAITING

KEY_VARIABLE = "RETAIL_API_KEY"  # not an option: other users of the machine can read a process's arguments
TOGETHER = 8


@dataclass(frozen=True)
class ServeSettings:
    """A bundle, the catalogue that answers beside it, and limits."""

    bundle: Path
    catalogue: str = ""
    local: bool = True  # whether it listens to this machine alone
    key: str = field(default="", repr=False)  # "" lets everybody in who can reach it
    most_bytes: int = MAX_REQUEST_MIB * 2**20  # of one request
    seconds: float = MAX_REQUEST_SECONDS  # that a request may take, its upload included
    most_waiting: int = MAX_WAITING  # requests under way; more are sent away
    together: int = TOGETHER  # products that go through the encoders at once
    trust: bool = False  # whether a bundle from elsewhere loads the encoders that it asks for


def key_of_the_environment() -> str:
    """The key that clients must send, "" where none is set."""
    return os.environ.get(KEY_VARIABLE, "").strip()
