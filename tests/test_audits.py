"""An audit as a run: queued for its data set, found again, and remembered by its counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from retail.audit import AuditReport, audit
from retail.dataset.reader import read_manifest
from retail.workspace import audits, datasets, jobs, runs
from retail.workspace.requests import AuditRequest


@pytest.fixture(autouse=True)
def quiet_queue(tmp_path, monkeypatch):
    """Runs wait and nothing works them off."""
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(jobs, "advance", lambda: None)


def finish(job: jobs.Job, report: AuditReport) -> None:
    """As if the queue had worked it off."""
    report.write(job.folder / audits.REPORT)
    job.record.model_copy(update={"queued": False}).write(job.folder / jobs.RECORD)
    (job.folder / "status.json").write_text('{"state": "done"}', encoding="utf-8")


def test_the_newest_audit_of_a_data_set_is_found_and_no_other(small_data):
    one, two = datasets.add_folder("One", small_data), datasets.add_folder("Two", small_data)
    assert audits.latest(one) is None
    first, other = audits.start(one), audits.start(two)
    assert first.request == AuditRequest(data=one.path, out=Path("audit.json"))
    assert (audits.latest(one), audits.latest(two)) == (first, other)
    assert audits.report(first) is None


def test_a_finished_audit_is_remembered_by_its_counts(small_data):
    job = audits.start(datasets.add_folder("Small", small_data))
    report = audit(read_manifest(small_data))
    finish(job, report)
    assert audits.report(job) == report
    (run,) = runs.history()
    assert (run.kind, run.data, run.state) == ("audit", "Small", "done")
    leaks = sum(finding.severity == "leak" for finding in report.findings)
    assert leaks > 0 and run.headline.startswith(f"{leaks} leak")
