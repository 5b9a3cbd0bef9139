"""The networks of a recogniser as ONNX graphs with a batch of any size.

In: encoders and a head. Out: files. PyTorch's exporter traces, so no module here may ask for the length of a batch.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from retail.certainty.novelty import Novelty
from retail.certainty.spaces import side_by_side
from retail.encoders.image import TimmEncoder
from retail.encoders.spoken_word import MEL, SpokenWordNet
from retail.encoders.text import TransformersEncoder
from retail.encoders.views import WithLayers, mean_over_views
from retail.fusion import FusionHead
from retail.schema import MODALITIES, UserError

OPSET = 18
PRESENT, UNKNOWN = "present", "unknown"


class _Photos(nn.Module):
    def __init__(self, encoder: TimmEncoder) -> None:
        super().__init__()
        model = encoder.new_model()
        self.model = WithLayers(model, encoder.options.layers) if encoder.options.layers else model
        self.flip = encoder.options.flip

    def forward(self, pixels: Tensor) -> Tensor:
        return mean_over_views(self.model, pixels, self.flip)


class _Texts(nn.Module):
    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, tuple(names)

    def forward(self, *rows: Tensor) -> Tensor:
        return self.model(dict(zip(self.names, rows, strict=True)))


class _Sounds(nn.Module):
    def __init__(self, net: SpokenWordNet) -> None:
        super().__init__()
        self.net = copy.deepcopy(net)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        heard = self.net(features)
        return heard.embedding, heard.speech


class _Head(nn.Module):
    """Embeddings in the fixed order and (B, M) which of them are there -> the tasks' logits, and how unknown it is."""

    def __init__(self, head: FusionHead, novelty: Novelty | None) -> None:
        super().__init__()
        self.head, self.novelty = copy.deepcopy(head), novelty

    def forward(self, *rows: Tensor) -> tuple[Tensor, ...]:
        present = dict(zip(self.head.dims, rows[-1].unbind(1), strict=True))
        given = dict(zip(self.head.dims, rows[:-1], strict=True))
        logits = self.head(given, present)
        if self.novelty is None:
            return tuple(logits.values())
        return *logits.values(), self._unknown(self.novelty, given, present, logits)

    @staticmethod
    def _unknown(
        novelty: Novelty, given: Mapping[str, Tensor], present: Mapping[str, Tensor], logits: Mapping[str, Tensor]
    ) -> Tensor:
        """(B,) the score of `Novelty`, by masks in place of chosen rows."""
        fused = novelty.fused
        directions = normalize(fused.mapped(side_by_side(logits)), dim=1)
        apart = 1 - (directions @ fused.unit_means.T).max(1).values
        near = torch.zeros_like(apart)
        codes = torch.zeros_like(apart, dtype=torch.long)
        for modality, space in novelty.inputs.items():
            clean = torch.where(present[modality][:, None], given[modality], 0.0)
            near = near + torch.where(present[modality], space.distances(space.similarities(clean)), 0.0)
            codes = codes + present[modality].long() * 2 ** MODALITIES.index(modality)
        return novelty.score_of(torch.stack([near, apart], 1), codes)


def write_photo_graph(encoder: TimmEncoder, path: Path) -> None:
    """pixels (B, 3, H, W) -> embedding (B, D)"""
    probe = torch.zeros(2, *encoder.data_config["input_size"])
    _write(_Photos(encoder), (probe,), path, ["pixels"], ["embedding"])


def write_text_graph(encoder: TransformersEncoder, path: Path) -> tuple[str, ...]:
    """Word pieces (B, T) -> embedding (B, D); returns the names of the graph's inputs."""
    tokens = encoder.inputs(["oat drink", "a carton of oat drink"])
    _write(_Texts(encoder.new_model(), list(tokens)), tuple(tokens.values()), path, list(tokens), ["embedding"], [1])
    return tuple(tokens)


def write_sound_graph(net: SpokenWordNet, path: Path) -> None:
    """features (B, mels, T) -> embedding (B, D), speech (B,)"""
    _write(_Sounds(net), (torch.zeros(2, MEL["n_mels"], 80),), path, ["features"], ["embedding", "speech"], [2])


def write_head_graph(head: FusionHead, novelty: Novelty | None, path: Path) -> tuple[str, ...]:
    """The head's inputs (B, D_m) and present (B, M) -> logits_0, logits_1, … (B, C_t), unknown (B,); returns these."""
    probes = [torch.zeros(2, dim) for dim in head.dims.values()]
    mask = torch.ones(2, len(probes), dtype=torch.bool)
    outputs = [f"logits_{place}" for place in range(len(head.tasks))] + ([] if novelty is None else [UNKNOWN])
    _write(_Head(head, novelty), (*probes, mask), path, [*head.dims, PRESENT], outputs)
    return tuple(outputs)


def _write(
    module: nn.Module,
    probe: tuple[Tensor, ...],
    path: Path,
    inputs: list[str],
    outputs: list[str],
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
                input_names=inputs,
                output_names=outputs,
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{path.name} cannot be written as an ONNX graph ({reason}); export another strategy or encoder."
        ) from error
