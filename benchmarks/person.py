"""How the bundled spoken-word encoder hears one person: whole, by telephone, cut tightly, in noise.

In: the English prompts of Asterisk, recorded by Allison Smith, from Debian's package `asterisk-core-sounds-en-g722`
(CC BY-SA 3.0; downloaded, never copied into this project). Out: a table on stdout. These recordings are a validation:
what is hard about people may be looked for here, and not among the digits that `benchmarks.spoken_word` tests on. With
`--sounds` real sounds are mixed in too, such as those without words of Debian's `tuxpaint-stamps-default` (GPL-2).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import av
import numpy as np
import torch
import torchaudio
from torch import Tensor

from benchmarks.spoken_word import NOISE_DB, embed, enrol, with_noise
from recipes.spoken_word.scores import nearest, with_synthetic_noise
from retail.encoders import load_encoder
from retail.encoders.spoken_word import SPARE, spoken_part
from retail.media import SAMPLE_RATE_HZ, decode_audio

PACKAGE = "asterisk-core-sounds-en-g722"
FOLDER = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
TENS = "thirty forty fifty sixty seventy eighty ninety".split()
TENTHS = "thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth".split()
DAYS = "sunday monday tuesday wednesday thursday friday saturday".split()
MONTHS = "january february march april may june july august september october november december".split()
LETTERS = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike oscar papa quebec romeo sierra "
    "tango uniform victor whiskey yankee zulu"
).split()
# Words that are their file's name, in these folders.
NAMED = {
    "digits/": "billion dollars hundred million thousand minus pound star today tomorrow yesterday",
    "letters/": "asterisk dash dollar dot equals plus slash space",
    "": "activated added calling cancelled disabled enabled extension goodbye hello hours location lowercase minute "
    "minutes number removed seconds sorry time uppercase",
}
PHRASES = (
    "telephone-number one-moment-please call-forwarding call-waiting do-not-disturb hello-world please-try-again"
).split()


def prompts() -> dict[str, str]:
    """What is said -> the file's stem."""
    numbered = {"digits/": NUMBERS, "digits/h-": ["", *ORDINALS], "digits/day-": DAYS, "digits/mon-": MONTHS}
    found = {word: f"{stem}{place}" for stem, words in numbered.items() for place, word in enumerate(words) if word}
    for stem, words in (("digits/", TENS), ("digits/h-", TENTHS)):
        found |= {word: f"{stem}{10 * place}" for place, word in enumerate(words, start=3)}
    found |= {word: f"phonetic/{word[0]}_p" for word in LETTERS}
    found |= {word: f"{folder}{word}" for folder, words in NAMED.items() for word in words.split()}
    found |= {word.lower(): f"vm-{word}" for word in ("Family", "Friends", "Old", "Urgent", "Work")}
    return found | {name.replace("-", " "): name for name in PHRASES}


def recording(file: Path) -> Tensor:
    """(S,) at 16 kHz."""
    with av.open(str(file), format="g722") as stream:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in stream.decode(audio=0)])
    return torch.from_numpy(samples.astype(np.float32) / 32768)


def by_telephone(clip: Tensor) -> Tensor:
    """Nothing above 4 kHz."""
    resample = torchaudio.functional.resample
    half = SAMPLE_RATE_HZ // 2
    return resample(resample(clip, SAMPLE_RATE_HZ, half), half, SAMPLE_RATE_HZ)


def cut_tightly(clip: Tensor) -> Tensor:
    """From the first to the last loud moment, with nothing to spare."""
    return spoken_part(clip)[SPARE:-SPARE]


def sounds_without_words(folder: Path) -> list[np.ndarray]:
    """Every sound in a folder of Tux Paint's stamps but spoken descriptions and very short ones."""
    files = (file for file in sorted(folder.rglob("*")) if file.suffix in (".ogg", ".wav") and "_desc" not in file.name)
    return [sound for file in files if len(sound := decode_audio(file)) > SAMPLE_RATE_HZ / 4]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where the package {PACKAGE} puts its prompts")
    parser.add_argument("--sounds", type=Path, help="a folder of sounds to mix in, such as Tux Paint's stamps")
    arguments = parser.parse_args()
    folder = arguments.folder
    if not folder.is_dir():
        raise SystemExit(f"The prompts are expected in '{folder}', which does not exist; install {PACKAGE}.")
    sounds = sounds_without_words(arguments.sounds) if arguments.sounds else []
    if arguments.sounds and not sounds:
        raise SystemExit(
            f"Sounds (.ogg, .wav) are expected in '{arguments.sounds}', which holds none; name another folder."
        )
    said = prompts()
    clips = [recording(folder / f"{stem}.g722") for stem in said.values()]
    generator = torch.Generator().manual_seed(6)
    ways = {
        "whole": clips,
        "by telephone": [by_telephone(clip) for clip in clips],
        "cut tightly": [cut_tightly(clip) for clip in clips],
        "cut tightly, by telephone": [cut_tightly(by_telephone(clip)) for clip in clips],
        f"at {NOISE_DB} dB noise": [with_synthetic_noise(clip, NOISE_DB, generator) for clip in clips],
    }
    if sounds:
        mixed = with_noise([clip.numpy() for clip in clips], sounds)
        ways[f"at {NOISE_DB} dB of real sounds"] = [torch.from_numpy(clip) for clip in mixed]
    encoder = load_encoder("torchaudio:spoken-word@bundled")
    with tempfile.TemporaryDirectory() as work:
        known, labels = enrol(encoder, list(said), Path(work))
    among, numbers = torch.arange(len(said)), len(NUMBERS)
    few = labels < numbers
    print(f"{len(said)} words of one person, and {numbers} numbers among themselves, enrolled from synthetic voices")
    for name, heard in ways.items():
        asked = embed(encoder, [clip.numpy() for clip in heard])
        right = (nearest(known, labels, asked) == among).float().mean()
        right_numbers = (nearest(known[few], labels[few], asked[:numbers]) == among[:numbers]).float().mean()
        print(f"{name:27} {100 * right:5.1f} {100 * right_numbers:6.1f}")


if __name__ == "__main__":
    main()
