"""Adapters learn little, change nothing at the start, and vanish into the weights."""

from __future__ import annotations

import pytest
import timm
import torch

from retail.encoders import load_encoder
from retail.finetuning.lora import MARK, add_lora, merge_lora
from retail.schema import UserError
from tests.tiny_encoders import tiny_text_encoder


def text_model(tmp_path):
    encoder = load_encoder(tiny_text_encoder(tmp_path / "bert"))
    return encoder.new_model(), encoder.inputs(["fresh tea", "a b c d"])


def vision_model(tmp_path):
    torch.manual_seed(0)
    return timm.create_model("test_vit", num_classes=0), torch.randn(2, 3, 160, 160)


@pytest.mark.parametrize("make", [text_model, vision_model])
def test_adapters_start_at_nothing_and_merge_to_what_they_learned(make, tmp_path):
    model, inputs = make(tmp_path)
    model.eval()
    names = list(model.state_dict())
    with torch.no_grad():
        before = model(inputs)
        model = add_lora(model, 2, "tiny").eval()
        torch.testing.assert_close(model(inputs), before)
        for name, weight in model.named_parameters():
            if MARK in name:
                weight.add_(0.3 * torch.randn_like(weight))
        learned = model(inputs)
        merged = merge_lora(model)
        assert (learned - before).abs().max() > 1e-3
        torch.testing.assert_close(merged(inputs), learned, atol=1e-4, rtol=1e-3)
    assert list(merged.state_dict()) == names


def test_adapters_by_count(tmp_path):
    """Rank 2, width 16: each of 4 maps 16 -> 16 gets 2 * (16 + 16), the two of the block 2 * (16 + 32); 2 layers."""
    model = add_lora(text_model(tmp_path)[0], 2, "tiny")
    assert sum(weight.numel() for name, weight in model.named_parameters() if MARK in name) == 2 * (4 * 64 + 2 * 96)


def test_a_convolutional_network_is_refused():
    with pytest.raises(UserError, match="LoRA adapts transformers"):
        add_lora(timm.create_model("test_efficientnet", num_classes=0), 4, "timm:test_efficientnet")
