"""Networks as ONNX graphs with a batch of any size.

In: a module with probes for its inputs. Out: files. PyTorch's exporter traces, so no module that becomes a graph may
ask for the length of a batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from retail.schema import UserError

OPSET = 18


@dataclass(frozen=True)
class Plan:
    """How a network is called, and how it is made where it has to become a graph or to run in PyTorch.

    `probes` are inputs for it, of several batch sizes and lengths; the first is the one that is traced.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    module: Callable[[], nn.Module]  # takes `inputs` in order, and gives one tensor, or a tuple of all `outputs`
    probes: Callable[[], list[tuple[Tensor, ...]]]
    drawn: Callable[[], nn.Module] | None = None  # the same network in a form that makes a quicker graph
    free: tuple[int, ...] = ()  # dimensions of the inputs, beside the first, that may be of any size
    traced: bool = False  # whether PyTorch runs it as a frozen trace, which is quicker and takes only fixed sizes

    def write(self, path: Path) -> None:
        """Writes the graph; raises UserError where the network has none."""
        write_graph((self.drawn or self.module)(), self.probes()[0], path, self.inputs, self.outputs, self.free)


def write_graph(
    module: nn.Module,
    probe: tuple[Tensor, ...],
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    free: Sequence[int] = (),
) -> None:
    """`free` are the dimensions of the inputs, beside the first, that may be of any size."""
    axes = {name: {0: "batch", **{axis: "length" for axis in free}} for name in inputs}
    axes |= {name: {0: "batch"} for name in outputs}
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # tracing is announced as legacy; the pinned version has it
            torch.onnx.export(
                module.eval(),
                probe,
                str(path),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{path.name} cannot be written as an ONNX graph ({reason}); export another strategy or encoder."
        ) from error
