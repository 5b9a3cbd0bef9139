"""As sure as right, with each mix of inputs: the figures of a recogniser on rows that are counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from retail.evaluation.subset_certainty import subset_certainty
from retail.schema import SUBSETS
from tests.test_recognizer import everything_unknown, random_batch
from tests.tiny_recognizer import tiny_recognizer

ROWS = 90


@pytest.fixture(scope="module")
def recognizer():
    return tiny_recognizer()


@pytest.fixture
def batch(recognizer):
    return random_batch(recognizer, ROWS, seed=7)


def targets_of(recognizer, batch) -> dict:
    """What it says itself with all inputs: right with all of them, often wrong with fewer."""
    probs = recognizer.certainty.probs(recognizer.head, batch)
    return {task: rows.argmax(1).numpy() for task, rows in probs.items()}


def test_each_task_and_mix_has_a_row_of_those_products_that_have_these_inputs(recognizer, batch):
    batch.present["audio"][:30] = False
    targets = targets_of(recognizer, batch)
    targets["colour"] = targets["colour"].copy()
    targets["colour"][-10:] = -1  # no label
    rows = {
        (row.task, row.modalities): row
        for row in subset_certainty(recognizer.certainty, recognizer.head, batch, targets)
    }
    assert set(rows) == {(task, subset) for task in targets for subset in SUBSETS}
    for (task, subset), row in rows.items():
        assert row.n == ROWS - 30 * ("audio" in subset) - 10 * (task == "colour")
        assert (row.rises is None) == (len(subset) == 1)
        assert 0 <= row.ece <= 1 and row.accuracy_low <= row.accuracy <= row.accuracy_high
        assert [wish.wished for wish in row.promises] == [0.9, 0.95, 0.99]
        assert all((wish.needed is None) or (wish.threshold is None) for wish in row.promises)
    assert rows["fruit", SUBSETS[-1]].accuracy == 1.0 > rows["fruit", ("audio",)].accuracy


def test_products_of_known_classes_that_are_called_unknown_are_counted(recognizer, batch):
    targets = {"fruit": targets_of(recognizer, batch)["fruit"].copy()}
    targets["fruit"][:20] = 3  # a class that nobody taught
    strange = replace(recognizer.certainty, novelty=everything_unknown(recognizer))
    for certainty, shares in ((strange, {1.0}), (replace(recognizer.certainty, novelty=None), {None})):
        rows = subset_certainty(certainty, recognizer.head, batch, targets)
        assert {row.unknown for row in rows} == shares
    rows = subset_certainty(recognizer.certainty, recognizer.head, batch, targets)
    assert all(0 <= row.unknown < 0.3 for row in rows)
    assert all(row.accuracy <= 1 - 20 / row.n for row in rows)


def test_without_rows_there_is_nothing_to_say(recognizer, batch):
    nothing = {m: torch.zeros(ROWS, dtype=torch.bool) for m in batch.present}
    assert subset_certainty(recognizer.certainty, recognizer.head, replace(batch, present=nothing), {"fruit": []}) == []
