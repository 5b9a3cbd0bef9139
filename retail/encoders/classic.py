"""Photos through torchvision's classifiers, AlexNet (Krizhevsky et al. 2012) first among them.

In: RGB pictures. Out: what the network's last linear layer reads, (B, D); 4,096 numbers for AlexNet.
Names: `torchvision:alexnet` (weights by hub), `torchvision:alexnet@FILE` (a state dict of torchvision's network with
any number of classes); behind each may stand `#size=288+flip`, as for timm's networks.
"""

from __future__ import annotations

import pickle  # nosec B403  # the name of an error
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from retail.encoders import Encoder, fingerprint_of
from retail.encoders.views import Features, photo_options, stacked
from retail.encoders.weights import TORCH_HUB, hub_access, split_source
from retail.inference import Network, Plan
from retail.schema import UserError


class TorchvisionEncoder(Encoder):
    """A torchvision classifier without its last layer, with the preprocessing its weights were trained with."""

    prefix = "torchvision"
    modality = "image"
    version = 1
    batch_size = 1

    def __init__(self, checkpoint: str) -> None:
        self.name = f"torchvision:{checkpoint}"
        checkpoint, options = photo_options(self.name, checkpoint)
        if options.crops or options.layers:
            raise UserError(f"{self.name!r} takes the options size=N and flip alone.")
        import torchvision

        model_name, file = split_source(checkpoint)
        if model_name not in torchvision.models.list_models(module=torchvision.models):
            raise UserError(f"torchvision has no classifier {model_name!r}; write 'torchvision:alexnet'.")
        model = _from_file(self.name, model_name, Path(file)) if file else _from_hub(self.name, model_name)
        self._transform = _transform(model_name, options.size)
        settings = {"transform": str(self._transform)} | options.settings
        self._fingerprint = fingerprint_of(type(self), settings, model.state_dict())
        probe = self.prepare(Image.new("RGB", (64, 64)))[None]
        plan = Plan(
            inputs=("pixels",),
            outputs=("embedding",),
            module=lambda: Features(model, options),
            probes=lambda: [(probe.expand(count, -1, -1, -1),) for count in (2, 3)],
        )
        self.networks = (Network(self._fingerprint, plan),)
        try:
            self.dim = self.networks[0](probe)[0].shape[1]
        except RuntimeError as error:
            raise UserError(f"{model_name!r} does not take photos of {options.size} px; leave out '#size='.") from error

    def prepare(self, item: Image.Image) -> Tensor:
        """RGB picture -> (3, H, W)"""
        return self._transform(item)

    def _embed(self, items: list[Tensor]) -> Tensor:
        return self.networks[0](stacked(items))[0]


def _from_hub(name: str, model_name: str) -> nn.Module:
    import torchvision

    with hub_access(name, hub=TORCH_HUB):
        model = torchvision.models.get_model(model_name, weights="DEFAULT")
    _cut(model)
    return model


def _from_file(name: str, model_name: str, path: Path) -> nn.Module:
    import torchvision

    if not path.is_file():
        raise UserError(f"The checkpoint file '{path}' of {name!r} does not exist; write 'torchvision:NAME@FILE'.")
    model = torchvision.models.get_model(model_name, weights=None)
    last = _cut(model)
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        model.load_state_dict({key: value for key, value in state.items() if not key.startswith(f"{last}.")})
    except (RuntimeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(
            f"The file '{path}' holds no state dict of torchvision's {model_name!r}; save it again."
        ) from error
    return model


def _cut(model: nn.Module) -> str:
    """Replaces the last linear layer, the classifier of the source's classes, by nothing; returns its name."""
    name = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1]
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, nn.Identity())
    return name


def _transform(model_name: str, size: int) -> Any:
    """The preset of the default weights; another size keeps its share of the photo."""
    import torchvision

    preset = torchvision.models.get_model_weights(model_name)["DEFAULT"].transforms
    if not size:
        return preset()
    usual = preset()
    return preset(crop_size=size, resize_size=round(size * usual.resize_size[0] / usual.crop_size[0]))
