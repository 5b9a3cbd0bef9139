"""What is read first on Recognise, the one word for its certainty, and what a bulk run comes to."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from retail.pages._bulk_summary import summary
from retail.pages._headline import doubts, headline
from retail.schema import Answer, Match, NoveltyScore, Prediction, Vocabulary
from retail.wording import CERTAINTY_MEANS, certainty_word
from retail.workspace.answers import AnswerColumns
from retail.workspace.bulk import Predictions

TASKS = {"colour": Vocabulary(tuple("abcdefgh")), "product": Vocabulary(("tea", "milk"))}


def recognizer(tasks=TASKS, needed=None):
    promises = SimpleNamespace(rows_needed=lambda *asked: needed)
    return SimpleNamespace(vocabularies=tasks, certainty=SimpleNamespace(promises=promises))


def answered(decision="review", sure=0.8, like=(10, 9), tasks=("colour", "product")) -> Prediction:
    labels = {"colour": "a", "product": "tea"}
    answers = {task: Answer(labels[task], sure, (labels[task], "milk"), decision, like) for task in tasks}
    return Prediction("x", {task: {labels[task]: sure, "milk": 1 - sure} for task in tasks}, ("image",), (), answers)


@pytest.mark.parametrize(
    ("decision", "sure", "word"),
    [
        ("accept", 0.3, "Sure"),
        ("review", 0.75, "Likely"),
        ("review", 0.74, "Unsure"),
        ("unknown", 0.99, "Not in your range"),
    ],
)
def test_the_word_follows_the_promise_and_then_the_probability(decision, sure, word):
    assert certainty_word(decision, sure) == word and word in CERTAINTY_MEANS


def test_the_question_that_names_products_stands_first_and_says_what_its_word_means():
    head = headline(answered(), recognizer())
    assert (head.title, head.word, head.task) == ("tea", "Likely", "product")
    assert head.meaning == "answers like this, from photo alone, were right 9 of 10 times on validation."
    assert head.spoken.startswith("Answer: tea. Likely: answers like this")


def test_without_such_a_question_it_is_the_one_with_most_classes():
    tasks = {"size": Vocabulary(("s", "l")), "colour": TASKS["colour"]}
    assert headline(answered(tasks=("colour",)), recognizer(tasks)).task == "colour"


def test_what_is_unlike_everything_is_the_headline_and_no_class():
    strange = replace(answered("unknown"), novelty=NoveltyScore(2.0, 1.0))
    head = headline(strange, recognizer())
    assert (head.title, head.word, head.task) == (
        "Not a known product: unlike all 8 classes of colour",
        "Not in your range",
        None,
    )


def test_a_product_of_the_catalogue_is_the_headline_whatever_the_classes_say():
    match = Match("7", "My jam", {}, 0.9, {"image": 0.83})
    head = headline(replace(answered(tasks=("colour",)), recognised=match), recognizer())
    assert (head.title, head.word, head.task) == ("My jam", "Likely", None)
    assert head.meaning == "90 % likely the same product; similarity: photo 0.83."


def test_a_corrected_upload_has_no_name_and_is_called_by_its_label():
    match = Match("7", "", {"colour": "a", "product": "tea"}, 0.9, {})
    assert headline(replace(answered(), recognised=match), recognizer()).title == "tea"
    assert headline(replace(answered(tasks=("colour",)), recognised=match), recognizer()).title == "a · tea"


def test_an_answer_to_no_question_is_said():
    assert headline(Prediction("x", {}, ("image",)), recognizer()).title == "No answer"


def test_doubts_name_what_else_it_may_be_and_what_a_promise_would_take():
    assert doubts("product", answered(), recognizer(needed=446)) == (
        "It may also be milk. To call such answers sure, right 95 % of the time, takes about 446 validation products."
    )
    assert doubts("product", answered("accept"), recognizer(needed=446)) == ""


def table(*decisions: tuple[str, str]) -> Predictions:
    columns = AnswerColumns.of(["id"], ["product", "colour"])
    rows = []
    for product, colour in decisions:
        row = dict.fromkeys(columns.header, "") | {"product_probability": "0.5", "colour_probability": "0.9"}
        rows.append(row | {"product_decision": product, "colour_decision": colour, "used": "text" if product else ""})
    return Predictions(rows, columns)


def test_a_bulk_run_is_judged_by_question():
    found = summary(table(("accept", "review"), ("accept", "accept"), ("unknown", "unknown"), ("", "")))
    assert (found.tone, found.sentence) == (
        "mixed",
        "2 of 4 products need no look for product; 1 for colour. 1 is not in your range. "
        "1 has no answer; the notes say why.",
    )
    assert found.counts[0] == ("product", "2 sure, 1 not in your range")
    assert found.counts[1] == ("colour", "1 likely, 1 sure, 1 not in your range")


@pytest.mark.parametrize(
    ("rows", "tone", "words"),
    [
        ([("accept", "accept")] * 3, "good", "All 3 products need no look."),
        ([("unknown", "unknown")] * 3, "bad", "All 3 answered products are not in your range"),
        ([("", "")] * 3, "bad", "None of the 3 products has an answer"),
        ([("accept", "accept"), ("", "")], "mixed", "1 of 2 products need no look for product"),
        ([("accept", "accept")], "good", "The product needs no look."),
        ([("unknown", "unknown")], "bad", "The one answered product is not in your range"),
        ([("", "")], "bad", "1 has no answer; the notes say why."),
    ],
)
def test_only_a_run_that_needs_nobody_is_green(rows, tone, words):
    found = summary(table(*rows))
    assert found.tone == tone and words in found.sentence
