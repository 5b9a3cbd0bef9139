"""What inputs cost: times and weights of the bundled encoders, and the choices that nothing quicker beats."""

from __future__ import annotations

from retail.comparison.cost import EncodeCost, cost_rows, encode_costs
from retail.comparison.result_rows import SubsetScore
from retail.encoders import load_preset
from retail.schema import Product


def test_each_input_has_its_time_and_weights():
    costs = encode_costs(load_preset("bundled"), [Product("1", text="a tin of tea"), Product("2", text="oat drink")])
    assert set(costs) == {"text"}  # no product has a photo or a sound
    assert costs["text"].seconds > 0 and 80 < costs["text"].mebibytes < 95  # 22.7 million float32


def test_a_frozen_graph_has_its_weights_counted_too(small_data):
    photo = small_data / "images" / "0.png"
    sound = small_data / "audio" / "0.wav"
    costs = encode_costs(load_preset("bundled"), [Product("1", images=(photo,), audio=sound)])
    assert 10 < costs["image"].mebibytes < 20  # 3.4 million float32 without the classifier
    assert 1 < costs["audio"].mebibytes < 40


def test_an_input_that_another_beats_in_accuracy_and_time_is_no_best_value_however_small_its_encoder():
    costs = {"image": EncodeCost(0.014, 13), "text": EncodeCost(0.010, 87)}
    accuracy = {"image": 0.417, "text": 0.694}
    rows = [
        SubsetScore(task="t", model="m", modalities=(name,), n=9, accuracy=value, accuracy_low=0, accuracy_high=1)
        for name, value in accuracy.items()
    ]
    assert {row.modalities[0]: row.worth_it for row in cost_rows(rows, costs)} == {"image": False, "text": True}


def test_what_takes_longer_and_is_no_better_is_not_worth_it():
    costs = {"image": EncodeCost(0.03, 13), "text": EncodeCost(0.01, 87)}
    accuracy = {("image",): 0.7, ("text",): 0.6, ("image", "text"): 0.7, ("audio",): 0.9}
    rows = [
        SubsetScore(task="t", model="m", modalities=subset, n=9, accuracy=value, accuracy_low=0, accuracy_high=1)
        for subset, value in accuracy.items()
    ]
    found = {row.modalities: row for row in cost_rows(rows, costs)}
    assert {subset: row.worth_it for subset, row in found.items()} == {
        ("image",): True,
        ("text",): True,
        ("image", "text"): False,
    }
    assert found["image", "text"].seconds == 0.04 and found["image", "text"].mebibytes == 100
    assert cost_rows(rows, None) == []
