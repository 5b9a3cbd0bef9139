"""A request: what a run is to do, as one typed record, kept as request.json in the run's folder.

In: what somebody chose on a page, on the command line or in a test. Out: a record of one of the kinds below, the same
whoever made it; `retail.workspace.execution` runs it. Paths of outputs are meant within the run's folder.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError

from retail.config import CompareConfig, CurveConfig, FinetuneConfig, SearchConfig, TrainConfig
from retail.config.reading import Reading
from retail.config.spread import Spread
from retail.config.wish import DEFAULT_WISH
from retail.files.record import MOST_WORDS, FileRecord, Version, version_of
from retail.outside.limits import MAX_SETTINGS_BYTES
from retail.schema import MODALITIES, Modality, UserError
from retail.wording import shortened

FILE = "request.json"


class BaseRequest(FileRecord):
    """What every kind has: the data, and files to write."""

    remedy: ClassVar[str] = "start the run anew"

    format: Literal["retail-request/1"] = "retail-request/1"
    data: Path
    # The fields, of any kind, that say where something is written.
    OUTPUTS: ClassVar = ("out", "bundles", "bundle_out", "csv_folder", "latex", "html", "gain_out")

    def as_json(self) -> str:
        """A line a value, for people look into the folders of runs."""
        return self.model_dump_json(indent=1)

    def placed_in(self, folder: Path) -> Self:
        """The same with every output within this folder; absolute ones stay where they are."""
        named = {name: getattr(self, name, None) for name in self.OUTPUTS}
        return self.model_copy(update={name: folder / path for name, path in named.items() if path is not None})


class _Labelled(BaseRequest):
    """Learns, or judges, label columns of the data; no tasks mean all that are found."""

    tasks: tuple[str, ...] = ()
    text_column: str = "text"
    group: tuple[str, ...] = ()  # columns whose values tie rows together; none named: the data's own
    encoders: str = "bundled"


class _Compared(BaseRequest):
    """Tasks, text column and encoders stand in the settings, which the results keep."""

    config: CompareConfig
    group: tuple[str, ...] = ()  # columns whose values tie rows together; none named: the data's own

    @property
    def tasks(self) -> tuple[str, ...]:
        """The label columns to learn."""
        return self.config.tasks

    @property
    def text_column(self) -> str:
        """The column that holds the description."""
        return self.config.text_column

    @property
    def encoders(self) -> str:
        """A preset, or a mix of names."""
        return self.config.encoders


class _Unlabelled(BaseRequest):
    """Asks for no label columns."""

    text_column: str = "text"

    @property
    def tasks(self) -> tuple[str, ...]:
        """None."""
        return ()


class CompareRequest(_Compared):
    """Every strategy and every single input on the same rows."""

    kind: Literal["compare"] = "compare"
    modalities: tuple[Modality, ...] = MODALITIES
    out: Path = Path("results.json")
    bundles: Path | None = None  # a folder for the recogniser of each strategy
    csv_folder: Path | None = None
    latex: Path | None = None
    html: Path | None = None


class DoctorRequest(_Compared):
    """Why one fusion does not do better."""

    kind: Literal["doctor"] = "doctor"
    out: Path | None = None
    csv_folder: Path | None = None


class _Followed(_Labelled):
    """Makes one recogniser, which may follow another: what it gained over that is measured on the test rows."""

    follows: Path | None = None  # the bundle of the other
    gain_out: Path | None = None


class TrainRequest(_Followed):
    """One recogniser on embeddings."""

    kind: Literal["train"] = "train"
    config: TrainConfig
    out: Path  # the bundle


class BestRequest(_Labelled):
    """Several methods within a time, and the best of them on validation as a recogniser."""

    kind: Literal["best"] = "best"
    config: TrainConfig  # of heads; the search chooses the strategy
    minutes: float = Field(default=0, ge=0)  # 0: what suits the size of the data
    out: Path  # the bundle


class FinetuneRequest(_Followed):
    """One recogniser whose encoders learn too."""

    kind: Literal["finetune"] = "finetune"
    config: TrainConfig  # of the head
    tuning: FinetuneConfig
    source: Path | None = None  # another data set, to see how much of it is forgotten
    out: Path  # the bundle


class FrozenRequest(_Labelled):
    """Maps and classifiers on one input's frozen embeddings."""

    kind: Literal["frozen"] = "frozen"
    modality: Modality
    config: SearchConfig
    map_data: Path | None = None  # the maps are fitted on its training rows
    map_tasks: tuple[str, ...] = ()
    out: Path | None = None
    bundle_out: Path | None = None  # the best of them as a recogniser


class CurveRequest(_Labelled):
    """Accuracy against training examples a class."""

    kind: Literal["curve"] = "curve"
    modality: Modality
    config: CurveConfig
    out: Path | None = None


class AuditRequest(_Labelled):
    """Whether the data give their labels away; with encoders "none" no look-alikes are looked for."""

    kind: Literal["audit"] = "audit"
    out: Path | None = None
    csv_folder: Path | None = None


class EmbedRequest(_Unlabelled):
    """Embeddings for later."""

    kind: Literal["embed"] = "embed"
    encoders: str = "bundled"
    spread: Spread = Spread()


class EvaluateRequest(_Unlabelled):
    """A recogniser's scores."""

    kind: Literal["evaluate"] = "evaluate"
    bundle: Path
    split: str = "test"
    group: tuple[str, ...] = ()  # none named: those that the recogniser was trained with
    modalities: tuple[Modality, ...] = ()  # none named: all that the recogniser knows
    out: Path | None = None


class LeaderboardRequest(_Unlabelled):
    """Several recognisers on the same rows; those that were scored before are not scored again."""

    kind: Literal["leaderboard"] = "leaderboard"
    recognizers: Annotated[dict[str, Path], Field(min_length=1)]  # what each is called -> its bundle
    split: str = "test"
    group: tuple[str, ...] = ()  # columns whose values tie rows together; none named: the data's own
    out: Path | None = None
    csv_folder: Path | None = None


class RobustnessRequest(_Unlabelled):
    """How a recogniser copes with damage."""

    kind: Literal["robustness"] = "robustness"
    bundle: Path
    split: str = "test"
    group: tuple[str, ...] = ()  # as of an `EvaluateRequest`
    rows: int = 0  # 0: all
    seed: int = 0
    out: Path | None = None
    csv_folder: Path | None = None


class PredictRequest(_Unlabelled):
    """A recogniser's answers to many products."""

    kind: Literal["predict"] = "predict"
    bundle: Path
    limit: int = 0  # more rows are refused; 0: any number
    accuracy: float = DEFAULT_WISH  # answers are accepted where they are right as often as this
    reading: Reading = Reading()  # what is read from the photos beside the picture
    catalogue: str = ""  # whose products answer beside the classes; "": none
    spread: Spread = Spread()
    out: Path


LearningRequest = (
    CompareRequest | DoctorRequest | TrainRequest | BestRequest | FinetuneRequest | FrozenRequest | CurveRequest
)
Request = (
    CompareRequest
    | DoctorRequest
    | TrainRequest
    | BestRequest
    | FinetuneRequest
    | FrozenRequest
    | CurveRequest
    | AuditRequest
    | EmbedRequest
    | EvaluateRequest
    | LeaderboardRequest
    | RobustnessRequest
    | PredictRequest
)
_ADAPTER: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])


def write_request(request: Request, folder: Path) -> None:
    """Keeps it in the folder of its run."""
    request.write(folder / FILE)


def read_request(folder: Path) -> Request:
    """The request of a run; raises UserError where there is none, or none that this version can read."""
    path = folder / FILE
    try:
        return _read(path, version_of(path))
    except OSError:
        raise UserError(f"{folder} contains no {FILE}; name the folder of a run.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = shortened(f"{place}: {first['msg']}" if place else first["msg"], MOST_WORDS)
        raise UserError(f"{path} is not a request of this version ({reason}); start the run again.") from None


@lru_cache(maxsize=1024)
def _read(path: Path, version: Version) -> Request:
    if version[1] > MAX_SETTINGS_BYTES:
        raise UserError(
            f"{path} has more than {MAX_SETTINGS_BYTES >> 20} MiB, which no request has; start the run again."
        )
    return _ADAPTER.validate_json(path.read_bytes())


def request_of(folder: Path) -> Request | None:
    """The request of a run, None where nobody can read one."""
    try:
        return read_request(folder)
    except UserError:
        return None
