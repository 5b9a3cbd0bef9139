"""Frozen networks as this machine runs them best: ONNX graphs on the processor, PyTorch elsewhere and until then.

In: a `Plan` and a key, which says all that decides the network's numbers. Out: a `Network`, called with tensors.
Graphs are float32 and compared with PyTorch when they are made, so an embedding is the same from either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from retail.config.runtime import ROUNDING, Runtime
from retail.inference import kept, rounding
from retail.inference.graphs import Plan
from retail.inference.pytorch import InPyTorch, uses_graphics_card
from retail.inference.runtimes import Session

__all__ = ["Network", "Plan"]

# What writing and comparing a graph takes, without the loading of what writes it. Work that PyTorch would be busy with
# for `PAYS` times as long makes one first: from there on the graph saves more than it costs.
MAKING_SECONDS, MAKING_SECONDS_PER_MIB = 1.5, 0.02
PAYS = 3.0


class Network:
    """A frozen network. `expect` announces work, so that a graph is made only where that pays."""

    def __init__(self, key: str, plan: Plan, module: nn.Module | None = None) -> None:
        """`module` is what `plan` would make, where somebody has it already."""
        self.key, self.plan = key, plan
        runtime = Runtime.chosen().name
        self.rounding = runtime if runtime in ROUNDING and rounding.is_open(key, runtime) else ""
        self._at_once = runtime == "onnxruntime" or bool(self.rounding)
        self._wants_graph = self._at_once or (runtime != "pytorch" and not uses_graphics_card())
        self._module = module
        self._pytorch: InPyTorch | None = None
        self._session: Session | None = None
        self._ahead = 0  # announced rows that are still to come
        self._busy_rows, self._busy_seconds = 0, 0.0  # of announced work so far, in PyTorch
        self._lock = threading.RLock()

    @property
    def has_graph(self) -> bool:
        """Whether ONNX Runtime runs it; what another process made meanwhile is found."""
        return self._session is not None or (self._wants_graph and kept.is_kept(self.key))

    @property
    def is_ready(self) -> bool:
        """Whether `make_ready` would change nothing."""
        return not self._wants_graph or self.has_graph or kept.is_refused(self.key)

    @property
    def mebibytes(self) -> float:
        """What its weights take."""
        session = self._opened()
        return self._in_pytorch().mebibytes if session is None else session.mebibytes

    def make_ready(self) -> None:
        """Makes the graph where there is none and there can be one."""
        with self._lock:
            if not self._wants_graph or self.has_graph:
                return
            if not kept.is_refused(self.key):
                kept.make(self.key, self.plan, self._in_pytorch())
            self._wants_graph = self._opened() is not None

    def expect(self, rows: int) -> None:
        """So many rows are about to come; single ones need no announcement."""
        self._ahead = max(self._ahead, rows)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The plan's inputs in order, on the CPU -> its outputs in order"""
        if self._at_once or self._pays():
            self.make_ready()
        if session := self._opened():
            return tuple(torch.from_numpy(array) for array in session(*(one.contiguous().numpy() for one in inputs)))
        run = self._in_pytorch()
        started = time.perf_counter()
        found = run(*inputs)
        if self._ahead:
            self._ahead = max(0, self._ahead - len(inputs[0]))
            self._busy_rows += len(inputs[0])
            self._busy_seconds += time.perf_counter() - started
        return found

    def _opened(self) -> Session | None:
        """The graph, if there is one."""
        if self._session is None and self._wants_graph and kept.is_kept(self.key):
            with self._lock:
                self._session = self._session or self._open(self.rounding)
                if self._session is not None:
                    self._module = self._pytorch = None  # the weights need not be in memory twice
        return self._session

    def _open(self, runtime: str) -> Session | None:
        return rounding.open_session(kept.graph_of(self.key), runtime) if runtime else kept.kept_session(self.key)

    @contextmanager
    def tried_in(self, runtime: str) -> Iterator[None]:
        """Runs in this runtime for a while, "" for float32 in ONNX Runtime; the graph must be there."""
        session, self._session = self._opened(), self._open(runtime)
        try:
            yield
        finally:
            self._session = session

    def _in_pytorch(self) -> InPyTorch:
        with self._lock:
            if self._pytorch is None:
                module = self._module if self._module is not None else self.plan.module()
                self._pytorch = InPyTorch(module, self.plan)
            return self._pytorch

    def _pays(self) -> bool:
        if self._session is not None or not self._wants_graph or not self._busy_rows:
            return False
        seconds = self._busy_seconds * (1 + self._ahead / self._busy_rows)
        making = MAKING_SECONDS + MAKING_SECONDS_PER_MIB * self._in_pytorch().mebibytes
        return seconds >= PAYS * making
