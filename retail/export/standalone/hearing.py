"""A clip as the spoken-word network hears it.

In: samples at 16 kHz and the network's graphs. Out: an embedding, or None where nobody speaks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .sounds import log_mel, loud_part, with_length


class Hearing:
    """The graph of the embedding and the one that says whether somebody speaks; often the same one."""

    def __init__(self, network: Any, listener: Any, facts: dict[str, Any]) -> None:
        self._network, self._listener, self._facts = network, listener, facts

    def embedding(self, samples: np.ndarray) -> np.ndarray | None:
        """(S,) -> (D,) of unit length"""
        facts = self._facts
        if len(samples) > facts["longest_seconds"] * facts["sample_rate"]:
            samples = self._spoken_part(samples)
        if np.abs(samples).max() < facts["silence"]:
            return None
        part = loud_part(samples, facts)
        features = log_mel(np.pad(part, (0, max(0, facts["shortest_samples"] - len(part)))), facts)
        copies = [with_length(features, length, facts["least_frames"])[None] for length in facts["lengths"]]
        heard = [self._network.run(None, {"features": copy}) for copy in copies]
        told = heard if self._listener is self._network else [self._listener.run(None, {"features": c}) for c in copies]
        if np.mean([speech[0] for _, speech in told]) <= facts["speech_threshold"]:
            return None
        mean = np.mean([embedding[0] for embedding, _ in heard], axis=0)
        return mean / max(np.linalg.norm(mean), 1e-12)

    def _spoken_part(self, samples: np.ndarray) -> np.ndarray:
        """The 1 to 10 s in which a voice is heard most surely, or a second of silence where none is."""
        facts = self._facts
        window, threshold = facts["sample_rate"], facts["speech_threshold"]
        hop = window // 2
        windows = sliding_window_view(samples, window)[::hop]
        power = np.square(windows).mean(1)
        heard = power >= max(facts["window_silence"], power.max() / 10 ** (facts["window_db"] / 10))
        silence = np.zeros(window, dtype=np.float32)
        if not heard.any():
            return silence
        logits = np.full(len(windows), -math.inf)
        for place in np.flatnonzero(heard):
            logits[place] = self._listener.run(["speech"], {"features": log_mel(windows[place], facts)[None]})[0][0]
        best = int(logits.argmax())
        surest = logits[best]
        if surest <= threshold + facts["doubt"] * math.log2(int(heard.sum())):
            return silence
        chosen = logits >= max(threshold, facts["neighbour"] * surest)
        most = (facts["longest_seconds"] * window - window) // hop
        first = last = best
        while first > 0 and chosen[first - 1] and last - first < most:
            first -= 1
        while last + 1 < len(chosen) and chosen[last + 1] and last - first < most:
            last += 1
        return samples[first * hop : last * hop + window]
