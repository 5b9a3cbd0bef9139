"""The leak audit: six ways in which a data set gives its labels away, looked for one by one.

In: a `Manifest` and, for look-alikes and the shuffled control, embeddings. Out: an `AuditReport`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from retail.audit.control import shuffled_control
from retail.audit.duplicates import near_duplicates
from retail.audit.finding import KINDS, SEVERITIES, Audited, Finding
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
    if progress:
        progress("auditing", len(KINDS), len(KINDS))
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    found = {finding.kind for finding in findings}
    unseen = "No embeddings were given: look-alikes and shuffled inputs were not checked."
    return AuditReport(
        data=AuditedData(name=manifest.title, checksum=manifest.checksum, n=len(data.products)),
        tasks=manifest.tasks,
        checks=tuple(Check(kind=kind, looks_for=words, found=kind in found) for kind, words in KINDS.items()),
        findings=tuple(located(finding, manifest) for finding in findings),
        controls=tuple(controls),
        limits=() if embedded else (unseen,),
    )
