"""Settings survive JSON, are checked once and have a fingerprint."""

from __future__ import annotations

import json

import pytest

from retail.config import CompareConfig, FrozenConfig, TrainConfig
from retail.files import whole_file, whole_folder
from retail.schema import UserError


def test_json_round_trip_and_fingerprint():
    config = TrainConfig(strategy="attention", modalities=("text", "image"), seed=3)
    again = TrainConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config and again.fingerprint() == config.fingerprint()
    assert config.modalities == ("image", "text"), "the order of modalities is fixed once"
    assert TrainConfig().fingerprint() != config.fingerprint()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"modalities": ("smell",)}, "Unknown modality 'smell'"),
        ({"modalities": ()}, "At least one modality"),
        ({"loss_balancing": "magic"}, "not 'magic'"),
        ({"class_balance": "magic"}, "class_balance is 'none' or 'inverse' or 'effective' or 'sampling', not 'magic'"),
        ({"dropout": 1.5}, r"lie in \[0, 1\)"),
        ({"width": 0}, "at least 1"),
        ({"modulation": -0.1}, "modulation are weights"),
    ],
)
def test_wrong_settings_get_one_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainConfig(**settings)


def test_unknown_setting_is_named():
    with pytest.raises(UserError, match="no setting 'colour'"):
        CompareConfig.from_dict({"colour": 1})
    with pytest.raises(UserError, match="at least 1, not 0"):
        CompareConfig(seeds=0)


def test_two_sessions_write_the_same_file_at_once_and_either_is_whole(tmp_path):
    file = tmp_path / "new" / "figures.json"
    with whole_file(file) as first, whole_file(file) as second:
        first.write_text("first")
        second.write_text("second")
    assert file.read_text() == "first" and [*file.parent.iterdir()] == [file]


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_what_fails_leaves_what_stood_there(tmp_path, whole):
    place = tmp_path / "kept"
    with whole(place) as partial:
        (partial / "inside" if partial.is_dir() else partial).write_text("good")
    with pytest.raises(ZeroDivisionError), whole(place) as partial:
        (partial / "inside" if partial.is_dir() else partial).write_text("half")
        _ = 1 / 0
    assert (place / "inside" if place.is_dir() else place).read_text() == "good"
    assert [*tmp_path.iterdir()] == [place]


def test_methods_of_frozen_features_are_named_map_and_classifier():
    assert FrozenConfig.named("pca+logistic", dims=7) == FrozenConfig("pca", "logistic", dims=7)
    assert FrozenConfig.named("none+linear").name == "linear" and FrozenConfig.named("svd+linear").name == "svd+linear"
    for name in ("magic", "pca+magic", "magic+linear", "pca"):
        with pytest.raises(UserError, match="No method is named .*such as 'pca.logistic'"):
            FrozenConfig.named(name)
    with pytest.raises(UserError, match="dims is at least 1"):
        FrozenConfig(dims=0)
