"""What the spoken-word network is trained to do: tell words, their sounds in order, and speech from other sounds.

In: the network's output for a batch and its words. Out: one loss and its parts. Three objectives: cosine softmax with a
margin over the words (CosFace, Wang et al. 2018), the phonemes in order (CTC, Graves et al. 2006), and speech against
non-speech.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from recipes.spoken_word.words import Spoken
from retail.encoders.spoken_word import DIM, SpokenWordNet


@dataclass(frozen=True)
class TrainingConfig:
    """What decides a training, but for the clips."""

    seed: int = 0
    steps: int = 9_000
    harder_after: int = 1_500  # steps; then the noise is louder
    processes: int = 2  # that share each batch
    words: int = 64  # a batch; each is said twice
    non_speech: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: int = 300
    margin: float = 0.2
    margin_ramp: int = 1_500  # steps over which the margin grows to that
    scale: float = 24.0
    phonemes: float = 1.0  # weight of the CTC objective
    contrast: float = 0.0  # weight of the supervised contrast
    average: float = 0.998  # of the weights, from step to step
    checkpoint_every: int = 1_000


class SoundedPrototypes(nn.Module):
    """A prototype a word: the sum of vectors of the sounds in it, and a rest of its own.

    A clip so teaches every word that shares its sounds, not its own word alone (after the multi-view acoustic word
    embeddings of He et al. 2017, with sums in place of their recurrent network). A sound counts at its place in the
    word, in `PLACES` steps, and together with the next one.
    """

    PLACES = 4
    _bags: Tensor  # sparse (words, features)

    def __init__(self, words: list[Spoken]) -> None:
        super().__init__()
        number: dict[tuple[str, int], int] = {}
        places: list[tuple[int, int]] = []
        weights: list[float] = []
        for place, word in enumerate(words):
            bag = list(self._features(word.sounds))
            places += [(place, number.setdefault(feature, len(number))) for feature, _ in bag]
            weights += [weight / len(bag) ** 0.5 for _, weight in bag]
        with torch.sparse.check_sparse_tensor_invariants(True):
            bags = torch.sparse_coo_tensor(torch.tensor(places).T, torch.tensor(weights), (len(words), len(number)))
            self.register_buffer("_bags", bags.coalesce(), persistent=False)
        self.sounds = nn.Parameter(torch.randn(len(number), DIM) * 0.1)
        self.rest = nn.Parameter(torch.zeros(len(words), DIM))

    def forward(self) -> Tensor:
        """(words, 256), not normalised"""
        with torch.autocast(self.sounds.device.type, enabled=False):  # sparse products know no half precision
            return torch.sparse.mm(self._bags, self.sounds) + self.rest

    def _features(self, sounds: str) -> Iterator[tuple[tuple[str, int], float]]:
        last = max(1, len(sounds) - 1)
        for place, sound in enumerate(sounds):
            where = place / last * (self.PLACES - 1)
            below = min(int(where), self.PLACES - 2)
            yield (sound, below), below + 1 - where
            yield (sound, below + 1), where - below
        for pair in zip(f"^{sounds}", f"{sounds}$", strict=True):
            yield ("".join(pair), -1), 1.0


class Objectives(nn.Module):
    """What the training adds to the network and leaves behind: word prototypes and a phoneme layer."""

    def __init__(self, words: list[Spoken], channels: int, config: TrainingConfig) -> None:
        super().__init__()
        self._config = config
        self.prototypes = SoundedPrototypes(words)
        letters = sorted(set("".join(word.sounds for word in words)))
        self.phonemes = nn.Linear(channels, len(letters) + 1)
        number = {letter: place for place, letter in enumerate(letters, start=1)}
        self._sounds = [torch.tensor([number[letter] for letter in word.sounds]) for word in words]

    def forward(
        self, net: SpokenWordNet, features: Tensor, labels: Tensor, margin: float
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of one batch and its parts."""
        config = self._config
        heard = net(features)
        spoken = len(labels)
        embedding = heard.embedding[:spoken]
        cosine = embedding @ functional.normalize(self.prototypes().float(), dim=1).T  # (2 W, words)
        # cosine.scatter_add would copy the whole matrix once more; the margin touches one column a row.
        target = cosine.gather(1, labels[:, None])
        logits = config.scale * cosine.scatter(1, labels[:, None], target - margin)
        word = functional.cross_entropy(logits, labels)
        is_speech = (torch.arange(len(features), device=features.device) < spoken).float()
        speech = functional.binary_cross_entropy_with_logits(heard.speech, is_speech)
        loss = word + 0.2 * speech
        parts = {"word": word, "speech": speech, "right": (cosine.argmax(1) == labels).float().mean()}
        if config.phonemes:
            parts["phonemes"] = self._phoneme_loss(heard.frames[:spoken], labels)
            loss = loss + config.phonemes * parts["phonemes"]
        if config.contrast:
            parts["contrast"] = self._contrast(embedding)
            loss = loss + config.contrast * parts["contrast"]
        return loss, {name: float(value.detach()) for name, value in parts.items()}

    def _phoneme_loss(self, frames: Tensor, labels: Tensor) -> Tensor:
        log_probs = self.phonemes(frames).float().log_softmax(2).transpose(0, 1)  # (T, B, letters)
        targets = [self._sounds[label] for label in labels.tolist()]
        lengths = torch.tensor([len(target) for target in targets])
        steps = torch.full((len(targets),), len(log_probs))
        return functional.ctc_loss(log_probs, torch.cat(targets).to(frames.device), steps, lengths, zero_infinity=True)

    def _contrast(self, embedding: Tensor) -> Tensor:
        """Each clip must find the other voice's clip of its word in the batch."""
        half = len(embedding) // 2
        similarity = self._config.scale * embedding[:half] @ embedding[half:].T
        own = torch.arange(half, device=embedding.device)
        return (functional.cross_entropy(similarity, own) + functional.cross_entropy(similarity.T, own)) / 2
