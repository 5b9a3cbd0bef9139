"""Learning curves: what is drawn, how draws become an interval, and learners of any kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from retail.config import FrozenConfig
from retail.frozen.curves import ALL, draw, frozen_learner, learning_curves
from retail.frozen.results import CurveResults, DataFacts
from retail.frozen.rows import FrozenRows
from retail.metrics.scores import bootstrap_interval
from retail.report.frozen_tables import curve_table
from retail.schema import Product, UserError

SIZES = {"kind": 3}


def rows(count: int, seed: int) -> FrozenRows:
    generator = torch.Generator().manual_seed(seed)
    target = torch.arange(count) % 3
    embeddings = torch.randn(count, 12, generator=generator)
    embeddings[:, :3] += 2.0 * torch.nn.functional.one_hot(target, 3)
    return FrozenRows(embeddings, {"kind": target}, {"kind": np.array(list("abc"), dtype=object)[target.numpy()]})


def test_a_draw_takes_so_many_of_each_class_and_all_where_there_are_fewer():
    target = torch.tensor([0, 0, 0, 0, 1, 1, 2, -1, -1])
    for seed in range(20):
        drawn = draw(target, 2, seed)
        assert target[drawn].bincount().tolist() == [2, 2, 1] and len(drawn.unique()) == 5
    assert draw(target, ALL, 0).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert len({tuple(draw(target, 1, seed).tolist()) for seed in range(20)}) > 3
    assert draw(target, 2, 5).equal(draw(target, 2, 5))


def test_more_examples_help_and_the_interval_is_over_draws():
    train, scored = rows(300, 0), rows(300, 1)
    learners = {
        name: frozen_learner(FrozenConfig.named(name), train, scored, SIZES) for name in ("prototypes", "linear")
    }
    table = learning_curves(learners, train, scored, ["kind"], [1, 8, ALL], draws=4)
    accuracy = {(row.method, row.shots): row.accuracy for row in table}
    for name in learners:
        assert accuracy[name, 1] < accuracy[name, 8] < accuracy[name, "all"] + 0.02
    first = table[0]
    assert (first.n_train, first.n, first.draws, first.interval) == (3, 300, 4, "draws")
    whole = table[-1]
    assert (whole.n_train, whole.draws, whole.interval) == (300, 1, "scored rows")
    assert whole.accuracy_low < whole.accuracy < whole.accuracy_high
    data = DataFacts(name="made up", checksum="0", split="val", n_train=300, n_scored=300)
    results = CurveResults(encoder="tiny", data=data, tasks=("kind",), draws=4, rows=tuple(table), configs=())
    text = curve_table(results)
    assert "examples per class" in text and "over 4 draws" in text


def test_the_interval_is_students():
    train, scored = rows(30, 0), rows(20, 1)
    right = [10, 12, 11, 13]  # of the 20 scored rows, by draw

    def learner(places: torch.Tensor, task: str, seed: int) -> torch.Tensor:
        return torch.where(torch.arange(20) < right[seed], scored.targets[task], -1)

    (row,) = learning_curves({"x": learner}, train, scored, ["kind"], [2], draws=4)
    values = np.array(right) / 20
    expected = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert (row.accuracy, row.accuracy_low, row.accuracy_high) == pytest.approx((values.mean(), *expected))


def test_any_function_is_a_learner_and_a_label_never_seen_is_wrong():
    train, scored = rows(30, 0), rows(10, 1)
    scored.labels["kind"][:2] = np.array(["new", ""], dtype=object)
    scored.targets["kind"][:2] = -1
    asked: list[tuple[int, str, int]] = []

    def oracle(places: torch.Tensor, task: str, seed: int) -> torch.Tensor:
        asked.append((len(places), task, seed))
        return scored.targets[task].clamp_min(0)

    (row,) = learning_curves({"oracle": oracle}, train, scored, ["kind"], [2], draws=3)
    assert asked == [(6, "kind", 0), (6, "kind", 1), (6, "kind", 2)]
    assert row.n == 9 and row.accuracy == pytest.approx(8 / 9)


def test_what_cannot_be_drawn_says_why():
    train, scored = rows(30, 0), rows(10, 1)
    with pytest.raises(UserError, match="--draws of at least 2"):
        learning_curves({}, train, scored, ["kind"], [1], draws=1)
    scored.labels["kind"][:] = ""
    with pytest.raises(UserError, match="No scored row has a label for 'kind'"):
        learning_curves({"x": lambda *_: torch.zeros(10)}, train, scored, ["kind"], [1], draws=2)


def test_with_all_examples_the_interval_draws_whole_groups():
    train, scored = rows(30, 0), rows(60, 1)
    answer = torch.where(torch.arange(60) < 30, scored.targets["kind"], -1)
    products = tuple(Product(str(place), text="t", group=str(place // 10)) for place in range(60))
    grouped = replace(scored, products=products)
    (row,) = learning_curves({"x": lambda *_: answer}, train, grouped, ["kind"], [ALL], draws=2)
    right, groups = np.arange(60) < 30, np.arange(60) // 10
    assert (row.accuracy_low, row.accuracy_high) == bootstrap_interval(right, groups=groups)
