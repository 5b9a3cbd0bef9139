"""How well embeddings tell words apart: one clip enrolled a word, the other voices' clips looked up.

In: a network or an encoder, and clips. Out: accuracies between 0 and 1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recipes.spoken_word.clips import Clips
from retail.augmentation.noise import without_voice
from retail.encoders.spoken_word import LogMel, SpokenWordNet, features_of, hear

VALIDATION_WORDS = 200
NOISE_DB = 10


def heard(net: SpokenWordNet, clips: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """int16 or float clips -> embeddings (N, 256) and speech logits (N,), heard as the product hears them."""
    log_mel = LogMel()
    embeddings, speech = [], []
    with torch.inference_mode():
        for clip in clips:
            samples = torch.from_numpy(clip.astype(np.float32) / (32768 if clip.dtype == np.int16 else 1))
            embedding, logit = hear(net, features_of(log_mel, samples))
            embeddings.append(embedding)
            speech.append(logit)
    return torch.cat(embeddings), torch.cat(speech)


def speech_logits(net: SpokenWordNet, clips: list[np.ndarray]) -> Tensor:
    """(N,) how surely somebody speaks in each clip."""
    return heard(net, clips)[1]


def nearest(enrolled: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
    """(M,) labels of the nearest class centre for each asked embedding; centres are means of unit vectors."""
    count = int(labels.max()) + 1
    centres = torch.zeros(count, enrolled.shape[1]).index_add_(0, labels, enrolled)
    return (asked @ torch.nn.functional.normalize(centres, dim=1).T).argmax(1)


def area_under_roc(positive: Tensor, negative: Tensor) -> float:
    """The chance that a positive scores above a negative; ties count half."""
    difference = positive[:, None] - negative[None, :]
    return float((difference > 0).float().mean() + (difference == 0).float().mean() / 2)


def validation_scores(net: SpokenWordNet, clips: Clips, people: Clips) -> dict[str, float]:
    """Unseen words: in unseen espeak-ng variants, and as said by unseen people, without and with noise.

    The variants are enrolled from one rendition and asked with three others; of the people each is enrolled in turn
    and all others are asked.
    """
    return _variants(net, clips) | _people(net, people)


def _people(net: SpokenWordNet, clips: Clips) -> dict[str, float]:
    waves = [clips.clip(place).astype(np.float32) / 32768 for place in _first_words(clips)]
    generator = torch.Generator().manual_seed(6)
    noisy = [with_synthetic_noise(torch.from_numpy(wave), NOISE_DB, generator).numpy() for wave in waves]
    shape = (len(clips.sources), VALIDATION_WORDS, -1)
    asked = {name: heard(net, found)[0].view(shape) for name, found in {"": waves, ", noise": noisy}.items()}
    labels = torch.arange(VALIDATION_WORDS)
    scores = {}
    for name, embeddings in asked.items():
        right = [
            nearest(enrolled, labels, embeddings[other]) == labels
            for place, enrolled in enumerate(asked[""])
            for other in range(len(clips.sources))
            if other != place
        ]
        scores[f"unseen people{name}"] = float(torch.cat(right).float().mean())
    return scores


def _first_words(clips: Clips) -> list[int]:
    """The places of the first words' clips, one source after the other."""
    order = np.lexsort((clips.label, clips.source))
    return [int(place) for place in order if clips.label[place] < VALIDATION_WORDS]


def with_synthetic_noise(clip: Tensor, ratio_db: float, generator: torch.Generator) -> Tensor:
    """(S,) and a sound without a voice that many dB under it, on average over the clip."""
    noise = without_voice(generator, 1, len(clip))[0]
    level = (clip.square().mean() / noise.square().mean().clamp(min=1e-9) / 10 ** (ratio_db / 10)).sqrt()
    return clip + level * noise


def _variants(net: SpokenWordNet, clips: Clips) -> dict[str, float]:
    passes = len(clips) // (int(clips.label.max()) + 1)
    spoken = [np.flatnonzero(clips.label == word) for word in range(VALIDATION_WORDS)]
    embeddings, speech = heard(net, [clips.clip(word[place]) for place in range(min(4, passes)) for word in spoken])
    labels = torch.arange(VALIDATION_WORDS)
    answers = nearest(embeddings[:VALIDATION_WORDS], labels, embeddings[VALIDATION_WORDS:])
    accuracy = float((answers == labels.repeat(len(answers) // VALIDATION_WORDS)).float().mean())
    return {"unseen words": accuracy, "speech heard": float((speech > 0).float().mean())}


def speech_threshold(net: SpokenWordNet, clips: Clips) -> float:
    """The lowest logit that refuses nineteen of twenty synthetic sounds without a voice.

    Low on purpose: a name that is taken for noise is lost, noise that is taken for a name is one doubtful input. It
    never lies above what one of two hundred noisy validation clips scores.
    """
    generator = torch.Generator().manual_seed(5)
    sounds = [without_voice(generator, 1, 24_000)[0].numpy() for _ in range(300)]
    noisy = []
    for place in range(0, len(clips), 4):
        clip = torch.from_numpy(clips.clip(place).astype(np.float32) / 32768)
        ratio_db = 5 + 15 * float(torch.rand(1, generator=generator))
        noisy.append(with_synthetic_noise(clip, ratio_db, generator).numpy())
    refused = float(speech_logits(net, sounds).quantile(0.95))
    return min(refused, float(speech_logits(net, noisy).quantile(0.005)))
