"""Methods measured: settings chosen within train, the rows of the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from retail.config import FrozenConfig
from retail.frozen import selection
from retail.frozen.folds import grouped_folds, look_alikes
from retail.frozen.results import FoldedData, FrozenResults
from retail.frozen.rows import FrozenRows
from retail.frozen.selection import candidates, cross_validate, map_fit, mean_accuracy, measure
from retail.report.frozen_tables import frozen_table
from retail.schema import Product, Vocabulary
from tests.frozen_sample import VISIT_CLASSES, VISIT_SIZES, visits

VOCABULARIES = {"colour": Vocabulary(VISIT_CLASSES)}


def test_candidates_vary_only_what_the_method_has():
    def count(name: str) -> int:
        return len(candidates(FrozenConfig.named(name), (8, 16), (0.1, 1.0, 10.0)))

    names = ("prototypes", "logistic", "pca+prototypes", "svd+linear", "lda+prototypes", "bottleneck+prototypes")
    assert [count(name) for name in names] == [1, 3, 2, 6, 1, 6]


def test_methods_are_ranked_by_the_mean_over_tasks_of_the_mean_over_folds():
    assert mean_accuracy({"a": np.array([0.6, 0.8]), "b": np.array([0.5]), "c": np.array([])}) == pytest.approx(0.6)
    train = visits(60)
    noise = FrozenRows(torch.randn(300, 30), train.targets, train.labels, train.declared_groups)
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    ranked = [FrozenConfig.named(name) for name in ("pca+prototypes", "logistic")]
    _, fitted = measure(ranked, train, noise, VOCABULARIES, folds, dims=(1,), penalties=(0.1,))
    assert [model.config.name for model in fitted] == ["logistic", "pca+prototypes"]


def test_maps_are_fitted_within_each_fold_or_on_the_source_once(monkeypatch):
    seen: list[int] = []
    real = selection.fit_map

    def counted(embeddings, targets, sizes, config):
        seen.append(len(embeddings))
        return real(embeddings, targets, sizes, config)

    monkeypatch.setattr(selection, "fit_map", counted)
    train = visits()
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    grid = [FrozenConfig("pca", name, dims=4, penalty=p) for name in ("logistic", "prototypes") for p in (0.1, 1.0)]
    cross_validate(grid, train, VISIT_SIZES, folds, map_fit(VISIT_SIZES))
    assert seen == [len(inside) for inside, _ in folds] and max(seen) < len(train)
    seen.clear()
    cross_validate(grid, train, VISIT_SIZES, folds, map_fit(VISIT_SIZES, (visits(20, seed=3), VISIT_SIZES)))
    assert seen == [100]


def test_the_table_scores_what_was_chosen_and_counts_a_new_label_as_wrong():
    train, scored = visits(60), visits(seed=1)
    scored.labels["colour"][0] = "mauve"
    scored.labels["colour"][1] = ""
    scored.targets["colour"][:2] = -1
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    chosen = [FrozenConfig.named(name) for name in ("prototypes", "pca+logistic")]
    rows, _ = measure(chosen, train, scored, VOCABULARIES, folds, dims=(4, 8), penalties=(0.1,))
    assert [row.method for row in rows] == ["prototypes", "pca+logistic"]
    for row in rows:
        assert row.n == 59 and 0.5 < row.accuracy < 1 and row.accuracy_low <= row.accuracy
        assert 0 < row.cv_accuracy <= 1 and row.cv_spread >= 0 and row.seconds >= 0
    assert rows[1].config.dims in (4, 8)
    facts = {"name": "visits", "checksum": "0", "split": "val", "n_train": 300, "n_scored": 60}
    data = FoldedData(**facts, groups=60, support={"colour": "3 classes."})
    results = FrozenResults(encoder="tiny", data=data, folds=len(folds), rows=tuple(rows), machine="none")
    text = frozen_table(results)
    assert "pca+logistic" in text and "penalty 0.1" in text and "60 groups of look-alikes" in text


def test_scored_rows_choose_nothing():
    train, scored = visits(), visits(seed=1)
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    other = FrozenRows(-scored.embeddings, scored.targets, scored.labels)
    first, second = (
        measure([FrozenConfig.named("svd+linear")], train, given, VOCABULARIES, folds, (2, 8), (0.01, 1.0))[0][0]
        for given in (scored, other)
    )
    assert first.config == second.config and first.cv_accuracy == second.cv_accuracy
    assert first.accuracy > second.accuracy


def test_photos_of_one_product_do_not_narrow_the_interval_of_a_method():
    train, scored = visits(), visits(seed=1)
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    products = tuple(Product(str(place), text="t", group=str(place // 5)) for place in range(len(scored)))
    widths = []
    for given in (scored, replace(scored, products=products)):
        (row,), _ = measure([FrozenConfig.named("prototypes")], train, given, VOCABULARIES, folds)
        widths.append(row.accuracy_high - row.accuracy_low)
    assert widths[1] > 1.5 * widths[0]
