"""What is read from photos beside the picture itself: barcodes, printed words. Off unless switched on. No torch.

In: 'codes,words', as somebody types it. Out: a `Reading`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from retail.config.options import Config, listed, option
from retail.schema import UserError


@dataclass(frozen=True)
class Reading(Config):
    """What is read from every photo."""

    codes: bool = option(False, "Read barcodes and QR codes in the photos.", label="Read barcodes and QR codes")
    words: bool = option(False, "Read printed words in the photos.", label="Read printed words")

    @classmethod
    def of_names(cls, text: str) -> Self:
        """'codes,words' -> both; raises UserError for what cannot be read."""
        known = [field.name for field in fields(cls)]
        names = listed(text)
        if unknown := [name for name in names if name not in known]:
            raise UserError(f"Nothing called {unknown[0]!r} is read from photos; name {' or '.join(known)}, or both.")
        return cls(**{name: name in names for name in known})

    @property
    def anything(self) -> bool:
        """Whether photos are read at all."""
        return self.codes or self.words
