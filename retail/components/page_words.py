"""Sentences that name an option of the command line, or a bundle, in the words of the dashboard.

In: a sentence as the command line prints it. Out: the same with what to do on the page.
"""

from __future__ import annotations

import re

from retail.escaping import plain

ON_THE_PAGE = (
    # About data
    (r"name one with --tasks or --text-column to use it", "choose under Columns what to use"),
    (r"name a label column with --tasks", "choose one under Columns"),
    (r"name label columns with --tasks", "choose some under Columns"),
    (r"Name one with --tasks", "Choose one under Columns on Data"),
    (r"Name the one with descriptions with --text-column", "Choose the one with descriptions under Columns"),
    (r"name it with --tasks and choose --decide .*$", "learn it all the same and choose what its lists mean"),
    (r"; name it with --tasks to learn it", ""),
    (r"name fewer --tasks or --group columns", "choose fewer columns to learn or to group by"),
    (r"To make one product of them: --decide rows=join\.", "Labels offers to make one product of them."),
    (r"choose with --decide\.", "choose under Labels."),
    (r"recognise them with `predict`", "recognise them on the page Recognise, under Many products"),
    (r"; `retail fetch` or the Data page fetches them\.", "."),
    (r"as `check` and the Data page show it", "as the Data page shows it"),
    (r" To [^.:]*: --decide .*$", ""),
    (r", or learn without them: --modalities [\w,]+\.", ", or learn without them."),
    # About training
    (r" \((?:compare )?--[^)]*\)", ""),
    (r"--tune names ([\w, ]+)([,;])", r"\1 is to be fine-tuned\2"),
    (r", change --modalities, or leave it out of --tune", ", or do not fine-tune this input"),
    (r"leave (?:it|this input) out of --tune", "do not fine-tune this input"),
    (r"add one to --modalities, or leave out --contrast", "add one, or set the weight of aligning inputs to 0"),
    (r"leave out --layers and --lora-rank", "fine-tune all layers, without LoRA"),
    (r"leave out --lora-rank", "set the LoRA rank to 0"),
    (r"raise --group-similarity", "let only closer look-alikes share a group"),
    (r"choose another --modality", "choose another input"),
    (r"--draws of at least 2, and --shots such as", "at least 2 draws, and examples per class such as"),
    (r"--bundle needs --split val, to calibrate on, and", "A recogniser needs validation rows, to calibrate on, and"),
    (r", or leave out --source", ""),
    # About recognisers and results
    (r"; choose --split among .*, or use all\.", "; mark some in its split column."),
    (r"choose --modalities among them", "give one of them"),
    (r", or choose another --split", ""),
    (r"Use the same --group, or mark the splits", "Group both by the same columns, or mark the splits"),
    (r"(?:name a file that|Name a folder made by) '\w+ --out'(?: has written| wrote)?", "take one that a run has made"),
    (r"run '\w+ --\w+' again", "run it again"),
    (r"^Bundle ", "The recogniser "),
    (r"(?<![\w/.'-])bundle(?![\w/.-])", "recogniser"),
)


def page_words(sentence: str) -> str:
    """Without options that only the command line has."""
    for typed, shown in ON_THE_PAGE:
        sentence = re.sub(typed, shown, sentence)
    return sentence


def refusal(error: object) -> str:
    """What an error says, for a message on the page: in its words, and formatting nothing."""
    return plain(page_words(str(error)))
