"""Leaks through names: ids, file names and folders that tell the class.

In: `Audited`. Out: findings of the kind "names".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from retail.evaluation.audit.finding import Audited, Finding, percent
from retail.evaluation.audit.guessing import cross_validated
from retail.schema import MediaSource

EXCESS = 0.10  # points above the commonest class that are worth a word


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
        told = {}
        for where, own in sources.items():
            given = np.array([" ".join(name.replace("/", " / ").split()) for name in own], dtype=object)
            if not any(given):
                continue
            labels = np.where(given == "", "", data.labels(task))
            guess = cross_validated(model, given, labels, data.groups)
            if guess and guess.tells(EXCESS):
                told[where] = guess
        if told:
            where, best = max(told.items(), key=lambda item: item[1].accuracy)
            sentence = (
                f"{task}: {' and '.join(told)} give the class away: from {where} alone {percent(best.accuracy)} of "
                f"{best.n} products are guessed right, the commonest class has {percent(best.chance)}. Names are no "
                "input here; never add them as one, and do not split in the order of names."
            )
            found.append(Finding("names", "note", sentence, data.ids(best.correct), task))
    return found


def _name(source: MediaSource, root: Path) -> str:
    """The path inside the data set without its ending; "" for an upload."""
    if isinstance(source, bytes):
        return ""
    path = Path(source)
    inside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    return inside.with_suffix("").as_posix()
