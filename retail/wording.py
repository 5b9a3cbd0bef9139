"""Words and figures as people read them, the same in every page, table and sentence.

In: modalities and numbers. Out: text. No torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from retail.schema import Modality

# What people call them.
INPUT_WORDS: dict[Modality, str] = {"image": "photo", "text": "description", "audio": "sound"}


def inputs_words(modalities: Iterable[str]) -> str:
    """('audio', 'image') -> 'photo + sound', in the order that people give them."""
    chosen = set(modalities)
    return " + ".join(word for modality, word in INPUT_WORDS.items() if modality in chosen)


def percent(value: float) -> str:
    """0.8412 -> '84.1 %'."""
    return f"{100 * value:.1f} %"


def seeds_words(seeds: Collection[int]) -> str:
    """(0, 1, 2) -> 'mean of 3 seeds'; one seed has no mean."""
    return "1 seed" if len(seeds) == 1 else f"mean of {len(seeds)} seeds"
