"""What all commands share: the app, their options, reading data, progress, and how errors end.

In: arguments as typed. Out: parsed values, a `Manifest`, progress bars and a status file; exit code 1 for the user's
mistakes. Commands import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail.config import CLASS_BALANCES
from retail.files import whole_file
from retail.schema import MODALITIES, Modality, Progress, UserError

if TYPE_CHECKING:
    from retail.dataset.manifest import Manifest

HELP = "Recognise products from photo, description and sound; compare fusion with single inputs."
app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

EXAMPLES = {
    "dashboard": "Example: python -m retail dashboard --port 8502",
    "demo": "Example: python -m retail demo",
    "check": "Example: python -m retail check my_products.zip --tasks category,colour",
    "embed": "Example: python -m retail embed data/demo",
    "train": "Example: python -m retail train data/demo --tasks product,category --strategy gated --out my_bundle",
    "finetune": "Example: python -m retail finetune my_photos.zip --tasks product --out my_bundle --epochs 12",
    "compare": "Example: python -m retail compare data/demo --tasks product,category --seeds 3 --out results.json",
    "transfer": "Example: python -m retail transfer my_photos.zip --tasks product --regimes logistic,pca+logistic",
    "curve": "Example: python -m retail curve my_photos.zip --tasks product --shots 1,4,16,all --draws 5",
    "report": "Example: python -m retail report results.json --html report.html --csv tables",
    "distance": "Example: python -m retail distance my_catalogue phone_photos.zip --modalities image",
    "audit": "Example: python -m retail audit my_products.zip --tasks category,colour --json audit.json",
    "doctor": "Example: python -m retail doctor data/demo --tasks product,category --strategy gated",
    "robustness": "Example: python -m retail robustness data/demo_bundle data/demo --out robustness.json",
    "evaluate": "Example: python -m retail evaluate my_bundle data/demo --modalities image --out scores.json",
    "predict": 'Example: python -m retail predict my_bundle --image front.jpg --text "oat drink, 1 l"',
}

Data = Annotated[Path, typer.Argument(help="A folder, a ZIP or a metadata.csv; `demo` ships.", metavar="DATA")]
Bundle = Annotated[Path, typer.Argument(help="A folder made by 'train --out'; `demo` ships.", metavar="BUNDLE")]
Tasks = Annotated[str, typer.Option(help="Label columns to learn, separated by commas; all found if left out.")]
TextColumn = Annotated[str, typer.Option(help="The column that holds the description.")]
Encoders = Annotated[str, typer.Option(help="A preset (bundled, hub) or image=timm:NAME,text=hf:NAME,audio=...")]
Modalities = Annotated[str, typer.Option(help="Inputs to use, such as image,text; all if left out.")]
ClassBalance = Annotated[str, typer.Option(help=f"What is done about rare classes: {', '.join(CLASS_BALANCES)}.")]
SingleInputs = Annotated[float, typer.Option(help="Weight of learning from each input alone; 0: hide inputs only.")]
Auxiliary = Annotated[float, typer.Option(help="Weight of an auxiliary head per input (deep supervision).")]
Modulation = Annotated[float, typer.Option(help="Hold back the input that learns fastest (OGM-GE's alpha); 0: off.")]
Seed = Annotated[int, typer.Option(help="Same seed, same bundle.")]
OneModality = Annotated[str, typer.Option("--modality", help="The input whose embeddings are used.")]
Regimes = Annotated[str, typer.Option(help="linear, prototypes, logistic, alone or as pca+linear; or 'all'.")]
ScoredSplit = Annotated[str, typer.Option(help="Rows to score: val, or test once all is chosen.")]
ResultsOut = Annotated[Path | None, typer.Option(dir_okay=False, help="The results file to write.")]
CsvFolder = Annotated[
    Path | None, typer.Option("--csv", file_okay=False, help="Folder for one CSV file a table.", metavar="FOLDER")
]
Latex = Annotated[Path | None, typer.Option(dir_okay=False, help="Write the tables as LaTeX.")]
Html = Annotated[Path | None, typer.Option(dir_okay=False, help="Write one HTML report that opens without a network.")]
Status = Annotated[
    Path | None, typer.Option(dir_okay=False, help="Keep progress in this JSON file, for the dashboard.")
]


def listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def widths(value: str) -> tuple[int, ...]:
    if wrong := [name for name in listed(value) if not name.isdigit()]:
        raise UserError(f"--hidden lists widths such as 512,512, not {wrong[0]!r}.")
    return tuple(int(name) for name in listed(value))


def chosen_inputs(value: str) -> tuple[Modality, ...]:
    names = listed(value) or MODALITIES
    if unknown := [name for name in names if name not in MODALITIES]:
        raise UserError(f"Unknown modality {unknown[0]!r}; choose from {', '.join(MODALITIES)}.")
    return tuple(modality for modality in MODALITIES if modality in names)


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all: a reader never sees half a file."""
    text = json.dumps(without_nan(value), ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def without_nan(value: Any) -> Any:
    """JSON has no NaN: a score that could not be computed is null."""
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


class Reporter:
    """Shows progress as bars on stderr and, when asked, as a status file."""

    def __init__(self, status: Path | None = None) -> None:
        self.status, self.bar, self.stage, self.written = status, None, "", 0.0
        self.last: tuple[str, int, int] = ("starting", 0, 0)
        self.stage_started, self.stage_first, self.scored = time.time(), 0, dict[str, list[float]]()

    def __call__(self, stage: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if stage != self.stage:
            self.close()
            self.bar, self.stage = tqdm(total=total, desc=stage, file=sys.stderr, disable=None), stage
            self.stage_started, self.stage_first = time.time(), done
        assert self.bar is not None
        self.bar.update(done - self.bar.n)
        self.last = (stage, done, total)
        if time.monotonic() - self.written > 0.3 or done == total:
            self.say("running")

    def score(self, model: str, accuracy: float) -> None:
        """A first figure of one model: its accuracy on validation, mean over what was fitted so far."""
        self.scored.setdefault(model, []).append(accuracy)

    def say(self, state: str, message: str = "") -> None:
        if self.status is None:
            return
        self.written = time.monotonic()
        stage, done, total = self.last
        values = {"state": state, "stage": stage, "done": done, "total": total, "message": message}
        values |= {"stage_started": self.stage_started, "stage_first": self.stage_first}
        values |= {"partial": {model: sum(found) / len(found) for model, found in self.scored.items()}}
        write_json(self.status, values | {"pid": os.getpid(), "updated": time.time()})

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


@contextlib.contextmanager
def reported(status: Path | None = None) -> Iterator[Reporter]:
    """Progress for one command; a user's mistake becomes one sentence and exit code 1."""
    reporter = Reporter(status)
    reporter.say("running")
    try:
        yield reporter
        reporter.say("done")
    except UserError as error:
        reporter.close()
        reporter.say("failed", str(error))
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None
    except Exception as error:
        reporter.say("failed", f"Unexpected {type(error).__name__}: {error}. The log has the details.")
        raise
    finally:
        reporter.close()


def read_data(data: Path, tasks: str, text_column: str, progress: Progress | None = None) -> Manifest:
    from retail.dataset.manifest import read_manifest

    manifest = read_manifest(data, listed(tasks) or None, text_column, progress=progress)
    for problem in manifest.problems:
        typer.echo(f"Note: {problem}", err=True)
    return manifest
