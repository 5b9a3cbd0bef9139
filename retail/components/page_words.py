"""Sentences about data that name an option of the command line, in the words of the Data page.

In: a sentence as `check` prints it. Out: the same with what to do on the page.
"""

from __future__ import annotations

import re

ON_THE_PAGE = (
    (r"name one with --tasks or --text-column to use it", "choose it under Columns to use it"),
    (r"name a label column with --tasks", "choose one under Columns"),
    (r"name it with --tasks and choose --decide .*$", "learn it all the same and choose what its lists mean"),
    (r"; name it with --tasks to learn it", ""),
    (r"To make one product of them: --decide rows=join\.", "Labels offers to make one product of them."),
    (r"choose with --decide\.", "choose under Labels."),
    (r"recognise them with `predict`", "recognise them on the page Recognise, under Many products"),
    (r"; `retail fetch` or the Data page fetches them\.", "."),
    (r" To [^.:]*: --decide .*$", ""),
)


def page_words(sentence: str) -> str:
    """Without options that only the command line has."""
    for typed, shown in ON_THE_PAGE:
        sentence = re.sub(typed, shown, sentence)
    return sentence
