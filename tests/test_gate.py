"""Other runtimes for the encoders: only behind a gate, under a fingerprint of their own."""

from __future__ import annotations

import math

import pytest
import torch
from typer.testing import CliRunner

from retail import encoders
from retail.__main__ import app
from retail.encoders import load_encoder
from retail.encoders.gate import measured
from retail.inference import rounding
from retail.inference.rounding import GateRecord, likeness
from retail.schema import UserError
from tests.tiny_encoders import tiny_text_encoder

WORDS = ["fresh", "tea", "coffee", "no", "best", "before", "a", "b", "c", "d", "e"]
TEXTS = [f"{one} {other}" for one in WORDS for other in WORDS]


@pytest.fixture
def fresh(empty_home, monkeypatch):
    """Nothing kept, and no encoder loaded."""
    monkeypatch.setattr(encoders, "_loaded", {})


def record(**other) -> GateRecord:
    facts = {"items": 100, "cosine": 0.99, "same_nearest": 0.99, "milliseconds": 1.0, "usual_milliseconds": 2.0}
    return GateRecord(**{"runtime": "openvino", "version": "1", **facts, **other})


def test_likeness_by_hand():
    rows = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    assert likeness(rows, 3 * rows) == pytest.approx((1.0, 1.0))
    turned = rows.clone()
    turned[1] = torch.tensor([0.1, 0.95])  # now among the others, which are nearer to it than to each other
    cosine, same = likeness(rows, turned)
    assert cosine == pytest.approx((0.9 * 0.1 + 0.1 * 0.95) / (math.hypot(0.9, 0.1) * math.hypot(0.1, 0.95)))
    assert same == 0.0


def test_the_gate_asks_for_cosine_neighbours_and_enough_items():
    assert record().passed
    assert not record(cosine=0.9899).passed
    assert not record(same_nearest=0.98).passed
    assert not record(items=99).passed


def test_a_runtime_that_was_not_measured_leaves_float32_and_the_log_says_what_to_do(
    fresh, tmp_path, monkeypatch, caplog
):
    name = tiny_text_encoder(tmp_path / "bert")
    usual = load_encoder(name)
    monkeypatch.setenv("RETAIL_RUNTIME", "openvino")
    monkeypatch.setattr(encoders, "_loaded", {})
    asked = load_encoder(name)
    assert asked.fingerprint == usual.fingerprint and torch.equal(asked.embed(["tea"]), usual.embed(["tea"]))
    assert "openvino was not measured on your data, or did not pass; float32 runs" in caplog.text


def test_what_passes_is_used_under_a_fingerprint_of_its_own(fresh, tmp_path, monkeypatch):
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    name = tiny_text_encoder(tmp_path / "bert")
    usual = load_encoder(name)
    found = measured(usual, TEXTS, "openvino")
    assert found.passed and found.items == len(TEXTS) and found.milliseconds > 0
    assert usual.fingerprint == load_encoder(name).fingerprint, "measuring changes nothing yet"
    monkeypatch.setenv("RETAIL_RUNTIME", "openvino")
    monkeypatch.setattr(encoders, "_loaded", {})
    other = load_encoder(name)
    assert other.fingerprint != usual.fingerprint and [n.rounding for n in other.networks] == ["openvino"]
    torch.testing.assert_close(other.embed(TEXTS), usual.embed(TEXTS), atol=1e-4, rtol=1e-3)
    assert other.stands_for(usual.fingerprint) and usual.stands_for(other.fingerprint), "bundles of either are read"
    assert not usual.stands_for("0" * 32)
    monkeypatch.setattr(rounding, "version_of", lambda runtime: "another")
    monkeypatch.setattr(encoders, "_loaded", {})
    assert load_encoder(name).fingerprint == usual.fingerprint, "another version has to be measured again"


def test_a_missing_package_and_too_few_items_are_one_sentence_each(fresh, tmp_path, monkeypatch):
    encoder = load_encoder(tiny_text_encoder(tmp_path / "bert"))
    with pytest.raises(UserError, match="2 different text inputs cannot tell .* at least 100"):
        measured(encoder, ["tea", "coffee"], "openvino")
    monkeypatch.setattr(rounding, "PACKAGE", "no-such-package")
    with pytest.raises(UserError, match="openvino needs no-such-package, which is not installed"):
        measured(encoder, TEXTS, "openvino")


def test_an_encoder_without_a_graph_cannot_be_measured(fresh):
    with pytest.raises(UserError, match="has no graph that another runtime could run"):
        measured(load_encoder("torchaudio:log-mel-statistics"), [torch.zeros(16_000).numpy()] * 100, "openvino")


def test_the_command_names_the_runtimes_that_there_are():
    called = CliRunner().invoke(app, ["runtime", "demo", "--runtime", "magic"])
    assert called.exit_code == 1 and "--runtime is openvino or openvino-bf16, not 'magic'" in called.output
