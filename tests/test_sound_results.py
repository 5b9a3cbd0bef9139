"""A results file whose parts contradict one another is refused where it is read, and says where."""

from __future__ import annotations

import json

import pytest

from retail.best.record import BestReport
from retail.comparison.results import Results
from retail.evaluation.leaderboard import Leaderboard, leaderboard
from retail.evaluation.reports import Scores
from retail.files.record import FileRecord
from retail.frozen.results import CurveResults
from retail.schema import UserError
from tests.bundle_sample import write_best_report
from tests.results_sample import curve_results, sample_json
from tests.scored_sample import candidate


def refused(kind: type[FileRecord], values: object) -> str:
    with pytest.raises(UserError) as told:
        kind.of(json.dumps(values).encode(), "results.json")
    return str(told.value)


def test_what_a_comparison_wrote_passes():
    values = sample_json()
    assert Results.of(json.dumps(values).encode(), "results.json").tasks.keys() == values["tasks"].keys()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda v: v["tasks"].clear(), "tasks"),
        (lambda v: v["tasks"]["brand"].append("Oak"), "tasks.brand"),
        (lambda v: v["models"][0].update(title="Photo only"), "models"),
        (lambda v: v["models"][2].update(modalities=["text"]), "models.image"),
        (lambda v: v["selected"].pop("brand"), "selected"),
        (lambda v: v["selected"]["brand"].update(fusion="image"), "selected.brand"),
        (lambda v: v["selected"]["brand"].update(single="gone"), "selected.brand"),
        (lambda v: v.update(differences=v["differences"][:2]), "differences"),
        (lambda v: v["differences"][0].update(difference=None), "differences"),
        (lambda v: v["scores"].pop(0), "scores"),
        (lambda v: v["scores"][0].update(task="gone"), "scores"),
        (lambda v: v["scores"][0].update(n=3), "scores"),
        (lambda v: v["scores"][0].update(n=-1), "scores.0.n"),
        (lambda v: v["scores"][0].update(accuracy=None), "scores"),
        (lambda v: v["scores"][0].update(accuracy=1e300), "scores.0.accuracy"),
        (lambda v: v["subsets"].append(v["subsets"][0]), "subsets"),
        (lambda v: v["subsets"][0].update(modalities=[]), "subsets"),
        (lambda v: v["costs"][0].update(model="image"), "costs"),
        (lambda v: v["calibration"].append(v["calibration"][0]), "calibration"),
        (lambda v: v["calibration"][0].update(thresholds=[]), "calibration.thresholds"),
        (lambda v: v["calibration"][0]["judged"]["val"]["correct"].pop(), "calibration.judged.val"),
        (lambda v: v["calibration"][0]["judged"]["val"].update(groups=[1]), "calibration.judged.val"),
        (lambda v: v["calibration"][0].update(reliability_after=[]), "calibration.reliability"),
        (lambda v: [v["attribution"][0].pop(part) for part in ("audio", "image", "text")], "attribution"),
        (lambda v: v["attribution"][0].update({"class": "gone"}), "attribution"),
        (lambda v: v["hierarchy"][0].update(parents=[]), "hierarchy"),
        (lambda v: v["data"].update(n_test=7), "predictions.ids"),
        (lambda v: v["predictions"]["ids"].__setitem__(0, "row 001"), "predictions.ids"),
        (lambda v: v["predictions"].update(groups=["a"]), "predictions.groups"),
        (lambda v: v["predictions"]["targets"]["brand"].__setitem__(0, 2), "predictions.targets.brand"),
        (lambda v: v["predictions"]["models"].pop("text"), "predictions.models"),
        (lambda v: v["predictions"]["models"]["text"].clear(), "predictions.models.text"),
        (
            lambda v: v["predictions"]["models"]["text"]["0"]["brand"]["preds"].pop(),
            "predictions.models.text.brand.preds",
        ),
        (lambda v: v["tuning"].append({"model": "no", "setting": {}, "val_accuracy": 1, "chosen": True}), "tuning"),
    ],
)
def test_parts_that_contradict_one_another_are_named(change, place):
    values = sample_json()
    change(values)
    assert refused(Results, values).startswith(f"results.json is damaged at {place} (")


def test_no_infinity_and_no_half_character_gets_in():
    text = json.dumps(sample_json())
    for damaged in (text.replace('"seconds": 1.0', '"seconds": 1e999'), text.replace("Photo only", "\\ud800")):
        assert damaged != text
        with pytest.raises(UserError):
            Results.of(damaged.encode(), "results.json")


def test_a_pipe_is_no_file(tmp_path):
    import os

    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with names")
    os.mkfifo(tmp_path / "results.json")
    with pytest.raises(UserError, match="cannot be read"):
        Results.read(tmp_path / "results.json")


def test_a_search_keeps_what_it_tried(tmp_path):
    write_best_report(tmp_path)
    values = json.loads((tmp_path / "best.json").read_text())
    assert "damaged at 'kept'" in refused(BestReport, values | {"kept": "gone"})


def test_a_board_begins_with_its_leader():
    made = leaderboard([candidate("one", {"kind": [1, 1, 0]}), candidate("other", {"kind": [1, 0, 0]})])
    values = json.loads(made.as_json())
    assert Leaderboard.of(json.dumps(values).encode(), "board") == made
    assert "damaged at 'rows'" in refused(Leaderboard, values | {"rows": values["rows"][::-1]})
    assert "damaged at 'rows'" in refused(Leaderboard, values | {"rows": []})


def test_scores_are_of_the_rows_that_they_list():
    values = json.loads(candidate("one", {"kind": [1, 1, 0]}).scores.as_json())
    assert Scores.of(json.dumps(values).encode(), "scores").data.n == 3
    values["predictions"]["kind"]["preds"].pop()
    assert "damaged at 'predictions'" in refused(Scores, values)


def test_a_curve_has_a_point_for_each_method_and_number_of_examples():
    values = curve_results()
    assert CurveResults.of(json.dumps(values).encode(), "curve").tasks == ("product",)
    assert "damaged at 'rows'" in refused(CurveResults, values | {"rows": values["rows"][1:]})
    assert "damaged at 'tasks'" in refused(CurveResults, values | {"tasks": []})
