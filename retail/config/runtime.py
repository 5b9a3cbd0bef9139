"""What runs the encoders' networks on this machine, as the environment says it. No torch.

In: `RETAIL_RUNTIME`. Out: one of `RUNTIMES`, or a UserError for any other word.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

from retail.config.options import Config, option

VARIABLE = "RETAIL_RUNTIME"
ROUNDING = ("openvino", "openvino-bf16")  # perhaps other numbers than PyTorch gives: behind a gate
RUNTIMES = ("auto", "onnxruntime", "pytorch", *ROUNDING)


@dataclass(frozen=True)
class Runtime(Config):
    """`auto`: the graphics card where there is one, else ONNX Runtime as soon as making a graph pays."""

    name: str = option("auto", "What runs the encoders.", choices=RUNTIMES, flag=VARIABLE)

    @classmethod
    def chosen(cls) -> Self:
        """What the environment says; raises UserError for a word that means nothing."""
        value = os.environ.get(VARIABLE) or cls.default("name")
        cls.options()["name"].check(VARIABLE, value)
        return cls(value)
