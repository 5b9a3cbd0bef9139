"""The results file: read whole, written alike, refused in one sentence, and its keys known in one room."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from retail.comparison import results
from retail.comparison.results import read_results
from retail.files import DEMO_RESULTS
from retail.files.record import Record
from retail.schema import UserError
from tests.made_up_data import made_up_comparison, made_up_results
from tests.results_sample import as_results, sample_json, sample_results
from tests.test_side_by_side import without_test_labels

RETAIL = Path(results.__file__).parents[1]
# Keys that other files, records and frames have too.
SHARED = set(
    "accuracy accuracy_low accuracy_high asked audio balanced_accuracy best checksum child class config data doctor "
    "ece encoders error findings path fingerprint format gain given groups high image input inputs kind low machine "
    "macro_f1 model n n_train name peak_memory_mib scores seconds seed sentence settings source split task tasks "
    "test text title val val_accuracy".split()
)


def written(values: object, folder: Path) -> Path:
    path = folder / "results.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return path


def test_the_shipped_file_is_read_and_written_alike(tmp_path):
    read_results(DEMO_RESULTS).write(tmp_path / "again.json")
    before, again = (path.read_text(encoding="utf-8") for path in (DEMO_RESULTS, tmp_path / "again.json"))
    assert json.loads(again) == json.loads(before)
    assert again.partition('"protocol"')[2] == before.partition('"protocol"')[2]  # settings may change their order


def test_a_comparison_is_the_same_once_it_was_written_and_read(tmp_path):
    found = made_up_comparison().results
    found.write(tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == found


def test_what_could_not_be_computed_is_null_in_the_file_and_nan_in_python():
    values = without_test_labels(sample_json(), "brand")
    found = as_results(values)
    assert math.isnan(found.chosen_score("brand").accuracy) and found.scored_tasks() == ["product"]
    assert json.loads(found.as_json()) == values


def test_a_file_that_cannot_be_written_whole_is_not_written(tmp_path):
    endless = sample_results().model_copy(update={"created": object()})
    with pytest.raises(Exception, match="serialize"):
        endless.write(tmp_path / "results.json")
    assert not list(tmp_path.iterdir())


def test_other_formats_are_refused_in_one_sentence(tmp_path):
    for named in ("retail-scores/1", "retail-results/0"):
        with pytest.raises(UserError, match=f"holds format '{named}', but a report needs 'retail-results/1'; run"):
            read_results(written(sample_json() | {"format": named}, tmp_path))
    unnamed = sample_json()
    del unnamed["format"]
    for values in (unnamed, ["no", "results"]):
        with pytest.raises(UserError, match="holds format None"):
            read_results(written(values, tmp_path))


def test_a_damaged_or_missing_file_is_refused_in_one_sentence(tmp_path):
    for path in (written(json.dumps(sample_json())[:-9], tmp_path), tmp_path / "missing.json"):
        with pytest.raises(UserError, match="cannot be read as JSON; name a file that 'compare --out' has written"):
            read_results(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda values: values.pop("seeds"), "damaged at seeds .field required"),
        (lambda values: values["scores"][3].pop("accuracy"), "damaged at scores.3.accuracy .field required"),
        (lambda values: values["differences"][0].pop("p_value"), "damaged at differences.0.p_value"),
        (lambda values: values.update(more=1), "damaged at more .extra inputs are not permitted"),
        (lambda values: values["scores"][0].update(accuracy="high"), "damaged at scores.0.accuracy"),
        (lambda values: values["config"].update(seeds=0), "damaged at config .*at least 1"),
    ],
)
def test_a_key_too_few_too_many_or_of_another_kind_is_named(tmp_path, change, said):
    values = sample_json()
    change(values)
    with pytest.raises(UserError, match=said):
        read_results(written(values, tmp_path))


def test_results_never_change():
    with pytest.raises(ValidationError, match="frozen"):
        sample_results().scores[0].accuracy = 1.0


def test_readers_get_the_chosen_and_the_best_single_model():
    found = sample_results()
    assert found.selected["product"].model == "gated" and found.chosen_score("product").accuracy == 0.84
    assert found.best_single_score("brand").model == "image"
    assert found.titles["image"] == "Photo only" and found.kind("gated") == "fusion"
    assert set(found.mean_scores("brand")) == set(found.titles)
    assert all(row.seed is None for row in found.mean_scores("brand").values())


def test_results_of_one_task_hold_no_row_of_another():
    cut = made_up_results().of_task("shape")
    assert list(cut.tasks) == ["shape"] and cut.scores and cut.cascade and cut.hierarchy
    rows = [row for name in results.OF_TASK for row in getattr(cut, name)]
    assert {row.task for row in rows} == {"shape"}


def test_a_file_for_others_names_no_folder():
    own = sample_json()
    own["data"]["path"] = "/home/somebody/products"
    values = json.loads(as_results(own).for_others().as_json())
    assert "path" not in values["data"] and as_results(values).data.path is None


def keys_of(model: type[Record]) -> set[str]:
    """Those of the records of the comparison that derive from this one, and its own where it is one of them."""
    ours = model.__module__.startswith("retail.comparison.")
    own = {str(field.serialization_alias or name) for name, field in model.model_fields.items() if ours}
    return own.union(*map(keys_of, model.__subclasses__()))


def looked_up(path: Path) -> set[str]:
    """Words that a module puts in brackets or asks `get` for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    places = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    places += [node.args[0] for node in calls if node.args and node.func.attr == "get"]
    return {place.value for place in places if isinstance(place, ast.Constant) and isinstance(place.value, str)}


def test_the_keys_of_a_results_file_are_known_in_one_room():
    own = keys_of(Record) - SHARED
    assert {"differences", "lowest_by_chance", "wished", "from", "only_right", "p_holm"} <= own
    for path in RETAIL.rglob("*.py"):
        if path.parent.name not in ("comparison", "standalone"):  # the latter reads what it was exported with
            assert not looked_up(path) & own, path


def test_no_reader_of_results_looks_up_a_word_in_them():
    for path in RETAIL.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "retail.comparison.results" in text:
            nodes = list(ast.walk(ast.parse(text)))
            taken = [node.value for node in nodes if isinstance(node, ast.Subscript)]
            taken += [node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == "get"]
            assert not {"results", "view.results", "view.cut"} & set(map(ast.unparse, taken)), path
