"""What a run and its files are called by default, so that people can tell them apart: method, data and date.

In: a request, or a run's folder. Out: names.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from retail.escaping import in_file_name
from retail.fusion import strategies
from retail.wording import INPUT_WORDS
from retail.workspace.jobs import NAME, RECORD
from retail.workspace.records import JobRecord, Name
from retail.workspace.requests import (
    BestRequest,
    CompareRequest,
    CurveRequest,
    FinetuneRequest,
    FrozenRequest,
    Request,
    TrainRequest,
)

UNDECIDED = "Best method"  # until it is known
# The pages are English, whatever language the machine speaks.
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def method_of(request: Request) -> str:
    """'Gated fusion', 'Fine-tuned photo': what a run of this request makes."""
    match request:
        case BestRequest():
            return UNDECIDED
        case TrainRequest():
            return strategies()[request.config.strategy].title
        case FinetuneRequest():
            return f"Fine-tuned {' + '.join(INPUT_WORDS[modality] for modality in request.tuning.tune)}"
        case FrozenRequest():
            return f"Frozen {INPUT_WORDS[request.modality]}"
        case CurveRequest():
            return f"Learning curve of the {INPUT_WORDS[request.modality]}"
        case CompareRequest() if len(request.config.strategies) == 1:
            return f"{strategies()[request.config.strategies[0]].title} compared"
        case CompareRequest():
            return "Comparison"
    return request.kind.capitalize()


def run_name(request: Request, data: str, question: str = "") -> str:
    """'Gated fusion · Fashion · 28 Nov 14:05'; the question where each has a run of its own."""
    return " · ".join(filter(None, (method_of(request), data, question, _moment(time.time()))))


def name_by_kept(folder: Path, title: str) -> None:
    """A run that still has its default name takes that of the method that was kept."""
    asked = JobRecord.read(folder / RECORD).title
    if asked.startswith(f"{UNDECIDED} · ") and not (folder / NAME).exists():
        Name(title=title + asked.removeprefix(UNDECIDED)).write(folder / NAME)


def without_date(title: str) -> str:
    """For lists that say it in a column of its own."""
    return " · ".join(part for part in title.split(" · ") if not re.fullmatch(r"\d{1,2} \w+ \d\d:\d\d", part))


def file_name(title: str, started: float, ending: str, what: str = "") -> str:
    """'Gated fusion · Fashion · 28 Nov 14:05' -> 'fashion_gated_fusion_2026-11-28.csv', as people name files."""
    date = time.strftime("%Y-%m-%d", time.localtime(started))
    method, *parts = without_date(title).split(" · ")
    words = in_file_name(" ".join([*parts[:1], method, *parts[1:]]).lower(), "run")
    return "_".join(filter(None, (words, what, date))) + ending


def _moment(seconds: float) -> str:
    then = time.localtime(seconds)
    return f"{then.tm_mday} {MONTHS[then.tm_mon - 1]} {then.tm_hour:02}:{then.tm_min:02}"
