"""The settings of two runs beside one another, the differences first."""

from __future__ import annotations

from pathlib import Path

from retail.config import FinetuneConfig, TrainConfig
from retail.workspace.requests import FinetuneRequest, TrainRequest
from retail.workspace.settings import NOTHING, beside, settings_of

OUT = Path("out")
ONE = TrainRequest(data=Path("shop"), tasks=("colour", "drink"), config=TrainConfig(), out=OUT)


def test_settings_are_words_and_values_without_what_is_the_same_for_all():
    found = settings_of(ONE)
    assert (found["strategy"], found["tasks"], found["group"]) == ("gated", "colour, drink", NOTHING)
    assert settings_of(ONE.model_copy(update={"tasks": ()}))["tasks"] == "all"
    assert not {"format", "kind", "out"} & set(found)


def test_of_two_parts_with_one_name_both_are_told():
    tuned = FinetuneRequest(data=Path("shop"), config=TrainConfig(seed=1), tuning=FinetuneConfig(seed=2), out=OUT)
    found = settings_of(tuned)
    assert (found["seed"], found["tuning: seed"]) == ("1", "2")


def test_differences_come_first_and_a_setting_that_the_other_lacks_is_one():
    other = ONE.model_copy(update={"config": TrainConfig(seed=7)})
    rows = beside(ONE, other)
    assert [(row.setting, row.this, row.other) for row in rows if row.differs] == [("seed", "0", "7")]
    assert rows[0].differs and not rows[1].differs
    tuned = FinetuneRequest(data=Path("shop"), config=TrainConfig(), tuning=FinetuneConfig(), out=OUT)
    assert next(row for row in beside(ONE, tuned) if row.setting == "layers").this == NOTHING
