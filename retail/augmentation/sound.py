"""Sound clips through the recipe of the spoken-word pretraining: throats, transmission, rooms, microphones, noise.

In: mono 16 kHz float32 waveforms and a seed. Out: features (B, 64, T) for the network, or one waveform for the ear.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from retail.augmentation.speech import Augment
from retail.config import FinetuneConfig
from retail.encoders.spoken_word import SHORTEST_SAMPLES, LogMel, spoken_part

LOG_MEL = LogMel()


def augmented_features(clips: Sequence[np.ndarray], seed: Sequence[int], config: FinetuneConfig) -> Tensor:
    """B clips -> (B, 64, T), each cut to its speech, shorter ones padded with silence as in the pretraining."""
    spoken = [_spoken(clip) for clip in clips]
    if not config.vary_sound:
        length = max(SHORTEST_SAMPLES, *(len(clip) for clip in spoken))
        return LOG_MEL(torch.stack([torch.nn.functional.pad(clip, (0, length - len(clip))) for clip in spoken]))
    return Augment(_generator(seed))([_steps(clip) for clip in spoken])


def rerecorded(clip: np.ndarray, seed: Sequence[int]) -> np.ndarray:
    """(S,) -> (S',): the part of the recipe that acts on waveforms, another pitch and speed and a bad transmission."""
    recipe = Augment(_generator(seed))
    return recipe.transmission(recipe.together([recipe.throat(_steps(_spoken(clip)))]))[0].numpy()


def _spoken(clip: np.ndarray) -> Tensor:
    return spoken_part(torch.from_numpy(np.array(clip, dtype=np.float32)))


def _steps(waveform: Tensor) -> np.ndarray:
    """A waveform as int16 with its peak at full scale; the recipe does not read the level."""
    peak = waveform.abs().max().clamp(min=1e-4)
    return (waveform / peak * 32767).to(torch.int16).numpy()


def _generator(seed: Sequence[int]) -> torch.Generator:
    return torch.Generator().manual_seed(int(np.random.SeedSequence(list(seed)).generate_state(1)[0]))
