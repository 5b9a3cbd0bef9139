"""Every recogniser that the dashboard can offer: those that ship, those that finished runs hold, and imported ones.

In: the home folder. Out: `{title: folder}`; a folder is a bundle of `retail.recognizer.bundle`.
"""

from __future__ import annotations

from pathlib import Path

from retail.best.record import report_of
from retail.comparison.results import read_results
from retail.files import DEMO_BUNDLE, DEMO_DIR, DEMO_RESULTS, GROCERIES_BUNDLE, GROCERIES_NAME, home
from retail.recognizer.bundle import BUNDLE, read_record
from retail.schema import Progress, UserError
from retail.workspace import jobs
from retail.workspace.datasets import DEMO_NAME
from retail.workspace.demo import demo_strategies, ensure_demo_bundle
from retail.workspace.jobs import list_jobs, status
from retail.workspace.requests import request_of

RUN_BUNDLES = "bundles"  # a run's recognisers: RUN/bundles/STRATEGY
# On official test photos that nobody had looked at before; benchmarks/groceries.md says how it was measured.
GROCERIES_ON_TEST = {"product": (0.892, 2_485), "category": (0.926, 2_485)}


def imported_folder() -> Path:
    """Where imported bundles live, one folder each."""
    return home() / "bundles"


def recognizers(progress: Progress | None = None) -> dict[str, Path]:
    """Title -> bundle folder: the demo, the groceries, then runs (newest first), imported ones; titles are unique."""
    return _with_others(ensure_demo_bundle(progress))


def any_own() -> bool:
    """Whether there is one besides those that ship and those of the demo; loads nothing."""
    runs = any(bundles_in(job.folder / RUN_BUNDLES) for job in list_jobs())
    return runs or bool(bundles_in(imported_folder()))


def title_of(bundle: Path) -> str:
    """What a recogniser is called in menus, "" where it is in none; loads nothing."""
    return next((title for title, folder in _with_others(DEMO_BUNDLE).items() if folder == bundle), "")


def _with_others(demo: Path) -> dict[str, Path]:
    found = {DEMO_NAME: demo, GROCERIES_NAME: GROCERIES_BUNDLE}
    for folder in bundles_in(demo_strategies()):
        found[f"{DEMO_NAME} · {_strategy(folder)}"] = folder
    for job in list_jobs():
        name = status(job).title or job.id
        for folder in bundles_in(job.folder / RUN_BUNDLES):
            found[_free(f"{name} · {_strategy(folder)}", found, job.id)] = folder
    for folder in bundles_in(imported_folder()):
        found[_free(f"Imported: {folder.name}", found, folder.name)] = folder
    return found


def training_data(bundle: Path) -> tuple[Path, str] | None:
    """Path and text column of the data that a recogniser learned from, None where they are not on this machine."""
    if of_demo(bundle):
        return DEMO_DIR, "text"
    request = request_of(bundle.parent.parent)
    return None if request is None else (request.data, request.text_column)


def accuracies_on_test(bundle: Path, strategy: str) -> dict[str, tuple[float, int]]:
    """{task: (accuracy, test products)} of this strategy in its comparison, or as it ships; {} where there is none."""
    if bundle == GROCERIES_BUNDLE:
        return GROCERIES_ON_TEST
    if report := report_of(bundle):
        return {row.task: (row.accuracy, row.n) for row in report.test}
    path = DEMO_RESULTS if of_demo(bundle) else bundle.parent.parent / "results.json"
    try:
        results = read_results(path)
    except UserError:
        return {}
    scored = {task: results.mean_scores(task).get(strategy) for task in results.scored_tasks()}
    return {task: (score.accuracy, score.n) for task, score in scored.items() if score}


def measured_on(bundle: Path) -> str:
    """Which rows `accuracies_on_test` speaks of, as people read it."""
    if bundle == GROCERIES_BUNDLE:
        return "the official test photos of the Grocery Store Dataset"
    if report_of(bundle):
        return "its own test products, scored once"
    return "the test products of its comparison, all inputs given"


def of_demo(bundle: Path) -> bool:
    """Whether it is the shipped recogniser or another strategy trained on the demo data by a press of the button."""
    return bundle == DEMO_BUNDLE or bundle == home() / "demo_bundle" or bundle.parent == demo_strategies()


def bundle_of(run: str, strategy: str) -> Path | None:
    """The recogniser that a run, "" for the demo's comparison, kept of a strategy; None where it kept none."""
    job = jobs.find(run) if run else None
    folders = [job.folder / RUN_BUNDLES / strategy] if job else [demo_strategies() / strategy, DEMO_BUNDLE]
    kept = [folder for folder in folders if (folder / BUNDLE).is_file()]
    return next((folder for folder in kept if _strategy(folder) == strategy), None)


def bundles_in(parent: Path) -> list[Path]:
    """The bundle folders right below this one, by name."""
    if not parent.is_dir():  # most runs keep none, and to search costs more
        return []
    found = (path.parent for path in parent.glob(f"*/{BUNDLE}"))
    return sorted(folder for folder in found if not folder.name.endswith(".part"))  # those are not finished


def _strategy(folder: Path) -> str:
    try:
        return read_record(folder).strategy
    except UserError:
        return folder.name


def _free(title: str, taken: dict[str, Path], mark: str) -> str:
    return title if title not in taken else f"{title} ({mark})"
