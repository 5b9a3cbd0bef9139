"""How often right, when to look, where it goes wrong: each answer beside the stored figures."""

from __future__ import annotations

from retail.report.answers import three_answers
from retail.report.mistakes import confusion
from retail.report.verdict import verdict
from tests.results_sample import CLASSES, as_results, sample_json, sample_results


def said(results=None, task: str = "product", model: str = "gated") -> dict[str, tuple[str, str]]:
    answers = three_answers(results or sample_results(), task, model)
    return {answer.question: (answer.said, answer.rests_on) for answer in answers}


def test_how_often_it_is_right_stands_beside_its_interval_and_the_single_inputs():
    answer, rests_on = said()["How often is it right?"]
    assert answer == "84 of 100"
    assert rests_on.startswith("84.0 % (80.0 % to 88.0 %, n = 200)") and "photo alone 71.0 %" in rests_on


def test_a_person_looks_at_what_the_promise_leaves_open():
    (row,) = sample_results().of_task("product").calibration
    wish = row.threshold_for(0.95)
    answer, rests_on = said()["When should a person look?"]
    assert answer == f"{round(100 * (1 - wish.coverage))} of 100 products"
    assert f"at least {100 * wish.threshold:.1f} % sure" in rests_on and "(promised: 95 %)" in rests_on


def test_where_nothing_can_be_promised_a_person_always_looks():
    results = sample_json()
    for row in results["calibration"]:
        row["judged"]["val"]["correct"] = [0] * len(row["judged"]["val"]["correct"])
    answer, rests_on = said(as_results(results))["When should a person look?"]
    assert answer == "Always" and "95 % right cannot be promised yet" in rests_on


def test_for_a_single_input_the_chosen_model_is_judged_with_that_input_alone():
    model = verdict(sample_results(), "brand").model
    assert model == "image"
    assert (
        "Measured on Gated sum, given this input alone."
        in said(task="brand", model=model)["When should a person look?"][1]
    )


def test_the_two_classes_that_are_mixed_up_most_often_are_named():
    counts = confusion(sample_results(), "product", "gated", "0")
    both = {(a, b): counts[a, b] + counts[b, a] for a in range(3) for b in range(a)}
    first, second = max(both, key=both.__getitem__)
    answer, rests_on = said()["Where does it go wrong?"]
    assert set(answer.split(" ↔ ")) == {CLASSES["product"][first], CLASSES["product"][second]}
    mistakes = sum(count for (true, answered), count in counts.items() if true != answered)
    assert rests_on.startswith(f"{both[first, second]} of {mistakes} mistakes (seed 0)")


def test_what_was_not_measured_is_left_out_and_a_model_without_mistakes_is_said_to_have_none():
    results = sample_json() | {"calibration": []}
    target = results["predictions"]["targets"]["product"]
    results["predictions"]["models"]["gated"]["0"]["product"]["preds"] = target
    found = said(as_results(results))
    assert "When should a person look?" not in found
    assert found["Where does it go wrong?"][0] == "Nowhere"
