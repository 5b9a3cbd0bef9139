"""Options behind a photo encoder's name: how they are read, and that each view counts as it should."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torchvision import transforms

from retail.build import finetune_recognizer
from retail.config import FinetuneConfig, TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_encoder
from retail.encoders.views import PhotoOptions, WithLayers, five_crops, mean_over_views, photo_options
from retail.schema import UserError


def test_options_are_read_in_any_order_and_only_those_given_are_in_the_fingerprint():
    assert photo_options("x", "net@a/b.pth") == ("net@a/b.pth", PhotoOptions())
    assert photo_options("x", "net#size=288+flip") == ("net", PhotoOptions(size=288, flip=True))
    base, options = photo_options("x", "net@bundled#layers=2+crops+flip")
    assert base == "net@bundled" and options.settings == {"flip": True, "crops": True, "layers": 2}
    for wrong in ("net#magic", "net#size=big", "net#size=0", "#flip"):
        with pytest.raises(UserError, match="options: size=N, flip, crops, layers=N"):
            photo_options("x", wrong)


def test_five_crops_are_the_corners_and_the_centre():
    steps = [transforms.Resize(6), transforms.CenterCrop(4), transforms.ToTensor(), transforms.Normalize([0.5], [0.5])]
    photo = Image.fromarray(np.arange(36, dtype=np.uint8).reshape(6, 6))
    crops = five_crops(transforms.Compose(steps), "x")(photo)
    pixels = torch.arange(36.0).reshape(6, 6) / 255 * 2 - 1
    corners = [pixels[:4, :4], pixels[:4, 2:], pixels[2:, :4], pixels[2:, 2:]]
    torch.testing.assert_close(crops[:, 0], torch.stack([*corners, pixels[1:5, 1:5]]))
    with pytest.raises(UserError, match="does not crop; leave out 'crops'"):
        five_crops(transforms.Compose(steps[:1]), "x")


def test_views_are_averaged_by_hand():
    def left_edge(pixels: torch.Tensor) -> torch.Tensor:
        return pixels[:, :, 0, 0]

    pixels = torch.tensor([1.0, 3.0]).expand(2, 5, 3, 4, 2).clone()  # (B, V, 3, H, W), left 1 and right 3
    pixels[:, 0] += 10
    assert mean_over_views(left_edge, pixels, flip=False).unique().tolist() == [3.0]
    assert mean_over_views(left_edge, pixels, flip=True).unique().tolist() == [4.0]
    assert mean_over_views(left_edge, pixels[:, 1], flip=False).shape == (2, 3)


def test_layers_stand_behind_the_last_features():
    torch.manual_seed(0)
    model = timm.create_model("test_efficientnet", num_classes=0).eval()
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        both = WithLayers(model, 2)(pixels)
        last = model(pixels)
        layers = model.forward_intermediates(pixels, indices=2, intermediates_only=True)
    torch.testing.assert_close(both[:, : last.shape[1]], last)
    torch.testing.assert_close(both[:, last.shape[1] :], torch.cat([layer.mean((2, 3)) for layer in layers], 1))


def test_the_bundled_encoder_takes_every_option():
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 90, 3), dtype=np.uint8))
    name = "timm:tf_efficientnet_lite0@bundled#size=64"
    plain, rich = load_encoder(name), load_encoder(f"{name}+flip+crops+layers=1")
    assert rich.prepare(photo).shape == (5, 3, 64, 64) and plain.prepare(photo).shape == (3, 64, 64)
    assert rich.embed([photo]).shape == (1, rich.dim) and rich.dim > plain.dim == 1280
    assert rich.fingerprint != plain.fingerprint
    torch.testing.assert_close(rich.embed([photo, photo])[1], rich.embed([photo])[0], atol=1e-4, rtol=1e-3)
    with pytest.raises(UserError, match="has no 99 layers to read"):
        load_encoder(f"{name}+layers=99")


def test_fine_tuning_refuses_several_layers(small_data):
    manifest = read_manifest(small_data, ["colour"])
    name = "image=timm:tf_efficientnet_lite0@bundled#size=64+layers=1"
    with pytest.raises(UserError, match="leave 'layers=' and"):
        finetune_recognizer(manifest, TrainConfig(modalities=("image",)), FinetuneConfig(), name)
