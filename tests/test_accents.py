"""Voices of other languages that speak English words."""

from __future__ import annotations

import ctypes.util
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from recipes.spoken_word import accents, voices
from recipes.spoken_word.accents import ACCENTED, Accent, Sound, expression, pronounced, sounds
from recipes.spoken_word.voices import Voice, phonemes, speak
from recipes.spoken_word.words import training_words
from retail.schema import UserError

needs_voices = pytest.mark.skipif(
    not os.environ.get("CI")
    and (
        ctypes.util.find_library("espeak-ng") is None
        or shutil.which("festival") is None
        or not all((accents.VOICES / accent.diphones).exists() for accent in ACCENTED.values())
    ),
    reason=f"needs the packages {voices.PACKAGES}",
)


@pytest.fixture
def toy(monkeypatch) -> Accent:
    """Three sounds: `a`, `k` after which no `s` was recorded, and `s`, for which `z` may stand."""
    recorded = frozenset("#-a a-# #-k k-# k-a a-k #-s s-# a-s s-a #-z z-# k-z z-a".split())
    monkeypatch.setattr(accents, "_diphones", lambda name: recorded)
    return Accent("toy", "toy.group", "a a   k k|a.k   s s|z   t k", pitch_hz=100)


def said(accent: Accent, names: str) -> str:
    return " ".join(phone for phone, _, _ in pronounced(accent, [Sound(name, 0.1, 1.0) for name in names]))


def test_the_first_choices_are_said_where_they_were_recorded(toy):
    assert said(toy, "as") == "a s"
    assert said(toy, "kas") == "k a s"


def test_a_pair_that_was_not_recorded_is_avoided_or_bridged_by_silence(toy):
    assert said(toy, "ksa") == "k z a"
    assert said(replace(toy, table="a a k k s s"), "ksa") == "k # s a"


def test_a_doubled_phone_is_one_that_lasts_longer(toy):
    [(phone, seconds, _)] = pronounced(toy, [Sound("k", 0.1, 1.0), Sound("t", 0.1, 1.0)])
    assert phone == "k" and seconds == pytest.approx(0.15)


def test_stress_and_the_end_of_a_word_lengthen_and_the_melody_falls():
    first, second = [sound for sound in sounds("bədˈiːbə") if sound.name in "əi"][:2]
    assert first.seconds < second.seconds and first.pitch < second.pitch
    middle, last = (sounds(word)[1].seconds for word in ("bɪtə", "bɪt"))
    assert middle < last
    assert [sound.name for sound in sounds("tʃˈɔɪs bˈʌʔn̩")] == ["tʃ", "ɔɪ", "s", "b", "ʌ", "ʔ", "n̩"]


def test_speed_and_pitch_are_written_into_the_utterance(toy):
    assert '("s" 0.0' in expression(toy, "sa", speed=2.0, pitch=1.0, pitch_range=0.0)
    assert " 150.0)" in expression(toy, "sa", speed=1.0, pitch=1.5, pitch_range=0.0)


def test_a_voice_that_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(accents, "VOICES", tmp_path)
    with pytest.raises(UserError, match="'italian/absent.group' is missing; install"):
        pronounced(Accent("italian", "italian/absent.group", "a a", pitch_hz=100), [Sound("a", 0.1, 1.0)])


@needs_voices
def test_every_voice_can_say_every_training_word_nearly_without_gaps():
    words = [sounds(phonemes(word.text)) for word in training_words()]
    for name, accent in ACCENTED.items():
        unknown = {sound.name for word in words for sound in word} - set(accents.stand_ins(accent.table))
        assert not unknown, f"{name} has no phone for {unknown}"
        gaps = sum(phone == accent.pause for word in words for phone, _, _ in pronounced(accent, word))
        assert gaps < 0.02 * len(words), name


def test_an_overflow_becomes_a_loud_clip_again():
    wave = 40_000 * np.sin(np.linspace(0, 8 * np.pi, 4_000))
    overflown = wave.astype(np.int64).astype(np.int16)
    assert np.abs(np.diff(overflown.astype(int))).max() > 60_000
    np.testing.assert_allclose(voices.unwrapped(overflown), wave * 32_767 / 40_000, atol=3)
    quiet = (wave / 2).astype(np.int16)
    assert np.array_equal(voices.unwrapped(quiet), quiet) and len(voices.unwrapped(quiet[:0])) == 0


@needs_voices
@pytest.mark.parametrize("name", ACCENTED)
def test_every_voice_speaks_and_slower_is_longer_and_higher_is_higher(name):
    voice = Voice("festival", name)
    slow, high = replace(voice, speed=0.6), replace(voice, pitch=95.0)
    for word in ("chocolate", "yellow"):
        normal, longer, other = speak([(word, voice), (word, slow), (word, high)])
        assert normal.dtype == np.int16 and np.abs(normal).max() > 1_000
        assert 5_000 < len(normal) < 1.4 * len(normal) < len(longer) < 40_000
        assert not np.array_equal(normal, other)
