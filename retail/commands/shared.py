"""What all commands share: the app, their options, progress, and how errors end.

In: arguments as typed. Out: parsed values, progress bars and a status file; exit code 1 for the user's mistakes.
Commands import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail.config.options import listed
from retail.config.spread import Engine
from retail.escaping import in_json, in_line, printable
from retail.schema import MODALITIES, Modality, UserError

if TYPE_CHECKING:
    from retail.workspace.records import State

HELP = "Recognise products from photo, description and sound; compare fusion with single inputs."
app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

EXAMPLES = {
    "dashboard": "Example: python -m retail dashboard --port 8502",
    "demo": "Example: python -m retail demo",
    "check": "Example: python -m retail check my_products.zip --tasks category,colour",
    "fetch": "Example: python -m retail fetch my_products.csv",
    "embed": "Example: python -m retail embed data/demo",
    "train": "Example: python -m retail train my_products.zip --best --minutes 10 --out my_bundle",
    "finetune": "Example: python -m retail finetune my_photos.zip --tasks product --out my_bundle --epochs 12",
    "compare": "Example: python -m retail compare data/demo --tasks product,category --seeds 3 --out results.json",
    "frozen": "Example: python -m retail frozen my_photos.zip --tasks product --methods logistic,pca+logistic",
    "curve": "Example: python -m retail curve my_photos.zip --tasks product --shots 1,4,16,all --draws 5",
    "report": "Example: python -m retail report results.json --html report.html --csv tables",
    "distance": "Example: python -m retail distance my_catalogue phone_photos.zip --modalities image",
    "audit": "Example: python -m retail audit my_products.zip --tasks category,colour --json audit.json",
    "doctor": "Example: python -m retail doctor data/demo --tasks product,category --strategy gated",
    "runtime": "Example: python -m retail runtime my_products.zip --runtime openvino",
    "robustness": "Example: python -m retail robustness data/demo_bundle data/demo --out robustness.json",
    "evaluate": "Example: python -m retail evaluate my_bundle data/demo --modalities image --out scores.json",
    "leaderboard": "Example: python -m retail leaderboard data/demo my_bundle demo --out leaderboard.json",
    "corrections": "Example: python -m retail corrections my_bundle --train my_next_bundle",
    "home": "Example: python -m retail home --clean",
    "run": "Example: python -m retail run ~/.retail/runs/20260101-120000-abcd",
    "guess": "Example: python -m retail guess --names apple,banana --image front.jpg --encoders clip",
    "predict": 'Example: python -m retail predict my_bundle --image front.jpg --text "oat drink, 1 l"',
    "export": "Example: python -m retail export my_bundle --onnx my_onnx",
    "serve": 'Example: python -m retail serve my_bundle --catalogue "Spring range" --port 8000',
    "push": "Example: python -m retail push my_bundle my-shop/groceries --scores scores.json",
    "catalogue list": 'Example: python -m retail catalogue list "Spring range" --where brand=Lark',
    "catalogue import": 'Example: python -m retail catalogue import "Spring range" my_products.zip --by sku',
    "catalogue add": 'Example: python -m retail catalogue add "Spring range" "Oat drink" --image front.jpg',
    "catalogue show": 'Example: python -m retail catalogue show "Spring range" 4711',
    "catalogue edit": 'Example: python -m retail catalogue edit "Spring range" 4711 --field price=1.99',
    "catalogue merge": 'Example: python -m retail catalogue merge "Spring range" 4711 4712',
    "catalogue remove": 'Example: python -m retail catalogue remove "Spring range" 4711',
    "catalogue search": 'Example: python -m retail catalogue search "Spring range" "oat drink" --image front.jpg',
    "catalogue export": 'Example: python -m retail catalogue export "Spring range" products.xlsx',
    "catalogue rename": 'Example: python -m retail catalogue rename "Spring range" "Summer range"',
    "catalogue delete": 'Example: python -m retail catalogue delete "Spring range"',
}

Data = Annotated[Path, typer.Argument(help="A folder, a ZIP or a table; `demo` and `groceries` ship.", metavar="DATA")]
Bundle = Annotated[
    Path, typer.Argument(help="A folder made by 'train --out'; `demo` and `groceries` ship.", metavar="BUNDLE")
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Load the encoders that a bundle from elsewhere asks for: checkpoints of the hub, or your files.",
    ),
]
Tasks = Annotated[
    str,
    typer.Option(
        help=r"Label columns to learn, separated by commas (\, within a name); all that are found if left out."
    ),
]
Group = Annotated[
    str,
    typer.Option(
        help="Columns such as voice,shoot: rows that share a value stay in one split; the data's group if left out."
    ),
]
TextColumn = Annotated[
    str, typer.Option(help="The column that holds the description, or several: title,brand makes one text of both.")
]
Encoders = Annotated[
    str, typer.Option(help="A preset (bundled, hub, clip, siglip) or image=timm:NAME,text=hf:NAME,audio=...")
]
Modalities = Annotated[str, typer.Option(help="Inputs to use, such as image,text; all if left out.")]
OneModality = Annotated[str, typer.Option("--modality", help="The input whose embeddings are used.")]
Read = Annotated[
    str,
    typer.Option(help="What to read in the photos as well: codes (barcodes), words (printed ones), or codes,words."),
]
EngineChoice = Annotated[
    Engine,
    typer.Option(help="Where it is done: on this machine, or on a cluster that Ray spreads it over (extra ray)."),
]
Workers = Annotated[int, typer.Option(min=0, help="With --engine ray: workers; one for each processor if 0.")]
StorePlace = Annotated[
    str,
    typer.Option(
        help="Where embeddings are kept: a folder, or an address such as s3://shop/embeddings.", metavar="PLACE"
    ),
]
ResultsOut = Annotated[Path | None, typer.Option(dir_okay=False, help="The results file to write.")]
JsonFile = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write every finding with all its rows.")]
CsvFolder = Annotated[
    Path | None,
    typer.Option("--csv", file_okay=False, help="Folder for the tables, one CSV file each.", metavar="FOLDER"),
]
Latex = Annotated[Path | None, typer.Option(dir_okay=False, help="Write the tables as LaTeX.")]
Html = Annotated[Path | None, typer.Option(dir_okay=False, help="Write one HTML report that opens without a network.")]
Status = Annotated[
    Path | None, typer.Option(dir_okay=False, help="Keep progress in this JSON file, for the dashboard.")
]


def chosen_inputs(value: str) -> tuple[Modality, ...]:
    names = listed(value) or MODALITIES
    if unknown := [name for name in names if name not in MODALITIES]:
        raise UserError(f"Unknown modality {unknown[0]!r}; choose from {', '.join(MODALITIES)}.")
    return tuple(modality for modality in MODALITIES if modality in names)


def one_input(value: str) -> Modality:
    """One kind of input, no more."""
    if len(names := chosen_inputs(value)) != 1:
        raise UserError(f"--modality takes one input of {', '.join(MODALITIES)}, not {value!r}.")
    return names[0]


def say(line: str, err: bool = False) -> None:
    """Prints one line: what a name holds steers no terminal and makes no line of its own."""
    typer.echo(in_line(line), err=err)


def say_text(lines: str) -> None:
    """Prints several lines whose names are on one line each, such as a table."""
    typer.echo(printable(lines))


def say_json(values: Any) -> None:
    """Prints what programs read."""
    typer.echo(in_json(json.dumps(values, indent=1, ensure_ascii=False)))


def trusted(bundles: Iterable[Path], trust: bool) -> None:
    """Keeps the user's agreement with what these bundles ask for, if it was given."""
    if trust:
        from retail.recognizer.bundle import agree_to

        for bundle in bundles:
            agree_to(bundle)


class Reporter:
    """Shows progress as bars on stderr and, when asked, as a status file."""

    def __init__(self, status: Path | None = None, timed: bool = False) -> None:
        self.timed = timed  # whether lines say when, and stages are lines too: for a log that is read later
        self.status, self.bar, self.stage, self.written = status, None, "", 0.0
        self.last: tuple[str, int, int] = ("starting", 0, 0)
        self.stage_started, self.stage_first, self.scored = time.time(), 0, dict[str, list[float]]()

    def __call__(self, stage: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if stage != self.stage:
            self.close()
            if self.timed:
                self.line(f"{stage[:1].upper()}{stage[1:]}" + (f", {done:,} of {total:,} done" if total else ""))
            self.bar, self.stage = tqdm(total=total, desc=in_line(stage), file=sys.stderr, disable=None), stage
            self.stage_started, self.stage_first = time.time(), done
        assert self.bar is not None
        self.bar.update(done - self.bar.n)
        self.last = (stage, done, total)
        if time.monotonic() - self.written > 0.3 or done == total:
            self.say("running")

    def score(self, model: str, accuracy: float) -> None:
        """A first figure of one model: its accuracy on validation, mean over what was fitted so far."""
        self.scored.setdefault(model, []).append(accuracy)

    def note(self, sentence: str) -> None:
        """Something that is odd but stops nothing, on stderr."""
        self.line(f"Note: {self._logged(sentence)}", err=True)

    def line(self, text: str, err: bool = False) -> None:
        """A line for the log, on stdout."""
        say(f"{time.strftime('%H:%M:%S ') if self.timed else ''}{text}", err)

    def _logged(self, sentence: str) -> str:
        """A log that is read later names lines, and nothing of what stands in them."""
        from retail.wording import nameless

        return nameless(sentence) if self.timed else sentence

    def say(self, state: State, message: str = "") -> None:
        if self.status is None:
            return
        from retail.workspace.records import Status

        means = {model: sum(found) / len(found) for model, found in self.scored.items()}
        self.written = time.monotonic()
        stage, done, total = self.last
        now = Status(
            state=state,
            stage=stage,
            done=done,
            total=total,
            message=message,
            stage_started=self.stage_started,
            stage_first=self.stage_first,
            partial={model: mean for model, mean in means.items() if not math.isnan(mean)},
            pid=os.getpid(),
            updated=time.time(),
        )
        with contextlib.suppress(OSError):  # a full disk; the work itself says so where it cannot go on
            now.write(self.status)

    def fail(self, sentence: str) -> None:
        """The end of a command that somebody can do something about."""
        self.close()
        self.say("failed", sentence)
        self.line(f"Error: {self._logged(sentence)}", err=True)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


@contextlib.contextmanager
def reported(status: Path | None = None, timed: bool = False) -> Iterator[Reporter]:
    """Progress for one command; a user's mistake becomes one sentence and exit code 1."""
    reporter = Reporter(status, timed)
    try:
        if status is not None and not status.parent.is_dir():  # a run that was deleted as it started ends here
            raise UserError(f"The folder of the status file {status} does not exist; make it first.")
        reporter.say("running")
        yield reporter
        reporter.say("done")
    except UserError as error:
        reporter.fail(str(error))
        raise typer.Exit(1) from None
    except Exception as error:
        from retail.files.faults import sentence_of

        if sentence := sentence_of(error):
            reporter.fail(sentence)
            raise typer.Exit(1) from None
        reporter.say("failed", f"Unexpected {type(error).__name__}: {error}. The log has the details.")
        raise
    finally:
        reporter.close()
