"""Where encoders come from and under which licence their weights are; NOTICE.md says the same at length.

In: the name of an encoder, as a bundle records it. Out: an `Origin`.
"""

from __future__ import annotations

from dataclasses import dataclass

from retail.encoders.weights import split_source


@dataclass(frozen=True)
class Origin:
    """`base` is the checkpoint's name on the model hub, "" where it has none; `licence` says what is known of it."""

    base: str
    licence: str


_PHOTO = Origin(
    "timm/tf_efficientnet_lite0.in1k",
    "weights Apache-2.0; they learned from ImageNet, whose terms allow research that is not commercial",
)
_BUNDLED = {
    "timm:tf_efficientnet_lite0": _PHOTO,
    "hf:all-MiniLM-L6-v2": Origin("sentence-transformers/all-MiniLM-L6-v2", "weights Apache-2.0"),
    "torchaudio:spoken-word": Origin("", "the project's own; learned from synthetic speech alone"),
}
_OTHERS = {"timm": "timm/", "hf": "", "shared-image": "", "shared-text": ""}  # what a name of theirs lacks on the hub


def origin_of(encoder: str) -> Origin:
    """'timm:tf_efficientnet_lite0@{bundle}/image_encoder.safetensors' -> that of the weights that were trained on."""
    name, _ = split_source(encoder.partition("#")[0])
    if name in _BUNDLED:
        return _BUNDLED[name]
    family, _, checkpoint = name.partition(":")
    if family not in _OTHERS or "{" in checkpoint:  # a fine-tuned folder does not say what it was before
        return Origin("", "not recorded")
    base = _OTHERS[family] + checkpoint
    return Origin(base, f"that of {base} on the hub")
