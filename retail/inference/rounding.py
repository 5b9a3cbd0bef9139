"""Runtimes whose numbers are not quite PyTorch's, behind a gate that is measured on somebody's own data.

In: a network's float32 graph; embeddings of the same items from it and from such a runtime. Out: a session, and a
record whether the embeddings are alike enough. What passes is used where it is asked for, with its own fingerprint.
"""

from __future__ import annotations

import hashlib
import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from retail import files
from retail.files.record import FileRecord
from retail.inference.runtimes import Arrays, Session
from retail.schema import UserError

log = logging.getLogger(__name__)

LEAST_COSINE, LEAST_SAME_NEAREST = 0.99, 0.99
LEAST_ITEMS = 100  # fewer cannot tell 99 of 100
PACKAGE = "openvino"
PRECISIONS = {"openvino": "f32", "openvino-bf16": "bf16"}


class GateRecord(FileRecord):
    """What one runtime made of an encoder's items."""

    remedy: ClassVar[str] = "measure again with 'retail runtime'"

    format: Literal["retail-gate/1"] = "retail-gate/1"
    runtime: str
    version: str
    items: int
    cosine: float  # the smallest, of an item with itself
    same_nearest: float  # share of the items whose nearest other item is the same
    milliseconds: float  # of the processor, an item
    usual_milliseconds: float  # with float32 in ONNX Runtime

    @property
    def passed(self) -> bool:
        """Whether it may stand in for float32."""
        alike = self.cosine >= LEAST_COSINE and self.same_nearest >= LEAST_SAME_NEAREST
        return alike and self.items >= LEAST_ITEMS


class OpenVinoSession:
    """A graph in OpenVINO; it would choose a lower precision by itself."""

    def __init__(self, path: Path, precision: str) -> None:
        import openvino

        hints = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        self.mebibytes = path.stat().st_size / 2**20
        self._model: Any = openvino.Core().compile_model(str(path), "CPU", {**hints, "PERFORMANCE_HINT": "LATENCY"})

    def __call__(self, *inputs: np.ndarray) -> Arrays:
        """A request for each call, so that threads do not share one."""
        found = self._model.create_infer_request().infer(list(inputs))
        return [np.array(found[place]) for place in range(len(self._model.outputs))]


def open_session(path: Path, runtime: str) -> Session:
    """The graph as this runtime runs it; raises UserError where its package is missing."""
    version_of(runtime)
    return OpenVinoSession(path, PRECISIONS[runtime])


def likeness(usual: Tensor, other: Tensor) -> tuple[float, float]:
    """(N, D) twice -> the smallest cosine of a row with itself, and the share with the same nearest other row."""
    own, rounded = (normalize(rows.double(), dim=1) for rows in (usual, other))
    nearest = [(rows @ rows.T).fill_diagonal_(-torch.inf).argmax(1) for rows in (own, rounded)]
    return float(cosine_similarity(own, rounded).min()), float((nearest[0] == nearest[1]).double().mean())


def keep(fingerprint: str, record: GateRecord) -> None:
    """For the next starts."""
    record.write(_place(fingerprint, record.runtime))


def has_passed(fingerprint: str, runtime: str) -> bool:
    """Whether it was measured in this version, and passed."""
    try:
        record = GateRecord.read(_place(fingerprint, runtime))
    except UserError:
        return False
    return record.passed and record.version == version_of(runtime)


def is_open(key: str, runtime: str) -> bool:
    """Whether a network may run in it; where it may not, the log says what to do."""
    fingerprint = key.partition("-")[0]
    if has_passed(fingerprint, runtime):
        return True
    log.warning("%s was not measured on your data, or did not pass; float32 runs. Try 'retail runtime DATA'.", runtime)
    return False


def rounded(fingerprint: str, runtime: str) -> str:
    """The fingerprint of the same encoder in such a runtime."""
    return hashlib.sha256(f"{fingerprint} {runtime}".encode()).hexdigest()[:32]


def version_of(runtime: str) -> str:
    """Of its package; raises UserError where that is missing."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        raise UserError(f"{runtime} needs {PACKAGE}, which is not installed: pip install 'retail[openvino]'.") from None


def _place(fingerprint: str, runtime: str) -> Path:
    return files.home() / "graphs" / f"{fingerprint}-{runtime}.gate.json"
