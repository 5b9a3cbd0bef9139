"""The comparison on made-up embeddings where the truth is known: fusion must pay here and not there."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from retail.build import compared_recognizers
from retail.comparison.plans import plan_models, select
from retail.comparison.result_rows import Score
from retail.comparison.results import Results
from retail.comparison.run import compare
from retail.comparison.tuning import GRID
from retail.config import CompareConfig
from retail.dataset.reader import read_manifest
from retail.fusion import strategies
from retail.report.tables import comparison_table
from retail.report.verdict import verdict
from retail.schema import MODALITIES, SUBSETS, UserError
from retail.splits import prepare
from retail.training import fit
from retail.workspace import estimate
from tests.made_up_data import ENCODERS, MANIFEST, made_up_results, made_up_splits


@pytest.fixture(scope="module")
def results() -> Results:
    return made_up_results()


def summary(results: Results, task: str) -> dict[str, Score]:
    return results.mean_scores(task)


def test_fusion_pays_where_both_inputs_are_needed(results):
    rows = summary(results, "pair")
    assert rows["gated"].accuracy > 0.9
    assert max(rows["image"].accuracy, rows["text"].accuracy) < 0.7
    answer = verdict(results, "pair")
    assert answer.kind == "yes" and "n = 120 test products" in answer.sentence


def test_fusion_does_not_pay_where_one_input_says_all(results):
    assert summary(results, "shape")["image"].accuracy > 0.9
    assert verdict(results, "shape").kind in ("no", "unclear")
    assert results.selected["shape"].single == "image"


def test_unseen_class_is_wrong_and_missing_label_is_left_out(results):
    assert results.tasks["shape"] == ("round", "square", "oval")
    assert results.predictions.targets["shape"][:2] == (2, -1)
    assert summary(results, "shape")["image"].n == 119


def test_scores_can_be_computed_again_from_the_stored_predictions(results):
    target = np.array(results.predictions.targets["pair"])
    for model, seeds in results.predictions.models.items():
        accuracy = np.mean([np.mean(np.array(seed["pair"].preds) == target) for seed in seeds.values()])
        assert accuracy == pytest.approx(summary(results, "pair")[model].accuracy)


def test_every_promised_row_is_there(results):
    models = {"audio", "image", "text", "averaged", "gated"}
    assert {(r.task, r.model, r.seed) for r in results.scores} == {
        (task, model, seed) for task in ("pair", "shape") for model in models for seed in (0, 1, None)
    }
    assert len(results.subsets) == 2 * 2 * len(SUBSETS)
    assert {(r.task, r.setting) for r in results.settings} == {
        (task, setting) for task in ("pair", "shape") for setting in ("neither", "multi-modal", "multi-task", "both")
    }
    assert all(row.baseline in MODALITIES for row in results.differences)


def test_the_table_names_models_and_verdicts(results):
    table = comparison_table(results)
    assert all(word in table for word in ("gated", "averaged", "image", "neither", verdict(results, "pair").sentence))


def test_each_difference_carries_its_test_and_the_correction_over_fusions(results):
    rows = [row for row in results.differences if row.task == "pair"]
    assert all(row.p_value <= row.p_holm <= 2 * row.p_value for row in rows)
    gated = next(row for row in rows if row.model == "gated")
    assert gated.wins > gated.losses and gated.cohens_h > 0.5 and gated.significant


def test_every_subset_stands_beside_a_dedicated_model(results):
    rows = {(row.task, row.modalities): row for row in results.dedicated}
    assert set(rows) == {(task, subset) for task in ("pair", "shape") for subset in SUBSETS}
    photo = rows["shape", ("image",)]
    assert photo.dedicated == pytest.approx(summary(results, "shape")["image"].accuracy)
    losses = [row.loss for row in rows.values()]
    assert losses == pytest.approx([row.dedicated - row.accuracy for row in rows.values()])
    assert any(abs(loss) > 0.004 for loss in losses)
    assert all(row.loss_low <= row.loss <= row.loss_high for row in rows.values())


def test_a_dedicated_model_is_not_taken_for_a_one_task_setting():
    splits = made_up_splits()
    one_task = replace(splits, vocabularies={"pair": splits.vocabularies["pair"]})
    encoders = {m: SimpleNamespace(name=m, fingerprint=m) for m in MODALITIES}
    results = compare(MANIFEST, one_task, encoders, CompareConfig(strategies=("averaged",), seeds=1), workers=1).results
    assert len(results.dedicated) == len(SUBSETS)
    assert {row.setting for row in results.settings} == {"neither", "multi-modal"}


def test_the_settings_start_from_the_single_input_that_is_best_and_not_from_the_one_validation_names(monkeypatch):
    def names_the_noise(outputs, tasks):
        return {task: chosen.model_copy(update={"single": "audio"}) for task, chosen in select(outputs, tasks).items()}

    monkeypatch.setattr("retail.comparison.run.select", names_the_noise)
    config = CompareConfig(strategies=("averaged",), seeds=1)
    found = compare(MANIFEST, made_up_splits(), ENCODERS, config, workers=1).results
    alone = {row.setting: row.model for row in found.settings if row.task == "shape"}
    assert alone == {"neither": "image", "multi-task": "image", "multi-modal": "averaged", "both": "averaged"}


def test_the_rules_of_the_race_are_stated(results):
    said = " ".join(results.protocol)
    assert "best validation accuracy" in said and "same settings; none was tuned" in said and "Holm" in said


def test_all_strategies_are_planned_by_default():
    plans = plan_models(CompareConfig(seeds=2), ["a"], MODALITIES)
    assert {plan.model for plan in plans} == (set(strategies()) - {"linear"}) | set(MODALITIES)
    assert len(plans) == 2 * ((len(strategies()) - 1) + 3)
    with pytest.raises(UserError, match="No fusion strategy is named 'magic'"):
        plan_models(CompareConfig(strategies=("magic",)), ["a"], MODALITIES)


def test_two_inputs_are_scored_on_their_own_subsets_and_counted_as_estimated():
    splits = made_up_splits()
    one_task = replace(splits, vocabularies={"pair": splits.vocabularies["pair"]})
    encoders = {m: SimpleNamespace(name=m, fingerprint=m) for m in ("image", "text")}
    results = compare(MANIFEST, one_task, encoders, CompareConfig(strategies=("averaged",), seeds=1), workers=1).results
    assert [row.modalities for row in results.subsets] == [("image",), ("text",), ("image", "text")]
    assert estimate.fits(1, 2, 1, 1, settings=True) == (results.cost.fits,) * 2


def test_each_seeds_interval_draws_whole_groups_as_their_summary_does():
    groups = np.array([f"group {row // 6}" for row in range(120)], dtype=object)
    splits = replace(made_up_splits(), groups=groups)
    encoders = {"image": SimpleNamespace(name="image", fingerprint="image")}
    config = CompareConfig(seeds=1, settings=False)
    found = compare(MANIFEST, splits, encoders, config, workers=1).results.scores
    for seed, mean in zip(found[::2], found[1::2], strict=True):
        assert (seed.seed, mean.seed) == (0, None)
        assert (seed.accuracy_low, seed.accuracy_high) == (mean.accuracy_low, mean.accuracy_high)


def test_without_validation_labels_nothing_is_chosen():
    splits = made_up_splits()
    unlabelled = splits.val.targets | {"shape": torch.full((80,), -1)}
    encoders = {"image": SimpleNamespace(name="image", fingerprint="image")}
    hidden = replace(splits, val=replace(splits.val, targets=unlabelled))
    with pytest.raises(UserError, match="No validation row has a label for 'shape'"):
        compare(MANIFEST, hidden, encoders, CompareConfig(seeds=1), workers=1)


def test_a_task_without_test_labels_and_data_without_any_task_are_refused_before_the_work(tmp_path):
    table = tmp_path / "metadata.csv"
    cells = [("ab"[n % 2], "xy"[n % 2] if n < 12 else "", ("train", "val", "test")[n // 6]) for n in range(18)]
    rows = ["text,kind,late,split", *(f"tea {n},{','.join(row)}" for n, row in enumerate(cells))]
    table.write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(UserError, match="No test row has a label for 'late'"):
        prepare(read_manifest(table), {})
    assert set(prepare(read_manifest(table), {}, need_test=False).vocabularies) == {"kind", "late"}
    table.write_text("text\n" + "\n".join(f"tea {n}" for n in range(18)), encoding="utf-8")
    with pytest.raises(UserError, match="no label column to learn"):
        prepare(read_manifest(table), {})


@pytest.mark.parametrize("tune", [False, True])
def test_recognisers_of_a_comparison_are_the_scored_heads_and_train_nothing_again(tune, monkeypatch):
    trained = []
    monkeypatch.setattr("retail.comparison.fits.fit", lambda *given: trained.append(fit(*given)) or trained[-1])
    monkeypatch.setattr("retail.build.fit", lambda *_: pytest.fail("a head is trained again"))
    monkeypatch.setattr("retail.comparison.tuning.GRID", GRID[:2])
    config = CompareConfig(strategies=("averaged", "gated"), seeds=2, settings=False, tune=tune)
    splits = replace(made_up_splits(), train=made_up_splits().train.rows(slice(0, 64)))
    found = compare(MANIFEST, splits, ENCODERS, config, workers=1)
    fits = len(trained)
    recognizers = list(compared_recognizers(MANIFEST, ENCODERS, splits, found.fits))
    assert len(trained) == fits == found.results.cost.fits
    assert [recognizer.strategy for recognizer in recognizers] == ["averaged", "gated"]
    fusions = [scored for scored in found.fits if scored.plan.kind == "fusion"]
    for recognizer, scored in zip(recognizers, fusions, strict=True):
        preds = recognizer.certainty.probs(recognizer.head, splits.test)["pair"].argmax(1).tolist()
        assert preds == list(found.results.predictions.models[recognizer.strategy]["0"]["pair"].preds)
        assert recognizer.info.config == scored.plan.config
        again = fit(splits.train, splits.val, splits.task_sizes, scored.plan.config)
        weights = recognizer.head.state_dict()
        assert all(torch.equal(weights[name], value) for name, value in again.head.state_dict().items())
        assert (recognizer.info.best_epoch, recognizer.info.history) == (again.best_epoch, again.history)


def test_the_single_input_has_a_recogniser_where_there_is_nothing_to_fuse():
    encoders = {"image": ENCODERS["image"]}
    found = compare(MANIFEST, made_up_splits(), encoders, CompareConfig(seeds=1, settings=False), workers=1)
    (recognizer,) = compared_recognizers(MANIFEST, encoders, made_up_splits(), found.fits)
    assert recognizer.modalities == ("image",) and found.results.doctor is None
