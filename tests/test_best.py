"""A recogniser without questions: what is tried, what is kept, and that time, Cancel and Retry are respected."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import retail
from retail.__main__ import app
from retail.best import search as searching
from retail.best import trials
from retail.best.budget import Budget, TooSlow, usual_minutes
from retail.best.methods import FUSIONS, choose, sensible_methods
from retail.best.record import Tried, report_of
from retail.best.search import Listener, search
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.recognizer.bundle import load_bundle
from retail.schema import Product
from retail.workspace.execution import execute
from retail.workspace.requests import BestRequest, write_request
from retail.workspace.trained_by import trained_by
from tests.tiny_encoders import tiny_photo_encoder

FAST = TrainConfig(max_epochs=2)


@pytest.fixture(autouse=True)
def no_finetuning(monkeypatch):
    """How many epochs fit into the time depends on the machine."""
    monkeypatch.setattr(searching, "FEWEST_EPOCHS", 10**6)


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def tried(name: str, rank: int, right: list[float]) -> Tried:
    return Tried(name=name, title=name, rank=rank, seconds=1.0, right=tuple(right))


def test_the_simplest_within_one_standard_error_of_the_best_is_kept():
    simple, fusion = [1.0] * 15 + [0.0] * 5, [1.0] * 16 + [0.0] * 4
    assert choose([tried("image", 0, simple), tried("gated", 2, fusion)]).name == "image"
    clearly = [1.0] * 20
    assert choose([tried("image", 0, simple), tried("gated", 2, clearly)]).name == "gated"


def test_of_equally_simple_methods_the_better_is_kept():
    worse, better = [1.0] * 15 + [0.0] * 5, [0.0] + [1.0] * 15 + [0.0] * 3 + [1.0]
    assert choose([tried("image", 0, worse), tried("text", 0, better)]).name == "text"


def test_products_of_one_group_are_no_independent_evidence():
    simple, fusion = [0.0] * 6 + [1.0] * 14, [1.0] * 6 + [0.0] * 2 + [1.0] * 12
    groups = np.array(["one"] * 6 + [f"own {place}" for place in range(14)])
    assert choose([tried("image", 0, simple), tried("gated", 2, fusion)]).name == "gated"
    assert choose([tried("image", 0, simple), tried("gated", 2, fusion)], groups).name == "image"


def test_each_input_alone_comes_before_fusions_and_one_input_gets_a_layer(tmp_path):
    loaded = load_preset(f"image={tiny_photo_encoder(tmp_path)}")
    names = [method.name for method in sensible_methods(tuple(loaded), loaded)]
    assert names == ["image", "text", "audio", *FUSIONS, "finetuned"]
    one = {"text": load_preset("bundled", ["text"])["text"]}
    assert [method.kind for method in sensible_methods(("text",), one)][:2] == ["logistic", "head"]


@pytest.fixture(scope="module")
def manifest(small_data):
    return read_manifest(small_data, ["colour"])


def test_the_best_is_saved_with_what_was_tried_and_tested_once(manifest, tmp_path, monkeypatch):
    tested = []
    monkeypatch.setattr(searching, "evaluate", lambda *all, real=searching.evaluate: tested.append(1) or real(*all))
    heard = []
    recognizer, report = search(manifest, tmp_path / "kept", 2, FAST, listener=Listener(tried=heard.append))
    assert [one.name for one in heard] == [one.name for one in report.tried] == ["image", "text", "audio", *FUSIONS]
    assert report.kept == "image"  # the colour is in the photo, and no fusion can be clearly better
    assert report.winner.accuracy == 1.0 and tested == [1]
    (on_test,) = report.test
    assert on_test.n == 12 and f"test: {100 * on_test.accuracy:.1f} %" in report.sentence
    assert "Tried 6 methods in " in report.sentence and "kept Photo only: 100.0 % on 12 validation" in report.sentence
    assert "Fine-tuned photo encoder was not tried" in report.left_out[0]
    assert report_of(tmp_path / "kept") == report
    again = load_bundle(tmp_path / "kept")
    product = Product("x", images=manifest.products[0].images)
    assert again.predict(product).probs == recognizer.predict(product).probs


def test_no_method_is_begun_once_the_time_is_up(manifest, tmp_path):
    clock = Clock()

    def pass_time(one: Tried) -> None:
        clock.now += 40

    _, report = search(manifest, tmp_path / "kept", 1, FAST, listener=Listener(tried=pass_time), clock=clock)
    assert [one.name for one in report.tried] == ["image", "text"]
    assert len(report.left_out) == 5 and all("leave no time for it" in line for line in report.left_out)


class Stopped(Exception):
    """The process was killed."""


def test_a_stopped_search_goes_on_where_it_was(manifest, tmp_path, monkeypatch):
    def stop(one: Tried) -> None:
        if one.name == "text":
            raise Stopped

    clock = Clock()
    with pytest.raises(Stopped):
        search(manifest, tmp_path / "kept", 2, FAST, listener=Listener(tried=stop), clock=clock)
    fitted = []
    for name in ("try_logistic", "try_head"):
        real = getattr(trials, name)
        monkeypatch.setattr(trials, name, lambda m, b, real=real: fitted.append(m.name) or real(m, b))
    recognizer, report = search(manifest, tmp_path / "kept", 2, FAST, clock=clock)
    assert fitted == ["audio", *FUSIONS, "image"]  # last the one to keep, once more
    assert [one.name for one in report.tried] == ["image", "text", "audio", *FUSIONS] and report.kept == "image"
    assert recognizer.modalities == ("image",)


def test_other_settings_begin_anew(manifest, tmp_path):
    search(manifest, tmp_path / "kept", 2, FAST)
    _, report = search(manifest, tmp_path / "kept", 2, TrainConfig(max_epochs=1))
    assert report.asked.config.max_epochs == 1 and len(report.tried) >= 1


def test_an_encoder_learns_too_where_the_time_allows(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(searching, "FEWEST_EPOCHS", 1)
    monkeypatch.setattr(searching, "MOST_EPOCHS", 1)
    config = TrainConfig(max_epochs=2, modalities=("image",))
    _, report = search(manifest, tmp_path / "kept", 30, config, f"image={tiny_photo_encoder(tmp_path)}")
    assert [one.name for one in report.tried] == ["image", "concatenation", "finetuned"] and not report.left_out
    assert not (tmp_path / "kept" / searching.RESUME).exists()


def test_an_input_that_would_take_too_long_is_left_out_and_said(manifest, tmp_path, monkeypatch):
    def embed(products, encoders, vocabularies, store=None, progress=None):
        if "audio" in encoders and progress:
            raise TooSlow(600)
        return real(products, encoders, vocabularies, store, progress)

    real = searching.embed_products
    monkeypatch.setattr(searching, "embed_products", embed)
    _, report = search(manifest, tmp_path / "kept", 2, FAST)
    assert report.used == ("image", "text")
    assert "The sound was left out: encoding it takes about 10 min 0 s more" in report.left_out[0]


def test_a_stage_whose_rate_leads_beyond_the_time_is_stopped():
    clock = Clock()
    watch = Budget(1, clock=clock).watched(None)
    watch("Encoding image", 10, 1000)
    clock.now = 4
    with pytest.raises(TooSlow) as stopped:
        watch("Encoding image", 20, 1000)
    assert math.isclose(stopped.value.seconds, 392)
    watch("Encoding text", 10, 1000)
    clock.now = 8
    watch("Encoding text", 900, 1000)


def test_more_data_get_more_minutes(manifest):
    assert usual_minutes(manifest) == 2
    assert usual_minutes(replace(manifest, products=manifest.products * 50)) == 10
    assert usual_minutes(replace(manifest, products=manifest.products * 500)) == 30


def test_the_library_and_the_command_make_the_same(small_data, tmp_path):
    best = retail.train_best(small_data, "colour", minutes=2, max_epochs=2)
    assert best.report.kept == "image"
    out = tmp_path / "bundle"
    typed = f"train {small_data} --best --minutes 2 --tasks colour --out {out}".split()
    result = CliRunner().invoke(app, typed)
    assert result.exit_code == 0 and "kept Photo only: 100.0 % on 12 validation products" in result.output
    assert load_bundle(out).modalities == ("image",)


def test_what_a_search_kept_can_be_trained_again(small_data, tmp_path, empty_home):
    config = TrainConfig(max_epochs=2, seed=3)
    request = BestRequest(data=small_data, tasks=("colour",), config=config, minutes=2, out=Path("bundles/best"))
    execute(request, folder=tmp_path)
    write_request(request, tmp_path)
    again = trained_by(tmp_path / "bundles" / "best")
    assert (again.tasks, again.config.strategy, again.config.modalities) == (("colour",), "linear", ("image",))
    execute(again, folder=tmp_path / "again")
    assert load_bundle(tmp_path / "again" / "best").modalities == ("image",)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("--minutes 3", "--minutes is the time for --best"), ("--best --strategy stacking", "leave out --strategy")],
)
def test_options_that_contradict_each_other_are_refused(typed, sentence, small_data, tmp_path):
    result = CliRunner().invoke(app, ["train", str(small_data), "--out", str(tmp_path / "b"), *typed.split()])
    assert result.exit_code == 1 and sentence in result.output
    assert not Path(tmp_path / "b").exists()
