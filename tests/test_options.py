"""Declared settings: bounds, lists as they are typed, and a new one that reaches the command line by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from retail.commands import declared
from retail.config.options import Config, listed, option
from retail.schema import UserError


@dataclass(frozen=True)
class Base(Config):
    inherited: float = option(0.5, "A share.", low=0, high=1)


@dataclass(frozen=True)
class Sample(Base):
    count: int = option(3, "How many.", low=1, flag="number")
    names: tuple[str, ...] = option((), "Which.", everything="all")
    sizes: tuple[int, ...] = option((1, 2), "Sizes.", above=0)
    quick: bool = option(False, "Whether to hurry.")
    deep: int = option(1, "Not for everybody.", offered=False)
    plain: str = "x"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"count": 0}, "count is at least 1, not 0."),
        ({"inherited": 1.01}, "inherited is at least 0 and at most 1, not 1.01."),
        ({"sizes": (4, 0)}, "sizes is greater than 0, not 0."),
        ({"sizes": ()}, "sizes is empty; name at least one."),
        ({"deep": 7, "inherited": -1}, "inherited is"),
    ],
)
def test_bounds_come_from_the_declaration(values, sentence):
    with pytest.raises(UserError, match=sentence):
        Sample(**values)


def test_own_settings_come_before_inherited_ones_and_plain_fields_are_none():
    assert list(Sample.options()) == ["count", "names", "sizes", "quick", "deep", "inherited"]


def test_a_comma_within_a_name_is_escaped():
    assert listed(r"kind, Price\, EUR,,") == ("kind", "Price, EUR") and listed("") == ()
    assert Sample.typed("names", r"a\,b,c") == ("a,b", "c") and Sample.typed("names", "all") == ()
    assert Sample.typed("sizes", "8, 16") == (8, 16)
    with pytest.raises(UserError, match="sizes lists whole numbers, separated by commas, not '8,x'"):
        Sample.typed("sizes", "8,x")


FIVE = Sample(deep=5)


def sample(config: Sample, some: Annotated[Sample, "deep"] = FIVE):
    return config, some


@pytest.fixture
def sample_command(monkeypatch):
    """A command that is all declaration, and what it made."""
    monkeypatch.setattr(declared, "app", app := typer.Typer())
    monkeypatch.setitem(declared.EXAMPLES, "sample", "")
    made: list[Sample] = []
    monkeypatch.setattr(declared, "run", lambda request, reporter: made.append(request))
    declared.run_command(sample)
    return app, made


def test_every_offered_setting_is_an_option_and_named_ones_are_too(sample_command):
    app, made = sample_command
    words = CliRunner().invoke(app, ["--help"]).output
    assert "--number" in words and "How many." in words and "[default: all]" in words and "--plain" not in words
    typed = ["--number", "4", "--names", "a,b", "--sizes", "8", "--quick", "--inherited", "0.25"]
    assert CliRunner().invoke(app, typed).exit_code == 0
    assert made == [(Sample(0.25, 4, ("a", "b"), (8,), True), FIVE)]


def test_a_setting_out_of_bounds_is_one_sentence(sample_command):
    refused = CliRunner().invoke(sample_command[0], ["--number", "0"])
    assert refused.exit_code == 1 and "Error: count is at least 1, not 0." in refused.output
