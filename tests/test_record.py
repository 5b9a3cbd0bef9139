"""Records go to disk and back unchanged; a file that is none of theirs is refused in one sentence."""

from __future__ import annotations

import json
import math

import pytest
from pydantic import ValidationError

from retail.evaluation.reports import ScoredData, Scores, TaskPredictions, TaskScore
from retail.schema import UserError

METRICS = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "macro_f1", "ece")


@pytest.fixture
def scores() -> Scores:
    figures = dict.fromkeys(METRICS, 0.1 + 0.2) | {"ece": math.nan}
    row = TaskScore(
        task="fruit", model="gated", kind="fusion", modalities=("image", "text"), seed=0, split="test", n=3, **figures
    )
    data = ScoredData(name="Früchte", checksum="c", split="test", n=3)
    answers = TaskPredictions(ids=("a", "b", "c"), target=("fig", "pear", "fig"), preds=("fig", "fig", ""))
    facts = {"unknown_labels": {"fruit": ("fig",)}, "notes": ("product a: cut off",), "predictions": {"fruit": answers}}
    return Scores(bundle={"config": {"seed": 0}}, data=data, scores=(row,), **facts)


def test_a_record_comes_back_unchanged_and_a_missing_figure_is_null(scores, tmp_path):
    path = tmp_path / "scores.json"
    scores.write(path)
    assert "Früchte" in path.read_text(encoding="utf-8") and list(tmp_path.iterdir()) == [path]
    (row,) = json.loads(path.read_text(encoding="utf-8"))["scores"]
    assert list(row) == ["task", "model", "kind", "modalities", "seed", "split", "n", *METRICS]
    assert row["ece"] is None and row["accuracy"] == 0.1 + 0.2
    again = Scores.read(path)
    assert math.isnan(again.scores[0].ece) and again.data == scores.data
    assert again.model_dump_json() == scores.model_dump_json()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is damaged; run"),
        (b"\xff\xfe", "is damaged; run"),
        (b"[" * 100_000, "is damaged; run"),
        (b"[]", "has format None, but this version reads 'retail-scores/1'; run"),
        (b'{"bundle": {}}', "has format None, but"),
        (b'{"format": "retail-audit/1"}', "has format 'retail-audit/1', but"),
        (b'{"format": "retail-scores/1"}', "is damaged at 'bundle'; run"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_in_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "scores.json"
    path.write_bytes(content)
    for read in (lambda: Scores.read(path), lambda: Scores.of(content, str(path))):
        with pytest.raises(UserError) as said:
            read()
        assert str(said.value).startswith(f"{path} {sentence}") and str(said.value).endswith("'evaluate --out' again.")


def test_a_missing_file_a_folder_and_a_key_too_many_are_refused(scores, tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UserError, match=f"{path.name} cannot be read; run 'evaluate --out' again"):
            Scores.read(path)
    path = tmp_path / "more.json"
    path.write_text(json.dumps(json.loads(scores.as_json()) | {"extra": 1}), encoding="utf-8")
    with pytest.raises(UserError, match=r"more\.json is damaged at 'extra'"):
        Scores.read(path)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Scores, "most_mebibytes", 1)
    path = tmp_path / "large.json"
    with path.open("wb") as stream:
        stream.truncate(2**20 + 1)
    monkeypatch.setattr(type(path), "read_bytes", lambda self: pytest.fail("it was read"))
    with pytest.raises(UserError, match=r"large\.json has more than 1 MiB, too much for .*'retail-scores/1'; run"):
        Scores.read(path)


def test_a_record_never_changes(scores):
    with pytest.raises(ValidationError, match="frozen"):
        scores.data.n = 4
