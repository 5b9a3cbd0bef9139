"""Words and figures as people read them, the same in every page, table and sentence.

In: modalities and numbers. Out: text. No torch.
"""

from __future__ import annotations

from collections.abc import Iterable

from retail.schema import Modality

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


def percent(value: float) -> str:
    """0.8412 -> '84.1 %'."""
    return f"{100 * value:.1f} %"


def percent_range(low: float, high: float) -> str:
    """0.8, 0.9 -> '80.0 % to 90.0 %'."""
    return f"{percent(low)} to {percent(high)}"


def spent(seconds: float) -> str:
    """200 -> '3 min 20 s'."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
