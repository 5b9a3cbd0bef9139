"""Leaks through the description: one text for a whole class, and texts in which the answer is written.

In: `Audited`. Out: findings of the kinds "constant text" and "label words".
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from retail.audit.finding import Audited, Finding, Severity
from retail.media import clean_text
from retail.wording import percent, task_words

LEAST_IN_CLASS = 5  # rows with a text: that three products share a title is no system
CONSTANT = 0.9  # share of a class's texts that are one and the same
ELSEWHERE = 0.1  # a text that so many products of other classes have tells no class
BY_CHANCE = 1e-4  # that so many rows have one text although it is drawn like any other
WRITTEN = 0.05  # share of the rows whose text names the answer, below which nothing is said
OFTEN = 0.9  # from here on the description answers rather than describes
LIFT = 2.0  # a class is named this much more often in its own texts than in others'


def constant_text(data: Audited) -> list[Finding]:
    """Classes all of whose products have one text that other classes do not have."""
    texts = np.array([clean_text(product.text).casefold() for product in data.products], dtype=object)
    commonness = Counter(text for text in texts if text)
    found = []
    for task in data.tasks:
        labels = data.labels(task)
        rows: list[int] = []
        classes, asked = [], 0
        for name in sorted({label for label in labels if label}):
            own = np.flatnonzero((labels == name) & (texts != ""))
            if len(own) < LEAST_IN_CLASS:
                continue
            asked += 1
            text, count = Counter(texts[own]).most_common(1)[0]
            others = (commonness[text] - count) / max(1, int(((labels != name) & (texts != "")).sum()))
            unlikely = (commonness[text] / len(texts)) ** (count - 1) < BY_CHANCE
            if count >= CONSTANT * len(own) and others < ELSEWHERE and unlikely:
                classes.append((name, text))
                rows += own[texts[own] == text].tolist()
        if classes:
            name, text = classes[0]
            sentence = (
                f"{task_words(task)}: {len(classes)} of {asked} classes have one description for all their products "
                f'({name}: "{_short(text)}"). It is the class in other words: accuracy from the description '
                "means nothing. Give every product its own description, or leave them out."
            )
            severity: Severity = "leak" if 2 * len(classes) >= asked else "warning"
            found.append(Finding("constant text", severity, sentence, data.ids(np.array(rows)), task))
    return found


def label_words(data: Audited) -> list[Finding]:
    """Tasks whose answer stands in the description, with how often, and how often by accident."""
    words = [set(_words(product.text)) for product in data.products]
    found = []
    for task in data.tasks:
        labels = data.labels(task)
        asked = np.array([bool(own) and bool(label) for own, label in zip(words, labels, strict=True)])
        if asked.sum() < LEAST_IN_CLASS:
            continue
        needed = _needed_words(sorted({label for label in labels if label}))
        named = np.array([ask and _names(words[i], needed[labels[i]]) for i, ask in enumerate(asked)])
        share = named.sum() / asked.sum()
        accident = _by_accident(words, labels, asked, needed)
        if share < WRITTEN or share < LIFT * accident:
            continue
        lift = f"{share / accident:.0f} times as often as in" if accident else "and never in"
        said = (
            f"{task_words(task)}: the answer is written in the description of {percent(share)} of the products "
            f"({int(named.sum())} of {int(asked.sum())}), {lift} descriptions of other classes "
            f"({percent(accident)}). "
        )
        if share >= OFTEN:
            said += "The description gives the answer; expect less where it is not written down."
        else:
            said += "That is fair if users write like this too; if not, take the words out."
        severity: Severity = "warning" if share >= OFTEN else "note"
        found.append(Finding("label words", severity, said, data.ids(named), task))
    return found


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _words(text: str) -> list[str]:
    """Lower-case words without a plural s."""
    return [_singular(word) for word in re.findall(r"[^\W_]+", clean_text(text).casefold())]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 5 and word.endswith(("shes", "ches", "sses", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _needed_words(labels: list[str]) -> dict[str, list[set[str]]]:
    """For each label the sets of words of which one must all occur: its own, or one word that no other label has."""
    own = {label: set(_words(label)) for label in labels}
    used = Counter(word for words in own.values() for word in words)
    return {
        label: [words, *({word} for word in words if used[word] == 1 and len(word) >= 3)] if words else []
        for label, words in own.items()
    }


def _names(words: set[str], needed: list[set[str]]) -> bool:
    return any(one <= words for one in needed)


def _by_accident(words: list[set[str]], labels: np.ndarray, asked: np.ndarray, needed: dict) -> float:
    """How often a class is named in the texts of the other classes, weighted as the classes occur."""
    total, weight = 0.0, 0
    for label, sets in needed.items():
        others = [words[i] for i in np.flatnonzero(asked & (labels != label))]
        count = int((asked & (labels == label)).sum())
        if others and count:
            total += count * sum(_names(other, sets) for other in others) / len(others)
            weight += count
    return total / weight if weight else 0.0
