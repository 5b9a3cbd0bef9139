"""Records go to disk and back unchanged; a file that is none of theirs is refused in one sentence."""

from __future__ import annotations

import json
import math

import pytest

from retail.audit.report import AuditReport
from retail.evaluation.reports import ScoredData, Scores, TaskScore
from retail.files import read_record, write_record
from retail.schema import UserError

METRICS = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "macro_f1", "ece")


@pytest.fixture
def scores() -> Scores:
    figures = dict.fromkeys(METRICS, 0.1 + 0.2) | {"ece": math.nan}
    row = TaskScore(
        task="fruit", model="gated", kind="fusion", modalities=("image", "text"), seed=0, split="test", n=3, **figures
    )
    data = ScoredData(name="Früchte", checksum="c", split="test", n=3)
    facts = {"unknown_labels": {"fruit": ("fig",)}, "notes": ("product a: cut off",), "predictions": {}}
    return Scores(bundle={"config": {"seed": 0}}, data=data, scores=(row,), **facts)


def test_a_record_comes_back_unchanged_and_a_missing_figure_is_null(scores, tmp_path):
    path = tmp_path / "scores.json"
    write_record(path, scores)
    assert "Früchte" in path.read_text(encoding="utf-8") and list(tmp_path.iterdir()) == [path]
    (row,) = json.loads(path.read_text(encoding="utf-8"))["scores"]
    assert list(row) == ["task", "model", "kind", "modalities", "seed", "split", "n", *METRICS]
    assert row["ece"] is None and row["accuracy"] == 0.1 + 0.2
    again = read_record(path, Scores)
    assert math.isnan(again.scores[0].ece) and again.data == scores.data
    assert again.model_dump_json() == scores.model_dump_json()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "EOF"),
        ("[]", "the file"),
        ('{"format": "retail-audit/1"}', "format"),
        ('{"format": "retail-scores/1"}', "bundle"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_in_one_sentence(tmp_path, content, reason):
    path = tmp_path / "scores.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=rf"scores\.json is no whole file of the format retail-scores/1 .*{reason}"):
        read_record(path, Scores)


def test_a_missing_file_is_refused_and_more_than_the_format_holds_too(scores, tmp_path):
    with pytest.raises(UserError, match="name a file that exists"):
        read_record(tmp_path / "none.json", AuditReport)
    path = tmp_path / "more.json"
    path.write_text(json.dumps(json.loads(scores.model_dump_json()) | {"extra": 1}), encoding="utf-8")
    with pytest.raises(UserError, match=r"more\.json .*extra"):
        read_record(path, Scores)
