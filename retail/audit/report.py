"""What a leak audit found, as the file that the command writes and the page reads.

In: findings and figures, or the file. Out: a checked `AuditReport`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

from retail.audit.control import Control
from retail.audit.duplicate_groups import DuplicateGroup
from retail.audit.finding import Finding
from retail.audit.label_errors import LabelError
from retail.dataset.manifest import Manifest
from retail.files.record import FileRecord, Record


class AuditedData(Record):
    """Which data set was looked at, and how many products it has."""

    name: str
    checksum: str
    n: int


class Check(Record):
    """One kind of leak, what is looked for, and whether it was found."""

    kind: str
    looks_for: str
    found: bool


@dataclass(frozen=True, kw_only=True)
class LocatedFinding(Finding):
    """A finding with the number of its products and their lines in the table (None where a line is not known)."""

    n: int
    lines: tuple[int | None, ...]


class AuditReport(FileRecord):
    """Findings, the gravest first, and what else was looked at; `limits` says what could not be."""

    remedy: ClassVar[str] = "run 'audit --json' again"

    format: Literal["retail-audit/1"] = "retail-audit/1"
    data: AuditedData
    tasks: tuple[str, ...]
    checks: tuple[Check, ...]
    findings: tuple[LocatedFinding, ...]
    controls: tuple[Control, ...]
    label_errors: tuple[LabelError, ...] = ()  # the surest first
    labels_judged: int = 0
    duplicates: tuple[DuplicateGroup, ...] = ()  # those with conflicting labels first
    limits: tuple[str, ...] = ()


def located(finding: Finding, manifest: Manifest) -> LocatedFinding:
    """The finding with the lines of its products."""
    lines = tuple(manifest.lines.get(name) for name in finding.rows)
    return LocatedFinding(**asdict(finding), n=len(finding.rows), lines=lines)
