"""What becomes of a file that was read: everything that a page, a report, a table or a list makes of it.

In: the content of a file. Out: `SHOWN`, {name: (values of a sound file, a reader that shows all of it)}.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from retail import charts
from retail.audit.report import AuditReport
from retail.best.record import BestReport
from retail.comparison.results import Results
from retail.dataset.added import AddedRows
from retail.dataset.columns import Pointer, read_pointer
from retail.evaluation.leaderboard import Leaderboard, leaderboard
from retail.evaluation.reports import Robustness, Scores
from retail.frozen.results import CurveResults, FrozenResults
from retail.report import side_by_side
from retail.report.answers import three_answers
from retail.report.files import csv_zip, latex_text
from retail.report.findings import threshold_sentence
from retail.report.frozen_tables import curve_table, frozen_table
from retail.report.html import html_report
from retail.report.leaderboard_tables import board_sentence, leaderboard_table, leaderboard_text, made_words
from retail.report.mistakes import by_mistakes, class_gains, confusion, pairs, right, rows_in, saved_by, seeds_of
from retail.report.model_card import model_card
from retail.report.robustness_tables import robustness_tables, robustness_text
from retail.report.tables import all_tables, comparison_table, scores_table
from retail.report.verdict import verdict
from retail.review.gain import Gain
from retail.workspace import jobs, naming, runs, settings
from retail.workspace.estimate import _past
from retail.workspace.requests import read_request
from tests.bundle_sample import write_best_report
from tests.frozen_sample import frozen_results
from tests.results_sample import curve_results, sample_json
from tests.scored_sample import candidate

WHOLE = 0.003  # share of the results of which a whole report is made, pictures and all


def results(content: bytes) -> None:
    """As Compare, Runs and the report read them: one question of it, one model and some of the charts, by chance."""
    found = Results.of(content, "results.json")
    chance = random.Random(content)
    json.loads(found.for_others().as_json())
    comparison_table(found)
    runs.results_headline(found)
    model_card(found)
    frame = side_by_side.figures({"one": found, "other": found})
    side_by_side.verdicts({"one": found, "other": found})
    side_by_side.cautions({"one": found, "other": found})
    if not frame.empty:
        side_by_side.table(frame)
    if tasks := found.scored_tasks():
        task, model = chance.choice(tasks), chance.choice(list(found.titles))
        for draw in chance.sample(drawn := list(_drawings(found, task, model)), min(3, len(drawn))):
            draw()
        _mistakes(found, task, model)
    if chance.random() < WHOLE:
        html_report(found)
        csv_zip(found)
        latex_text(found)


def _drawings(found: Results, task: str, model: str) -> Iterator[Callable[[], object]]:
    """What Compare can draw of one question and one model."""
    cut, titles = found.of_task(task), found.titles
    frame = side_by_side.figures({"one": found, "other": found})
    yield lambda: charts.runs_chart(frame).to_dict()
    yield lambda: charts.accuracy_chart(cut, task, titles[model]).to_dict()
    yield lambda: [three_answers(found, task, said.model) for said in [verdict(found, task)] if said.model]
    yield lambda: [table.rows[0] for table in all_tables(cut)]
    if cut.subsets:
        yield lambda: charts.subset_chart(cut, task, titles[model]).to_dict()
    if cut.dedicated:
        yield lambda: charts.dedicated_chart(cut.dedicated, task).to_dict()
    if cut.costs:
        yield lambda: charts.cost_chart(cut.costs, task).to_dict()
    if cut.cascade:
        yield lambda: charts.cascade_chart(cut.cascade, task).to_dict()
    if cut.attribution:
        rows = sorted(cut.attribution, key=lambda row: max(map(abs, row.parts.values())))
        yield lambda: charts.attribution_chart(rows, task).to_dict()
    if cut.calibration:
        (row,) = cut.calibration
        yield lambda: threshold_sentence(row.threshold_for(0.93))
        yield lambda: charts.reliability_chart(row).to_dict()
        yield lambda: charts.bin_chart(row).to_dict()
        if row.coverage:
            yield lambda: charts.coverage_chart(row, row.threshold_for(0.9)).to_dict()
    if found.kind(model) == "fusion" and (gains := class_gains(found, task, model)):
        yield lambda: charts.gain_chart(pd.DataFrame(gains[:12]), task).to_dict()
    counts, classes = confusion(found, task, model, seeds_of(found, model)[0]), found.tasks[task]
    shown = sorted(by_mistakes(counts, len(classes))[:24])
    yield lambda: charts.confusion_chart(counts, classes, shown, None).to_dict()


def _mistakes(found: Results, task: str, model: str) -> None:
    for seed in seeds_of(found, model):
        counts = confusion(found, task, model, seed)
        right(counts)
        for pair in pairs(counts)[:2]:
            for row in rows_in(found, task, model, seed, pair)[:2]:
                saved_by(found, task, seed, row)


def curve(content: bytes) -> None:
    """A learning curve, as Compare and Runs show it."""
    found = CurveResults.of(content, "curve.json")
    runs.curve_headline(found)
    curve_table(found)
    for task in found.tasks:
        charts.curve_chart(found.of_task(task), task).to_dict()


def frozen(content: bytes) -> None:
    """Methods on frozen features, as Runs and the command show them."""
    found = FrozenResults.of(content, "frozen.json")
    runs.frozen_headline(found)
    frozen_table(found)


def board(content: bytes) -> None:
    """A leaderboard, as its page and Runs show it."""
    found = Leaderboard.of(content, "leaderboard.json")
    runs.board_headline(found)
    leaderboard_text(found)
    for task in found.tasks:
        board_sentence(found.of_task(task))
        charts.board_chart(found.of_task(task)).to_dict()
        leaderboard_table(found, task)
        for row in found.of_task(task):
            made_words(row)


def scores(content: bytes) -> None:
    """Kept scores, from which a board is made."""
    found = Scores.of(content, "scores.json")
    scores_table(found)
    from retail.evaluation.leaderboard import Candidate

    leaderboard([Candidate("one", found), Candidate("other", found)])


def robustness(content: bytes) -> None:
    """Curves of damage."""
    found = Robustness.of(content, "robustness.json")
    robustness_text(found)
    for table in robustness_tables(found):
        assert table.columns


def best(content: bytes) -> None:
    """What a search tried, as Runs shows it."""
    found = BestReport.of(content, "best.json")
    if found.kept:
        assert found.sentence and found.winner
        assert found.reason is not None and found.on_test is not None
        runs.best_headline(found)
    for one in found.tried:
        assert one.accuracy is not None


def gain(content: bytes) -> None:
    """What corrections gained."""
    assert Gain.of(content, "gain.json").text


def audit(content: bytes) -> None:
    """A leak audit."""
    from retail.report.audit_tables import audit_tables, audit_text, severities_words, suspicious_rows

    found = AuditReport.of(content, "audit.json")
    severities_words(found)
    audit_tables(found)
    audit_text(found)
    suspicious_rows(found)


def added(content: bytes) -> None:
    """Examples that joined a data set."""
    for row in AddedRows.of(content, "added.json").rows:
        row.product(Path("copies"), ["product"])


def _folder() -> Path:
    """A run of the home, which is to be of this process alone."""
    folder = jobs.runs_folder() / "20260101-000000-abcd"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def request(content: bytes) -> None:
    """What a run was asked to do, as Runs shows it."""
    (_folder() / "request.json").write_bytes(content)
    found = read_request(_folder())
    settings.settings_of(found)
    settings.beside(found, found)
    naming.method_of(found)
    runs.data_title(found.data)
    found.placed_in(_folder())
    json.loads(found.as_json())


def run_file(name: str) -> Callable[[bytes], None]:
    """One of a run's own files: the list of runs, the run's panel and the queue read it."""

    def read(content: bytes) -> None:
        from retail.pages._runs_list import history_table

        for other in _folder().iterdir():
            other.unlink()
        (_folder() / "job.json").write_text(json.dumps(JOB), encoding="utf-8")
        (_folder() / name).write_bytes(content)
        (run,) = runs.history()
        history_table([run])
        naming.file_name(run.title, run.started, ".csv")
        job = run.job
        assert job.notes is not None and jobs.status(job).share is not None
        jobs.waiting(), jobs.at_work()

    return read


def pointer(content: bytes) -> None:
    """A data set that was added by name."""
    folder = _folder().parents[1] / "datasets" / "mine"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.json").write_bytes(content)
    from datetime import datetime

    if found := read_pointer(folder):
        datetime.fromtimestamp(found.added)
        assert Pointer.model_validate_json(found.model_dump_json()) == found


def past(content: bytes) -> None:
    """Results of an earlier run, from which the time of the next is told."""
    path = _folder() / "results.json"
    path.write_bytes(content)
    _past.cache_clear()
    _past(path, 0.0)


JOB = {
    "title": "Gated fusion · Fashion · 28 Nov 14:05",
    "command": ["x"],
    "started": 1_780_000_000.0,
    "process": {"pid": 0, "born": 0.0},
}
STATUS = {
    "state": "done",
    "stage": "fitting",
    "done": 3,
    "total": 10,
    "message": "m",
    "stage_started": 1_780_000_000.0,
    "stage_first": 1,
    "partial": {"gated": 0.5},
    "pid": 7,
    "updated": 1_780_000_100.0,
}
POINTER = {
    "name": "Mine",
    "metadata": "/data/mine",
    "columns": {},
    "notes": ["a note"],
    "added": 1_780_000_000.0,
    "labels": {},
    "rows": {},
    "tables": ["a.csv"],
    "also": "",
}
ADDED = {
    "format": "retail-added/1",
    "rows": [
        {
            "id": "a",
            "images": [{"name": "x.jpg", "sha256": "0" * 64, "size": 3}],
            "text": "tea",
            "audio": {"name": "y.wav", "sha256": "1" * 64, "size": 4},
            "group": "g",
            "labels": {"product": "tea"},
        }
    ],
}


def _best() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        write_best_report(Path(folder))
        return json.loads((Path(folder) / "best.json").read_text(encoding="utf-8"))


def _frozen() -> Any:
    made = frozen_results(("colour", "linear", 0.5), ("colour", "pca+logistic", 0.6), ("shape", "linear", 0.7))
    return json.loads(made.as_json())


def _candidates() -> Any:
    one = candidate("one", {"kind": [1, 1, 0, 1, 1, 1], "shape": [1, 0, 0, 1, 1, 1]})
    other = candidate("other", {"kind": [1, 0, 0, 0, 1, 0], "shape": [1, 0, 0, 1, 0, 1]})
    return one, other


def _robustness() -> Any:
    figures = dict.fromkeys("accuracy accuracy_low accuracy_high change change_low change_high".split(), 0.5)
    figures |= dict.fromkeys("use use_low use_high".split(), 0.1)
    damages = [("none", None), ("blur", 0.5), ("blur", 1.0), ("left out", None)]
    curves = [
        {"task": "kind", "input": "image", "damage": damage, "strength": strength, "given": "all", "n": 9} | figures
        for damage, strength in damages
    ]
    shares = [f"follows_{who}{end}" for who in ("swapped", "others", "neither") for end in ("", "_low", "_high")]
    swapped = {"task": "kind", "given": ["image", "text"], "swapped": "image", "n": 9} | dict.fromkeys(shares, 0.3)
    facts = {"seed": 0, "n": 9, "inputs": ["image", "text"], "remarks": [], "notes": [], "strategy": "gated"}
    data = {"name": "d", "checksum": "0", "split": "test", "n": 9}
    return {"format": "retail-robustness/1", "curves": curves, "swapped": [swapped], "bundle": {}, "data": data} | facts


def _audit() -> Any:
    return {
        "format": "retail-audit/1",
        "data": {"name": "d", "checksum": "0", "n": 9},
        "tasks": ["kind"],
        "checks": [{"kind": "duplicates", "looks_for": "the same photo", "found": True}],
        "findings": [],
        "controls": [],
    }


def _gain() -> Any:
    row = {name: 0.1 for name in Gain.model_fields if name not in ("format", "tasks")}
    return {"format": "retail-gain/1"} | row


def _request() -> Any:
    from retail.config import CompareConfig
    from retail.workspace.requests import CompareRequest

    return json.loads(CompareRequest(data=Path("demo"), config=CompareConfig(strategies=("gated",))).as_json())


def _train() -> Any:
    from retail.config import FinetuneConfig, TrainConfig
    from retail.workspace.requests import FinetuneRequest

    asked = FinetuneRequest(data=Path("demo"), config=TrainConfig(), tuning=FinetuneConfig(), out=Path("x"))
    return json.loads(asked.as_json())


SHOWN: dict[str, tuple[Callable[[], Any], Callable[[bytes], object]]] = {
    "results": (sample_json, results),
    "results-past": (sample_json, past),
    "curve": (curve_results, curve),
    "frozen": (_frozen, frozen),
    "leaderboard": (lambda: json.loads(leaderboard(_candidates()).as_json()), board),
    "scores": (lambda: json.loads(_candidates()[0].scores.as_json()), scores),
    "robustness": (_robustness, robustness),
    "best": (_best, best),
    "audit": (_audit, audit),
    "added": (lambda: ADDED, added),
    "request": (_request, request),
    "request-finetune": (_train, request),
    "run-job": (lambda: JOB, run_file("job.json")),
    "run-status": (lambda: STATUS, run_file("status.json")),
    "run-name": (lambda: {"title": "a title"}, run_file("name.json")),
    "run-notes": (lambda: {"tags": ["a", "b"], "text": "t"}, run_file("notes.json")),
    "pointer": (lambda: POINTER, pointer),
}
