"""What runs and their files are called by default: method, data and date."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from retail.config import CompareConfig, CurveConfig, FinetuneConfig, SearchConfig, TrainConfig
from retail.workspace.naming import UNDECIDED, file_name, method_of, name_by_kept, run_name
from retail.workspace.records import JobRecord, Name
from retail.workspace.requests import (
    BestRequest,
    CompareRequest,
    CurveRequest,
    FinetuneRequest,
    FrozenRequest,
    TrainRequest,
)

DATA, OUT = Path("shop"), Path("out")
GATED = TrainRequest(data=DATA, config=TrainConfig(), out=OUT)
STARTED = time.mktime((2026, 11, 28, 14, 5, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (GATED, "Gated fusion"),
        (BestRequest(data=DATA, config=TrainConfig(), out=OUT), UNDECIDED),
        (CompareRequest(data=DATA, config=CompareConfig()), "Comparison"),
        (CompareRequest(data=DATA, config=CompareConfig(strategies=("stacking",))), "Stacking compared"),
        (
            FinetuneRequest(data=DATA, config=TrainConfig(), tuning=FinetuneConfig(tune=("image", "text")), out=OUT),
            "Fine-tuned photo + description",
        ),
        (FrozenRequest(data=DATA, modality="image", config=SearchConfig()), "Frozen photo"),
        (CurveRequest(data=DATA, modality="audio", config=CurveConfig()), "Learning curve of the sound"),
    ],
)
def test_a_name_says_the_method(request_, words):
    assert method_of(request_) == words


def test_a_name_says_data_question_and_date_too():
    assert re.fullmatch(r"Gated fusion · Fashion · \d{1,2} [A-Z][a-z]{2} \d\d:\d\d", run_name(GATED, "Fashion"))
    assert " · Fashion · colour · " in run_name(GATED, "Fashion", "colour")


def test_files_are_named_by_data_method_and_day():
    assert file_name("Gated fusion · Fashion · 28 Nov 14:05", STARTED, ".csv") == "fashion_gated_fusion_2026-11-28.csv"
    assert file_name("Spring / try 2!", STARTED, ".zip", "recogniser") == "spring_try_2_recogniser_2026-11-28.zip"
    assert file_name("28 Nov 14:05", STARTED, ".csv") == "run_2026-11-28.csv"


def test_a_search_takes_the_name_of_what_was_kept_unless_somebody_named_it(tmp_path):
    record = JobRecord(title="Best method · Fashion · 28 Nov 14:05")
    record.write(tmp_path / "job.json")
    name_by_kept(tmp_path, "Stacking")
    assert Name.read(tmp_path / "name.json").title == "Stacking · Fashion · 28 Nov 14:05"
    Name(title="Mine").write(tmp_path / "name.json")
    name_by_kept(tmp_path, "Gated fusion")
    assert Name.read(tmp_path / "name.json").title == "Mine"
    (tmp_path / "name.json").unlink()
    JobRecord(title="My own").write(tmp_path / "job.json")
    name_by_kept(tmp_path, "Stacking")
    assert not (tmp_path / "name.json").exists()
