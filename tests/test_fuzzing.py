"""A short run of the fuzzing command's own targets, and what it takes for a finding."""

from __future__ import annotations

import random

import pytest

from benchmarks.fuzzing import all_targets, attempts, target_named
from benchmarks.fuzzing.attempts import attempt, given, input_of, sentence_fault
from benchmarks.fuzzing.mutation import ROOM, Mutated, mutated
from retail.schema import UserError

INPUTS = {"photos": 150, "sounds": 60, "csv": 200, "jsonl": 200, "parquet": 20, "zip": 150, "manifest": 60}
INPUTS |= {"manifest-bytes": 20, "workbook": 4}


@pytest.mark.parametrize("name", INPUTS)
def test_mutated_inputs_give_values_and_sentences(name):
    target = target_named(name)
    outcomes = [attempt(target, name, 20_261_129, number) for number in range(INPUTS[name])]
    found = [outcome for outcome in outcomes if outcome.is_finding and not outcome.kind.endswith(" s")]
    assert not found, found[:2]  # the time is watched by the command, for a test would fail on a busy machine
    assert {"value", "refused"} <= {outcome.kind for outcome in outcomes} or name == "workbook"


def test_every_target_is_found_by_its_name():
    targets = all_targets()
    assert len(targets) > 25 and all(target_named(name) is target for name, target in targets.items())


def raising(error: Exception):
    def target(rng: random.Random) -> None:
        given(b"content")
        raise error

    return target


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyError("a"), "KeyError"),
        (UserError("a.csv is damaged; save it again."), "refused"),
        (UserError("decoder error -2."), "sentence: says 'decoder error'"),
        (UserError("two\nlines."), "sentence: is not one line with a stop"),
    ],
)
def test_a_refusal_is_no_finding_unless_nobody_understands_it(error, kind):
    outcome = attempt(raising(error), "fake", 1, 0)
    assert outcome.kind == kind and outcome.is_finding == (kind != "refused")
    assert attempts.last_input() == b"content" and sentence_fault("x" * 601 + ".") == "is too long"


def test_an_input_is_made_again_from_its_number_without_being_read():
    read = []
    target = Mutated(read.append, lambda: [b"seed of some length"], (b"word",))
    assert attempt(target, "fake", 1, 7).kind == "value"
    assert input_of(target, "fake", 1, 7) == read[0] == attempts.last_input() and len(read) == 1
    assert input_of(target, "fake", 1, 8) != read[0]


def test_changes_never_make_an_input_grow_without_bound():
    rng = random.Random(0)
    for content in (b"", b"x", b"ab" * 500):
        assert all(len(mutated(content, rng, [b"other"], [b"word"])) <= len(content) + ROOM for _ in range(300))
