"""English words in the mouths of Festival's voices for other languages: more people than there are English voices.

In: American phonemes from espeak-ng, and what diphones a voice recorded. Out: a Festival expression that says them
with our own durations and melody. The duration rules follow Klatt (1979) in outline: a length for each kind of sound,
more under stress and at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from retail.schema import UserError

VOICES = Path("/usr/share/festival/voices")  # where Debian's packages put them
EDGE_SECONDS = 0.05  # silence before and after, cut off later
BRIDGE_SECONDS = 0.03  # silence between two sounds that nobody recorded side by side
BRIDGE_COST = 4.0  # as bad as the fifth choice for a sound
CUT_COST = {True: 0.5, False: 1.5}  # a sound cut in its middle at the word's edge; little is lost of an l, m or n
LASTING = "lmnNrwj"
TRILL_SECONDS = 0.04  # the longest r: one tap of the tongue; English has no longer trill

# Each sound of American English, then the phones that stand for it, the best first: `a.i` is one after the other,
# `-` is nothing.
ITALIAN = """
p p|b   b b|p   t t|d   d d|t   k k|g   ɡ g|k   tʃ tS|t.S   dʒ dZ|d.S|tS|t.S   f f|v   v v|f   θ f|t|s   ð z|d
s s|z   z z|s   ʃ S|tS|s   ʒ S|dZ|z   h -   m m|n   n n|m   ŋ ng|ng.g|n.g|n   l l   ɹ r   R a|r   j j|i   w u|w   ɾ t|d
ʔ t   x k   i i1|i   ɪ e|i|e1   ᵻ i|e   ɛ E1|E|e   æ a1|a|E1   ɑ a1|a|O1   ʌ a|a1   ɐ a|a1   ə E|e|a   ɔ O1|o1|o
ʊ u|u1   u u1|u   ɜ E1.a|E1.r   ɚ a.r|e.r   aɪ a1.e|a1.i|a.e   aʊ a1.o|a.o   eɪ E1.i|e1.i|e.i   oʊ O1.u|o1.u|o
ɔɪ O1.i|o.i   əl o.u|o.l|e.l   n̩ o.n|e.n   l̩ o.l|e.l   e e1|e   o o1|o   a a1|a
"""
CZECH = """
p p|b   b b|p   t t|d   d d|t   k k|g   ɡ g|k   tʃ c~|dz~   dʒ dz~|c~   f f|v   v v|f   θ s|f|t   ð z|d|s|t   s s|z
z z|s   ʃ s~|z~   ʒ z~|s~   h ch|h   m m|n   n n|n*   ŋ n*|n*.g|n*.k|n   l l   ɹ r   R a|r   j j|i   w u|v|f   ɾ t|d|r
ʔ t   x ch   i i:|i|i:.j|i.j   ɪ i|i:   ᵻ i|e   ɛ e|e:   æ a|e|e:   ɑ a|a:   ʌ a|a:   ɐ a|a:   ə e|a   ɔ o:|o
ʊ u:|u   u u:|u|u:.v   ɜ e.r|e:.r   ɚ e.r|a.r   aɪ a.j|a.i   aʊ a.u|a.u.v   eɪ e.j|e.i   oʊ o.u|o:|o.u.v
ɔɪ o.j|o.i   əl o.l|e.l   n̩ n|e.n   l̩ l|e.l
e e|e:   o o|o:   a a|a:
"""
FINNISH = """
p p   b b|p   t t   d d|t   k k   ɡ g|k   tʃ t.S|t.s   dʒ d.S|d.s|t.S|t.s   f f|v   v v|f   θ T|t   ð d|t|v   s s   z s
ʃ S|s   ʒ S|s   h h|-   m m|n   n n|m   ŋ N|N:|n.g|n.k|n   l l   ɹ r   R r   j j|i   w w|v|u   ɾ d|t|r   ʔ t   x h|k
i i:|i   ɪ e|i   ᵻ e|i   ɛ e   æ @|@:   ɑ a:|a   ʌ a   ɐ a   ə 7|e   ɔ o:|o   ʊ u   u u:|u
ɜ 7:|7:.r|7.r   ɚ 7.r|e.r   aɪ a.i   aʊ a.u   eɪ e.i   oʊ o.u   ɔɪ o.i   əl o.l|u.l|7.l|e.l   n̩ e.n   l̩ e.l|o.l
e e|e:   o o|o:   a a|a:
"""
HINDI = """
p p   b b   t T   d D   k k   ɡ g   tʃ ch   dʒ j   f f   v v   θ th   ð dh   s s   z s|j   ʃ sh   ʒ zh|sh|j   h h|-
m m   n n   ŋ n.g|n   l l   ɹ r   R r   j y   w v   ɾ D|T   ʔ T   x k
i iy|ih   ɪ ih|iy   ᵻ ih   ɛ eh   æ aa|eh   ɑ aa|a   ʌ a|aa   ɐ a|aa   ə a   ɔ aa|oh   ʊ uh|uw   u uw|uh
ɜ a.r   ɚ a.r   aɪ aa.y|ay   aʊ aa.v|aw   eɪ ee   oʊ oo   ɔɪ oo.y|oo   əl a.l|oh.l   n̩ a.n   l̩ a.l
e ee   o oo   a aa|a
"""


@dataclass(frozen=True)
class Accent:
    """A voice of another language: Festival's name for it, its file of diphones, and how it stands in for English."""

    voice: str
    diphones: str  # under `VOICES`
    table: str
    pitch_hz: float  # the speaker's own
    pause: str = "#"


ACCENTED = {
    "lp": Accent("lp_diphone", "italian/lp_diphone/group/lp_diphone.group", ITALIAN, 190),
    "pc": Accent("pc_diphone", "italian/pc_diphone/group/pc_diphone.group", ITALIAN, 115),
    "dita": Accent("czech_dita", "czech/czech_dita/group/dita.group", CZECH, 210),
    "krb": Accent("czech_krb", "czech/czech_krb/group/krb.group", CZECH, 250),
    "machac": Accent("czech_machac", "czech/czech_machac/group/machac.group", CZECH, 110),
    "ph": Accent("czech_ph", "czech/czech_ph/group/ph.group", CZECH, 110),
    "lj": Accent("suo_fi_lj_diphone", "finnish/suo_fi_lj_diphone/group/ljlpc.group", FINNISH, 190),
    "mv": Accent("hy_fi_mv_diphone", "finnish/hy_fi_mv_diphone/group/mvlpc.group", FINNISH, 105),
    "nsk": Accent("hindi_NSK_diphone", "hindi/hindi_NSK_diphone/group/NSKlpc.group", HINDI, 120, "pau"),
}
SOUND = re.compile(r"([ˈˌ]?)(tʃ|dʒ|aɪ|aʊ|eɪ|oʊ|ɔɪ|əl|[nl]̩|[^\sˈˌː])(ː?)")
VOWELS = set("iɪᵻɛæɑʌɐəɔʊuɜɚeoa")
SECONDS = {  # of each kind of sound in an unstressed syllable inside a word
    "ptkbdɡɾʔx": 0.075,
    "fθsʃ": 0.105,
    "vðzʒhmnŋlɹRjw": 0.07,
    "ɪᵻɛʌʊ": 0.085,
    "ɐə": 0.065,
    "iuæɑɔeoa": 0.11,
    "ɜɚ": 0.13,
}


@dataclass(frozen=True)
class Sound:
    """One English sound: its name, how long it lasts, how high the voice is in it (1 is the speaker's own)."""

    name: str
    seconds: float
    pitch: float


def marked(ipa: str) -> list[tuple[str, str, str]]:
    """Phonemes -> (stress mark, sound, length mark) each; `R` is an r that no vowel follows, `ɐ` a schwa at the end."""
    found = SOUND.findall(re.sub(r"ə\b", "ɐ", ipa))
    following = [name[0] for _, name, _ in found[1:]] + [" "]
    return [
        (stress, "R" if name == "ɹ" and after not in VOWELS else name, long)
        for (stress, name, long), after in zip(found, following, strict=False)
    ]


def sounds(ipa: str) -> list[Sound]:
    """Phonemes with stress marks -> sounds with durations and a melody that falls from the stress to the end."""
    found = marked(ipa)
    vowels = [place for place, (_, name, _) in enumerate(found) if name[0] in VOWELS]
    result = []
    for place, (stress, name, long) in enumerate(found):
        seconds = next(value for kinds, value in SECONDS.items() if name[0] in kinds)
        if len(name) == 2:  # diphthongs, affricates, syllables of one consonant
            seconds += 0.055
        seconds *= 1.2 if long else 1
        seconds *= {"ˈ": 1.25, "ˌ": 1.1, "": 1.0}[stress]
        if vowels and place >= vowels[-1]:
            seconds *= 1.3 if place == vowels[-1] else 1.15
        pitch = {"ˈ": 1.12, "ˌ": 1.05, "": 1.0}[stress] * (1.04 - 0.2 * place / len(found))
        result.append(Sound(name, seconds, pitch))
    return result


def expression(accent: Accent, ipa: str, speed: float, pitch: float, pitch_range: float) -> str:
    """The Scheme expression of the utterance; `pitch` is a factor, `pitch_range` one for the melody's steps."""
    heard = sounds(ipa)
    segments = [f'("{accent.pause}" {EDGE_SECONDS})']
    for phone, seconds, sound in pronounced(accent, heard):
        seconds /= speed
        height = accent.pitch_hz * pitch * (heard[sound].pitch ** pitch_range)
        segments.append(f'("{phone}" {seconds:.3f} ({seconds / 2:.3f} {height:.1f}))')
    segments.append(f'("{accent.pause}" {EDGE_SECONDS})')
    return f"(Utterance Segments ({' '.join(segments)}))"


def pronounced(accent: Accent, heard: list[Sound]) -> list[tuple[str, float, int]]:
    """The (phone, seconds, place of the sound) that stray least from the first choices and were recorded side by side.

    Dynamic programming over the last phone: a pair of phones that the voice lacks costs a short silence.
    """
    table, pairs = stand_ins(accent.table), _diphones(accent.diphones)
    best: dict[str, tuple[float, list[tuple[str, float, int]]]] = {accent.pause: (0.0, [])}
    for place, sound in enumerate([*heard, None]):
        reached: dict[str, tuple[float, list[tuple[str, float, int]]]] = {}
        for rank, phones in enumerate(table[sound.name] if sound else [(accent.pause,)]):
            for cost, path in best.values():
                last = path[-1][0] if path else accent.pause
                cost, path = cost + rank, list(path)
                for phone in phones:
                    seconds = sound.seconds / len(phones) if sound else 0.0
                    seconds = min(seconds, TRILL_SECONDS) if phone == "r" else seconds
                    if phone == last and path:  # one longer phone
                        path[-1] = (phone, path[-1][1] + seconds / 2, path[-1][2])
                        continue
                    if f"{last}-{phone}" not in pairs:
                        if accent.pause in (last, phone):
                            cost += CUT_COST[(phone if last == accent.pause else last)[0] in LASTING]
                        else:
                            path.append((accent.pause, BRIDGE_SECONDS, place))
                            cost += BRIDGE_COST
                    path.append((phone, seconds, place))
                    last = phone
                if last not in reached or cost < reached[last][0]:
                    reached[last] = (cost, path)
        best = reached
    return best[accent.pause][1][:-1]


@cache
def stand_ins(text: str) -> dict[str, list[tuple[str, ...]]]:
    """A table like those above -> the phones that may stand for each sound, the best choice first."""
    names = text.split()
    return {
        name: [tuple(phones.split(".")) if phones != "-" else () for phones in choices.split("|")]
        for name, choices in zip(names[::2], names[1::2], strict=True)
    }


@cache
def _diphones(name: str) -> frozenset[str]:
    """The pairs of phones in the text index at the head of a voice's file."""
    try:
        lines = (VOICES / name).open("rb")
    except OSError as error:
        raise UserError(f"Festival's voice {name!r} is missing; install the packages of its language.") from error
    with lines:
        return frozenset(_index(lines))


def _index(lines: BinaryIO) -> Iterator[str]:
    count = 0
    for line in lines:
        if line.startswith(b"NumEntries"):
            count = int(line.split()[1])
        if line.startswith(b"EST_Header_End"):
            break
    for _ in range(count):
        yield next(lines).split()[0].decode("latin-1")
