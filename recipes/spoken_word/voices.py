"""Speech synthesizers as one function each: text and a voice's settings -> mono 16 kHz int16 samples.

espeak-ng and flite are called through their C libraries, thousands of words a minute in one process; festival runs
as one process for a list of words. Sources: the libraries' public headers `speak_lib.h` and `flite.h`, and
festival's manual.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import math
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import firwin, resample_poly

from recipes.spoken_word import people
from recipes.spoken_word.accents import ACCENTED, expression
from retail.media import SAMPLE_RATE_HZ
from retail.schema import UserError

PACKAGES = (
    "espeak-ng flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k festvox-itapc16k "
    "festvox-czech-dita festvox-czech-krb festvox-czech-machac festvox-czech-ph festvox-suopuhe-lj festvox-suopuhe-mv "
    "festvox-hi-nsk"
)

# The file names of espeak-ng's accents and variants.
ACCENTS = "en-US en en-GB-scotland en-GB-x-rp en-GB-x-gbclan en-GB-x-gbcwmd en-029 en-US-nyc".split()
VARIANTS = (
    "adam Alex Alicia Andy Annie aunty belinda benjamin boris david Denis Diogo ed edward edward2 Gene2 "
    "grandma grandpa gustave Henrique Hugo iven iven2 Jacky john klatt klatt2 klatt3 klatt4 Lee marcelo Marco "
    "max Michael michel miguel Mike Mr Nguyen norbert pablo paul pedro rob robert sandro shelby steph steph2 "
    "victor zac anika f1 f2 f4 f5 m2 m3 m4 m5 m7 m8 whisper whisperf"
).split()
# Never trained on: these choose between settings.
VALIDATION_VARIANTS = "Andrea antonio caleb f3 Gene linda m1 m6 Mario quincy travis".split()
# Never trained on, never chosen by: these measure once, at the end.
TEST_VOICES = [("flite", "awb"), ("flite", "slt"), ("festival", "slt")]

FLITE_VOICES = {"kal16": "cmu_us_kal16", "rms": "cmu_us_rms", "awb": "cmu_us_awb", "slt": "cmu_us_slt"}
FESTIVAL_VOICES = {"kal": "kal_diphone", "ked": "ked_diphone", "slt": "cmu_us_slt_arctic_hts"}
FESTIVAL_VOICES |= {name: accent.voice for name, accent in ACCENTED.items()}


@dataclass(frozen=True)
class Voice:
    """One way to speak: engine, voice name, speed (1 is normal), pitch and its range (0 to 99).

    flite and the English voices of festival keep their own pitch; RHVoice and Pico keep their own range.
    """

    engine: str
    name: str
    speed: float = 1.0
    pitch: float = 50.0
    pitch_range: float = 50.0


def espeak_voice(rng: random.Random, variants: list[str]) -> Voice:
    """A random accent, variant, speed and pitch."""
    return Voice(
        "espeak",
        f"gmw/{rng.choice(ACCENTS)}+{rng.choice(variants)}",
        speed=rng.uniform(0.65, 1.25),
        pitch=rng.uniform(15, 85),
        pitch_range=rng.uniform(15, 85),
    )


def speak(lines: Iterable[tuple[str, Voice]]) -> Iterator[np.ndarray]:
    """(text, voice) pairs of one engine -> int16 (S,) at 16 kHz each, without the silence at both ends."""
    pairs = list(lines)
    engines = {voice.engine for _, voice in pairs}
    if engines <= {"festival"}:
        yield from map(trim, _festival(pairs))
        return
    speakers: dict[str, Callable[[str, Voice], np.ndarray]] = {
        "espeak": _espeak_one,
        "flite": _flite_one,
        "rhvoice": _rhvoice_one,
        "pico": _pico_one,
    }
    for text, voice in pairs:
        yield trim(speakers[voice.engine](text, voice))


def trim(samples: np.ndarray, below: float = 0.01) -> np.ndarray:
    """Cuts what is 40 dB under the peak at both ends, but for 20 ms."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > below * max(1, np.abs(samples.astype(np.int32)).max()))
    if not len(loud):
        return samples[:0]
    margin = SAMPLE_RATE_HZ // 50
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


def _library(name: str, soname: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(ctypes.util.find_library(name) or soname)
    except OSError as error:
        raise UserError(
            f"The speech synthesizer library {soname} is missing; install the packages {PACKAGES}."
        ) from error


def _resampled(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    if sample_rate_hz == SAMPLE_RATE_HZ or not len(samples):
        return samples.astype(np.int16)
    common = math.gcd(sample_rate_hz, SAMPLE_RATE_HZ)
    up, down = SAMPLE_RATE_HZ // common, sample_rate_hz // common
    out = resample_poly(samples.astype(np.float32), up, down, window=_low_pass(max(up, down)))
    return np.clip(out, -32768, 32767).astype(np.int16)


@cache
def _low_pass(rate: int) -> np.ndarray:
    """The filter that `resample_poly` would design again for every clip."""
    return firwin(20 * rate + 1, 1 / rate, window=("kaiser", 5.0)).astype(np.float32)


# espeak-ng


class _Espeak:
    RATE, PITCH, RANGE = 1, 3, 4
    SYNCHRONOUS, UTF8, IPA = 2, 1, 2

    def __init__(self) -> None:
        self.library = _library("espeak-ng", "libespeak-ng.so.1")
        self.sample_rate_hz = self.library.espeak_Initialize(self.SYNCHRONOUS, 0, None, 0)
        if self.sample_rate_hz <= 0:
            raise UserError(f"espeak-ng could not start; install the packages {PACKAGES}.")
        self.library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.chunks: list[np.ndarray] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._hear)  # kept, or it is collected while the library calls it
        self.library.espeak_SetSynthCallback(self._callback)
        self.voice = ""

    def _hear(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _: object) -> int:
        if samples and count > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def choose(self, name: str) -> None:
        if name != self.voice:
            if self.library.espeak_SetVoiceByName(name.encode()) != 0:
                raise UserError(f"espeak-ng has no voice {name!r}; install a current espeak-ng.")
            self.voice = name


@cache
def _espeak() -> _Espeak:
    return _Espeak()


def _espeak_one(text: str, voice: Voice) -> np.ndarray:
    espeak = _espeak()
    espeak.choose(voice.name)
    for parameter, value in (
        (espeak.RATE, 175 * voice.speed),
        (espeak.PITCH, voice.pitch),
        (espeak.RANGE, voice.pitch_range),
    ):
        espeak.library.espeak_SetParameter(parameter, int(value), 0)
    espeak.chunks.clear()
    data = text.encode()
    espeak.library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 1, 0, espeak.UTF8, None, None)
    samples = np.concatenate(espeak.chunks) if espeak.chunks else np.zeros(0, np.int16)
    return _resampled(samples, espeak.sample_rate_hz)


def phonemes(text: str) -> str:
    """American phonemes in the International Phonetic Alphabet, words separated by spaces."""
    espeak = _espeak()
    espeak.choose("gmw/en-US")
    pointer = ctypes.c_char_p(text.encode())
    found = []
    while pointer.value:
        found.append(espeak.library.espeak_TextToPhonemes(ctypes.byref(pointer), espeak.UTF8, espeak.IPA).decode())
    return " ".join(found)


# flite


class _FliteWave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


class _FliteVoice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


@cache
def _flite() -> ctypes.CDLL:
    library = _library("flite", "libflite.so.1")
    library.flite_init()
    library.flite_text_to_wave.restype = ctypes.POINTER(_FliteWave)
    library.flite_text_to_wave.argtypes = [ctypes.c_char_p, ctypes.POINTER(_FliteVoice)]
    library.delete_wave.argtypes = [ctypes.POINTER(_FliteWave)]
    library.flite_feat_set_float.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float]
    return library


@cache
def _flite_voice(name: str) -> ctypes._Pointer[_FliteVoice]:
    _flite()
    full = FLITE_VOICES[name]
    library = _library(f"flite_{full}", f"libflite_{full}.so.1")
    register = getattr(library, f"register_{full}")
    register.restype = ctypes.POINTER(_FliteVoice)
    register.argtypes = [ctypes.c_char_p]
    return register(None)


def _flite_one(text: str, voice: Voice) -> np.ndarray:
    flite, handle = _flite(), _flite_voice(voice.name)
    flite.flite_feat_set_float(handle.contents.features, b"duration_stretch", 1 / voice.speed)
    wave = flite.flite_text_to_wave(text.encode(), handle)
    samples = np.ctypeslib.as_array(wave.contents.samples, (wave.contents.num_samples,)).copy()
    sample_rate_hz = wave.contents.sample_rate
    flite.delete_wave(wave)
    return _resampled(samples, sample_rate_hz)


# RHVoice and Pico


def _rhvoice_one(text: str, voice: Voice) -> np.ndarray:
    return _resampled(*people.rhvoice(text, voice.name, voice.speed, _factor(voice.pitch)))


def _pico_one(text: str, voice: Voice) -> np.ndarray:
    ipa = phonemes(text) if voice.name in people.PHONES else ""
    return _resampled(*people.pico(text, voice.name, voice.speed, _factor(voice.pitch), ipa))


def _factor(pitch: float) -> float:
    """0 to 99 -> 0.71 to 1.4 of the speaker's own pitch."""
    return 2 ** ((pitch - 50) / 100)


# festival


def _festival(pairs: list[tuple[str, Voice]]) -> Iterator[np.ndarray]:
    if shutil.which("festival") is None:
        raise UserError(f"The speech synthesizer festival is missing; install the packages {PACKAGES}.")
    with tempfile.TemporaryDirectory() as folder:
        script, chosen = [], ""
        for place, (text, voice) in enumerate(pairs):
            if voice.name != chosen:  # which takes as long as a word
                script += [f"(voice_{FESTIVAL_VOICES[voice.name]})", "(set! after_synth_hooks nil)"]
                chosen = voice.name
            script.append(f'(utt.save.wave (utt.synth {_utterance(text, voice)}) "{folder}/{place}.wav" "riff")')
        file = Path(folder) / "speak.scm"
        file.write_text("\n".join(script))
        subprocess.run(["festival", "-b", str(file)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for place in range(len(pairs)):
            samples, sample_rate_hz = soundfile.read(f"{folder}/{place}.wav", dtype="int16")
            yield _resampled(unwrapped(samples), sample_rate_hz)


def unwrapped(samples: np.ndarray) -> np.ndarray:
    """Undoes festival's overflow: a loud diphone that passes 32,767 goes on from -32,768. int16 (S,) -> the same."""
    whole = np.unwrap(samples.astype(np.float64), period=1 << 16)
    peak = np.abs(whole).max(initial=0)
    if peak <= 32_767 or abs(whole[-1]) > 1_000:  # nothing to undo, or a jump that was no overflow
        return samples
    return (whole * (32_767 / peak)).astype(np.int16)


def _utterance(text: str, voice: Voice) -> str:
    """What festival shall synthesise, in its Scheme."""
    if voice.name in ACCENTED:
        pitch, pitch_range = _factor(voice.pitch), voice.pitch_range / 50
        return expression(ACCENTED[voice.name], phonemes(text), voice.speed, pitch, pitch_range)
    words = "".join(letter for letter in text if letter.isalnum() or letter in " '-")
    stretch = f"(Parameter.set 'Duration_Stretch {1 / voice.speed:.3f})"
    return f'(begin {stretch} (Utterance Text "{words}"))'
