"""Whatever is written is read alike, and whatever damage does to it gives a value or one sentence."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzzing.files import TARGETS
from retail.comparison.results import Results
from retail.config import TrainConfig
from retail.encoders import Encoder
from retail.fusion import build_head, strategies
from retail.recognizer import Recognizer
from retail.recognizer import bundle as bundle_module
from retail.recognizer.bundle import load_bundle, save_bundle
from retail.schema import MODALITIES, UserError, Vocabulary
from retail.workspace.records import JobRecord, Name, Notes, ProcessRecord, Status
from retail.workspace.requests import TrainRequest, read_request, write_request
from tests.results_sample import sample_json
from tests.tiny_recognizer import TinyEncoder, fitted_certainty

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SECONDS = st.floats(0, 2e9)
FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def kept_alike(record, path) -> bool:
    record.write(path)
    return type(record).read(path) == record


@FEW
@given(
    status=st.builds(
        Status,
        state=st.sampled_from(["queued", "starting", "running", "done", "failed", "cancelled"]),
        stage=WORDS,
        done=st.integers(0, 10**9),
        total=st.integers(0, 10**9),
        message=WORDS,
        partial=st.dictionaries(WORDS, st.floats(0, 1)),
        updated=SECONDS,
    ),
    job=st.builds(
        JobRecord,
        title=WORDS,
        command=st.lists(WORDS).map(tuple),
        started=SECONDS,
        process=st.builds(ProcessRecord, pid=st.integers(0, 2**31 - 1), born=SECONDS),
    ),
    notes=st.builds(Notes, tags=st.lists(WORDS).map(tuple), text=WORDS),
    name=st.builds(Name, title=WORDS),
)
def test_a_run_keeps_what_it_was_told(tmp_path, status, job, notes, name):
    assert all(kept_alike(record, tmp_path / "file.json") for record in (status, job, notes, name))


@FEW
@given(
    config=st.builds(
        TrainConfig,
        strategy=st.sampled_from(sorted(strategies())),
        modalities=st.sets(st.sampled_from(MODALITIES), min_size=1).map(tuple),
        width=st.integers(1, 10**4),
        dropout=st.floats(0, 0.99),
        hidden=st.lists(st.integers(1, 10**4), max_size=4).map(tuple),
        seed=st.integers(0, 2**62),
    ),
    tasks=st.lists(WORDS, max_size=4).map(tuple),
    text_column=WORDS,
)
def test_a_request_is_read_as_it_was_made(tmp_path, config, tasks, text_column):
    asked = TrainRequest(data="data", out="bundle", config=config, tasks=tasks, text_column=text_column)
    write_request(asked, tmp_path)
    assert read_request(tmp_path) == asked


@FEW
@given(
    title=WORDS.filter(lambda word: word not in ("Photo only", "Mean of answers", "Description only", "Sound only")),
    classes=st.lists(WORDS, min_size=3, max_size=3, unique=True),
    accuracy=st.floats(0, 1),
    seconds=st.floats(0, 1e9),
)
def test_results_are_read_as_they_were_written(title, classes, accuracy, seconds):
    values = sample_json()
    values["models"][0]["title"], values["cost"]["seconds"] = title, seconds
    values["scores"][1]["accuracy"] = accuracy
    for row in values["attribution"]:
        if row["task"] == "product":
            row["class"] = classes[values["tasks"]["product"].index(row["class"])]
    values["tasks"]["product"] = classes
    made = Results.model_validate(values)
    assert Results.of(made.as_json().encode(), "results.json") == made


@FEW
@given(
    strategy=st.sampled_from(sorted(strategies())),
    modalities=st.sets(st.sampled_from(MODALITIES), min_size=1),
    tasks=st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=4, unique=True), min_size=1, max_size=3),
    width=st.integers(1, 9),
    hidden=st.lists(st.integers(1, 5), max_size=2),
)
def test_a_bundle_gives_back_what_it_was_given(tmp_path_factory, strategy, modalities, tasks, width, hidden):
    encoders: dict[str, Encoder] = {modality: TinyEncoder(modality) for modality in sorted(modalities)}
    sizes = {task: len(classes) for task, classes in tasks.items()}
    head = build_head(strategy, dict.fromkeys(encoders, 3), sizes, width=width, hidden=hidden).eval()
    words = {task: Vocabulary(tuple(classes)) for task, classes in tasks.items()}
    made = Recognizer(encoders, head, strategy, words, fitted_certainty(head, 40), width)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bundle_module, "load_encoder", lambda name: TinyEncoder(name.split(":")[1]))
        again = load_bundle(save_bundle(made, tmp_path_factory.mktemp("bundle")))
    assert again.vocabularies == words and again.head.hidden == head.hidden
    if "text" in encoders:
        assert again.predict(text="a pear") == made.predict(text="a pear")


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"bundle-encoders"}))
def test_damage_gives_a_value_or_one_sentence(empty_home, name):
    """`python -m benchmarks.fuzz` tries thousands of each; here a few, always the same."""
    outcomes = set()
    for number in range(20):
        try:
            TARGETS[name](random.Random(f"{name} {number}"))
            outcomes.add("value")
        except UserError as error:
            outcomes.add("refused")
            assert "\n" not in str(error) and str(error).endswith((".", "?", "!")) and len(str(error)) < 600
    assert outcomes <= {"value", "refused"} and outcomes
