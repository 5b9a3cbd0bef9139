"""Graphs of networks, made once on a machine and kept in the home folder.

In: a network's key, its `Plan` and what it gives in PyTorch. Out: a file whose answers were compared with PyTorch's,
or None, and one line in the log, where the network has no graph or the graph answers otherwise.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from retail import files
from retail.files.record import FileRecord
from retail.inference.graphs import Plan
from retail.inference.runtimes import OnnxRuntimeSession, Session
from retail.schema import UserError

MOST_DIFFERENCE, LEAST_COSINE = 1e-4, 0.9999  # beyond these a graph is another network

log = logging.getLogger(__name__)


class GraphRecord(FileRecord):
    """What is known of a graph. It is written last, so a graph without one is none."""

    remedy: ClassVar[str] = "delete the folder 'graphs' of RETAIL_HOME"

    format: Literal["retail-graph/1"] = "retail-graph/1"
    onnxruntime: str  # the version that it was compared with
    bytes: int = 0
    crc32: int | None = None  # of the file; None: written before it was counted
    difference: float = 0.0  # the largest, of a number
    cosine: float = 1.0  # the smallest
    refused: str = ""  # why there is none


def is_kept(key: str) -> bool:
    """Whether there is a graph of this network that fits."""
    record = _record(key)
    return record is not None and not record.refused and _bytes(graph_of(key)) == record.bytes


def kept_session(key: str) -> Session | None:
    """The graph, ready to run; None where there is none that fits."""
    if not is_kept(key):
        return None
    path, record = graph_of(key), _record(key)
    try:
        if record and record.crc32 not in (None, _crc32(path)):  # it might run, and answer anything
            raise RuntimeError("its bytes have changed")
        session = OnnxRuntimeSession(path)
        files.note_use(path)
        return session
    except Exception as error:  # a damaged file, for which ONNX Runtime has exceptions of its own
        log.warning("The graph %s cannot be read (%s); it will be made again.", path.name, _short(error))
        _place(key).unlink(missing_ok=True)
        return None


def is_refused(key: str) -> bool:
    """Whether it was tried with this version of ONNX Runtime, in vain."""
    record = _record(key)
    return record is not None and bool(record.refused)


def make(key: str, plan: Plan, in_pytorch: Callable[..., Sequence[Tensor]]) -> None:
    """Writes the graph, compares it, and keeps it; where that fails it is not tried again."""
    try:
        with files.whole_file(graph_of(key)) as partial:
            plan.write(partial)
            difference, cosine = _compared(OnnxRuntimeSession(partial), plan, in_pytorch)
            size, mark = _bytes(partial), _crc32(partial)
    except OSError as error:
        log.warning("A graph of the network could not be kept (%s); PyTorch runs it.", _short(error))
        return
    except (UserError, RuntimeError) as error:
        _refuse(key, _short(error))
        return
    record = GraphRecord(onnxruntime=_version(), bytes=size, crc32=mark, difference=difference, cosine=cosine)
    record.write(_place(key))


def _compared(session: Session, plan: Plan, in_pytorch: Callable[..., Sequence[Tensor]]) -> tuple[float, float]:
    """The largest difference of a number and the smallest cosine; raises RuntimeError where they are too far apart."""
    difference, cosine = 0.0, 1.0
    for probe in plan.probes():
        graph = [torch.from_numpy(found) for found in session(*(one.numpy() for one in probe))]
        for ours, theirs in zip(graph, in_pytorch(*probe), strict=True):
            difference = max(difference, float((ours - theirs).abs().max()))
            if ours.ndim > 1:
                cosine = min(cosine, float(cosine_similarity(ours.double(), theirs.double(), dim=1).min()))
    if not (difference <= MOST_DIFFERENCE and cosine >= LEAST_COSINE):
        raise RuntimeError(f"its numbers differ by up to {difference:.1e}, cosine {cosine:.5f}")
    return difference, cosine


def _refuse(key: str, reason: str) -> None:
    log.warning("ONNX Runtime does not run this network (%s); PyTorch does, which is slower.", reason)
    graph_of(key).unlink(missing_ok=True)
    GraphRecord(onnxruntime=_version(), refused=reason).write(_place(key))


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _crc32(path: Path) -> int:
    """Tells damage at 0.3 ms of processor a MiB; whoever means harm and can write here needs no graph."""
    mark = 0
    with path.open("rb") as file:
        while piece := file.read(2**20):
            mark = zlib.crc32(piece, mark)
    return mark


def _record(key: str) -> GraphRecord | None:
    """What was written by this version of ONNX Runtime; another one has to be compared again."""
    place = _place(key)
    if not place.is_file():
        return None
    try:
        record = GraphRecord.read(place)
    except UserError:
        return None
    return record if record.onnxruntime == _version() else None


def graph_of(key: str) -> Path:
    """Where the graph of this network lies."""
    return files.home() / "graphs" / f"{key}.onnx"


def _place(key: str) -> Path:
    return graph_of(key).with_suffix(".json")


@cache
def _version() -> str:
    return version("onnxruntime")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
