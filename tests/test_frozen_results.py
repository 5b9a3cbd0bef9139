"""The files of `frozen` and `curve` survive writing and reading, and what is none is refused in one sentence."""

from __future__ import annotations

import json
import math

import pytest

from retail.frozen.results import CurveResults, FrozenResults
from retail.schema import UserError
from tests.frozen_sample import frozen_results
from tests.results_sample import curve_results


def test_scores_survive_and_what_could_not_be_computed_is_null(tmp_path):
    results = frozen_results(("kind", "pca+linear", 0.75), ("year", "linear", math.nan))
    results.write(tmp_path / "frozen.json")
    text = (tmp_path / "frozen.json").read_text()
    assert text.startswith('{"format":"retail-frozen/1"') and "NaN" not in text
    assert [row["accuracy"] for row in json.loads(text)["rows"]] == [0.75, None]
    again = FrozenResults.read(tmp_path / "frozen.json")
    assert again.rows[0] == results.rows[0] and again.rows[0].config.name == "pca+linear"
    assert math.isnan(again.rows[1].accuracy) and math.isnan(again.rows[1].ece)
    assert again.data == results.data


def test_a_curve_survives(tmp_path):
    curve = CurveResults.model_validate(curve_results())
    curve.write(tmp_path / "results.json")
    assert CurveResults.read(tmp_path / "results.json") == curve
    assert [row.shots for row in curve.of_task("product")][:3] == [1, 4, "all"] and curve.of_task("brand") == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "mine.json is damaged; name a file that 'curve --out' wrote"),
        ("[]", "mine.json has format None, but this version reads 'retail-curve/2'"),
        ('{"format": "retail-curve/1"}', "mine.json has format 'retail-curve/1', but"),
        (json.dumps(curve_results() | {"rows": [{"shots": 1}]}), "mine.json is damaged at 'rows'"),
        (json.dumps(curve_results() | {"odd": 1}), "mine.json is damaged at 'odd'"),
    ],
)
def test_what_is_no_curve_says_so(tmp_path, content, sentence):
    path = tmp_path / "mine.json"
    with pytest.raises(UserError, match="mine.json cannot be read"):
        CurveResults.read(path)
    with pytest.raises(UserError, match=sentence):
        CurveResults.of(content.encode(), "mine.json")
    path.write_text(content)
    with pytest.raises(UserError, match=sentence):
        CurveResults.read(path)
