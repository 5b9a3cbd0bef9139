"""Regimes measured: folds that keep look-alikes together, settings chosen within train, the rows of the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from retail.config import RegimeConfig
from retail.frozen import selection
from retail.frozen.folds import grouped_folds, look_alikes
from retail.frozen.rows import Rows
from retail.frozen.selection import candidates, cross_validate, map_fit, mean_accuracy, measure
from retail.report.frozen_tables import transfer_table
from retail.schema import Product, UserError, Vocabulary

CLASSES = ("blue", "green", "red")
SIZES = {"colour": 3}
SIGNAL = 3.0  # how far a colour moves one feature of spread 1
VOCABULARIES = {"colour": Vocabulary(CLASSES)}


def rows(visits: int = 12, copies: int = 5, seed: int = 0) -> Rows:
    """Each visit shows one colour in `copies` photos that hardly differ from one another."""
    generator = torch.Generator().manual_seed(seed)
    target = (torch.arange(visits) % 3).repeat_interleave(copies)
    centres = torch.randn(visits, 30, generator=generator)
    embeddings = centres.repeat_interleave(copies, 0) + 0.05 * torch.randn(visits * copies, 30, generator=generator)
    embeddings[:, :3] += SIGNAL * torch.nn.functional.one_hot(target, 3)
    labels = np.array([CLASSES[place] for place in target], dtype=object)
    return Rows(embeddings, {"colour": target}, {"colour": labels}, ("",) * len(target))


def test_look_alikes_are_the_visits_and_declared_groups_stay():
    train = rows()
    groups = look_alikes(train, 0.8)
    assert [len(set(groups[start : start + 5])) for start in range(0, 60, 5)] == [1] * 12
    assert len(set(groups)) == 12
    assert len(set(look_alikes(train, 1.0))) == 60
    declared = Rows(train.embeddings, train.targets, train.labels, ("a",) * 7 + ("",) * 53)
    groups = look_alikes(declared, 0.8)
    assert len(set(groups[:7])) == 1 and groups[0] not in groups[7:] and len(set(groups)) == 12


def test_equal_photos_with_other_labels_are_no_group():
    train = rows()
    labels = {"colour": np.array([str(place) for place in range(60)], dtype=object)}
    assert len(set(look_alikes(Rows(train.embeddings, train.targets, labels, train.declared_groups), 0.5))) == 60


def test_folds_part_no_group_and_hold_every_row_once():
    train = rows()
    groups = look_alikes(train, 0.8)
    folds = grouped_folds(train.targets["colour"], groups)
    assert sorted(np.concatenate([outside for _, outside in folds])) == list(range(60))
    for inside, outside in folds:
        assert not set(groups[inside]) & set(groups[outside])
    with pytest.raises(UserError, match="at least two groups of training rows, but the 60 rows form 1"):
        grouped_folds(train.targets["colour"], np.zeros(60, dtype=int))


def test_groups_take_away_what_copies_promise():
    """Colours without any signal: folds that part the copies of a visit still promise a high accuracy."""
    train = rows()
    noise = Rows(train.embeddings.clone(), train.targets, train.labels, train.declared_groups)
    noise.embeddings[:, :3] -= SIGNAL * torch.nn.functional.one_hot(train.targets["colour"], 3)
    promised = {}
    for similarity in (0.8, 1.0):
        folds = grouped_folds(noise.targets["colour"], look_alikes(noise, similarity))
        (accuracy,) = cross_validate([RegimeConfig("none", "prototypes")], noise, SIZES, folds, map_fit(SIZES))
        promised[similarity] = accuracy["colour"].mean()
    assert promised[1.0] > 0.85 and promised[0.8] < 0.6


def test_candidates_vary_only_what_the_regime_has():
    def count(name: str) -> int:
        return len(candidates(RegimeConfig.named(name), (8, 16), (0.1, 1.0, 10.0)))

    names = ("prototypes", "logistic", "pca+prototypes", "svd+linear", "lda+prototypes", "bottleneck+prototypes")
    assert [count(name) for name in names] == [1, 3, 2, 6, 1, 6]


def test_regimes_are_ranked_by_the_mean_over_tasks_of_the_mean_over_folds():
    assert mean_accuracy({"a": np.array([0.6, 0.8]), "b": np.array([0.5]), "c": np.array([])}) == pytest.approx(0.6)
    train = rows(60)
    noise = Rows(torch.randn(300, 30), train.targets, train.labels, train.declared_groups)
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    ranked = [RegimeConfig.named(name) for name in ("pca+prototypes", "logistic")]
    _, fitted = measure(ranked, train, noise, VOCABULARIES, folds, dims=(1,), penalties=(0.1,))
    assert [regime.config.name for regime in fitted] == ["logistic", "pca+prototypes"]


def test_maps_are_fitted_within_each_fold_or_on_the_source_once(monkeypatch):
    seen: list[int] = []
    real = selection.fit_map

    def counted(embeddings, targets, sizes, config):
        seen.append(len(embeddings))
        return real(embeddings, targets, sizes, config)

    monkeypatch.setattr(selection, "fit_map", counted)
    train = rows()
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    grid = [RegimeConfig("pca", name, dims=4, penalty=p) for name in ("logistic", "prototypes") for p in (0.1, 1.0)]
    cross_validate(grid, train, SIZES, folds, map_fit(SIZES))
    assert seen == [len(inside) for inside, _ in folds] and max(seen) < len(train)
    seen.clear()
    cross_validate(grid, train, SIZES, folds, map_fit(SIZES, (rows(20, seed=3), SIZES)))
    assert seen == [100]


def test_the_table_scores_what_was_chosen_and_counts_a_new_label_as_wrong():
    train, scored = rows(60), rows(seed=1)
    scored.labels["colour"][0] = "mauve"
    scored.labels["colour"][1] = ""
    scored.targets["colour"][:2] = -1
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    chosen = [RegimeConfig.named(name) for name in ("prototypes", "pca+logistic")]
    results, _ = measure(chosen, train, scored, VOCABULARIES, folds, dims=(4, 8), penalties=(0.1,))
    assert [row["regime"] for row in results["rows"]] == ["prototypes", "pca+logistic"]
    for row in results["rows"]:
        assert row["n"] == 59 and 0.5 < row["accuracy"] < 1 and row["accuracy_low"] <= row["accuracy"]
        assert 0 < row["cv_accuracy"] <= 1 and row["cv_spread"] >= 0 and row["seconds"] >= 0
    assert results["rows"][1]["config"]["dims"] in (4, 8) and results["folds"] == len(folds)
    results["data"] = {"split": "val", "n_train": 300, "groups": 60, "support": {"colour": "3 classes."}}
    text = transfer_table(results)
    assert "pca+logistic" in text and "penalty 0.1" in text and "60 groups of look-alikes" in text


def test_scored_rows_choose_nothing():
    train, scored = rows(), rows(seed=1)
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    other = Rows(-scored.embeddings, scored.targets, scored.labels)
    first, second = (
        measure([RegimeConfig.named("svd+linear")], train, given, VOCABULARIES, folds, (2, 8), (0.01, 1.0))[0]["rows"][
            0
        ]
        for given in (scored, other)
    )
    assert first["config"] == second["config"] and first["cv_accuracy"] == second["cv_accuracy"]
    assert first["accuracy"] > second["accuracy"]


def test_photos_of_one_product_do_not_narrow_the_interval_of_a_regime():
    train, scored = rows(), rows(seed=1)
    folds = grouped_folds(train.targets["colour"], look_alikes(train, 0.8))
    products = tuple(Product(str(place), text="t", group=str(place // 5)) for place in range(len(scored)))
    widths = []
    for given in (scored, replace(scored, products=products)):
        results, _ = measure([RegimeConfig.named("prototypes")], train, given, VOCABULARIES, folds)
        widths.append(results["rows"][0]["accuracy_high"] - results["rows"][0]["accuracy_low"])
    assert widths[1] > 1.5 * widths[0]
