"""The audit: six ways in which a data set gives its labels away, labels that are probably wrong, and duplicates.

In: a `Manifest` and, for look-alikes and the shuffled control, embeddings. Out: an `AuditReport`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from retail.audit.control import shuffled_control
from retail.audit.duplicate_groups import duplicate_groups
from retail.audit.duplicates import near_duplicates
from retail.audit.finding import KINDS, SEVERITIES, Audited, Finding
from retail.audit.label_errors import LEAST_ROWS, Judged, LabelError, label_errors
from retail.audit.names import codes, names
from retail.audit.report import AuditedData, AuditReport, Check, located
from retail.audit.shortcuts import shortcuts
from retail.audit.texts import constant_text, label_words
from retail.dataset.manifest import Manifest
from retail.schema import MODALITIES, Progress, UserError
from retail.store import EmbeddingBatch

__all__ = ["KINDS", "SEVERITIES", "AuditReport", "audit"]


def audit(manifest: Manifest, embedded: EmbeddingBatch | None = None, progress: Progress | None = None) -> AuditReport:
    """Runs every check over all rows; `embedded` holds the rows of the manifest in their order.

    Raises UserError when the data has no label column.
    """
    if not manifest.tasks:
        raise UserError("An audit needs labels; name label columns with --tasks.")
    data = Audited(
        manifest.root,
        manifest.products,
        manifest.tasks,
        {m: embedded.embeddings[m].numpy() for m in MODALITIES if m in embedded.embeddings} if embedded else {},
        {m: embedded.present[m].numpy() for m in MODALITIES if m in embedded.present} if embedded else {},
    )
    checks: Mapping[str, Callable[[Audited], list[Finding]]] = {
        "constant text": constant_text,
        "label words": label_words,
        "names": lambda data: names(data) + codes(data),
        "near-duplicates": near_duplicates,
        "shortcut": shortcuts,
    }
    findings: list[Finding] = []
    for done, check in enumerate(checks.values(), start=1):
        findings += check(data)
        if progress:
            progress("auditing", done, len(KINDS))
    controlled, controls = shuffled_control(data)
    findings += controlled
    doubted = label_errors(data) if embedded else Judged([])
    duplicates = duplicate_groups(data, manifest.decided)
    if progress:
        progress("auditing", len(KINDS), len(KINDS))
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    found = {finding.kind for finding in findings}
    unseen = "No embeddings were given: look-alikes, shuffled inputs and wrong labels were not checked."
    rare = f"{doubted.too_rare:,} labels were not checked, because fewer than {LEAST_ROWS} rows have them."
    return AuditReport(
        data=AuditedData(name=manifest.title, checksum=manifest.checksum, n=len(data.products)),
        tasks=manifest.tasks,
        checks=tuple(Check(kind=kind, looks_for=words, found=kind in found) for kind, words in KINDS.items()),
        findings=tuple(located(finding, manifest) for finding in findings),
        controls=tuple(controls),
        label_errors=tuple(error for error in doubted.errors if not _is_settled(error, manifest)),
        labels_judged=doubted.judged,
        duplicates=tuple(duplicates),
        limits=(*(() if embedded else (unseen,)), *((rare,) if doubted.too_rare else ())),
    )


def _is_settled(error: LabelError, manifest: Manifest) -> bool:
    """Whether somebody said that this label is right."""
    decision = manifest.decided.get(error.row)
    return decision is not None and decision.labels.get(error.task, ("", ""))[1] == error.given
