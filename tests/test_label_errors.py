"""Labels that are probably wrong: flipped ones are found, sound ones are not, and odd data stops nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retail.audit.answers import features_of, out_of_fold
from retail.audit.finding import Audited
from retail.audit.label_errors import LEAST_ROWS, label_errors
from retail.schema import Product

CLASSES = ("amber", "birch", "cedar", "dogwood")
ROWS = 240


def data(flips: int = 12, missing: bool = False, labels=None, groups=None) -> tuple[Audited, set[str]]:
    """Rows whose photo and text tell the class; of `flips` of them the label is another one."""
    rng = np.random.default_rng(0)
    true = np.arange(ROWS) % len(CLASSES)
    given = true.copy()
    wrong = rng.choice(ROWS, flips, replace=False)
    given[wrong] = (true[wrong] + 1 + rng.integers(0, len(CLASSES) - 1, flips)) % len(CLASSES)
    embeddings = {name: rng.normal(size=(ROWS, 8)) for name in ("image", "text")}
    for rows in embeddings.values():
        rows[np.arange(ROWS), true] += 4
    present = {name: np.ones(ROWS, dtype=bool) for name in embeddings}
    if missing:
        present["image"][::3] = False
        present["text"][1::3] = False
        for name, rows in embeddings.items():
            rows[~present[name]] = 0
    names = [CLASSES[place] for place in given] if labels is None else labels(given)
    groups = groups or [""] * ROWS
    products = [
        Product(f"r{row}", text="something", labels={"wood": names[row]}, split="train", group=groups[row])
        for row in range(ROWS)
    ]
    return Audited(Path(), products, ("wood",), embeddings, present), {f"r{row}" for row in wrong}


@pytest.mark.parametrize("missing", [False, True])
def test_flipped_labels_are_found_with_the_right_one_and_few_others(missing):
    audited, wrong = data(missing=missing)
    found = label_errors(audited)
    rows = {error.row for error in found.errors}
    assert len(rows & wrong) >= 11 and len(rows - wrong) <= 2
    right = {f"r{row}": CLASSES[row % len(CLASSES)] for row in range(ROWS)}
    assert all(error.suggested == right[error.row] for error in found.errors if error.row in wrong)
    assert found.judged == ROWS and found.too_rare == 0


def test_clean_labels_are_not_accused():
    assert not label_errors(data(flips=0)[0]).errors


def test_the_surest_comes_first_with_rows_of_either_label_beside_it():
    audited, _ = data()
    errors = label_errors(audited).errors
    margins = [error.probability - error.given_probability for error in errors]
    assert margins == sorted(margins, reverse=True)
    labels = {product.id: product.labels["wood"] for product in audited.products}
    for error in errors:
        assert len(error.like_given) in (2, 3) and len(error.like_suggested) == 3 and error.row not in error.like_given
        assert {labels[row] for row in error.like_given} == {error.given}
        assert {labels[row] for row in error.like_suggested} == {error.suggested}


def test_a_class_too_rare_to_be_judged_is_not_accused_and_counted():
    def with_rare(given):
        return ["elm" if row < LEAST_ROWS - 1 else CLASSES[place] for row, place in enumerate(given)]

    found = label_errors(data(labels=with_rare)[0])
    assert found.too_rare == LEAST_ROWS - 1 and "elm" not in {error.given for error in found.errors}


def test_rows_without_a_label_or_without_any_input_are_left_out():
    audited, _ = data(labels=lambda given: ["" if row < 20 else CLASSES[place] for row, place in enumerate(given)])
    for name in audited.present:
        audited.present[name][20:30] = False
    found = label_errors(audited)
    assert found.judged == ROWS - 30 and not {f"r{row}" for row in range(30)} & {error.row for error in found.errors}


@pytest.mark.parametrize("labels", [lambda given: ["one"] * ROWS, lambda given: [f"c{row}" for row in range(ROWS)]])
def test_one_class_alone_or_a_class_for_each_row_gives_nothing(labels):
    assert not label_errors(data(labels=labels)[0]).errors


def test_copies_of_one_group_do_not_vouch_for_each_other():
    """Eleven copies of each row in one group, all wrongly labelled: only other groups may say what they are."""
    rng = np.random.default_rng(1)
    base = np.repeat(rng.normal(size=(40, 8)), 11, axis=0)
    true = np.repeat(np.arange(40) % 2, 11)
    base[np.arange(440), true] += 4
    given = true.copy()
    given[:11] = 1 - given[0]
    features = base + rng.normal(scale=0.01, size=base.shape)
    groups = np.repeat([f"g{row}" for row in range(40)], 11)
    kept = out_of_fold(features, given, groups, 2)
    parted = out_of_fold(features, given, np.array([f"r{row}" for row in range(440)]), 2)
    assert kept is not None and parted is not None
    assert kept[:11, given[0]].max() < 0.1 < parted[:11, given[0]].min()


def test_an_input_that_nobody_has_gives_no_features():
    audited, _ = data()
    empty = {name: np.zeros(ROWS, dtype=bool) for name in audited.present}
    features, present = features_of(replace(audited, present=empty))
    assert features.shape == (ROWS, 0) and not present.any()
    assert not label_errors(replace(audited, present=empty)).errors
