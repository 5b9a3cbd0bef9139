"""Checkpoints of the real CLIP and SigLIP families, small enough to be taught four colours within a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (30, 50, 220), "yellow": (235, 220, 40)}
SIDE = 16  # pixels
STEPS = 120
SIZE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}


def patch(colour: str, seed: int = 0) -> Image.Image:
    """A noisy picture of one colour."""
    noise = np.random.default_rng(seed).normal(0, 25, (SIDE, SIDE, 3))
    return Image.fromarray((np.array(COLOURS[colour]) + noise).clip(0, 255).astype(np.uint8))


def tiny_clip(folder: Path, steps: int = STEPS) -> Path:
    """A CLIP with a byte-level tokenizer, a softmax and no bias."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789.,-"]
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = CLIPTokenizer(vocab={token: place for place, token in enumerate(tokens)}, merges=[])
    torch.manual_seed(0)
    text = SIZE | {"vocab_size": len(tokens), "max_position_embeddings": 48, "bos_token_id": 0, "eos_token_id": 1}
    vision = SIZE | {"image_size": SIDE, "patch_size": 8}
    model = CLIPModel(CLIPConfig(text_config=text | {"pad_token_id": 1}, vision_config=vision, projection_dim=24))
    photos = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    return _saved(folder, model, tokenizer, photos, steps, {"padding": True})


def tiny_siglip(folder: Path, steps: int = STEPS) -> Path:
    """A SigLIP with a tokenizer of words, a sigmoid with a bias, and texts of one length."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, SiglipConfig, SiglipImageProcessor, SiglipModel

    words = ["<pad>", "</s>", "<unk>", *"a photo of the product close - up , .".split(), *COLOURS]
    bare = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    bare.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", padding_side="right"
    )
    torch.manual_seed(0)
    text = SIZE | {"vocab_size": len(words), "max_position_embeddings": 16, "projection_size": 32}
    vision = SIZE | {"image_size": SIDE, "patch_size": 8}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    with torch.no_grad():
        model.logit_scale.fill_(2.3)
        model.logit_bias.fill_(-3.0)
    photos = SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    return _saved(folder, model, tokenizer, photos, steps, {"padding": "max_length", "max_length": 16})


def _saved(folder: Path, model: Any, tokenizer: Any, photos: Any, steps: int, options: dict[str, Any]) -> Path:
    """Teaches the colours with the family's own loss, and keeps it as transformers does."""
    names = [f"a photo of {colour}." for colour in COLOURS]
    tokens = tokenizer(names, return_tensors="pt", truncation=True, **options)
    tokens = {name: tokens[name] for name in ("input_ids", "attention_mask")}
    if options["padding"] != True:  # noqa: E712
        del tokens["attention_mask"]
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    model.train()
    for step in range(steps):
        pixels = photos(images=[patch(colour, step) for colour in COLOURS], return_tensors="pt")["pixel_values"]
        loss = model(**tokens, pixel_values=pixels, return_loss=True).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for part in (model, tokenizer, photos):
        part.save_pretrained(folder)
    return folder
