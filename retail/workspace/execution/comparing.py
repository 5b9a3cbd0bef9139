"""Runs that judge fusion: a comparison, and the doctor's visit.

In: a `CompareRequest` or a `DoctorRequest`. Out: results, tables, reports, and recognisers where asked for.
"""

from __future__ import annotations

from retail.build import compared_recognizers
from retail.bundle import save_bundle
from retail.comparison.cost import encode_costs
from retail.comparison.doctor_visit import visit
from retail.comparison.fits import FitOutput
from retail.comparison.run import compare as run_comparison
from retail.comparison.run import plan_models
from retail.encoders import load_preset
from retail.files import without_nan, write_json
from retail.report.doctor_tables import doctor_tables, doctor_text
from retail.report.files import write_outputs, write_tables
from retail.report.tables import comparison_table
from retail.splits import prepare
from retail.store import EmbeddingStore
from retail.workspace.execution.outcome import Follower, Outcome, read_data
from retail.workspace.requests import CompareRequest, DoctorRequest


def run(request: CompareRequest | DoctorRequest, follower: Follower) -> Outcome:
    """Dispatches on the kind."""
    return compare(request, follower) if isinstance(request, CompareRequest) else doctor(request, follower)


def compare(request: CompareRequest, follower: Follower) -> Outcome:
    """Trains every strategy and every single-input baseline and scores them on the test rows."""
    config, used = request.config, request.modalities
    manifest = read_data(request.data, request.tasks or None, request.text_column, follower)
    plan_models(config, manifest.tasks, used)  # an unknown strategy is said before the long work
    loaded = load_preset(request.encoders, used)
    splits = prepare(manifest, loaded, EmbeddingStore(), follower)
    costs = encode_costs(loaded, manifest.in_split("test"))

    def on_fit(output: FitOutput) -> None:
        if output.plan.kind in ("single", "fusion") and not config.tune:
            follower.score(output.plan.model, sum(output.val_accuracy.values()) / len(output.val_accuracy))

    results = without_nan(run_comparison(manifest, splits, loaded, config, follower, costs=costs, on_fit=on_fit))
    write_json(request.out, results)
    if request.bundles is not None:
        present = [name for name in used if bool(splits.train.present[name].any())]
        plans = plan_models(config, manifest.tasks, present)
        for recognizer in compared_recognizers(manifest, loaded, splits, plans, results["tuning"], follower):
            save_bundle(recognizer, request.bundles / (recognizer.strategy if len(present) > 1 else present[0]))
    written = write_outputs(results, request.csv_folder, request.latex, request.html)
    return Outcome(comparison_table(results), tuple(written))


def doctor(request: DoctorRequest, follower: Follower) -> Outcome:
    """Examines why one fusion does not do better."""
    manifest = read_data(request.data, request.tasks or None, request.text_column, follower)
    splits = prepare(manifest, load_preset(request.encoders), EmbeddingStore(), follower)
    found = without_nan(visit(splits, request.config, follower))
    if request.out is not None:
        facts = {"name": manifest.title, "checksum": manifest.checksum}
        whole = {"format": "retail-doctor/1", "data": facts, "config": request.config.to_dict()} | found
        write_json(request.out, whole)
    return Outcome(doctor_text(found), tuple(write_tables(doctor_tables(found), request.csv_folder)))
