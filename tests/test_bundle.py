"""A bundle holds all of a recogniser; a damaged, foreign or unfitting one is refused in one sentence."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import save

from retail.config import FrozenConfig, TrainConfig
from retail.files import DEMO_BUNDLE, GROCERIES_BUNDLE
from retail.finetuning.record import FinetuningRecord
from retail.recognizer import Recognizer
from retail.recognizer import bundle as bundle_module
from retail.recognizer.bundle import load_bundle, read_record, save_bundle, training_of
from retail.schema import Product, UserError
from retail.training.record import Epoch, RowCounts, TrainingData, TrainingRecord
from tests.bundle_sample import finetuning_record
from tests.tiny_recognizer import TinyEncoder, tiny_recognizer

SHIPPED = (DEMO_BUNDLE, GROCERIES_BUNDLE)
HISTORY = (Epoch(0, 2.5, float("nan"), float("nan")), Epoch(1, 1.5, 1.25, 0.5))
FACTS = {"data": TrainingData("shop", "1"), "rows": RowCounts(4, 2)}


@pytest.fixture
def recognizer():
    return tiny_recognizer()


@pytest.fixture
def saved(recognizer, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_module, "load_encoder", lambda name: TinyEncoder(name.split(":")[1]))
    return save_bundle(recognizer, tmp_path / "bundle")


def test_a_bundle_gives_the_same_answers(recognizer, saved):
    product = Product("p", text="a pear")
    assert load_bundle(saved).predict(product).probs == recognizer.predict(product).probs
    again = Recognizer.load(str(recognizer.save(str(saved.with_name("again")))))
    assert again.predict(product).probs == recognizer.predict(product).probs


def test_damage_is_named(saved):
    weights = saved / "head.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"head\.safetensors in bundle .* does not match its checksum"):
        load_bundle(saved)
    weights.unlink()
    with pytest.raises(UserError, match=r"lacks head\.safetensors"):
        load_bundle(saved)


def test_what_answers_are_worth_is_kept_and_its_damage_named(recognizer, saved):
    product = Product("p", text="a pear")
    assert load_bundle(saved).predict(product) == recognizer.predict(product)
    (saved / "certainty.safetensors").write_bytes(b"x")
    with pytest.raises(UserError, match=r"certainty\.safetensors in bundle .* does not match its checksum"):
        load_bundle(saved)
    change(saved, lambda found: found.update(certainty_sha256=hashlib.sha256(b"x").hexdigest()))
    with pytest.raises(UserError, match=r"certainty\.safetensors in bundle .* is not a usable file of weights"):
        load_bundle(saved)


def test_certainty_of_another_head_is_refused(saved):
    content = save({"pooled": torch.ones(2), "temperatures": torch.ones(3, 2)})
    (saved / "certainty.safetensors").write_bytes(content)
    change(saved, lambda found: found.update(certainty_sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(UserError, match="does not fit"):
        load_bundle(saved)


def test_a_bundle_from_before_there_were_promises_keeps_its_temperatures_and_promises_nothing(recognizer, saved):
    (saved / "certainty.safetensors").unlink()
    change(saved, lambda found: found.pop("certainty_sha256"))
    sure = []
    for temperature in (8.0, 1.0, 0.3):
        change(saved, lambda found, own=temperature: found["temperatures"].update(fruit=own))
        answer = load_bundle(saved).predict(Product("p", text="a pear"))
        sure.append(answer.best("fruit")[1])
    assert sure[0] < 0.4 < sure[1] < sure[2] and answer.answers["fruit"].decision == "review"
    assert answer.answers["fruit"].like_this is None and len(answer.answers["fruit"].candidates) == 3


def change(saved, edit) -> None:
    """Edits the description of a bundle by hand."""
    found = json.loads((saved / "bundle.json").read_text())
    edit(found)
    (saved / "bundle.json").write_text(json.dumps(found))


def test_another_encoder_version_is_refused(saved):
    change(saved, lambda found: found["encoders"]["text"].update(fingerprint="other"))
    with pytest.raises(UserError, match="another version of the text encoder"):
        load_bundle(saved)


@pytest.mark.parametrize("content", ["{", "[]", "7", '{"format": "retail-curve/2"}', '{"format": "retail-bundle/0"}'])
def test_what_is_no_bundle_is_said_in_one_sentence(tmp_path, content):
    with pytest.raises(UserError, match=r"bundle\.json"):
        load_bundle(tmp_path)
    (tmp_path / "bundle.json").write_text(content)
    with pytest.raises(UserError, match="again"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_what_ships_is_read_whole_and_written_again_key_by_key(folder):
    found = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    assert read_record(folder).to_dict() == found


def test_each_kind_of_training_is_read_as_what_it_is():
    demo, tuned = (training_of(folder) for folder in SHIPPED)
    assert type(demo) is TrainingRecord and demo.history[demo.best_epoch].val_accuracy > 0.9
    assert type(tuned) is FinetuningRecord and tuned.finetuning_history[-1].val_accuracy["product"] > 0.8


@pytest.mark.parametrize(
    "info",
    [
        TrainingRecord(config=TrainConfig(seed=3), best_epoch=1, history=HISTORY, **FACTS),
        TrainingRecord(config=FrozenConfig("pca", "logistic", seed=3), **FACTS),
        finetuning_record([0.25, 0.5]),
        None,
    ],
    ids=["train", "frozen", "finetune", "nothing"],
)
def test_the_training_record_survives(recognizer, tmp_path, info):
    recognizer.info = info
    again = training_of(save_bundle(recognizer, tmp_path / "bundle"))
    assert type(again) is type(info) and repr(again) == repr(info)  # by words, because NaN is unlike itself


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda found: found.pop("temperatures"), "temperatures"),
        (lambda found: found.update(width="wide"), "width"),
        (lambda found: found.update(width=0), "width"),
        (lambda found: found.update(tasks={}), "tasks"),
        (lambda found: found.update(encoders={"smell": found["encoders"]["text"]}), "encoders"),
        (lambda found: found["encoders"]["text"].pop("dim"), "encoders"),
        (lambda found: found.update(info={"config": {"width": 0}}), "info"),
        (lambda found: found.update(later=1), "later"),
    ],
)
def test_a_damaged_description_says_where(saved, edit, place):
    change(saved, edit)
    for read in (load_bundle, read_record):
        with pytest.raises(UserError, match=f"bundle.json is damaged at '{place}'; copy or train the bundle again"):
            read(saved)
    assert training_of(saved) is None


@pytest.mark.parametrize("edit", [{"width": 9}, {"hidden": [4]}, {"strategy": "linear"}, {"tasks": {"fruit": ["fig"]}}])
def test_a_description_of_another_head_is_refused(saved, edit):
    change(saved, lambda found: found.update(edit))
    with pytest.raises(UserError, match=r"does not fit bundle\.json; copy the folder again"):
        load_bundle(saved)


def test_weights_that_are_none_are_refused_even_with_their_checksum(saved):
    (saved / "head.safetensors").write_bytes(b"no weights")
    change(saved, lambda found: found.update(head_sha256=hashlib.sha256(b"no weights").hexdigest()))
    with pytest.raises(UserError, match=r"does not fit bundle\.json; copy the folder again"):
        load_bundle(saved)


def test_a_strategy_that_nobody_knows_is_named(saved):
    change(saved, lambda found: found.update(strategy="magic"))
    with pytest.raises(UserError, match="No fusion strategy is named 'magic'"):
        load_bundle(saved)
