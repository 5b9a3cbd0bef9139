"""The fusion doctor on made-up cases with a known illness: it names the illness, and its remedy works."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from retail.__main__ import app
from retail.comparison.doctor import complementarity, concatenation_rows, examine, norm_rows
from retail.comparison.doctor_rows import Complementarity, Concatenation, Finding, InputNorm, Measurements
from retail.comparison.doctor_visit import visit
from retail.comparison.fits import FitOutput, FitPlan
from retail.comparison.prescriptions import prescriptions
from retail.comparison.result_rows import Selected
from retail.comparison.results import DoctorReport
from retail.comparison.scoring import Scoring
from retail.config import CompareConfig, TrainConfig
from retail.report.doctor_tables import doctor_tables, doctor_text
from retail.report.tables import comparison_table, doctor_table
from retail.schema import SUBSETS, UserError, Vocabulary
from retail.splits import Splits
from retail.store import EmbeddingBatch
from tests.made_up_data import made_up_results, made_up_splits

CLASSES = 4
SELECTED = {"kind": Selected(fusion="gated", single="image")}


def lengths(image: float, text: float) -> tuple[InputNorm, ...]:
    """Embeddings of these lengths."""
    given = (("image", image), ("text", text))
    return tuple(InputNorm(input=name, features=2, length=length, spread=1.0, given=1.0) for name, length in given)


def head(name: str, low: float, high: float, gain: float = 0.0, gain_low: float = 0.0) -> Concatenation:
    """A linear head on both inputs that is this far from the best one alone."""
    figures = {"n": 9, "best": "image", "best_accuracy": 0.5, "accuracy": 0.5, "difference": (low + high) / 2}
    return Concatenation(task="kind", head=name, **figures, low=low, high=high, gain=gain, gain_low=gain_low)


def measured(**parts: tuple) -> Measurements:
    """These measurements and no others; both inputs are equally long unless said otherwise."""
    nothing = {"norms": lengths(1.0, 1.0), "inputs": (), "complementarity": (), "concatenation": ()}
    return Measurements(**nothing | parts)


def batch(rows: int, seed: int, text_length: float) -> EmbeddingBatch:
    """The photo shows the class, the text shows half of it among many features that mean nothing."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, CLASSES, rows)
    image = rng.normal(size=(rows, 8))
    image[np.arange(rows), target] += 2.0
    text = rng.normal(size=(rows, 24))
    text[:, 0] += 4.0 * (target // 2)
    return EmbeddingBatch(
        ids=tuple(f"{seed}-{row}" for row in range(rows)),
        embeddings={"image": torch.tensor(image).float(), "text": torch.tensor(text_length * text).float()},
        present={name: torch.ones(rows, dtype=torch.bool) for name in ("image", "text")},
        targets={"kind": torch.tensor(target)},
    )


def splits(text_length: float) -> Splits:
    train, val, test = batch(400, 0, text_length), batch(100, 1, text_length), batch(400, 2, text_length)
    names = tuple(f"k{place}" for place in range(CLASSES))
    labels = {"kind": np.array([names[place] for place in test.targets["kind"].tolist()], dtype=object)}
    return Splits(train, val, test, {"kind": Vocabulary(names)}, labels, [])


def test_long_embeddings_drown_the_photo_and_the_named_remedy_wins():
    found = visit(splits(text_length=100.0), CompareConfig(strategies=("concatenation",), seeds=1))
    lengths = {row.input: row.length for row in found.norms}
    assert lengths["text"] > 50 * lengths["image"]
    rows = {row.head: row for row in found.concatenation}
    assert rows["as they are"].best == "image"
    assert rows["as they are"].high < 0 < rows["standardised"].low
    finding = next(f for f in found.findings if f.kind == "norm mismatch")
    assert "Embeddings of the description are" in finding.sentence and "the photo alone" in finding.sentence
    assert finding.remedy.startswith("Standardise every feature")
    assert finding.sentence in doctor_text(found) and finding.remedy in doctor_text(found)


def test_embeddings_of_like_length_are_not_accused():
    healthy = splits(text_length=0.7)
    found = visit(healthy, CompareConfig(strategies=("concatenation",), seeds=1))
    assert found.concatenation == () and not [f for f in found.findings if f.kind == "norm mismatch"]
    rows = {row.head: row for row in concatenation_rows(Scoring(healthy), ("image", "text"))}
    assert rows["as they are"].low > 0


def test_a_loss_that_standardising_does_not_mend_is_not_blamed_on_lengths():
    loses = head("as they are", low=-0.1, high=-0.01)
    no_better = head("standardised", low=-0.1, high=-0.01, gain_low=-0.01)
    (finding,) = prescriptions(measured(norms=lengths(15.0, 1.0), concatenation=(loses, no_better)))
    assert "15 times as long" in finding.sentence and finding.remedy.startswith("None needed")


def test_a_cost_that_no_single_input_shows_is_told_all_the_same():
    raw = head("as they are", low=0.01, high=0.05)
    scaled = head("standardised", low=0.01, high=0.05, gain=0.031, gain_low=0.01)
    (finding,) = prescriptions(measured(norms=lengths(15.0, 1.0), concatenation=(raw, scaled)))
    assert "3.1 points behind the same head on standardised features for kind" in finding.sentence
    (finding,) = prescriptions(measured(norms=lengths(15.0, 1.0)))
    assert "may suffer" in finding.sentence and "The command 'doctor' measures" in finding.remedy


def test_lengths_are_those_of_the_rows_that_have_the_input():
    train = batch(10, 0, 1.0)
    train.embeddings["text"][:] = torch.tensor([3.0, 4.0] + [0.0] * 22)
    train.present["text"][5:] = False
    train.embeddings["text"][5:] = 0
    row = norm_rows(train, ["text"])[0]
    assert row.length == pytest.approx(5.0) and row.given == 0.5 and row.features == 24


def hand_made(target: list[int], preds: dict[str, list[int]], within: dict[str, list[int]] | None = None):
    """Scoring and outputs whose answers are written down; `within` is the fused model given one input alone."""
    names = ("a", "b", "c")
    labels = {"kind": np.array([names[place] for place in target], dtype=object)}
    test = SimpleNamespace(embeddings={}, present={})
    scoring = Scoring(Splits(None, None, test, {"kind": Vocabulary(names)}, labels, []))  # type: ignore[arg-type]

    def output(model: str) -> FitOutput:
        kind = "fusion" if model == "gated" else "single"
        subsets = {}
        if kind == "fusion":
            alone = preds | (within or {})
            subsets = {s: {"kind": np.array(alone[s[0]])} for s in SUBSETS if len(s) == 1 and s[0] in preds}
        plan = FitPlan(model, kind, ("kind",), TrainConfig())
        return FitOutput(plan, {"kind": 0.0}, {"kind": np.array(preds[model])}, {}, subsets, 0.0)

    return scoring, {model: [output(model)] for model in preds}


def test_the_ceiling_counts_rows_with_one_right_input():
    target = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
    image = [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]  # right on 5
    text = [1, 1, 0, 0, 0, 1, 2, 2, 0, 0]  # right on 4, one of them shared
    scoring, outputs = hand_made(target, {"image": image, "text": text, "gated": image})
    singles = {m: outputs[m] for m in ("image", "text")}
    row = complementarity(scoring, "kind", singles, outputs["gated"])
    assert (row.all_right, row.exactly_one, row.none_right) == pytest.approx((0.1, 0.7, 0.2))
    assert row.oracle == pytest.approx(0.8) and row.best == "image" and row.fusion == 0.5
    assert 0.5 < row.oracle_by_luck < 0.8
    findings = prescriptions(measured(complementarity=(row,)))
    assert [f.kind for f in findings] == ["complementary inputs left unused"]
    assert "exactly one is right for 70.0 %" in findings[0].sentence


def test_inputs_that_err_together_are_redundant():
    target = [0, 1, 2] * 20
    image = [0, 1, 0] * 20
    scoring, outputs = hand_made(target, {"image": image, "text": image, "gated": image})
    row = complementarity(scoring, "kind", {m: outputs[m] for m in ("image", "text")}, outputs["gated"])
    (finding,) = prescriptions(measured(complementarity=(row,)))
    assert finding.kind == "redundant inputs" and row.oracle == row.best_accuracy


def examined(preds: dict[str, list[int]], within: dict[str, list[int]], monkeypatch) -> tuple[Finding, ...]:
    target = [0, 1, 2] * 40
    scoring, outputs = hand_made(target, preds, within)
    wrong = {m: {"kind": np.zeros(len(target), dtype=int)} for m in ("image", "text")}
    monkeypatch.setattr("retail.comparison.doctor.prototype_preds", lambda *_: wrong)
    monkeypatch.setattr("retail.comparison.doctor.norm_rows", lambda *_: lengths(1.0, 1.0))
    found = examine(scoring, outputs, SELECTED)
    assert {row.input for row in found.inputs} == {"image", "text"}
    return found.findings


def test_a_dominating_input_is_named(monkeypatch):
    target = np.array([0, 1, 2] * 40)
    image, text = target.copy(), target.copy()
    image[:60] = (image[:60] + 1) % 3  # wrong on the first half, where the text is right
    text[60:80] = (text[60:80] + 1) % 3
    preds = {"image": image.tolist(), "text": text.tolist(), "gated": image.tolist()}
    findings = examined(preds, {}, monkeypatch)
    named = [f.sentence for f in findings if f.kind == "dominating input"]
    assert len(named) == 1 and named[0].startswith("The photo dominates kind") and "100.0 % of 60" in named[0]
    fair = preds | {"gated": target.tolist()}
    assert not [f for f in examined(fair, {}, monkeypatch) if f.kind == "dominating input"]


def test_an_input_that_lags_within_the_fusion_is_named(monkeypatch):
    target = [0, 1, 2] * 40
    preds = {"image": target, "text": target, "gated": target}
    findings = examined(preds, {"text": [0] * 60 + target[60:]}, monkeypatch)
    named = [f for f in findings if f.kind == "under-trained input"]
    assert len(named) == 1 and "given the description alone the fused model reaches 66.7 %" in named[0].sentence
    assert "modality dropout" in named[0].remedy
    assert not [f for f in examined(preds, {}, monkeypatch) if f.kind == "under-trained input"]


def test_an_input_whose_head_reads_less_than_class_means_is_named(monkeypatch):
    target = [0, 1, 2] * 40
    preds = {"image": target, "text": [1, 2, 0] * 40, "gated": target}
    scoring, outputs = hand_made(target, preds)
    means = {"image": {"kind": np.array(target)}, "text": {"kind": np.array(target)}}
    monkeypatch.setattr("retail.comparison.doctor.prototype_preds", lambda *_: means)
    monkeypatch.setattr("retail.comparison.doctor.norm_rows", lambda *_: lengths(1.0, 1.0))
    findings = examine(scoring, outputs, SELECTED).findings
    assert any("The description knows more about kind than its head" in f.sentence for f in findings)


def test_a_comparison_stores_tells_and_tabulates_the_doctors_findings():
    results = made_up_results()
    found = results.doctor.findings
    sound = [f.task for f in found if f.kind == "input without information" and "The sound" in f.sentence]
    assert sound == ["pair", "shape"]
    assert any(f.kind == "redundant inputs" and f.task == "shape" for f in found)
    assert all(f"{f.sentence} {f.remedy}" in comparison_table(results) for f in found)
    assert len(doctor_table(results.doctor).rows) == 2 * 3 and doctor_table(None).rows == []
    assert [table.name for table in doctor_tables(results.doctor)] == ["doctor", "complementarity"]


def test_one_kind_of_input_needs_no_doctor():
    one = made_up_splits()
    alone = Splits(
        *(part.select(["image"]) for part in (one.train, one.val, one.test)), one.vocabularies, one.labels, []
    )
    with pytest.raises(UserError, match="only one kind of input"):
        visit(alone, CompareConfig(strategies=("gated",), seeds=1))


def test_the_command_prints_findings_and_writes_them(small_data, tmp_path):
    out = tmp_path / "doctor.json"
    options = ["--tasks", "colour,drink", "--strategy", "averaged", "--json", str(out), "--csv", str(tmp_path / "csv")]
    result = CliRunner().invoke(app, ["doctor", str(small_data), *options])
    assert result.exit_code == 0, result.output
    assert "Remedy: " in result.output and "Do the inputs complement each other?" in result.output
    written = json.loads(out.read_text(encoding="utf-8"))
    assert list(written)[:3] == ["format", "data", "config"] and written["format"] == "retail-doctor/1"
    assert DoctorReport.model_validate(written).findings
    assert (tmp_path / "csv" / "complementarity.csv").exists()


@pytest.mark.parametrize(("right", "said"), [(24, True), (48, False)])
def test_an_input_is_called_uninformative_only_where_its_whole_interval_is_low(right, said, monkeypatch):
    target = [0, 1, 2] * 40
    text = [*target[:right], *((place + 1) % 3 for place in target[right:])]
    # 48 of 120 are 40 %, commonest 33 %: the interval reaches below it, and far above it too.
    findings = examined({"image": target, "text": text, "gated": target}, {}, monkeypatch)
    named = [f.sentence for f in findings if f.kind == "input without information"]
    assert bool(named) == said
    assert all("no better than always saying the most common class: 20.0 % against 33.3 %" in s for s in named)


def test_inputs_are_not_redundant_where_fusion_gains():
    row = {"task": "kind", "best": "image", "best_accuracy": 0.8, "n": 120, "model": "gated"}
    row |= {"oracle": 0.81, "oracle_by_luck": 0.81, "exactly_one": 0.1, "all_right": 0.7, "none_right": 0.2}
    for fusion, kinds in ((0.81, ["redundant inputs"]), (0.9, [])):
        found = measured(complementarity=(Complementarity(**row, fusion=fusion),))
        assert [f.kind for f in prescriptions(found)] == kinds
