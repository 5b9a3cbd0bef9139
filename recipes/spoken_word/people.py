"""Voices modelled on recorded people: RHVoice's through its C library, SVOX Pico's through `pico2wave`.

Two of RHVoice's voices and two of Pico's are English ones. RHVoice's Russian and Ukrainian voices read English words
as their languages do; Pico's German, French, Italian and Spanish ones take phonemes. Sources:
`RHVoice.h` (RHVoice 1.8) and the SVOX Pico manual (2009). Both come from the section non-free of Debian's archive:
nobody has published how their voices were trained.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache

import numpy as np
import soundfile

from recipes.spoken_word.accents import VOWELS, marked, stand_ins
from retail.schema import UserError

PACKAGES = "librhvoice5 rhvoice-english rhvoice-russian rhvoice-ukrainian libttspico-utils"

# Our name -> RHVoice's. Its slt is a test voice's speaker, and its alan may be (awb): neither is used.
RHVOICE = {name: name.title() for name in "bdl clb anna elena irina aleksandr natalia anatol".split()}
# Never trained on: their licences allow no derived works, so they only choose between settings.
VALIDATION_PEOPLE = {"lyubov": "Lyubov", "evgeniy": "Evgeniy-Eng", "victoria": "Victoria", "mikhail": "Mikhail"}

# Our name -> Pico's language, and how its voice stands in for American English sounds, in X-SAMPA: `-` is nothing.
PICO = {"us": "en-US", "gb": "en-GB", "de": "de-DE", "fr": "fr-FR", "it": "it-IT", "es": "es-ES"}
_COMMON = "p p b b t t d d k k ɡ g f f s s m m n n l l j j ɾ d ʔ - x k "
_ROMANCE = "w w i i ɪ i ᵻ i ʊ u u u e e o o a a ɐ a "
PHONES = {
    "de": _COMMON
    + "tʃ tS dʒ dZ v v θ s ð z z z ʃ S ʒ Z h h ŋ N ɹ R R 6 w v i i: ɪ I ᵻ I ɛ E æ E ɑ a: ʌ a ɐ a ə @ ɔ O ʊ U u u: "
    "ɜ 96 ɚ 6 aɪ aI aʊ aU eɪ e:I oʊ o:U ɔɪ OY əl @l n̩ @n l̩ @l e e: o o: a a",
    "fr": _COMMON + _ROMANCE + "tʃ tS dʒ dZ v v θ s ð z z z ʃ S ʒ Z h - ŋ N ɹ R R R ɛ E æ a ɑ a ʌ 9 ə @ ɔ O "
    "ɜ 9R ɚ 9R aɪ aj aʊ au eɪ ej oʊ ou ɔɪ Oj əl 9l n̩ @n l̩ @l",
    "it": _COMMON + _ROMANCE + "tʃ tS dʒ dZ v v θ t ð d z z ʃ S ʒ dZ h - ŋ n ɹ r R r ɛ E æ E ɑ a ʌ a ə e ɔ O "
    "ɜ Er ɚ er aɪ aj aʊ aw eɪ ej oʊ ow ɔɪ Oj əl ol n̩ en l̩ el",
    "es": _COMMON + _ROMANCE + "tʃ tS dʒ jj v b θ T ð D z s ʃ tS ʒ jj h x ŋ n ɹ r R r ɛ e æ a ɑ a ʌ a ə e ɔ o "
    "ɜ er ɚ er aɪ aj aʊ aw eɪ ej oʊ ow ɔɪ oj əl el n̩ en l̩ el",
}


# RHVoice

_SetRate = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_Play = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_uint, ctypes.c_void_p)


class _Callbacks(ctypes.Structure):
    _fields_ = [
        ("set_sample_rate", _SetRate),
        ("play_speech", _Play),
        *((name, ctypes.c_void_p) for name in ("mark", "word_starts", "word_ends")),
        *((name, ctypes.c_void_p) for name in ("sentence_starts", "sentence_ends", "play_audio", "done")),
    ]


class _InitParams(ctypes.Structure):
    _fields_ = [
        ("data_path", ctypes.c_char_p),
        ("config_path", ctypes.c_char_p),
        ("resource_paths", ctypes.c_void_p),
        ("callbacks", _Callbacks),
        ("options", ctypes.c_uint),
    ]


class _SynthParams(ctypes.Structure):
    _fields_ = [
        ("voice_profile", ctypes.c_char_p),
        *((f"absolute_{name}", ctypes.c_double) for name in ("rate", "pitch", "volume")),
        *((f"relative_{name}", ctypes.c_double) for name in ("rate", "pitch", "volume")),
        ("punctuation_mode", ctypes.c_int),
        ("punctuation_list", ctypes.c_char_p),
        ("capitals_mode", ctypes.c_int),
        ("flags", ctypes.c_int),
    ]


class _RHVoice:
    TEXT = 0

    def __init__(self) -> None:
        try:
            self.library = ctypes.CDLL("libRHVoice.so.5")
        except OSError as error:
            raise UserError(f"The speech synthesizer RHVoice is missing; {_advice()}") from error
        self.library.RHVoice_new_tts_engine.restype = ctypes.c_void_p
        self.library.RHVoice_new_message.restype = ctypes.c_void_p
        self.library.RHVoice_new_message.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.POINTER(_SynthParams),
            ctypes.c_void_p,
        ]
        self.library.RHVoice_speak.argtypes = [ctypes.c_void_p]
        self.library.RHVoice_delete_message.argtypes = [ctypes.c_void_p]
        self.sample_rate_hz = 0
        self.chunks: list[np.ndarray] = []
        self._kept = _SetRate(self._rate), _Play(self._hear)  # or they are collected while the library calls them
        start = _InitParams(callbacks=_Callbacks(*self._kept))
        self.engine = self.library.RHVoice_new_tts_engine(ctypes.byref(start))

    def _rate(self, sample_rate_hz: int, _: object) -> int:
        self.sample_rate_hz = sample_rate_hz
        return 1

    def _hear(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _: object) -> int:
        self.chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 1

    def speak(self, text: str, profile: str, speed: float, pitch: float) -> tuple[np.ndarray, int]:
        self.chunks.clear()
        wish = _SynthParams(profile.encode(), relative_rate=speed, relative_pitch=pitch, relative_volume=1.0)
        data = text.encode()
        message = self.library.RHVoice_new_message(self.engine, data, len(data), self.TEXT, ctypes.byref(wish), None)
        if not message:
            raise UserError(f"RHVoice has no voice {profile!r}; {_advice()}")
        self.library.RHVoice_speak(message)
        self.library.RHVoice_delete_message(message)
        return np.concatenate(self.chunks) if self.chunks else np.zeros(0, np.int16), self.sample_rate_hz


@cache
def _rhvoice() -> _RHVoice:
    return _RHVoice()


def rhvoice(text: str, name: str, speed: float, pitch: float) -> tuple[np.ndarray, int]:
    """int16 (S,) and its rate in Hz; `speed` and `pitch` are factors."""
    return _rhvoice().speak(text, (RHVOICE | VALIDATION_PEOPLE)[name], speed, pitch)


# Pico


def pico(text: str, name: str, speed: float, pitch: float, ipa: str) -> tuple[np.ndarray, int]:
    """int16 (S,) and its rate in Hz; the voices of other languages say `ipa`, American phonemes, not the text."""
    if shutil.which("pico2wave") is None:
        raise UserError(f"The speech synthesizer pico2wave is missing; {_advice()}")
    said = f"<phoneme ph='{x_sampa(ipa, name)}'/>" if name in PHONES else text
    said = f'<speed level="{100 * speed:.0f}"><pitch level="{100 * pitch:.0f}">{said}</pitch></speed>'
    with tempfile.NamedTemporaryFile(suffix=".wav") as out:
        subprocess.run(["pico2wave", "-l", PICO[name], "-w", out.name, said], check=True)
        samples, sample_rate_hz = soundfile.read(out.name, dtype="int16")
    return samples, sample_rate_hz


def x_sampa(ipa: str, name: str) -> str:
    """American phonemes -> those of one of Pico's other languages, `"` before each stressed syllable's last consonant.

    X-SAMPA (Wells 1995); an element `phoneme` around text instead of an empty one would say the text as well.
    """
    return " ".join(_word(word, PHONES[name]) for word in ipa.split())


def _word(ipa: str, table: str) -> str:
    found, choices = marked(ipa), stand_ins(table)
    said: list[str] = []
    for place, (stress, name, _) in enumerate(found):
        phone = "".join(choices[name][0])
        if stress == "ˈ" and said and said[-1] and found[place - 1][1][0] not in VOWELS:
            said[-1] = '"' + said[-1]
        elif stress == "ˈ":
            phone = '"' + phone
        said.append(phone)
    return "".join(said)


def _advice() -> str:
    return f"install the packages {PACKAGES}, in Debian from its section non-free."
