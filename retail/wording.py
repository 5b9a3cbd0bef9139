"""Words and figures as people read them, the same in every page, table and sentence.

In: modalities, tasks, decisions and numbers. Out: text. No torch.

What was measured on many products has one digit, '84.1 %', and a difference of two such shares is in points,
'+12.8 points'. How sure one answer is has none, '97 %': its digits would promise more than calibration holds. A target
is as somebody set it, '95 %' or '92.5 %'. A task's name is never shown with underscores.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from retail.schema import MODALITIES, Decision, Modality, Product

# What people call them.
INPUT_WORDS: dict[Modality, str] = {"image": "photo", "text": "description", "audio": "sound"}


# What sentences quote; an apostrophe within a word is none.
QUOTED = re.compile(r"""(?<!\w)(?:'.+?'|".+?"|“.+?”)(?!\w)""")
SPLIT_WORDS = {"train": "training", "val": "validation", "test": "testing"}
FILES_WORDS: dict[Modality, str] = {"image": "photos", "audio": "sounds"}  # of the inputs that are files, several


def inputs_words(modalities: Iterable[str]) -> str:
    """('audio', 'image') -> 'photo + sound', in the order that people give them."""
    chosen = set(modalities)
    return " + ".join(word for modality, word in INPUT_WORDS.items() if modality in chosen)


def task_words(task: str) -> str:
    """'article_type' -> 'article type': a column's name as people write it."""
    return task.replace("_", " ")


def task_title(task: str) -> str:
    """'article_type' -> 'Article type', where it stands first."""
    return capital(task_words(task))


def number_of(count: int, one: str, many: str = "") -> str:
    """1, 'product' -> '1 product'; 1200, 'class', 'classes' -> '1,200 classes'."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


# Frozen features: how they are reduced, and what reads them.
MAP_WORDS = {
    "none": "all features",
    "pca": "PCA features",
    "svd": "SVD features",
    "lda": "LDA features",
    "bottleneck": "learned features",
}
CLASSIFIER_WORDS = {
    "linear": "linear layer",
    "prototypes": "nearest class mean",
    "logistic": "logistic regression",
    "finetuned": "fine-tuned encoder",
}


def method_title(method: str) -> str:
    """'pca+logistic' -> 'Logistic regression on PCA features'."""
    features, _, classifier = method.rpartition("+")
    words = capital(CLASSIFIER_WORDS.get(classifier, classifier))
    return f"{words} on {MAP_WORDS.get(features, features)}" if features else words


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


def missing_words(product: Product, among: Collection[Modality] = MODALITIES) -> str:
    """'photo or sound': the inputs that a product lacks `among` those that the others have."""
    return " or ".join(INPUT_WORDS[name] for name in INPUT_WORDS if name in among and name not in product.modalities)


def shortened(text: str, most: int) -> str:
    """One line of at most so many letters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def with_short_quotes(sentence: str, most: int) -> str:
    """What a sentence quotes, each in at most so many letters: somebody's cell may be a whole page."""
    return QUOTED.sub(lambda found: f"{found[0][0]}{shortened(found[0][1:-1], most)}{found[0][-1]}", sentence)


def nameless(sentence: str) -> str:
    """ "line 4: 'mine.jpg' does not exist" -> "line 4: '…' does not exist": nothing that came from somebody's data."""
    return QUOTED.sub(lambda found: f"{found[0][0]}…{found[0][-1]}", sentence)


def percent(value: float) -> str:
    """0.8412 -> '84.1 %'."""
    return f"{100 * value:.1f} %"


def whole_percent(probability: float) -> str:
    """0.972 -> '97 %', how sure one answer is; never 100 % or 0 % where it is not."""
    if 0.995 <= probability < 1:
        return ">99 %"
    return "<1 %" if 0 < probability < 0.005 else f"{100 * probability:.0f} %"


def target(accuracy: float) -> str:
    """0.95 -> '95 %', 0.925 -> '92.5 %': a wish, with the digits that it was set with."""
    return f"{100 * accuracy:.4g} %"


def percent_range(low: float, high: float) -> str:
    """0.8, 0.9 -> '80.0 % to 90.0 %'."""
    return f"{percent(low)} to {percent(high)}"


# How sure an answer is, in a word, the same on every page and in every table.
Certainty = Literal["Sure", "Likely", "Unsure", "Not in your range"]
LIKELY_FROM = 0.75  # a calibrated probability that is right three times of four
CERTAINTY_MEANS: dict[Certainty, str] = {
    "Sure": "answers like this are right as often as the target accuracy, which validation promises",
    "Likely": f"at least {whole_percent(LIKELY_FROM)} sure, but validation does not promise the target accuracy",
    "Unsure": f"less than {whole_percent(LIKELY_FROM)} sure: have a look",
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


def size_words(size: int) -> str:
    """3_200_000_000 -> '3.0 GiB', in units of 1,024; whole below a MiB."""
    if size < 2**20:
        return f"{-(-size // 2**10):,} KiB"
    return f"{size / 2**20:,.1f} MiB" if size < 2**30 else f"{size / 2**30:,.1f} GiB"


def spent(seconds: float) -> str:
    """200 -> '3 min 20 s'."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
