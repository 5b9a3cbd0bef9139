"""Confusion counts, the products behind a cell, what would have saved them, and the gain per class."""

from __future__ import annotations

import pytest

from retail.comparison.results import Results
from retail.report.mistakes import by_mistakes, class_gains, confusion, pairs, right, rows_in, saved_by
from tests.results_sample import N_TEST, results_of, sample_results


def small() -> Results:
    """Four rows of three classes, the last row without a label; one seed."""

    def rows(preds):
        return {"0": {"kind": {"preds": preds, "confidence": [0.9, 0.6, 0.8, 0.7]}}}

    words = {"modalities": [], "title": "", "summary": "", "level": "", "source": ""}
    kinds = {"gated": "fusion", "image": "single", "text": "single"}
    return results_of(
        tasks={"kind": ["a", "b", "c"]},
        models=[{"model": model, "kind": kind} | words for model, kind in kinds.items()],
        predictions={
            "ids": ["p", "q", "r", "s"],
            "groups": None,
            "targets": {"kind": [0, 0, 1, -1]},
            "models": {"gated": rows([1, 1, 1, 0]), "image": rows([0, 1, 0, 0]), "text": rows([0, 1, 1, 2])},
        },
    )


def test_the_matrix_counts_labelled_rows_only():
    assert confusion(small(), "kind", "gated", "0") == {(0, 1): 2, (1, 1): 1}


def test_the_sample_matrix_has_as_many_right_answers_as_its_accuracy_says():
    counts = confusion(sample_results(), "product", "gated", "1")
    assert right(counts) == round(0.84 * N_TEST) and counts.total() == N_TEST


def test_a_cell_opens_its_own_products_the_surest_answer_first():
    assert rows_in(small(), "kind", "gated", "0", (0, 1)) == [0, 1]
    assert rows_in(small(), "kind", "gated", "0", (1, 1)) == [2]
    assert rows_in(small(), "kind", "text", "0", (2, 2)) == []


def test_cells_are_listed_with_the_commonest_mistake_first_and_right_answers_last():
    counts = {(0, 0): 5, (0, 1): 1, (1, 0): 4, (1, 2): 2, (2, 2): 3}
    assert pairs(counts) == [(1, 0), (1, 2), (0, 1), (0, 0), (2, 2)]


def test_the_classes_with_most_mistakes_from_or_to_them_come_first():
    counts = {(0, 0): 9, (0, 3): 1, (1, 1): 9, (2, 2): 9, (3, 0): 3, (3, 3): 9, (3, 2): 1}
    assert by_mistakes(counts, 5) == [3, 0, 2, 1, 4]


def test_the_single_inputs_that_were_right_are_named():
    assert saved_by(small(), "kind", "0", 0) == ["image", "text"]
    assert saved_by(small(), "kind", "0", 1) == []
    assert saved_by(small(), "kind", "0", 2) == ["text"]


def test_gain_per_class_is_against_the_single_input_that_is_best_over_all():
    rows = {row.label: row for row in class_gains(small(), "kind", "gated")}
    assert {row.single for row in rows.values()} == {"text"}
    assert rows["a"].gain == pytest.approx(-0.5) and rows["a"].n == 2
    assert rows["b"].gain == 0.0
    assert "c" not in rows
