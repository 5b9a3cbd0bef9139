"""A first answer from names alone, before anything has a label: which name fits a photo or a description best.

In: a photo and a text encoder that share a space (`retail/encoders/shared.py`), and names. Out: a `Guess`.

Each name stands in several sentences whose embeddings are averaged (Radford et al. 2021, section 3.1.4). The cosine to
each name, times the checkpoint's own scale, becomes a probability by softmax over the names. These are not calibrated:
nothing was validated, so no answer is accepted unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from retail.encoders import Encoder, share_space
from retail.encoders.shared import SharedImageEncoder
from retail.media import clean_text
from retail.schema import MODALITIES, Modality, Product, UserError
from retail.store import EmbeddingStore, embed_products

# Of the many sentences that CLIP's authors tried on photos of things, some that hold for goods.
TEMPLATES = ("a photo of {}.", "a photo of the {}, a product.", "a close-up photo of {}.", "{}")
NO_SHARED_SPACE = (
    "Names alone answer where one checkpoint reads photos and words; {} and {} have no space in common. Choose the "
    "preset clip or siglip."
)


@dataclass(frozen=True)
class Guess:
    """Probabilities of the names, likeliest first.

    `fits` says of each name how likely it fits at all, whatever the others say; only SigLIP knows. `used` names the
    inputs that counted; `notes` say why another did not.
    """

    id: str
    probs: Mapping[str, float]
    fits: Mapping[str, float]
    used: tuple[Modality, ...]
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> tuple[str, float]:
        """The likeliest name and its probability."""
        return next(iter(self.probs.items()))


class ZeroShot:
    """Names, each as one vector of the space that photos and words share."""

    def __init__(
        self, image: Encoder, text: Encoder, names: Sequence[str], templates: Sequence[str] = TEMPLATES
    ) -> None:
        """Raises UserError where the two encoders share no space, for fewer than two names, and for an empty one."""
        if not share_space(image, text) or not isinstance(image, SharedImageEncoder):
            raise UserError(NO_SHARED_SPACE.format(repr(image.name), repr(text.name)))
        self.names = tuple(dict.fromkeys(clean_text(name) for name in names))
        if len(self.names) < 2 or "" in self.names:
            raise UserError("A guess is one of several names: give at least two different ones, and none empty.")
        self._encoders: dict[Modality, Encoder] = {"image": image, "text": text}
        self._pair = image.pair
        self._rows = self._named(text, templates)  # (N, D)

    def answer(self, product: Product, store: EmbeddingStore | None = None) -> Guess:
        """Which name a product bears; raises UserError where it has neither a photo nor a description."""
        return self.answer_many([product], store)[0]

    def answer_many(self, products: Sequence[Product], store: EmbeddingStore | None = None) -> list[Guess]:
        """The same of many; a product with both a photo and a description has the mean of their probabilities."""
        batch, notes = embed_products(products, self._encoders, {}, store)
        guesses = []
        for row, product in enumerate(products):
            own = [note.sentence for note in notes if note.product == product.id]
            used = tuple(m for m in MODALITIES if m in batch.present and bool(batch.present[m][row]))
            if not used:
                raise UserError(own[0] if own else f"{product.id} has neither a photo nor a description; give one.")
            if product.audio is not None:
                own.append("The sound does not count: this space holds photos and words.")
            logits = torch.stack([self._logits(batch.embeddings[m][row]) for m in used])  # (M, N)
            probs, fits = logits.softmax(1).mean(0), torch.sigmoid(logits + self._pair.bias).mean(0)
            order = probs.argsort(descending=True, stable=True).tolist()
            ranked = {self.names[place]: float(probs[place]) for place in order}
            fitting = {self.names[place]: float(fits[place]) for place in order} if self._pair.independent else {}
            guesses.append(Guess(product.id, ranked, fitting, used, tuple(own)))
        return guesses

    def _logits(self, embedding: Tensor) -> Tensor:
        """(D,) -> (N,); a bias, which is the same for all names, would not change their softmax."""
        return self._pair.scale * (self._rows @ normalize(embedding, dim=0))

    def _named(self, text: Encoder, templates: Sequence[str]) -> Tensor:
        """(N, D) of unit length."""
        sentences = [template.replace("{}", name) for name in self.names for template in templates]
        rows = normalize(text.embed(sentences), dim=1)  # (N * T, D)
        return normalize(rows.unflatten(0, (len(self.names), len(templates))).mean(1), dim=1)
