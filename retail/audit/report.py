"""What a leak audit found, as the file that the command writes and the page reads.

In: findings and figures. Out: a checked `AuditReport`; `files.write_record` and `files.read_record` carry it to disk
and back.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from retail.audit.control import Control
from retail.audit.finding import Finding
from retail.dataset.manifest import Manifest


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AuditedData(_Part):
    """Which data set was looked at, and how many products it has."""

    name: str
    checksum: str
    n: int


class Check(_Part):
    """One kind of leak, what is looked for, and whether it was found."""

    kind: str
    looks_for: str
    found: bool


@dataclass(frozen=True, kw_only=True)
class LocatedFinding(Finding):
    """A finding with the number of its products and their lines in the table (None where a line is not known)."""

    n: int
    lines: tuple[int | None, ...]


class AuditReport(_Part):
    """Findings, the gravest first, and what else was looked at; `limits` says what could not be."""

    format: Literal["retail-audit/1"] = "retail-audit/1"
    data: AuditedData
    tasks: tuple[str, ...]
    checks: tuple[Check, ...]
    findings: tuple[LocatedFinding, ...]
    controls: tuple[Control, ...]
    limits: tuple[str, ...] = ()


def located(finding: Finding, manifest: Manifest) -> LocatedFinding:
    """The finding with the lines of its products."""
    lines = tuple(manifest.lines.get(name) for name in finding.rows)
    return LocatedFinding(**asdict(finding), n=len(finding.rows), lines=lines)
