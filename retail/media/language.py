"""In which language descriptions are written, where an encoder reads English alone.

In: many texts. Out: the share that is surely written in something else, and a sentence that says so. The detector is
py3langid (Lui and Baldwin 2012, aclanthology.org/P12-3005), naive Bayes over byte sequences; it needs no network.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from retail.media.text import clean_text
from retail.wording import percent

# The languages that shops are written in most; of all 140, brands would be taken for the rarest.
LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
SAMPLE = 500  # texts that are looked at; the share is known to some 4 points
FOUND_IN = 4 * SAMPLE  # drawn texts; where most are too short to tell, fewer than the sample are looked at
LETTERS = 20  # a shorter text is mostly a name, and names have no language
LETTERS_OF_SIGNS = 8  # in Chinese, Japanese and the like, where a letter says more
# By how much another language must be likelier than English, in natural logarithms of the chance. See `foreign_share`.
SURE = 15.0
WORTH_SAYING, FEWEST = 0.1, 5  # share and number of texts; an English shop sells château and mozzarella too


@dataclass(frozen=True)
class Foreign:
    """What share of `looked_at` texts is surely not English, and the language that most of those are in."""

    share: float
    language: str
    looked_at: int


def foreign_share(texts: Sequence[str], seed: int = 0) -> Foreign:
    """Looks at 500 texts that are long enough to tell, drawn the same way each time; an unsure one counts as English.

    So 8 of 2,899 English shop titles, 2 of 359 descriptions of the demo and none of 81 of groceries are taken for
    something else; of 71 product lines that we wrote in eight other languages 70 are found.
    """
    distinct = sorted(set(texts))
    some = random.Random(seed).sample(distinct, min(FOUND_IN, len(distinct)))  # nosec B311  # a sample, no secret
    drawn = list(dict.fromkeys(text for text in map(_opening, some) if _tells(text)))[:SAMPLE]
    found = Counter(language for text in drawn if (language := _foreign(text)))
    if not found:
        return Foreign(0.0, "", len(drawn))
    return Foreign(found.total() / len(drawn), LANGUAGES[found.most_common(1)[0][0]], len(drawn))


def language_note(texts: Sequence[str]) -> str:
    """A sentence where one description in ten or more is not English; "" where there is nothing to say."""
    foreign = foreign_share(texts)
    count = round(foreign.share * foreign.looked_at)
    if foreign.share < WORTH_SAYING or count < FEWEST:
        return ""
    return (
        f"{count:,} of {foreign.looked_at:,} descriptions looked at ({percent(foreign.share)}) are not in English, "
        f"most of those in {foreign.language}, but the text encoder knows English alone. Name a multilingual one, "
        "such as text=hf:sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2."
    )


def _opening(text: str) -> str:
    return clean_text(text[:2_000])[:300].lower()  # capitals say nothing of a language, and mislead


def _tells(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    signs = sum(char > "\u2e7f" for char in letters)
    return len(letters) >= LETTERS or signs >= LETTERS_OF_SIGNS


def _foreign(text: str) -> str:
    """The language that a text is surely in if not in English, else ""."""
    scores = dict(_detector().rank(text))
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] - scores["en"] > SURE else ""


@cache
def _detector() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    detector = LanguageIdentifier.from_model_file(MODEL_FILE)
    detector.set_languages(list(LANGUAGES))
    return detector
