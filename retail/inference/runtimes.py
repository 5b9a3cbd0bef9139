"""What runs a graph: ONNX Runtime, or OpenVINO where somebody chose it.

In: a graph's file. Out: a session that takes arrays and gives arrays; several threads may use it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

Arrays = Sequence[np.ndarray]


class Session(Protocol):
    """A graph that is ready to run."""

    mebibytes: float

    def __call__(self, *inputs: np.ndarray) -> Arrays:
        """The graph's inputs in order -> its outputs in order"""


class OnnxRuntimeSession:
    """On as many threads as PyTorch has, which do not spin: beside busy ones they would slow everything down."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self.mebibytes = path.stat().st_size / 2**20
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # errors; it warns of weights that nobody reads
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._names = [one.name for one in self._session.get_inputs()]

    def __call__(self, *inputs: np.ndarray) -> Arrays:
        return self._session.run(None, dict(zip(self._names, inputs, strict=True)))
