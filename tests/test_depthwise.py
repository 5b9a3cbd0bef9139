import pytest
import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from retail.finetuning.depthwise import QuickDepthwise, quickened


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("side", [8, 9, 11])
@pytest.mark.parametrize("padding", ["same", "half", "none"])
def test_outputs_and_gradients_are_those_of_pytorch(size: int, stride: int, side: int, padding: str) -> None:
    torch.manual_seed(0)
    if padding == "same":
        conv: nn.Conv2d = Conv2dSame(4, 4, size, stride, groups=4, bias=False)
    else:
        conv = nn.Conv2d(4, 4, size, stride, padding=size // 2 if padding == "half" else 0, groups=4, bias=False)
    conv = conv.double()
    pixels = torch.randn(3, 4, side, side + 1, dtype=torch.double, requires_grad=True)
    found, expected = QuickDepthwise(conv)(pixels), conv(pixels)
    assert torch.allclose(found, expected)
    weighted = torch.randn_like(expected)
    ours = torch.autograd.grad((found * weighted).sum(), [pixels, conv.weight])
    theirs = torch.autograd.grad((expected * weighted).sum(), [pixels, conv.weight])
    for own, other in zip(ours, theirs, strict=True):
        assert torch.allclose(own, other)


def test_a_network_keeps_its_parameters_and_its_features() -> None:
    torch.manual_seed(0)
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0).eval()
    pixels = torch.randn(2, 3, 64, 64)
    names, before = list(model.state_dict()), model(pixels)
    quick = quickened(model)
    assert sum(isinstance(module, QuickDepthwise) for module in quick.modules()) == 11
    assert list(quick.state_dict()) == names
    assert torch.allclose(quick(pixels), before, atol=1e-5)


def test_other_convolutions_stay_as_they_are() -> None:
    convs = [
        nn.Conv2d(4, 4, 3, groups=4, bias=False),  # quick already
        nn.Conv2d(4, 8, 5, groups=4, bias=False),
        nn.Conv2d(4, 4, 5, bias=False),
        nn.Conv2d(4, 4, 5, groups=4),
        nn.Conv2d(4, 4, 5, groups=4, bias=False, dilation=2),
        nn.Conv2d(4, 4, (5, 3), groups=4, bias=False),
        nn.Conv2d(4, 4, 5, groups=4, bias=False, padding="same"),
        nn.Conv2d(4, 4, 5, groups=4, bias=False, padding_mode="reflect"),
    ]
    model = quickened(nn.Sequential(*convs))
    assert not any(isinstance(module, QuickDepthwise) for module in model.modules())


def test_in_bfloat16_as_exact_as_bfloat16_is() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, 5, 2, padding=2, groups=8, bias=False)
    pixels = torch.randn(2, 8, 15, 15, requires_grad=True)
    expected = torch.autograd.grad(conv(pixels).square().sum(), conv.weight)[0]
    with torch.autocast("cpu", torch.bfloat16):
        found = QuickDepthwise(conv)(pixels)
    assert found.dtype == torch.bfloat16
    own = torch.autograd.grad(found.float().square().sum(), conv.weight)[0]
    assert float((own - expected).abs().max() / expected.abs().max()) < 0.02


def test_pixels_that_need_no_gradient_get_none() -> None:
    conv = nn.Conv2d(4, 4, 5, groups=4, bias=False)
    pixels = torch.randn(1, 4, 9, 9)
    (expected,) = torch.autograd.grad(conv(pixels).sum(), conv.weight)
    QuickDepthwise(conv)(pixels).sum().backward()
    assert pixels.grad is None and torch.allclose(conv.weight.grad, expected, atol=1e-5)
