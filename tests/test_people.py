"""RHVoice's and Pico's voices: what Pico's other languages say, and what is said when one is missing."""

from __future__ import annotations

import ctypes
import shutil
import stat
import sys
from dataclasses import replace

import numpy as np
import pytest

from recipes.spoken_word import people, voices
from recipes.spoken_word.clips import parts, validation_people
from recipes.spoken_word.people import PHONES, PICO, RHVOICE, VALIDATION_PEOPLE, x_sampa
from recipes.spoken_word.train import SHARES
from recipes.spoken_word.voices import TEST_VOICES, Voice, phonemes, speak
from recipes.spoken_word.words import Spoken, training_words
from retail.schema import UserError
from tests.test_spoken_word import needs_synthesizers


def have_rhvoice() -> bool:
    try:
        ctypes.CDLL("libRHVoice.so.5")
    except OSError:
        return False
    return True


needs_people = pytest.mark.skipif(
    not have_rhvoice() or shutil.which("pico2wave") is None, reason=f"needs the packages {people.PACKAGES}"
)


@pytest.mark.parametrize(
    ("name", "said"),
    [("de", 'k@"nEl va"fal'), ("fr", 'k@"nEl wa"fal'), ("it", 'ke"nEl wa"fal'), ("es", 'ke"nel wa"fal')],
)
def test_stress_stands_before_the_last_consonant_and_words_apart(name, said):
    assert x_sampa("kənˈɛl wafˈal", name) == said


def test_an_r_behind_a_vowel_and_a_last_schwa_have_phones_of_their_own():
    assert x_sampa("ɹˈoʊ kˈɑːɹ", "de") == '"Ro:U "ka:6'
    assert x_sampa("sˈoʊfə", "de") == '"so:Ufa'
    assert x_sampa("hˈɛloʊ", "fr") == '"Elou'  # nobody says an h


@needs_synthesizers
@pytest.mark.parametrize("name", PHONES)
def test_every_training_word_can_be_said_in_every_language(name):
    for word in training_words():
        assert x_sampa(phonemes(word.text), name).count(" ") == phonemes(word.text).count(" ")


def test_no_person_who_validates_or_tests_is_trained_on():
    trained = {part.voice for part in parts()}
    assert not trained & {*VALIDATION_PEOPLE, *(name for _, name in TEST_VOICES)}
    assert not {*RHVOICE.values()} & {"Slt", "Alan", *VALIDATION_PEOPLE.values()}


def test_people_say_most_of_what_is_heard():
    assert {part.voice or part.engine for part in parts()} == set(SHARES)
    assert sum(SHARES.values()) == pytest.approx(1)
    assert sum(SHARES[name] for name in (*RHVOICE, *PICO)) == pytest.approx(0.61)


def test_missing_engines_are_named_with_their_packages_and_section(monkeypatch):
    def absent(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(UserError, match=r"RHVoice is missing; install the packages librhvoice5 .* non-free\."):
        people._RHVoice()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"pico2wave is missing; install the packages .* non-free\."):
        people.pico("tea", "us", 1.0, 1.0, "tˈiː")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for pico2wave is a script with a first line")
def test_pico_says_text_in_english_and_phonemes_elsewhere_at_the_wished_pace(monkeypatch, tmp_path):
    script = tmp_path / "pico2wave"
    script.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys, numpy, soundfile\n"
        "_, _, language, _, file, said = sys.argv\n"
        "soundfile.write(file, numpy.full(160, 7, numpy.int16), 16000)\n"
        f"pathlib.Path({str(tmp_path / 'said')!r}).write_text(language + said)\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    samples, sample_rate_hz = people.pico("tea", "us", 0.85, 1.2, "tˈiː")
    assert samples.tolist() == [7] * 160 and sample_rate_hz == 16_000
    assert (tmp_path / "said").read_text() == 'en-US<speed level="85"><pitch level="120">tea</pitch></speed>'
    people.pico("tea", "de", 1.0, 1.0, "tˈiː")
    assert "<phoneme ph='\"ti:'/>" in (tmp_path / "said").read_text()


@needs_people
@needs_synthesizers
@pytest.mark.parametrize(
    "voice", [Voice("rhvoice", "clb"), Voice("rhvoice", "anna"), Voice("pico", "gb"), Voice("pico", "it")]
)
def test_people_speak_and_slower_is_longer_and_higher_is_other(voice):
    slow, high = replace(voice, speed=0.6), replace(voice, pitch=90.0)
    normal, longer, other = speak([("chocolate", voice), ("chocolate", slow), ("chocolate", high)])
    assert normal.dtype == np.int16 and np.abs(normal).max() > 1_000
    assert 5_000 < len(normal) < len(longer) < 40_000
    assert not np.array_equal(normal, other)


@needs_people
def test_a_voice_that_rhvoice_lacks_is_named():
    with pytest.raises(UserError, match="RHVoice has no voice 'Nobody'"):
        people._rhvoice().speak("tea", "Nobody", 1.0, 1.0)


@needs_people
def test_people_who_validate_are_one_source_each(tmp_path):
    clips = validation_people(tmp_path, [Spoken("apple", "a"), Spoken("pear", "p")])
    assert sorted(clips.sources) == sorted(VALIDATION_PEOPLE) and len(clips) == 8
    assert voices.trim(clips.clip(0)).size > 2_000
