"""The Encoder contract, the registry of families and the presets.

In: what `media` decodes (RGB picture, clean text, mono 16 kHz waveform). Out: one float32 vector per item.
A name is `family:checkpoint`; the families are the classes with a `prefix` in this folder's files.
"""

from __future__ import annotations

import hashlib
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from retail.config.runtime import ROUNDING
from retail.inference import Network
from retail.inference.pytorch import uses_graphics_card
from retail.inference.rounding import rounded
from retail.plugins import plugins_in
from retail.schema import MODALITIES, Modality, UserError

# The first preset needs no network: its weights are installed packages and, for sound, a file of the project.
# The others download about 1.2 GB ("hub"), 0.6 GB ("clip") or 1.5 GB ("siglip") once; of the latter two, photos and
# words share a space, so that names alone find photos (`retail/encoders/shared.py`).
PRESETS: dict[str, dict[Modality, str]] = {
    "bundled": {
        "audio": "torchaudio:spoken-word@bundled",
        "image": "timm:tf_efficientnet_lite0@bundled",
        "text": "hf:all-MiniLM-L6-v2@bundled",
    },
    "hub": {
        "audio": "torchaudio:WAVLM_BASE_PLUS",
        "image": "timm:vit_base_patch16_clip_224.openai",
        "text": "hf:sentence-transformers/all-mpnet-base-v2",
    },
    "clip": {
        "audio": "torchaudio:spoken-word@bundled",
        "image": "shared-image:openai/clip-vit-base-patch16",
        "text": "shared-text:openai/clip-vit-base-patch16",
    },
    "siglip": {
        "audio": "torchaudio:spoken-word@bundled",
        "image": "shared-image:google/siglip2-base-patch16-224",
        "text": "shared-text:google/siglip2-base-patch16-224",
    },
}

# Items that are decoded together: enough to keep decoders busy, few enough to fit into memory beside the model.
BATCH_SIZE = 32


class Encoder(ABC):
    """A frozen pretrained model that turns items of one modality into vectors.

    Subclasses set `prefix`, `modality` and `version`, take the part of the name behind the colon in
    `__init__`, set `dim` and `_fingerprint`, and implement `_embed`.
    """

    prefix: ClassVar[str]  # "timm" in "timm:resnet18"
    modality: ClassVar[Modality]
    version: ClassVar[int]  # raised when the family's own code changes what comes out

    name: str
    dim: int
    absent_note: str = ""  # why an embedding of zeros means that the item counts as absent; "" where it does not
    language: str = ""  # the one language that it knows, where that is sure; of others nothing is said
    space: str = ""  # equal for two encoders whose embeddings can be compared, "" where no other's can
    reads_at_once: str = ""  # "128 word pieces", where longer items are read in pieces
    networks: tuple[Network, ...] = ()  # what runs as a graph where that pays
    batch_size: ClassVar[int] = 16  # items that go through the network together on a processor
    _fingerprint: str

    @property
    def fingerprint(self) -> str:
        """Hash of weights, preprocessing, family version and PyTorch's version: the cache key's first half.

        Float32 has one fingerprint, whatever runs it; a runtime that rounds otherwise has its own.
        """
        runtimes = {network.rounding for network in self.networks} - {""}
        return rounded(self._fingerprint, *runtimes) if runtimes else self._fingerprint

    def stands_for(self, fingerprint: str) -> bool:
        """Whether what learned from embeddings of this fingerprint may read this encoder's: alike, if not equal."""
        return fingerprint in {self._fingerprint, *(rounded(self._fingerprint, runtime) for runtime in ROUNDING)}

    def embed(self, items: Sequence[Any]) -> Tensor:
        """N decoded items -> (N, D) float32 on the CPU; an item gets the same vector alone and in a batch."""
        return self.embed_prepared([self.prepare(item) for item in items])

    def prepare(self, item: Any) -> Any:
        """The part of the work that threads may do ahead: a decoded item -> what `embed_prepared` takes."""
        return item

    def pieces(self, item: Any) -> list[Any]:
        """What a prepared item is read as: itself, or the parts whose embeddings are averaged where it is too long."""
        return [item]

    def expect(self, items: int) -> None:
        """So many items are about to be embedded, in one call or several: a graph is made where that pays.

        A few need no announcement: whoever waits for a single answer never waits for a graph.
        """
        for network in self.networks if items >= BATCH_SIZE else ():
            network.expect(items)

    @contextmanager
    def tried_in(self, runtime: str) -> Iterator[None]:
        """Embeds in a runtime for a while, "" for float32 in ONNX Runtime; raises UserError without graphs."""
        self.make_ready()
        if not self.networks or not all(network.has_graph for network in self.networks):
            raise UserError(f"{self.name!r} has no graph that another runtime could run; leave it out.")
        with ExitStack() as all_of_them:
            for network in self.networks:
                all_of_them.enter_context(network.tried_in(runtime))
            yield

    def make_ready(self) -> None:
        """Makes what later starts and later items are quicker with, however few come now."""
        for network in self.networks:
            network.make_ready()

    @property
    def is_ready(self) -> bool:
        """Whether `make_ready` would change nothing."""
        return all(network.is_ready for network in self.networks)

    @property
    def mebibytes(self) -> float:
        """What the weights take."""
        return sum(network.mebibytes for network in self.networks)

    def embed_prepared(self, items: Sequence[Any]) -> Tensor:
        """N prepared items -> (N, D) float32 on the CPU."""
        if not items:
            return torch.zeros(0, self.dim)
        self.expect(len(items))
        size = BATCH_SIZE if uses_graphics_card() else self.batch_size
        order = sorted(range(len(items)), key=lambda place: self._length(items[place]))
        embeddings = torch.empty(len(items), self.dim)  # (N, D)
        with torch.inference_mode():
            for start in range(0, len(order), size):
                places = order[start : start + size]
                embeddings[places] = self._embed([items[place] for place in places]).float()
        return embeddings

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process loads the encoder by its name."""
        return load_encoder, (self.name,)

    def _length(self, item: Any) -> int:
        """What to sort by so that a batch needs little padding; 0 where there is none."""
        return 0

    @abstractmethod
    def _embed(self, items: list[Any]) -> Tensor:
        """B prepared items -> (B, D), already in inference mode."""


def share_space(one: Encoder, other: Encoder) -> bool:
    """Whether the embeddings of two encoders can be compared."""
    return bool(one.space) and one.space == other.space


def fingerprint_of(family: type[Encoder], preprocessing: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """Hash of everything that decides an embedding: the weights' bytes, their names and the preprocessing."""
    runtime = ".".join(torch.__version__.split(".")[:2])
    head = [family.prefix, family.version, runtime, preprocessing]
    digest = hashlib.sha256(json.dumps(head, sort_keys=True, default=str).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        # Viewed as bytes, because NumPy lacks some of torch's types.
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]


@cache
def families() -> dict[str, type[Encoder]]:
    """Every encoder family by prefix: the Encoder subclasses defined in this folder's files."""
    return plugins_in(__name__, Encoder, "prefix")  # type: ignore[type-abstract]


_lock = threading.RLock()
_loaded: dict[str, Encoder] = {}


def load_encoder(name: str) -> Encoder:
    """The encoder of this name, loaded once per process; raises UserError when it cannot be had."""
    with _lock:
        if name not in _loaded:
            family, _, checkpoint = name.partition(":")
            if family not in families() or not checkpoint:
                known = ", ".join(f"{prefix}:NAME" for prefix in families())
                raise UserError(f"No encoder is named {name!r}; write one of {known}, or choose a preset.")
            _loaded[name] = families()[family](checkpoint)  # type: ignore[call-arg]
        return _loaded[name]


def preset_names(preset: str) -> dict[Modality, str]:
    """Encoder name per modality for a preset or for a mix such as `image=timm:resnet18,text=hf:my/model`.

    Modalities that a mix leaves out keep the bundled encoder.
    """
    if preset in PRESETS:
        return dict(PRESETS[preset])
    names = dict(PRESETS["bundled"])
    for part in preset.split(","):
        modality, equals, name = part.strip().partition("=")
        if not equals or modality not in MODALITIES:
            raise UserError(
                f"No encoder preset is named {preset!r}; choose from {', '.join(PRESETS)}, "
                "or mix your own as 'image=timm:NAME,text=hf:NAME,audio=torchaudio:NAME'."
            )
        names[modality] = name  # type: ignore[index]
    return names


def load_preset(preset: str, modalities: Iterable[Modality] = MODALITIES) -> dict[Modality, Encoder]:
    """{modality: encoder} of a preset or mix; raises UserError when a name stands for another modality."""
    names = preset_names(preset)
    wanted = set(modalities)
    encoders = {modality: load_encoder(names[modality]) for modality in MODALITIES if modality in wanted}
    for modality, encoder in encoders.items():
        if encoder.modality != modality:
            raise UserError(f"{encoder.name!r} encodes {encoder.modality}, not {modality}; write {encoder.modality}=.")
    return encoders
