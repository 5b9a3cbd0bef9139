"""What a results file says beside its verdicts: each sentence stands exactly where the figures carry it."""

from __future__ import annotations

import pytest

from retail.comparison.chosen_rows import Attribution, Calibration, Cascade, Conformal, JudgedSplits, Threshold
from retail.comparison.result_rows import Dedicated
from retail.evaluation.reports import PromiseKept, SubsetCertainty
from retail.report.findings import deciding, findings
from tests.made_up_data import made_up_results
from tests.results_sample import results_of


def test_findings_name_what_the_made_up_data_hold():
    said = "\n".join(findings(made_up_results()))
    assert "For shape: the photo decides for" in said
    assert "pair belongs to shape" in said
    assert "asking for a description" in said


def cascade_row(then: tuple[str, ...], share: float, val_accuracy: float, accuracy: float) -> Cascade:
    row = {"task": "kind", "model": "gated", "then": then, "share": share, "asked": share, "threshold": share}
    return Cascade(**row, val_accuracy=val_accuracy, accuracy=accuracy, kept=1.0, n=100)


def test_the_second_step_and_how_often_to_ask_come_from_validation():
    words, sound = ("image", "text"), ("audio", "image")
    rows = [
        *(cascade_row(words, *figures) for figures in ((0.0, 0.7, 0.71), (0.5, 0.9, 0.81), (1.0, 0.9, 0.82))),
        *(cascade_row(sound, *figures) for figures in ((0.0, 0.7, 0.71), (0.5, 0.7, 0.95), (1.0, 0.8, 0.95))),
    ]
    assert findings(results_of(tasks={"kind": []}, cascade=rows)) == [
        "kind: asking for a description when unsure, for 50.0 % of the products, reaches 81.0 % "
        "(71.0 % without asking, 82.0 % with asking every time)."
    ]


def test_asking_that_gains_nothing_is_called_so():
    figures = (0.0, 0.7, 0.82), (0.5, 0.9, 0.81), (1.0, 0.9, 0.82)
    rows = [cascade_row(("image", "text"), *row) for row in figures]
    assert findings(results_of(tasks={"kind": []}, cascade=rows)) == [
        "kind: asking for a description when unsure gains nothing here "
        "(82.0 % without asking, 82.0 % with asking every time)."
    ]


@pytest.mark.parametrize(
    ("always", "said"),
    [
        (
            0.71,
            "kind: asking for a description when unsure gains nothing here (71.0 % without asking, 71.0 % ",
        ),
        (
            0.82,
            "kind: asking for a description when unsure saves nothing here: every product is asked for",
        ),
    ],
)
def test_a_second_step_that_is_of_no_use_is_called_that(always, said):
    rows = [cascade_row(("image", "text"), *row) for row in ((0.0, 0.7, 0.71), (0.5, 0.8, 0.75), (1.0, 0.9, always))]
    (sentence,) = findings(results_of(tasks={"kind": []}, cascade=rows))
    assert sentence.startswith(said)


def threshold_sentence(threshold: float | None, needed: int | None = None) -> str:
    wish = Threshold(wished=0.95, threshold=threshold, coverage=0.0, accuracy=None, needed=needed)
    names = "ece_before brier_before ece_after brier_after temperature n"
    judged = {"confidence": (), "correct": ()}
    row = Calibration(
        task="kind",
        model="gated",
        **dict.fromkeys(names.split(), 0),
        reliability_before=(),
        reliability_after=(),
        coverage=(),
        thresholds=(wish,),
        judged=JudgedSplits(val=judged, test=judged),
    )
    (said,) = findings(results_of(tasks={"kind": []}, calibration=[row]))
    return said


def test_a_threshold_that_no_test_row_reaches_is_not_called_missing():
    assert (
        threshold_sentence(None)
        == "kind: being right 95 % of the time cannot be promised yet, and more products would not help."
    )
    assert threshold_sentence(None, 1200).endswith("yet: about 1,200 validation products would do.")
    assert "at least 99.0 % sure; the model is that sure for no test product" in threshold_sentence(0.99)


@pytest.mark.parametrize(("loss", "said"), [(0.02, 1), (-0.02, 0)])
def test_the_one_model_is_called_behind_only_where_it_loses(loss, said):
    row = {"task": "kind", "model": "gated", "modalities": ["image"], "n": 100}
    row |= {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 1.0, "dedicated": 0.9 + loss}
    behind = Dedicated(**row, loss=loss, loss_low=loss - 0.03, loss_high=loss + 0.03)
    assert len(findings(results_of(dedicated=[behind]))) == said


def test_a_promise_is_called_broken_only_beyond_what_chance_explains():
    row = {"task": "kind", "model": "gated", "promised": 0.9, "least_probability": 0.5, "coverage": 0.84, "n": 120}
    for lowest, said in ((0.85, 1), (0.83, 0)):
        kept = Conformal(**row, size=1.0, single=1.0, lowest_by_chance=lowest)
        assert len(findings(results_of(tasks={"kind": []}, conformal=[kept]))) == said


def test_a_threshold_that_broke_its_promise_is_named_with_its_inputs():
    def certain(inputs: tuple[str, ...], accuracy: float, broken: bool) -> SubsetCertainty:
        figures = "accuracy accuracy_low accuracy_high temperature ece_before ece ece_by_chance set_coverage set_size"
        wish = PromiseKept(
            wished=0.95, threshold=0.8, n=100, answered=60, coverage=0.6, accuracy=accuracy, broken=broken, needed=None
        )
        values = dict.fromkeys(figures.split(), 0.5)
        return SubsetCertainty(task="kind", modalities=inputs, n=100, promises=(wish,), rises=None, **values)

    rows = [certain(("audio",), 0.8, True), certain(("image",), 0.7, True), certain(("text",), 0.5, False)]
    (said,) = findings(results_of(tasks={"kind": []}, subset_certainty=rows))
    assert said.startswith("kind: with photo, answers that promise to be right 95 % of the time were right for only 70")
    assert "of the 60 test products" in said
    assert findings(results_of(tasks={"kind": []}, subset_certainty=rows[2:])) == []


def decided(label: str, n: int, gain: float) -> Attribution:
    return Attribution(task="kind", model="gated", label=label, n=n, decides="image", image=gain)


def test_a_long_list_of_classes_is_cut_and_small_classes_are_not_named():
    rows = [decided(f"c{place}", 9, 1 - place / 100) for place in range(9)]
    assert deciding(rows) == ["The photo decides for c0, c1, c2, c3, c4, c5 and 3 more."]
    assert deciding(rows[1::-1]) == ["The photo decides for c0 and c1."]
    assert deciding([decided("c0", 4, 1.0)]) == []
