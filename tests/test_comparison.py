"""The comparison on made-up embeddings where the truth is known: fusion must pay here and not there."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from retail.config import CompareConfig
from retail.evaluation.comparison import compare, plan_models
from retail.evaluation.splits import Splits, with_validation
from retail.evaluation.tables import comparison_table
from retail.evaluation.verdict import verdict
from retail.fusion import strategies
from retail.schema import MODALITIES, SUBSETS, Product, UserError, Vocabulary
from retail.store import EmbeddingBatch

MANIFEST = SimpleNamespace(root=Path("made_up"), checksum="0" * 64)


def made_up_batch(rows: int, seed: int) -> EmbeddingBatch:
    """Shape is in the image, scent in the text, and the pair needs both; the sound is noise."""
    rng = torch.Generator().manual_seed(seed)
    shape = torch.randint(0, 2, (rows,), generator=rng)
    scent = torch.randint(0, 2, (rows,), generator=rng)
    embeddings = {modality: torch.randn(rows, 4, generator=rng) for modality in MODALITIES}
    embeddings["image"][:, 0] += 8.0 * shape
    embeddings["text"][:, 0] += 8.0 * scent
    return EmbeddingBatch(
        ids=tuple(f"{seed}-{row}" for row in range(rows)),
        embeddings=embeddings,
        present={modality: torch.ones(rows, dtype=torch.bool) for modality in MODALITIES},
        targets={"pair": 2 * shape + scent, "shape": shape.clone()},
    )


@pytest.fixture(scope="module")
def splits() -> Splits:
    vocabularies = {"pair": Vocabulary(("00", "01", "10", "11")), "shape": Vocabulary(("round", "square"))}
    train, val, test = made_up_batch(200, 0), made_up_batch(80, 1), made_up_batch(120, 2)
    labels = {
        task: np.array([vocabularies[task].classes[place] for place in test.targets[task].tolist()], dtype=object)
        for task in vocabularies
    }
    labels["shape"][:2] = ["oval", ""]  # a class that training never saw, and a row without a label
    return Splits(train, val, test, vocabularies, labels, [])


@pytest.fixture(scope="module")
def results(splits) -> dict:
    encoders = {m: SimpleNamespace(name=f"made-up:{m}", fingerprint=m) for m in MODALITIES}
    config = CompareConfig(strategies=("averaged", "gated"), seeds=2)
    found = compare(MANIFEST, splits, encoders, config, workers=1)
    return json.loads(json.dumps(found))


def summary(results: dict, task: str) -> dict:
    return {row["model"]: row for row in results["scores"] if row["task"] == task and row["seed"] is None}


def test_fusion_pays_where_both_inputs_are_needed(results):
    rows = summary(results, "pair")
    assert rows["gated"]["accuracy"] > 0.9
    assert max(rows["image"]["accuracy"], rows["text"]["accuracy"]) < 0.7
    answer = verdict(results, "pair")
    assert answer.kind == "yes" and "n = 120 test products" in answer.sentence


def test_fusion_does_not_pay_where_one_input_says_all(results):
    assert summary(results, "shape")["image"]["accuracy"] > 0.9
    assert verdict(results, "shape").kind in ("no", "unclear")
    assert results["selected"]["shape"]["single"] == "image"


def test_unseen_class_is_wrong_and_missing_label_is_left_out(results):
    assert results["tasks"]["shape"] == ["round", "square", "oval"]
    assert results["predictions"]["targets"]["shape"][:2] == [2, -1]
    assert summary(results, "shape")["image"]["n"] == 119


def test_scores_can_be_computed_again_from_the_stored_predictions(results):
    target = np.array(results["predictions"]["targets"]["pair"])
    for model, seeds in results["predictions"]["models"].items():
        accuracy = np.mean([np.mean(np.array(seed["pair"]["preds"]) == target) for seed in seeds.values()])
        assert accuracy == pytest.approx(summary(results, "pair")[model]["accuracy"])


def test_every_promised_row_is_there(results):
    models = {"audio", "image", "text", "averaged", "gated"}
    assert {(r["task"], r["model"], r["seed"]) for r in results["scores"]} == {
        (task, model, seed) for task in ("pair", "shape") for model in models for seed in (0, 1, None)
    }
    keys = "task model kind modalities seed split n accuracy accuracy_low accuracy_high balanced_accuracy macro_f1 ece"
    assert all(set(keys.split()) <= set(row) for row in results["scores"])
    assert len(results["subsets"]) == 2 * 2 * len(SUBSETS)
    assert {(r["task"], r["setting"]) for r in results["settings"]} == {
        (task, setting) for task in ("pair", "shape") for setting in ("neither", "multi-modal", "multi-task", "both")
    }
    assert all(row["baseline"] in MODALITIES for row in results["differences"])


def test_the_table_names_models_and_verdicts(results):
    table = comparison_table(results)
    assert all(word in table for word in ("gated", "averaged", "image", "neither", verdict(results, "pair").sentence))


def test_all_strategies_are_planned_by_default():
    plans = plan_models(CompareConfig(seeds=2), ["a"], MODALITIES)
    assert {plan.model for plan in plans} == (set(strategies()) - {"linear"}) | set(MODALITIES)
    assert len(plans) == 2 * ((len(strategies()) - 1) + 3)
    with pytest.raises(UserError, match="No fusion strategy is named 'magic'"):
        plan_models(CompareConfig(strategies=("magic",)), ["a"], MODALITIES)


def test_validation_rows_are_taken_by_whole_groups():
    products = [Product(str(i), text="t", split="train", group=str(i // 5)) for i in range(200)]
    moved = with_validation(products)
    by_group: dict[str, set[str]] = {}
    for product in moved:
        by_group.setdefault(product.group, set()).add(product.split)
    assert all(len(found) == 1 for found in by_group.values())
    assert 10 <= sum(product.split == "val" for product in moved) <= 60
