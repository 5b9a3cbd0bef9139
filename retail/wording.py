"""Words and figures as people read them, the same in every page, table and sentence.

In: modalities, decisions and numbers. Out: text. No torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from retail.schema import Decision, Modality

# What people call them.
INPUT_WORDS: dict[Modality, str] = {"image": "photo", "text": "description", "audio": "sound"}


FILES_WORDS: dict[Modality, str] = {"image": "photos", "audio": "sounds"}  # of the inputs that are files, several


def inputs_words(modalities: Iterable[str]) -> str:
    """('audio', 'image') -> 'photo + sound', in the order that people give them."""
    chosen = set(modalities)
    return " + ".join(word for modality, word in INPUT_WORDS.items() if modality in chosen)


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
