"""Runs that judge fusion: a comparison, and the doctor's visit.

In: a `CompareRequest` or a `DoctorRequest`. Out: results, tables, reports, and recognisers where asked for.
"""

from __future__ import annotations

from retail.build import compared_recognizers
from retail.comparison.doctor_visit import visit
from retail.comparison.fits import FitOutput
from retail.comparison.on_data import compare_manifest
from retail.comparison.results import DataName, DoctorReport
from retail.encoders import load_preset
from retail.report.doctor_tables import doctor_tables, doctor_text
from retail.report.files import write_outputs, write_tables
from retail.report.tables import comparison_table
from retail.schema import MODALITIES
from retail.splits import prepare
from retail.store import EmbeddingStore
from retail.workspace.execution.outcome import Follower, Outcome, keep, learning_data, note_reading
from retail.workspace.requests import CompareRequest, DoctorRequest


def run(request: CompareRequest | DoctorRequest, follower: Follower) -> Outcome:
    """Dispatches on the kind."""
    return compare(request, follower) if isinstance(request, CompareRequest) else doctor(request, follower)


def compare(request: CompareRequest, follower: Follower) -> Outcome:
    """Trains every strategy and every single-input baseline and scores them on the test rows."""
    config = request.config
    manifest = learning_data(request, follower)
    note_reading(request.encoders, request.modalities, manifest, follower)

    def on_fit(output: FitOutput) -> None:
        if output.note:
            follower.note(f"{output.plan.model}: {output.note}")
        if output.plan.kind in ("single", "fusion") and not config.tune:
            follower.score(output.plan.model, sum(output.val_accuracy.values()) / len(output.val_accuracy))

    compared = compare_manifest(manifest, config, request.modalities, follower, on_fit, follower.note)
    results, fits = compared.comparison.results, compared.comparison.fits
    results.write(request.out)
    if request.bundles is not None:
        for recognizer in compared_recognizers(manifest, compared.encoders, compared.splits, fits, follower):
            inputs = recognizer.modalities
            folder = request.bundles / (recognizer.strategy if len(inputs) > 1 else inputs[0])
            keep(recognizer, folder, follower)
    written = write_outputs(results, request.csv_folder, request.latex, request.html)
    return Outcome(comparison_table(results), tuple(written))


def doctor(request: DoctorRequest, follower: Follower) -> Outcome:
    """Examines why one fusion does not do better."""
    manifest = learning_data(request, follower)
    note_reading(request.encoders, MODALITIES, manifest, follower)
    splits = prepare(manifest, load_preset(request.encoders), EmbeddingStore(), follower, hear=follower.note)
    found = visit(splits, request.config, follower)
    if request.out is not None:
        examined = DataName(name=manifest.title, checksum=manifest.checksum)
        DoctorReport(data=examined, config=request.config, **vars(found)).write(request.out)
    return Outcome(doctor_text(found), tuple(write_tables(doctor_tables(found), request.csv_folder)))
