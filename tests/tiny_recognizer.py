"""A recogniser of three tiny encoders that tests make in no time."""

from __future__ import annotations

import torch

from retail.certainty import Certainty
from retail.encoders import Encoder
from retail.fusion import FusionHead, build_head
from retail.recognizer import Recognizer
from retail.schema import Vocabulary
from retail.store import EmbeddingBatch


class TinyEncoder(Encoder):
    """Sums bytes of whatever it gets into three numbers; stands for a pretrained encoder."""

    def __init__(self, modality):
        self.modality, self.name, self.dim, self._fingerprint = modality, f"tiny:{modality}", 3, f"tiny-{modality}"

    def _embed(self, items):
        return torch.tensor([[float(len(str(item)) % 7), 1.0, -1.0] for item in items])


def tiny_recognizer() -> Recognizer:
    """Knows two tasks by any of three inputs."""
    torch.manual_seed(0)
    encoders = {m: TinyEncoder(m) for m in ("audio", "image", "text")}
    head = build_head("gated", dict.fromkeys(encoders, 3), {"fruit": 3, "colour": 7}, width=8).eval()
    vocabularies = {"fruit": Vocabulary(("apple", "fig", "pear")), "colour": Vocabulary(tuple("abcdefg"))}
    return Recognizer(encoders, head, "gated", vocabularies, fitted_certainty(head), width=8)


def fitted_certainty(head: FusionHead, rows: int = 200) -> Certainty:
    """On random rows whose labels are mostly what the head says of them."""
    return Certainty.fit(head, *(labelled_rows(head, rows, seed) for seed in (1, 2)))


def labelled_rows(head: FusionHead, rows: int, seed: int) -> EmbeddingBatch:
    generator = torch.Generator().manual_seed(seed)
    present = {m: torch.ones(rows, dtype=torch.bool) for m in head.dims}
    embeddings = {m: torch.randn(rows, dim, generator=generator) for m, dim in head.dims.items()}
    with torch.inference_mode():
        best = {task: logits.argmax(1) for task, logits in head(embeddings, present).items()}
    chance = torch.rand(rows, generator=generator) < 0.1
    targets = {task: torch.where(chance, 0, right) for task, right in best.items()}
    return EmbeddingBatch(tuple(map(str, range(rows))), embeddings, present, targets)
