"""Folds that keep look-alikes together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retail.config import FrozenConfig
from retail.frozen.folds import grouped_folds, look_alikes
from retail.frozen.rows import FrozenRows
from retail.frozen.selection import cross_validate, map_fit
from retail.schema import UserError
from tests.frozen_sample import SIGNAL, VISIT_SIZES, visits


def test_look_alikes_are_the_visits_and_declared_groups_stay():
    train = visits()
    groups = look_alikes(train, 0.8)
    assert [len(set(groups[start : start + 5])) for start in range(0, 60, 5)] == [1] * 12
    assert len(set(groups)) == 12
    assert len(set(look_alikes(train, 1.0))) == 60
    declared = FrozenRows(train.embeddings, train.targets, train.labels, ("a",) * 7 + ("",) * 53)
    groups = look_alikes(declared, 0.8)
    assert len(set(groups[:7])) == 1 and groups[0] not in groups[7:] and len(set(groups)) == 12


def test_equal_photos_with_other_labels_are_no_group():
    train = visits()
    labels = {"colour": np.array([str(place) for place in range(60)], dtype=object)}
    assert len(set(look_alikes(FrozenRows(train.embeddings, train.targets, labels, train.declared_groups), 0.5))) == 60


def test_folds_part_no_group_and_hold_every_row_once():
    train = visits()
    groups = look_alikes(train, 0.8)
    folds = grouped_folds(train.targets["colour"], groups)
    assert sorted(np.concatenate([outside for _, outside in folds])) == list(range(60))
    for inside, outside in folds:
        assert not set(groups[inside]) & set(groups[outside])
    with pytest.raises(UserError, match="at least two groups of training rows, but the 60 rows form 1"):
        grouped_folds(train.targets["colour"], np.zeros(60, dtype=int))


def test_groups_take_away_what_copies_promise():
    """Colours without any signal: folds that part the copies of a visit still promise a high accuracy."""
    train = visits()
    noise = FrozenRows(train.embeddings.clone(), train.targets, train.labels, train.declared_groups)
    noise.embeddings[:, :3] -= SIGNAL * torch.nn.functional.one_hot(train.targets["colour"], 3)
    promised = {}
    for similarity in (0.8, 1.0):
        folds = grouped_folds(noise.targets["colour"], look_alikes(noise, similarity))
        (accuracy,) = cross_validate(
            [FrozenConfig("none", "prototypes")], noise, VISIT_SIZES, folds, map_fit(VISIT_SIZES)
        )
        promised[similarity] = accuracy["colour"].mean()
    assert promised[1.0] > 0.85 and promised[0.8] < 0.6
