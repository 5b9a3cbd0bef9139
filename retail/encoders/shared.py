"""Photos and texts through one checkpoint that was trained on pairs of both (CLIP, SigLIP), so that they share a space.

In: RGB pictures or clean texts. Out: vectors of unit length, (B, D), whose cosine says how well a photo and a text fit.
Names: `shared-image:ORG/NAME` and `shared-text:ORG/NAME`, either also with `@REVISION`, or with a FOLDER instead.

CLIP: Radford et al. 2021, arxiv.org/abs/2103.00020. SigLIP: Zhai et al. 2023, arxiv.org/abs/2303.15343.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import normalize

from retail.encoders import Encoder, fingerprint_of
from retail.encoders.long_texts import PROBES, ReadsInPieces
from retail.encoders.views import stacked
from retail.encoders.weights import check_checkpoint_name, hub_access, split_source
from retail.inference import Network, Plan
from retail.schema import UserError

TOKENS = ("input_ids", "attention_mask")
KEPT_PAIRS = 2  # checkpoints in memory; each serves both of its encoders


@dataclass(frozen=True, eq=False)
class Pair:
    """A checkpoint: its network, what prepares its inputs, and how a cosine becomes a logit."""

    model: Any
    tokenizer: Any
    photos: Any  # the image processor
    scale: float
    bias: float  # 0 where the checkpoint has none
    independent: bool  # whether it was trained to judge each pair alone, by a sigmoid, and not among others

    @property
    def longest(self) -> int:
        """Word pieces of a text with the marks around it."""
        return int(self.model.config.text_config.max_position_embeddings)


class SharedImageEncoder(Encoder):
    """The photo half of a checkpoint."""

    prefix = "shared-image"
    modality = "image"
    version = 1
    batch_size = 1

    def __init__(self, checkpoint: str) -> None:
        self.name = f"{self.prefix}:{checkpoint}"
        self.pair = _pair(checkpoint)
        settings = self.pair.photos.to_dict()
        self._fingerprint = fingerprint_of(type(self), settings, _tensors(self.pair, "text_"))
        self.space = space_of(self.pair)
        probe = self.prepare(Image.new("RGB", (8, 8)))[None]
        half = ImageHalf(self.pair.model)
        plan = Plan(("pixels",), ("embedding",), lambda: half, lambda: [(probe.expand(n, -1, -1, -1),) for n in (2, 3)])
        self.networks = (Network(self._fingerprint, plan),)
        self.dim = self.networks[0](probe)[0].shape[1]

    def prepare(self, item: Image.Image) -> Tensor:
        """RGB picture -> (3, H, W)"""
        return self.pair.photos(images=[item], return_tensors="pt")["pixel_values"][0]

    def _embed(self, items: list[Tensor]) -> Tensor:
        return self.networks[0](stacked(items))[0]


class SharedTextEncoder(ReadsInPieces):
    """The text half; of a text that is longer than is read at once, the mean over its sentences."""

    prefix = "shared-text"
    modality = "text"
    version = 1

    def __init__(self, checkpoint: str) -> None:
        self.name = f"{self.prefix}:{checkpoint}"
        self.pair = _pair(checkpoint)
        self._tokenizer = self.pair.tokenizer
        self.reads_at_once = f"{self.pair.longest} word pieces"
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        vocabulary = backend.to_str() if backend is not None else sorted(self._tokenizer.get_vocab().items())
        settings = {"longest": self.pair.longest, "independent": self.pair.independent, "tokenizer": vocabulary}
        self._fingerprint = fingerprint_of(type(self), settings, _tensors(self.pair, "vision_"))
        self.space = space_of(self.pair)
        names, half = tuple(self._tokens(["a"])), TextHalf(self.pair.model)
        plan = Plan(
            names,
            ("embedding",),
            lambda: half,
            lambda: [tuple(self._tokens(texts).values()) for texts in PROBES],
            free=(1,),
        )
        self.networks = (Network(self._fingerprint, plan),)
        self.dim = self.networks[0](*self._tokens(["a"]).values())[0].shape[1]

    @property
    def _room(self) -> int:
        return self.pair.longest - int(self._tokenizer.num_special_tokens_to_add())

    def _embed(self, items: list[str]) -> Tensor:
        return self.networks[0](*self._tokens(items).values())[0]

    def _tokens(self, items: list[str]) -> dict[str, Tensor]:
        """As the checkpoint was trained: SigLIP on lower case, padded to full length and without a mask."""
        options: dict[str, Any] = {"truncation": True, "max_length": self.pair.longest, "return_tensors": "pt"}
        if self.pair.independent:
            lower = [item.lower() for item in items]
            return {"input_ids": self._tokenizer(lower, padding="max_length", **options)["input_ids"]}
        tokens = self._tokenizer(items, padding=True, **options)
        return {name: tokens[name] for name in TOKENS}


class ImageHalf(nn.Module):
    """Pixels (B, 3, H, W) -> (B, D), unit length"""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return normalize(_pooled(self.model.get_image_features(pixel_values=pixels)), dim=-1)


class TextHalf(nn.Module):
    """Word pieces (B, T), and their mask where the checkpoint has one -> (B, D), unit length"""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, *tokens: Tensor) -> Tensor:
        given = dict(zip(TOKENS, tokens, strict=False))
        return normalize(_pooled(self.model.get_text_features(**given)), dim=-1)


def space_of(pair: Pair) -> str:
    """Equal for the two encoders of one checkpoint, wherever it was loaded from."""
    return fingerprint_of(SharedImageEncoder, {"space": "shared"}, pair.model.state_dict())


@lru_cache(maxsize=KEPT_PAIRS)
def _pair(checkpoint: str) -> Pair:
    where, revision = split_source(checkpoint)
    name = f"shared-image:{checkpoint}"
    local = check_checkpoint_name(name, where)
    options: dict[str, Any] = {"local_files_only": True} if local else {"revision": revision or "main"}
    with hub_access(name, local=local):
        from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer

        config = AutoConfig.from_pretrained(where, **options)  # nosec B615  # options name it
        if not hasattr(config, "text_config") or not hasattr(config, "vision_config"):
            raise UserError(
                f"{where!r} holds no pair of a photo and a text encoder; name a CLIP or SigLIP checkpoint, such as "
                "the preset clip."
            )
        model = AutoModel.from_pretrained(where, **options)  # nosec B615  # options name it
        model = model.float().eval().requires_grad_(False)
        tokenizer = AutoTokenizer.from_pretrained(where, **options)  # nosec B615  # options name it
        photos = AutoImageProcessor.from_pretrained(where, **options)  # nosec B615  # options name it
    if not hasattr(model, "logit_scale") or not hasattr(model, "get_image_features"):
        raise UserError(f"{where!r} does not compare photos with texts; name a CLIP or SigLIP checkpoint.")
    bias = getattr(model, "logit_bias", None)
    scale = float(model.logit_scale.exp())
    return Pair(model, tokenizer, photos, scale, 0.0 if bias is None else float(bias), bias is not None)


def _tensors(pair: Pair, other_half: str) -> dict[str, Tensor]:
    """The weights without those of the other half."""
    return {name: tensor for name, tensor in pair.model.state_dict().items() if not name.startswith(other_half)}


def _pooled(features: Any) -> Tensor:
    """(B, D), whichever of its two ways a checkpoint's network answers in."""
    return features if isinstance(features, Tensor) else features.pooler_output
