"""A voice is found wherever in a minute it speaks; short clips are heard as they always were."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

from retail.encoders import PRESETS, load_encoder, long_clips
from retail.files import DEMO_DIR
from retail.media import SAMPLE_RATE_HZ, decode_audio

SPOKEN = PRESETS["bundled"]["audio"]


def word(place: int = 0) -> np.ndarray:
    with (DEMO_DIR / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        names = [row["audio_file_name"] for row in csv.DictReader(stream) if row["audio_file_name"]]
    return decode_audio(DEMO_DIR / names[place])


def among(clip: np.ndarray, seconds: float, at: float, hiss: float = 0.0) -> np.ndarray:
    level = hiss * float(np.sqrt(np.mean(clip**2)))
    around = np.random.default_rng(0).standard_normal(int(seconds * SAMPLE_RATE_HZ)).astype(np.float32) * level
    first = int(at * SAMPLE_RATE_HZ)
    around[first : first + len(clip)] += clip[: len(around) - first]
    return around


@pytest.mark.parametrize("hiss", [0.0, 0.02])
@pytest.mark.parametrize("at", [0.0, 12.3, 45.0, 57.0])
def test_a_voice_anywhere_in_a_minute_is_heard_as_if_alone(at, hiss):
    encoder = load_encoder(SPOKEN)
    for place in (0, 40):
        clip = word(place)
        alone, found = encoder.embed([clip, among(clip, 60, at, hiss)])
        assert alone.norm() > 0 and float(alone @ found) > 0.9


def test_clips_of_ten_seconds_are_heard_whole():
    encoder = load_encoder(SPOKEN)
    clip = among(word(), 10, 8)
    assert encoder.prepare(clip) is clip
    assert len(encoder.prepare(among(word(), 10.5, 8))) < 5 * SAMPLE_RATE_HZ


def test_a_minute_without_a_voice_counts_as_absent():
    encoder = load_encoder(SPOKEN)
    rng = np.random.default_rng(0)
    hiss = rng.standard_normal(60 * SAMPLE_RATE_HZ).astype(np.float32) * 0.05
    assert not encoder.embed([np.zeros_like(hiss), hiss]).any()


class Verdicts(torch.nn.Module):
    """A listener that says beforehand what it hears in each window that it is asked about."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = torch.tensor(logits, dtype=torch.float32)

    def forward(self, windows: torch.Tensor) -> Verdicts:
        self.speech = self.logits[windows[:, 0].round().long()]
        return self


def part(logits: list[float], threshold: float = 1.0, quiet: tuple[int, ...] = ()) -> tuple[int, int] | None:
    """The first and the last half second that is kept, where a window's number stands in its first sample."""
    halves = torch.arange(len(logits) + 1).repeat_interleave(long_clips.HOP).float()
    kept = long_clips.spoken_part(Verdicts(logits), lambda windows: windows, halves, threshold)
    return (int(kept[0]), int(kept[-1])) if kept.any() else None


def test_the_surest_windows_and_their_neighbours_are_kept():
    assert part([0, 0, 0, 0, 0, 9, 6, 1, 7, 0, 0, 0]) == (5, 7), "a window lasts two halves; 1 is too unsure"
    assert part([0] * 20 + [8] * 40 + [0] * 20)[1] - part([0] * 20 + [8] * 40 + [0] * 20)[0] == 19, "10 s at most"


def test_the_more_windows_the_surer_the_best_must_be():
    assert part([0, 0, 0, 0, 0, 0, 3.5, 0]) == (6, 7)
    assert part([0] * 100 + [3.5] + [0] * 19) is None


def test_quiet_windows_are_not_listened_to():
    waveform = torch.full((20 * SAMPLE_RATE_HZ,), 1e-3)
    waveform[5 * SAMPLE_RATE_HZ : 6 * SAMPLE_RATE_HZ] = 0.5
    asked = []

    class Counting(Verdicts):
        def forward(self, windows):
            asked.append(len(windows))
            self.speech = torch.full((len(windows),), 5.0)
            return self

    long_clips.spoken_part(Counting([0]), lambda windows: windows, waveform, 1.0)
    assert asked == [3], "of 39 windows those that overlap the loud second"


def test_other_encoders_hear_the_ten_loudest_seconds():
    encoder = load_encoder("torchaudio:log-mel-statistics")
    loud = np.random.default_rng(1).uniform(-0.5, 0.5, 10 * SAMPLE_RATE_HZ).astype(np.float32)
    clip = among(loud, 45, 20, hiss=0.001)
    assert np.abs(encoder.prepare(clip) - loud).max() < 0.01 and encoder.prepare(loud) is loud
    assert torch.equal(encoder.embed([clip])[0], encoder.embed([encoder.prepare(clip)])[0])
