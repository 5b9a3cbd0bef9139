"""What an answer comes to: the product or the class to be read first, a word for its certainty, and what that means.

In: a `Prediction` and the recogniser. Out: a `Headline`, without anything drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from retail.certainty.matching import naming_task
from retail.config.wish import DEFAULT_WISH
from retail.recognizer import Recognizer
from retail.report.findings import listed
from retail.schema import Answer, Match, Prediction
from retail.wording import (
    INPUT_WORDS,
    Certainty,
    certainty_word,
    inputs_words,
    right_of,
    target,
    task_words,
    whole_percent,
)

MOST_OTHERS = 4  # classes that a sentence names beside the answer
UNKNOWN_MEANS = "It is less like them than 95 % of the validation products are with these inputs."


@dataclass(frozen=True)
class Headline:
    """`task` is the question that the title answers; None where it answers none."""

    title: str
    word: Certainty
    meaning: str
    task: str | None

    @property
    def spoken(self) -> str:
        """In one sentence, for a screen reader."""
        return f"Answer: {self.title}. {self.word}: {self.meaning}"


def lead_task(answer: Prediction, recognizer: Recognizer) -> str:
    """The question whose answer stands first: the one that names products, else the one with most classes."""
    sizes = {task: len(known) for task, known in recognizer.vocabularies.items() if task in answer.answers}
    return naming_task(sizes) or max(sizes, key=lambda task: sizes[task])


def headline(answer: Prediction, recognizer: Recognizer) -> Headline:
    """What stands first: a product of the catalogue, that it is none that is known, or the first question's class."""
    if match := answer.recognised:
        naming = naming_task(answer.answers)
        own = answer.answers[naming] if naming else None
        decision, sure = (own.decision, own.probability) if own else ("review", match.probability)
        means = f"{whole_percent(match.probability)} likely the same product; {likeness(match)}."
        title = match.name or match.labels.get(naming or "") or match.title  # a corrected upload has labels alone
        return Headline(title, certainty_word(decision, sure), means, naming)
    if answer.unknown:
        return Headline(unknown_sentence(recognizer), "Not in your range", UNKNOWN_MEANS, None)
    if not answer.answers:
        return Headline("No answer", "Unsure", "neither the recogniser nor its catalogue has anything to say.", None)
    task = lead_task(answer, recognizer)
    own = answer.answers[task]
    word = certainty_word(own.decision, own.probability)
    return Headline(own.label, word, meaning(own, answer), task)


def meaning(own: Answer, answer: Prediction) -> str:
    """How often such answers were right before; the bare probability where nobody counted."""
    if own.like_this is None:
        return f"{whole_percent(own.probability)} by its probability."
    alone = " alone" if len(answer.used) == 1 else ""
    return f"answers like this, from {inputs_words(answer.used)}{alone}, were {right_of(*own.like_this)} on validation."


def likeness(match: Match) -> str:
    """How alike it is by each input, such as 'similarity: photo 0.82, description 0.64'."""
    words = {"fused": "as a whole"} | {str(name): word for name, word in INPUT_WORDS.items()}
    found = [f"{words[name]} {value:.2f}" for name, value in match.similarity.items()]
    return f"similarity: {', '.join(found)}" if found else "no input in common"


def unknown_sentence(recognizer: Recognizer) -> str:
    """'Not one of the 24 known products', in the words of the question that tells most classes apart."""
    task, classes = max(recognizer.vocabularies.items(), key=lambda pair: len(pair[1]))
    if task == "product":
        return f"Not one of the {len(classes)} known products"
    return f"Not a known product: unlike all {len(classes)} classes of {task_words(task)}"


def disagreement(own: Answer) -> str:
    """What the classes and the catalogue would each say where they differ."""
    said = own.witnesses
    if len({label for label, _ in said.values()}) < 2:
        return ""
    (classes, sure), (product, alike) = said["classifier"], said["catalogue"]
    return (
        f"The classes alone say {classes} ({whole_percent(sure)}), "
        f"the catalogue alone says {product} ({whole_percent(alike)})."
    )


def doubts(task: str, answer: Prediction, recognizer: Recognizer) -> str:
    """What else an answer that is not sure may be, and what a promise would take."""
    own = answer.answers[task]
    said = [disagreement(own)]
    if own.decision == "review":
        others = own.candidates[1:]
        if 0 < len(others) <= MOST_OTHERS:
            said.append(f"It may also be {listed(others)}.")
        if needed := recognizer.certainty.promises.rows_needed(task, answer.used, DEFAULT_WISH):
            said.append(
                f"To call such answers sure, right {target(DEFAULT_WISH)} of the time, takes about "
                f"{needed:,} validation products."
            )
    return " ".join(filter(None, said))
