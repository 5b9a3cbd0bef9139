"""Estimates count models, prefer figures of this machine, and say what they rest on."""

from __future__ import annotations

import json

import pytest

from retail.dataset.reader import read_manifest
from retail.files import DEMO_DIR, home
from retail.workspace import estimate
from tests.bundle_sample import EPOCH_SECONDS, write_finetuned_bundle
from tests.results_sample import sample_json, write_finished_run


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))


def finished_run(seconds: float, checksum: str = "0") -> None:
    results = sample_json()
    results["cost"] |= {"seconds": seconds, "fits": 10, "encoders": {"image": {"seconds": 0.5, "mebibytes": 1}}}
    results["data"] |= {"n_train": 100, "checksum": checksum}
    (write_finished_run(home()) / "results.json").write_text(json.dumps(results))


def test_the_count_of_models_encloses_that_of_the_demo_comparison():
    # 3 single inputs and 6 fusions, 3 seeds, 4 tasks: the bundled run trained 114.
    low, high = estimate.fits(6, 3, 4, 3, settings=True)
    assert low == 27 + 45 and low <= 114 <= high
    assert estimate.fits(6, 3, 4, 3, settings=False) == (27, 27)
    assert estimate.fits(6, 1, 1, 2, settings=True) == (2, 2)


def test_without_own_figures_the_guess_says_so():
    assert "another machine" in estimate.known_speed("bundled").basis


def test_a_finished_run_here_counts_more_and_known_embeddings_cost_nothing():
    demo = read_manifest(DEMO_DIR)
    finished_run(20.0)
    speed = estimate.known_speed("bundled")
    assert speed.fit_seconds == pytest.approx(20 / 10 / 100) and "on this machine (10 models" in speed.basis
    photos = sum("image" in product.modalities for product in demo.products)
    rows = len(demo.in_split("train"))
    first = estimate.estimate(demo, speed, (4, 8), ("image",))
    assert first.low == pytest.approx(0.5 * photos + 4 * 0.02 * rows)
    finished_run(20.0, demo.checksum)
    again = estimate.estimate(demo, estimate.known_speed("bundled"), (4, 8), ("image",))
    assert again.low == pytest.approx(4 * 0.02 * rows) and again.high > 2 * again.low
    assert "another machine" in estimate.known_speed("hub").basis


def test_a_trial_is_kept_for_the_next_estimate(small_data):
    speed = estimate.measure(read_manifest(small_data), "bundled")
    assert speed.fit_seconds > 0 and set(speed.encode_seconds) == {"audio", "image", "text"}
    assert estimate.known_speed("bundled") == speed and "trial on this machine" in speed.basis


def test_fine_tuning_is_timed_by_the_last_run_that_tuned_the_same():
    assert estimate.finetuning_speed(["image"]) is None
    write_finetuned_bundle(write_finished_run(home()) / "bundles" / "finetuned", [0.25, 0.5])
    assert estimate.finetuning_speed(["image"]) == pytest.approx(EPOCH_SECONDS / 100)
    assert estimate.finetuning_speed(["text"]) is None


def test_durations_are_said_in_fitting_units():
    assert [estimate.duration(s) for s in (0.2, 40, 600, 9000)] == [
        "1 second",
        "40 seconds",
        "10 minutes",
        "2.5 hours",
    ]


def test_two_inputs_have_one_dedicated_model_a_fusion_and_seed():
    assert estimate.fits(1, 2, 1, 1, settings=True) == (4, 4)
    assert estimate.fits(12, 2, 1, 3, settings=True) == (45, 45)


def test_a_range_names_its_unit_once_and_no_range_where_there_is_none():
    said = [estimate.Estimate(low, high, "").sentence.strip() for low, high in ((300, 780), (40, 300), (300, 310))]
    assert said == ["About 5 to 13 minutes.", "About 40 seconds to 5 minutes.", "About 5 minutes."]
