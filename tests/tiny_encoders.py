"""Encoders small enough to be trained within a test: random weights, the real families."""

from __future__ import annotations

from pathlib import Path

import timm
import torch

from retail.encoders.image import save_finetuned

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] fresh tea coffee no best before a b c d e f g h".split()


def tiny_photo_encoder(folder: Path) -> str:
    """Name of a convolutional network for photos of 64 px."""
    torch.manual_seed(0)
    file = folder / "small.safetensors"
    save_finetuned(timm.create_model("test_efficientnet", num_classes=0), "test_efficientnet", file)
    return f"timm:test_efficientnet@{file}#size=64"


def tiny_text_encoder(folder: Path, layers: int = 2) -> str:
    """Name of a transformer of width 16 that knows a dozen words."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    size = {"hidden_size": 16, "num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(WORDS), **size)).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return f"hf:{folder}"
