"""A text as word pieces, by the library tokenizers alone: transformers takes seconds to load.

In: clean texts. Out: what a network takes, padded to the longest of them. The pieces are those of the checkpoint's own
tokenizer, which is asked when it is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

# A tokenizer with threads of its own warns, and stops using them, as soon as a training starts its helpers.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SAMPLES = ["", "oat drink", "Café & Crème, 1 l\u00a0", "a carton of oat drink for coffee " * 40, "日本茶 №5"]


def json_of(tokenizer: Any) -> str:
    """A tokenizer of transformers as the library tokenizers reads it, "" where it has no such form."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return "" if backend is None else backend.to_str()


@dataclass(frozen=True)
class WordPieces:
    """A checkpoint's tokenizer, and what it pads with."""

    json: str
    names: tuple[str, ...]  # of the network's inputs, in order
    pad: int
    longest: int  # word pieces of a text, with the marks around it

    @classmethod
    def of(cls, tokenizer: Any, longest: int) -> Self | None:
        """The same as a tokenizer of transformers; None where that does more than the library tokenizers."""
        content = json_of(tokenizer)
        if not content or tokenizer.pad_token_id is None:
            return None
        own = cls(content, tuple(tokenizer.model_input_names), tokenizer.pad_token_id, longest)
        options = {"padding": True, "truncation": True, "max_length": longest, "return_tensors": "pt"}
        try:
            theirs, ours = tokenizer(SAMPLES, **options), own(SAMPLES)
        except (KeyError, ValueError):
            return None
        same = list(theirs) == list(ours) and all(torch.equal(theirs[name], ours[name]) for name in ours)
        return own if same else None

    @classmethod
    def kept(cls, facts: dict[str, Any]) -> Self:
        """As `facts` gave it, from JSON."""
        return cls(facts["json"], tuple(facts["names"]), facts["pad"], facts["longest"])

    @property
    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def room(self) -> int:
        """Word pieces that fit beside the marks around a text."""
        return self.longest - self.marks

    @property
    def marks(self) -> int:
        """Word pieces around a text."""
        return self._whole.num_special_tokens_to_add(False)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each text, without the marks."""
        return [len(one.ids) for one in self._whole.encode_batch_fast(list(texts), add_special_tokens=False)]

    def __call__(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """B texts -> {input: (B, T)}"""
        rows = [torch.tensor(one.ids, dtype=torch.long) for one in self._cut.encode_batch_fast(list(texts))]
        pieces = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.pad)
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(pieces.shape[1]) < lengths[:, None]).long()
        given = {"input_ids": pieces, "attention_mask": mask, "token_type_ids": torch.zeros_like(pieces)}
        return {name: given[name] for name in self.names}

    @cached_property
    def _whole(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self.json)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _cut(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self.json)
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.longest)
        return tokenizer
