"""docs/make_reference.py: the reference pages say what the code says, and a typed file is described field by field."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field
from typer.main import get_command

from retail.__main__ import app
from retail.commands.shared import EXAMPLES

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_up_to_date(script):
    for name, page in script.PAGES.items():
        kept = (DOCS / "reference" / name).read_text(encoding="utf-8")
        assert kept == page(), f"{name} is out of date; run python docs/make_reference.py"


def test_every_command_and_option_is_there(script):
    page, group = script.commands_page(), get_command(app)
    assert "| `--seeds <int>` | Every model is trained once per seed; figures are means. [default: 3] |" in page
    assert "catalogue merge" in (commands := dict(script.all_commands(group)))
    for name, command in commands.items():
        if command.hidden:
            continue
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert command.help in section
        for parameter in command.params:
            assert all(option in section for option in parameter.opts if option.startswith("--")), parameter.name


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_a_valid_call(script, name: str):
    command = dict(script.all_commands(get_command(app)))[name]
    words, called = shlex.split(EXAMPLES[name]), name.split()
    place = words.index(called[0])
    assert words[place : place + len(called)] == called
    arguments = words[place + len(called) :]
    assert command.make_context(name, list(arguments)).args == []
    with pytest.raises(Exception, match="no-such-option"):
        command.make_context(name, [*arguments, "--no-such-option"])


class Row(BaseModel):
    """One score."""

    accuracy: float | None = Field(description="Share of right answers.")
    n: int
    """How many
    rows."""


class OwnRow(Row):
    """A score with a seed."""

    seed: int  # of the fit: its "number"


class File(BaseModel):
    """The whole file."""

    format: Literal["sample/1"] = "sample/1"
    scores: dict[str, list[OwnRow]] = Field(alias="points")


def test_a_model_is_described_with_the_models_inside_it(script):
    page = script.model_page("Sample", "What it is.", File)
    assert page.index("## File") < page.index("## OwnRow") and "## Row\n" not in page
    assert "| `points` | `dict[str, list[`[OwnRow](#ownrow)`]]` | A score with a seed. |" in page
    assert "| `accuracy` | `float \\| None` | Share of right answers. |" in page
    assert "| `n` | `int` | How many rows. |" in page
    assert '| `seed` | `int` | of the fit: its "number" |' in page
