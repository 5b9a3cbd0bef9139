"""One product on both sides of a split, and file properties that tell the class.

In: `Audited`. Out: findings of the kind "shortcut".
"""

from __future__ import annotations

import re

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from retail.audit.finding import Audited, Finding, Severity
from retail.audit.guessing import cross_validated
from retail.wording import percent, task_words

EXCESS = 0.10
STRONG = 0.5  # of the way from chance to certainty
LARGEST_FAMILY = 20  # ids that differ in their last number only: more than these are simply numbered
# What the properties are called, and whether they may come from the product itself.
PROPERTIES = {
    "photo_technical": ("size and format of the photo file", False),
    "sound_technical": ("rate, channels and format of the sound file", False),
    "photo_measured": ("bytes of the photo file", True),
    "sound_measured": ("bytes and seconds of the sound", True),
}


def shortcuts(data: Audited) -> list[Finding]:
    """Split groups first, then file properties."""
    return _split_groups(data) + _file_properties(data)


def _split_groups(data: Audited) -> list[Finding]:
    declared = any(product.group for product in data.products)
    families: dict[str, list[int]] = {}
    for row, product in enumerate(data.products):
        name = product.group if declared else _family(product.id)
        if name:
            families.setdefault(name, []).append(row)
    parted = {
        name: rows
        for name, rows in families.items()
        if len({data.products[row].split for row in rows}) > 1 and (declared or len(rows) <= LARGEST_FAMILY)
    }
    if not declared:  # one family is a product only if its rows agree in every label
        parted = {name: rows for name, rows in parted.items() if _agree(data, rows)}
    if not parted:
        return []
    rows = sorted(row for family in parted.values() for row in family)
    name = next(iter(parted))
    kind = "groups" if declared else "families of ids"
    sentence = (
        f"{len(parted)} {kind} are in more than one split (such as {name!r}, {len(parted[name])} rows): a model is "
        "tested on products that it was trained on. "
    ) + ("Put each group into one split." if declared else "If they are one product each, name them in a group column.")
    severity: Severity = "leak" if declared else "warning"
    return [Finding("shortcut", severity, sentence, data.ids(np.array(rows)))]


def _family(name: str) -> str:
    """'shoe_12-3' -> 'shoe_12'; "" where an id has no number of its own behind a sign."""
    found = re.fullmatch(r"(.*[^\W_].*)[-_. ]\d{1,3}", name)
    return found.group(1) if found and not name.startswith("line-") else ""


def _agree(data: Audited, rows: list[int]) -> bool:
    return all(len({data.products[row].labels.get(task, "") for row in rows}) == 1 for task in data.tasks)


def _file_properties(data: Audited) -> list[Finding]:
    found = []
    model = DecisionTreeClassifier(max_depth=8, min_samples_leaf=3, random_state=0)
    for name, (words, of_the_product) in PROPERTIES.items():
        values = [getattr(facts, name) for facts in data.facts]
        width = max(map(len, values), default=0)
        if not width:
            continue
        table = np.array([value or (0.0,) * width for value in values])
        given = np.array([bool(value) for value in values])
        if not np.ptp(table[given], axis=0).any():
            continue
        for task in data.tasks:
            guess = cross_validated(model, table, np.where(given, data.labels(task), ""), data.groups)
            if guess is None or not guess.tells(EXCESS):
                continue
            sentence = (
                f"{task_words(task)}: {words} alone give away the class of {percent(guess.accuracy)} of {guess.n} "
                f"products, the most common class has {percent(guess.chance)}. "
            )
            sentence += (
                "That may be the product itself (a longer name, a busier pack); check that no class was recorded apart."
                if of_the_product
                else "Classes were recorded or exported differently: convert all files to one size and format."
            )
            strong: Severity = "warning" if of_the_product else "leak"
            weak: Severity = "note" if of_the_product else "warning"
            severity = strong if guess.skill >= STRONG else weak
            found.append(Finding("shortcut", severity, sentence, data.ids(guess.correct), task))
    return found
