"""Words and figures are written in one way, and words that were mended do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from retail.components.page_words import page_words, refusal
from retail.config import CLASSIFIERS, FEATURE_MAPS
from retail.wording import (
    CLASSIFIER_WORDS,
    MAP_WORDS,
    method_title,
    number_of,
    percent,
    points,
    target,
    task_title,
    task_words,
    whole_percent,
)

RETAIL = Path(__file__).resolve().parents[1] / "retail"
FOR_THE_TERMINAL = {"commands", "config", "cluster", "serve"}
# The last has the options to take them away.
TERMINAL_FILES = {"__main__.py", "audit_tables.py", "card.py", "hub.py", "page_words.py"}

# What stood on pages once, each with what stands there now.
MENDED = {
    "That is even enough to learn from": "Classes are balanced enough to train",
    "to choose by": "for validation",
    "Getting to know the known products": "Bringing the catalogue up to date",
    "is fusion worth it?": "Which inputs should you use?",
    "Cannot tell": "Too close to call",
    "is furthest behind a model trained": "With only a description, accuracy drops most",
    "What is taken for what": "Which products get confused",
    "Is it as sure as it is right": "Can you trust the percentages?",
    "Wished accuracy": "Target accuracy",
    "wished accuracy of the answers": "Target accuracy",
    "nothing cheaper is as good": "best value",
    "Draw a product's inputs together": "Align photo, description and sound",
    "Ways to join the inputs": "Fusion methods",
    "Nobody can tell yet": "No estimate yet",
    "Go on": "Retry",
    "Page, of": "Page 1 to",
    "Its name": "Product name",
    "choose torchaudio:log-mel-statistics": "only spoken names are supported",
    "Recognise offers what it made": "Done",
}


@cache
def sources() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(RETAIL.rglob("*.py"))}


@cache
def said_in(path: Path) -> tuple[str, ...]:
    return tuple(sentences(sources()[path]))


def sentences(text: str) -> Iterator[str]:
    """The strings of a module that are more than one word, without docstrings; what is filled in later is an X."""
    tree = ast.parse(text)
    inside, docs = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(node) if part is not node}
        first = getattr(node, "body", None)
        if isinstance(first, list) and first and isinstance(first[0], ast.Expr):
            docs.add(id(first[0].value))
    for node in ast.walk(tree):
        if id(node) in inside or id(node) in docs:
            continue
        if isinstance(node, ast.JoinedStr):
            words = "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value
        else:
            continue
        if " " in words and "{" not in words and "</" not in words:  # no styles, no scripts
            yield words


def test_a_tasks_name_has_no_underscores_and_keeps_its_capitals():
    assert task_words("article_type") == "article type"
    assert (task_title("article_type"), task_title("EAN_code")) == ("Article type", "EAN code")


def test_one_thing_is_not_many():
    assert [number_of(n, "product") for n in (0, 1, 1200)] == ["0 products", "1 product", "1,200 products"]
    assert [number_of(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]


def test_what_was_measured_has_one_digit_and_a_difference_is_in_points():
    assert (percent(0.8412), percent(1), points(0.1279)) == ("84.1 %", "100.0 %", "+12.8 points")


@pytest.mark.parametrize(
    ("probability", "written"),
    [(0.972, "97 %"), (0.9949, "99 %"), (0.9951, ">99 %"), (1, "100 %"), (0.006, "1 %"), (0.0049, "<1 %"), (0, "0 %")],
)
def test_how_sure_an_answer_is_has_no_digits_and_never_claims_certainty(probability, written):
    assert whole_percent(probability) == written


def test_a_target_is_as_it_was_set():
    assert [target(wish) for wish in (0.95, 0.925, 0.5)] == ["95 %", "92.5 %", "50 %"]


def test_every_method_of_frozen_features_has_a_title():
    assert set(MAP_WORDS) == set(FEATURE_MAPS) and set(CLASSIFIER_WORDS) == {*CLASSIFIERS, "finetuned"}
    assert method_title("pca+logistic") == "Logistic regression on PCA features"
    assert method_title("prototypes") == "Nearest class mean"


@pytest.mark.parametrize("gone", MENDED)
def test_words_that_were_mended_do_not_come_back(gone):
    found = [path.name for path in sources() if any(gone in said for said in said_in(path))]
    assert not found, f"{gone!r} is in {found}; say {MENDED[gone]!r}"


@pytest.mark.parametrize(
    ("pattern", "helper"),
    [
        (r"replace\([\"']_[\"'], [\"'] [\"']\)", "task_words"),
        (r"[\"']e?s[\"'] \* \(", "number_of"),
        (r":[+]?\.\d%\}", "percent, whole_percent or target"),
    ],
)
def test_names_plurals_and_percentages_are_written_by_one_helper(pattern, helper):
    found = [
        str(path.relative_to(RETAIL))
        for path, text in sources().items()
        if re.search(pattern, text) and path.name != "wording.py" and path.parent.name not in FOR_THE_TERMINAL
    ]
    assert not found, f"use {helper} of retail.wording in {found}"


def test_pages_call_an_input_a_question_and_a_method_by_one_word():
    lab = re.compile(r"(?<!Multi-)\b(audio|images?|strateg(y|ies)|tasks?|bundles?)\b", re.IGNORECASE)
    pages = [path for path in sources() if path.parent.name in ("pages", "components")]
    found = {(path.name, said) for path in pages for said in said_in(path) if lab.search(said)}
    assert not {(name, said) for name, said in found if name != "page_words.py"}


def test_no_sentence_that_reaches_a_page_names_an_option():
    left = set()
    for path in sources():
        if path.parent.name in FOR_THE_TERMINAL or path.name in TERMINAL_FILES:
            continue
        for said in said_in(path):
            if re.search(r"--[a-z]", said) and not said.startswith("--") and re.search(r"--[a-z]", page_words(said)):
                left.add((path.name, said))
    assert not left


def test_an_error_is_told_in_the_words_of_the_page():
    assert refusal("Name one with --tasks, or add *labels*.") == (
        "Choose one under Columns on Data, or add \\*labels\\*."
    )
    assert page_words("Bundle b lacks x; copy or train the bundle again.") == (
        "The recogniser b lacks x; copy or train the recogniser again."
    )
    assert page_words("Take /tmp/bundle/bundle.json.") == "Take /tmp/bundle/bundle.json."
