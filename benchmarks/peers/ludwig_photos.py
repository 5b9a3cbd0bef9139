"""A network of timm from a local folder as an image encoder of Ludwig, whose release knows torchvision's alone.

In: the folder that `data.py` wrote. Out: the encoder `timm_folder`, registered as Ludwig's documentation says.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from ludwig.constants import ENCODER_OUTPUT, IMAGE
from ludwig.encoders.image.base import ImageEncoder
from ludwig.encoders.registry import register_encoder
from ludwig.schema import utils as schema
from ludwig.schema.encoders.image.base import ImageEncoderConfig
from ludwig.schema.encoders.utils import register_encoder_config
from ludwig.schema.utils import ludwig_dataclass
from torch import Tensor

PIXELS = 224


@register_encoder_config("timm_folder", IMAGE)
@ludwig_dataclass
class TimmFolderConfig(ImageEncoderConfig):
    """What can be declared."""

    @staticmethod
    def module_name() -> str:
        return "TimmFolder"

    type: str = schema.ProtectedString("timm_folder", description="A network of timm from a local folder.")
    folder: str = schema.String(default="", description="Where it lies.")
    trainable: bool = schema.Boolean(default=True, description="Whether it learns too.")


@register_encoder("timm_folder", IMAGE)
class TimmFolder(ImageEncoder):
    """(B, 3, 224, 224) with values from 0 to 1 -> pooled features."""

    def __init__(self, folder: str = "", trainable: bool = True, encoder_config: Any = None, **_: Any) -> None:
        super().__init__()
        self.config = encoder_config
        self.network = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0)
        self.network.requires_grad_(trainable)
        for name in ("mean", "std"):
            values = torch.tensor(self.network.pretrained_cfg[name])
            self.register_buffer(name, values[:, None, None], persistent=False)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        return {ENCODER_OUTPUT: self.network((inputs - self.mean) / self.std)}

    @staticmethod
    def get_schema_cls() -> type[ImageEncoderConfig]:
        return TimmFolderConfig

    @property
    def input_shape(self) -> torch.Size:
        return torch.Size([3, PIXELS, PIXELS])

    @property
    def output_shape(self) -> torch.Size:
        return torch.Size([self.network.num_features])
