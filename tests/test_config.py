"""Settings are declared once, checked as they are made, and saved under the same keys as ever."""

from __future__ import annotations

import json

import pytest

from retail.config import CompareConfig, CurveConfig, FinetuneConfig, FrozenConfig, SearchConfig, TrainConfig
from retail.files import DEMO_BUNDLE, DEMO_RESULTS, whole_file, whole_folder
from retail.schema import UserError


def test_the_order_of_modalities_is_fixed_once():
    assert TrainConfig(modalities=("text", "image")).modalities == ("image", "text")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"modalities": ("smell",)}, "Unknown modality 'smell'"),
        ({"modalities": ()}, "At least one modality"),
        ({"loss_balancing": "magic"}, "not 'magic'"),
        ({"class_balance": "magic"}, "class_balance is 'none' or 'inverse' or 'effective' or 'sampling', not 'magic'"),
        ({"dropout": 1.5}, "dropout is at least 0 and less than 1, not 1.5"),
        ({"dropout": float("nan")}, "dropout is at least 0 and less than 1, not nan"),
        ({"width": 0}, "width is at least 1, not 0"),
        ({"hidden": (8, 0)}, "hidden is at least 1, not 0"),
        ({"modulation": -0.1}, "modulation is at least 0, not -0.1"),
    ],
)
def test_wrong_settings_get_one_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainConfig(**settings)


def test_a_list_is_empty_only_where_that_means_something():
    with pytest.raises(UserError, match="tune is empty; name at least one"):
        FinetuneConfig(tune=())
    assert CompareConfig(strategies=()).strategies == TrainConfig(hidden=()).hidden == ()


@pytest.mark.parametrize(
    "config", [TrainConfig, CompareConfig, FinetuneConfig, FrozenConfig, SearchConfig, CurveConfig]
)
def test_every_setting_has_a_sentence_and_a_default_within_its_bounds(config):
    assert config() == config() and config.options()
    for name, declared in config.options().items():
        assert declared.help.endswith("."), name


def test_what_a_comparison_shares_with_a_training_is_declared_once():
    compared = CompareConfig(modulation=0.2, class_balance="inverse", loss_balancing="uncertainty", seeds=5)
    expected = TrainConfig("uncertainty", "inverse", modulation=0.2, strategy="linear", modalities=("text",), seed=4)
    assert compared.training("linear", ("text",), 4) == expected


def test_saved_configurations_keep_their_keys():
    """The demo's files were written before this version."""
    results = json.loads(DEMO_RESULTS.read_text(encoding="utf-8"))
    bundle = json.loads((DEMO_BUNDLE / "bundle.json").read_text(encoding="utf-8"))
    assert set(results["config"]) == set(CompareConfig().to_dict())
    assert set(bundle["info"]["config"]) == set(TrainConfig().to_dict())


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


def test_a_setting_that_there_is_not_is_refused_by_its_name():
    with pytest.raises(UserError, match="TrainConfig has no setting 'speed'; it knows auxiliary, "):
        TrainConfig.of(speed=3)
    assert TrainConfig.of(seed=3) == TrainConfig(seed=3)
