"""Training again from corrections: how many there are, how long it takes, the run, and what it gained.

In: the bundle of a recogniser. Out: an `Offer`, a request or a `Job`, and the `Gain` of a finished one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retail.catalogue.choice import catalogue_of, choose
from retail.finetuning.record import FinetuningRecord
from retail.recognizer.bundle import training_of
from retail.review.corrections import Corrections, knows_of
from retail.review.gain import Gain
from retail.review.record import Correction
from retail.review.version import with_corrections
from retail.schema import UserError
from retail.wording import number_of
from retail.workspace import jobs
from retail.workspace.estimate import duration, known_speed
from retail.workspace.jobs import Job
from retail.workspace.recognizers import RUN_BUNDLES, title_of
from retail.workspace.trained_by import Again, trained_by

GAIN = "gain.json"
# A process that loads its libraries, reads the data, and measures certainty and gain.
START_SECONDS = 30.0


@dataclass(frozen=True)
class Offer:
    """What training again would learn from; `refused` says why it cannot be done, "" where it can."""

    corrections: tuple[Correction, ...]
    seconds: float
    refused: str = ""

    @property
    def sentence(self) -> str:
        """'37 corrections since this recogniser was trained; train again: about 2 minutes.'"""
        count = len(self.corrections)
        said = f"{number_of(count, 'correction')} since this recogniser was trained"
        if not count:
            return f"{said}."
        return f"{said}. {self.refused}" if self.refused else f"{said}; train again: about {duration(self.seconds)}."


def offer(bundle: Path) -> Offer:
    """Reads no data, so that a page may ask each time it is drawn."""
    found = tuple(Corrections().since_training(bundle))
    try:
        request = trained_by(bundle)
    except UserError as error:
        return Offer(found, 0.0, str(error))
    return Offer(found, _seconds(bundle, request, len(found)))


def train_again(bundle: Path) -> Job:
    """Queues the training with all that was said; its recogniser answers with the same catalogue.

    Raises UserError without a correction, or where nobody knows how it was trained.
    """
    request = request_again(bundle)
    count = len(Corrections().of_data(knows_of(bundle)))
    name = title_of(bundle) or bundle.name
    job = jobs.start(request, f"{name}, with {number_of(count, 'correction')}")
    choose(job.folder / request.out, catalogue_of(bundle))
    return job


def request_again(bundle: Path, data: Path | None = None, text_column: str = "text") -> Again:
    """The recogniser's own training, on the data with the corrections, which are made a version now.

    `data` says where the data lie that it learned from, where no run does.
    """
    request = trained_by(bundle, data, text_column)
    corrections = Corrections().of_data(knows_of(bundle))
    version = with_corrections(request.data, corrections, request.tasks, request.text_column)
    places = {"out": Path(RUN_BUNDLES) / bundle.name, "follows": bundle.absolute(), "gain_out": Path(GAIN)}
    return request.model_copy(update={"data": version, **places})


def gain_of(job: Job) -> Gain | None:
    """What a run that trained again has gained; None while it has not ended, and for any other run."""
    try:
        return Gain.read(job.folder / GAIN)
    except UserError:
        return None


def _seconds(bundle: Path, request: Again, corrections: int) -> float:
    """From the last such training on this machine, or from the speed of others."""
    info = training_of(bundle)
    rows = info.rows.train if info else 0
    if isinstance(info, FinetuningRecord):
        return START_SECONDS + info.finetuning_seconds * (rows + corrections) / max(rows, 1)
    speed = known_speed(request.encoders)
    encoding = sum(speed.encode_seconds.get(modality, 0.0) for modality in request.config.modalities)
    return START_SECONDS + speed.fit_seconds * (rows + corrections) + encoding * corrections
