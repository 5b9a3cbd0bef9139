"""What ships: the bundle loads with the installed encoders, answers well, and its results can be trusted."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from retail.charts import accuracy_chart, subset_chart, subset_table
from retail.comparison.results import Results, read_results
from retail.dataset.reader import read_manifest
from retail.files import DEMO_BUNDLE, DEMO_DIR, DEMO_RESULTS, DEMO_TASKS
from retail.fusion import strategies
from retail.recognizer import embed_once
from retail.recognizer.bundle import load_bundle
from retail.report.verdict import verdict
from retail.schema import MODALITIES, SUBSETS, Product, UserError
from retail.wording import percent
from retail.workspace.demo import example_products

NOISES = Path(__file__).parents[2] / "shared" / "datasets" / "shop_noise"
COMPARED = {name for name, head in strategies().items() if head.compared}


@pytest.fixture(scope="module")
def results() -> Results:
    return read_results(DEMO_RESULTS)


def test_the_shipped_bundle_answers_every_subset_far_above_chance():
    recognizer = load_bundle(DEMO_BUNDLE)
    products = example_products()[::6]
    whole = recognizer.predict_many(products)
    pairs = zip(whole, products, strict=True)
    right = np.mean([answer.best("category")[0] == product.labels["category"] for answer, product in pairs])
    assert right > 0.6  # six categories: chance is 0.17
    assert set(recognizer.predict_subsets(products[0])) == set(SUBSETS)


def test_a_clip_in_which_nobody_speaks_counts_as_absent_with_a_note(tmp_path):
    recognizer = load_bundle(DEMO_BUNDLE)
    example = example_products()[0]
    hiss = 0.1 * np.random.default_rng(0).normal(size=32_000)
    soundfile.write(tmp_path / "hiss.wav", hiss, 16_000)
    heard = recognizer.predict(replace(example, audio=tmp_path / "hiss.wav"))
    assert heard.used == ("image", "text") and "no speech was heard in the sound clip" in heard.notes[0]
    assert heard.probs == recognizer.predict(replace(example, audio=None)).probs
    with pytest.raises(UserError, match="no speech was heard"):
        recognizer.predict(Product("upload", audio=tmp_path / "hiss.wav"))


def test_no_everyday_sound_is_taken_for_a_product_for_sure():
    if not NOISES.is_dir():
        pytest.skip(f"the everyday sounds are expected in '{NOISES}', which does not exist")
    recognizer = load_bundle(DEMO_BUNDLE)
    decided: Counter[str] = Counter()
    for file in sorted(NOISES.glob("*/*")):
        try:
            answers = recognizer.predict(Product("upload", audio=file)).answers
        except UserError:  # nobody speaks
            decided["refused"] += 1
        else:
            decided.update(answer.decision for answer in answers.values())
    assert decided["accept"] == 0 and decided["refused"] >= 30, decided


def test_examples_are_test_rows_with_all_inputs():
    assert len(example_products()) >= 20
    assert all(p.split == "test" and p.modalities == MODALITIES for p in example_products())


def test_the_shipped_results_belong_to_the_shipped_data(results):
    assert results.data.checksum == read_manifest(DEMO_DIR, DEMO_TASKS).checksum
    assert set(MODALITIES) < {model.model for model in results.models} <= COMPARED | set(MODALITIES)
    encoders = json.loads((DEMO_BUNDLE / "bundle.json").read_text())["encoders"]
    assert {m: e.fingerprint for m, e in results.encoders.items()} == {m: e["fingerprint"] for m, e in encoders.items()}


def test_verdicts_state_the_stored_numbers(results):
    for task in results.tasks:
        sentence = verdict(results, task).sentence
        row = results.chosen_score(task)
        assert percent(row.accuracy) in sentence and f"n = {row.n}" in sentence


def test_charts_hold_every_model_and_a_text_alternative(results):
    for task in results.tasks:
        chart = accuracy_chart(results, task).to_dict()
        rows = next(iter(chart["datasets"].values()))
        assert len(rows) == len(results.models)
        assert "is right most often" in chart["description"]
        assert subset_table(results, task).shape == (len(results.models) - 3, len(SUBSETS))
        assert "by inputs given" in json.dumps(subset_chart(results, task).to_dict())


def test_an_upload_is_encoded_once_for_all_recognisers_and_again_only_where_it_changes(monkeypatch):
    recognizer = load_bundle(DEMO_BUNDLE)
    product, asked, memory = example_products()[0], [], {}
    for encoder in recognizer.encoders.values():
        monkeypatch.setattr(encoder, "prepare", _noting(asked, encoder.modality, encoder.prepare))
    batch, notes = embed_once(product, recognizer.encoders, memory)
    assert sorted(asked) == list(MODALITIES)
    assert recognizer.answer_subsets(product, batch, notes) == recognizer.predict_subsets(product)
    asked.clear()
    embed_once(product, recognizer.encoders, memory)
    assert asked == []
    embed_once(replace(product, text="something else"), recognizer.encoders, memory)
    assert asked == ["text"]


def _noting(asked, modality, prepare):
    def noted(item):
        asked.append(modality)
        return prepare(item)

    return noted
