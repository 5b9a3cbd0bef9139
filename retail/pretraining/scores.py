"""How well embeddings tell words apart: one clip enrolled a word, the other voices' clips looked up.

In: a network or an encoder, and clips. Out: accuracies between 0 and 1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from retail.encoders.spoken_word import LogMel, SpokenWordNet, hear
from retail.pretraining.clips import Clips
from retail.pretraining.sounds import without_voice

VALIDATION_WORDS = 200


def heard(net: SpokenWordNet, clips: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """int16 or float clips -> embeddings (N, 256) and speech logits (N,), heard as the product hears them."""
    log_mel = LogMel()
    embeddings, speech = [], []
    with torch.inference_mode():
        for clip in clips:
            samples = torch.from_numpy(clip.astype(np.float32) / (32768 if clip.dtype == np.int16 else 1))
            out = hear(net, log_mel, samples)
            embeddings.append(out.embedding[0])
            speech.append(out.speech[0])
    return torch.stack(embeddings), torch.stack(speech)


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


def validation_scores(net: SpokenWordNet, clips: Clips) -> dict[str, float]:
    """Unseen words in unseen espeak-ng variants: enrolled from one rendition, asked with three others."""
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
        noise = without_voice(generator, 1, len(clip))[0]
        ratio_db = 5 + 15 * float(torch.rand(1, generator=generator))
        level = (clip.square().mean() / noise.square().mean().clamp(min=1e-9) / 10 ** (ratio_db / 10)).sqrt()
        noisy.append((clip + level * noise).numpy())
    refused = float(speech_logits(net, sounds).quantile(0.95))
    return min(refused, float(speech_logits(net, noisy).quantile(0.005)))
