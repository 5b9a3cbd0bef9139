"""Leaks through names: ids, file names and folders that tell the class, and codes in the description that do.

In: `Audited`. Out: findings of the kind "names".
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from retail.audit.finding import Audited, Finding
from retail.audit.guessing import cross_validated
from retail.media import clean_text
from retail.schema import MediaSource
from retail.wording import percent, task_words

EXCESS = 0.10  # points above the commonest class that are worth a word
# A barcode or article number: at least four digits. One that three products of one class share is the class's own,
# unless chance explains it.
CODE = re.compile(r"\b(?=(?:\w*\d){4})\w+\b")
SHARED, BY_CHANCE = 3, 1e-3
CODED = 0.05  # share of the products with such a code, below which nothing is said


def names(data: Audited) -> list[Finding]:
    """Names from whose letters a small classifier guesses the class of rows that it did not see."""
    sources = {
        "ids": [product.id if not product.id.startswith("line-") else "" for product in data.products],
        "photo names": [_name(product.images[0], data.root) if product.images else "" for product in data.products],
        "sound names": [_name(product.audio, data.root) if product.audio else "" for product in data.products],
    }
    # Runs of letters, and where a name begins: folders and numbers given class by class show there.
    model = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), min_df=2), MultinomialNB(alpha=0.05))
    found = []
    for task in data.tasks:
        guesses = {}
        for where, own in sources.items():
            given = np.array([" ".join(name.replace("/", " / ").split()) for name in own], dtype=object)
            if not any(given):
                continue
            labels = np.where(given == "", "", data.labels(task))
            guess = cross_validated(model, given, labels, data.groups)
            if guess and guess.tells(EXCESS):
                guesses[where] = guess
        if guesses:
            where, best = max(guesses.items(), key=lambda item: item[1].accuracy)
            sentence = (
                f"{task_words(task)}: {' and '.join(guesses)} give the class away: from {where} alone "
                f"{percent(best.accuracy)} of {best.n} products are guessed right, the most common class has "
                f"{percent(best.chance)}. Names are not an input here; never make them one, and "
                "do not split in the order of names."
            )
            found.append(Finding("names", "note", sentence, data.ids(best.correct), task))
    return found


def codes(data: Audited) -> list[Finding]:
    """Numbers in the descriptions that several products of one class, and none of another, share."""
    having: dict[str, list[int]] = {}
    for row, product in enumerate(data.products):
        for code in set(CODE.findall(clean_text(product.text).casefold())):
            having.setdefault(code, []).append(row)
    n_texts = max(1, sum(bool(product.text.strip()) for product in data.products))
    found = []
    for task in data.tasks:
        labels = data.labels(task)
        common = Counter(label for label in labels if label)
        rows: set[int] = set()
        for owners in having.values():
            own = {labels[row] for row in owners}
            (label,) = own if len(own) == 1 else ("",)
            if label and len(owners) >= SHARED:
                if (common[label] / len(labels)) ** (len(owners) - 1) < BY_CHANCE:
                    rows |= set(owners)
        if len(rows) / n_texts >= CODED:
            sentence = (
                f"{task_words(task)}: the descriptions of {len(rows)} of {n_texts} products "
                f"({percent(len(rows) / n_texts)}) contain a barcode or number that only their class has: "
                "a model reads the number, not the product. Take numbers out of the descriptions."
            )
            found.append(Finding("names", "warning", sentence, data.ids(np.array(sorted(rows))), task))
    return found


def _name(source: MediaSource, root: Path) -> str:
    """The path inside the data set without its ending; "" for an upload."""
    if not isinstance(source, Path):
        return ""
    inside = source.relative_to(root) if source.is_relative_to(root) else Path(source.name)
    return inside.with_suffix("").as_posix()
