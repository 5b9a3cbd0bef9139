"""Words and figures as people read them, the same in every page, table and sentence.

In: modalities, decisions and numbers. Out: text. No torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from retail.schema import Decision, Modality

# What people call them.
INPUT_WORDS: dict[Modality, str] = {"image": "photo", "text": "description", "audio": "sound"}


FILES_WORDS: dict[Modality, str] = {"image": "photos", "audio": "sounds"}  # of the inputs that are files, several


def inputs_words(modalities: Iterable[str]) -> str:
    """('audio', 'image') -> 'photo + sound', in the order that people give them."""
    chosen = set(modalities)
    return " + ".join(word for modality, word in INPUT_WORDS.items() if modality in chosen)


def task_words(task: str) -> str:
    """'article_type' -> 'article type': a column's name as people write it."""
    return task.replace("_", " ")


def capital(sentence: str) -> str:
    """With its first letter in capitals and all others as they are."""
    return sentence[:1].upper() + sentence[1:]


def joined(words: Sequence[str]) -> str:
    """'photo, description and sound'."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def inputs_sentence(modalities: Iterable[str]) -> str:
    """('audio', 'image') -> 'photo and sound', within a sentence."""
    return joined(inputs_words(modalities).split(" + "))


def given_words(modalities: Iterable[str]) -> str:
    """('audio', 'image') -> 'a photo and a sound'."""
    return joined([f"a {word}" for word in inputs_words(modalities).split(" + ")])


def seeds_words(count: int) -> str:
    """What a figure is taken over: '1 seed', 'mean of 3 seeds'."""
    return "1 seed" if count == 1 else f"mean of {count} seeds"


def shortened(text: str, most: int) -> str:
    """One line of at most so many letters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def percent(value: float) -> str:
    """0.8412 -> '84.1 %'."""
    return f"{100 * value:.1f} %"


def percent_range(low: float, high: float) -> str:
    """0.8, 0.9 -> '80.0 % to 90.0 %'."""
    return f"{percent(low)} to {percent(high)}"


# How sure an answer is, in a word, the same on every page and in every table.
Certainty = Literal["Sure", "Likely", "Unsure", "Not in your range"]
LIKELY_FROM = 0.75  # a calibrated probability that is right three times of four
CERTAINTY_MEANS: dict[Certainty, str] = {
    "Sure": "answers like this are right as often as the target accuracy, which validation promises",
    "Likely": f"at least {LIKELY_FROM:.0%} sure, but validation does not promise the target accuracy",
    "Unsure": f"less than {LIKELY_FROM:.0%} sure: have a look",
    "Not in your range": "unlike everything that is known",
}


def certainty_word(decision: Decision, probability: float) -> Certainty:
    """Sure keeps the calibrated promise; Likely and Unsure go by the calibrated probability."""
    if decision == "unknown":
        return "Not in your range"
    if decision == "accept":
        return "Sure"
    return "Likely" if probability >= LIKELY_FROM else "Unsure"


def right_of(n: int, right: int) -> str:
    """What answers like this one were worth: 'right 9 of 10 times'."""
    return f"right {right:,} of {n:,} times"


def points(value: float) -> str:
    """0.128 -> '+12.8 points', a difference of two shares."""
    return f"{100 * value:+.1f} points"


def points_range(low: float, high: float) -> str:
    """0.099, 0.156 -> '[+9.9, +15.6]', the interval of a difference."""
    return f"[{100 * low:+.1f}, {100 * high:+.1f}]"


def of_hundred(value: float) -> str:
    """0.832 -> '83 of 100': a share that people can picture; never all or none of them where it is not."""
    whole = min(max(round(100 * value), 1), 99) if 0 < value < 1 else round(100 * value)
    return f"{whole} of 100"


def spent(seconds: float) -> str:
    """200 -> '3 min 20 s'."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
