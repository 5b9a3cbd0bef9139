"""The reference pages, written from the code: commands with options, fusion strategies, typed files with their fields.

In: nothing; the commands and the registry of `retail` are walked. Out: the pages of
docs/reference that `PAGES` names. Run `python docs/make_reference.py` after changing a command; a test fails while a
page is out of date.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import or_
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [] if str(PROJECT) in sys.path else [str(PROJECT)]  # run as a script, it finds the package beside it

from typer.main import get_command  # noqa: E402

from retail.__main__ import app  # noqa: E402
from retail.fusion import strategies  # noqa: E402

if TYPE_CHECKING:
    from pydantic import BaseModel

REFERENCE = PROJECT / "docs" / "reference"
GENERATED = "<!-- Written by `python docs/make_reference.py`; change the code, not this page. -->"


def commands_page() -> str:
    """Every command: what it does, how it is called, its arguments and options, an example."""
    group: Any = get_command(app)
    parts = [f"{GENERATED}\n\n# Commands", group.help, COMMANDS_INTRODUCTION]
    parts += [_command(name, command) for name, command in all_commands(group) if not command.hidden]
    return "\n\n".join(parts) + "\n"


def all_commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Each command with its name as typed; one that has commands of its own gives those."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from all_commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


COMMANDS_INTRODUCTION = """\
DATA is a folder, a ZIP or a `metadata.csv` ([Bring your own data](../how-to/bring-data.md)); BUNDLE is a folder that
`train`, `finetune` or `compare --bundles` has written. Exit codes: 0 done, 1 the input needs fixing (one sentence says
how), 2 wrong usage."""


def _command(name: str, command: Any) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    records = filter(None, (parameter.get_help_record(context) for parameter in command.params))
    rows = [(f"`{names}`", " ".join(meaning.split())) for names, meaning in records]
    label, _, example = command.epilog.partition(": ")
    return "\n\n".join([f"## {name}", command.help, f"{label}: `{example}`", table(("option", "meaning"), rows)])


STRATEGIES_INTRODUCTION = """\
One file each in `retail/fusion/`; [Fusion](../explanation/fusion.md) explains the levels. The names are what
`--strategy` and `--strategies` take."""


def strategies_page() -> str:
    """Every fusion strategy with what it does, where it joins the inputs and who had the idea."""
    found = sorted(strategies().items(), key=lambda pair: not pair[1].compared)
    rows = [
        (f"`{name}`{'' if head.compared else ' (not in *all*)'}", head.title, head.level, head.summary, head.source)
        for name, head in found
    ]
    body = table(("name", "title", "level", "what it does", "source"), rows)
    return "\n\n".join([f"{GENERATED}\n\n# Fusion strategies", STRATEGIES_INTRODUCTION, body]) + "\n"


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; a bar inside a cell stays a bar."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def model_page(title: str, introduction: str, model: type[BaseModel]) -> str:
    """A typed file: its own fields first, then every model that they hold, each once."""
    parts = [f"{GENERATED}\n\n# {title}", introduction]
    return "\n\n".join(parts + [_model(one) for one in _models_in(model)]) + "\n"


def _models_in(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The model and those inside it, in the order in which a reader meets them."""
    found = [model]
    for one in found:  # grows while it is walked
        inner = [kind for field in one.model_fields.values() for kind in _kinds(field.annotation)]
        found += [kind for kind in dict.fromkeys(inner) if kind not in found]
    return found


def _kinds(annotation: Any) -> Iterator[Any]:
    """The models named in an annotation such as `dict[str, list[Row]] | None`."""
    if hasattr(annotation, "model_fields"):
        yield annotation
    for inner in get_args(annotation):
        yield from _kinds(inner)


def _model(model: type[BaseModel]) -> str:
    said = field_sentences(model)
    rows = [
        (
            f"`{field.alias or name}`",
            _type_words(field.annotation),
            field.description or said.get(name) or _inner(field),
        )
        for name, field in model.model_fields.items()
    ]
    return "\n\n".join(
        [f"## {model.__name__}", inspect.cleandoc(model.__doc__ or ""), table(("field", "type", "meaning"), rows)]
    )


def _inner(field: Any) -> str:
    """What the models in a field say of themselves, where the field says nothing."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").partition("\n")[0] for kind in _kinds(field.annotation))


def _type_words(annotation: Any) -> str:
    """`list[Row] | None`, with a link for each model."""
    annotation = _bare(annotation)
    words = annotation.__name__ if inspect.isclass(annotation) and not get_args(annotation) else str(annotation)
    for noise in ("typing.", "collections.abc.", "NoneType"):
        words = words.replace(noise, "None" if noise == "NoneType" else "")
    words = f"`{words}`"
    for kind in dict.fromkeys(_kinds(annotation)):
        full, short = f"{kind.__module__}.{kind.__qualname__}", kind.__name__
        words = words.replace(full, short).replace(short, f"`[{short}](#{short.lower()})`")
    return words.replace("``", "")


def _bare(annotation: Any) -> Any:
    """Without the bounds that a type carries."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _bare(inner[0])
    if not inner or origin is Literal:
        return annotation
    kinds = tuple(kind if kind is ... else _bare(kind) for kind in inner)
    return reduce(or_, kinds) if origin in (Union, UnionType) else origin[kinds]


def field_sentences(model: type[BaseModel]) -> dict[str, str]:
    """{field: the string below it, or the comment behind it in its line}; nearer classes come first."""
    found: dict[str, str] = {}
    for owner in model.__mro__:
        if owner.__module__.startswith("pydantic") or owner is object:
            continue
        source = textwrap.dedent(inspect.getsource(owner))
        body = ast.parse(source).body[0].body  # type: ignore[attr-defined]
        for field, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(field, ast.AnnAssign):
                behind = source.splitlines()[field.end_lineno - 1].encode()[field.end_col_offset :].decode()  # type: ignore
                below = following.value.value if isinstance(following, ast.Expr) else ""  # type: ignore[attr-defined]
                found.setdefault(field.target.id, " ".join((below or behind.strip(" #")).split()))  # type: ignore
    return found


RESULTS_INTRODUCTION = """\
`compare --out` writes one JSON file. Pages, tables and reports only read it, and so can you:

```python
from pathlib import Path

from retail.comparison.results import read_results

results = read_results(Path("data/demo_results.json"))
for model, score in results.mean_scores("product").items():
    print(f"{results.titles[model]}: {score.accuracy:.1%} [{score.accuracy_low:.1%}, {score.accuracy_high:.1%}]")
```

A figure that could not be computed is null in the file, because JSON has no NaN. `evaluate --out` writes `scores` rows
of the same form, and the labels that the recogniser did not know."""


def results_page() -> str:
    """The results file of a comparison, from its types."""
    from retail.comparison.results import Results

    return model_page("Results file", RESULTS_INTRODUCTION, Results)


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "strategies.md": strategies_page,
    "results-file.md": results_page,
}


def main() -> None:
    """Writes every page."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
        print(f"Written: docs/reference/{name}")


if __name__ == "__main__":
    main()
