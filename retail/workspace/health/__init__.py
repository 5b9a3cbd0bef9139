"""Is what this machine keeps sound, what does it take, and what can go? Looking changes nothing; mending asks first.

In: the home folder. Out: `Health`, which the command `home` prints and Runs shows; `mend` repairs or cleans up.
Lock files are left alone: the system frees a lock with the process that held it, and the file itself blocks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from retail.schema import Progress
from retail.workspace.health import catalogues, embeddings, leftovers, records, runs, unused
from retail.workspace.health.finding import KINDS, UNSOUND, Finding
from retail.workspace.health.usage import Use, usage

__all__ = ["Finding", "Health", "Use", "examine", "mend"]

CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    runs.runs_without_a_process,
    runs.unreadable_run_files,
    leftovers.stray_processes,
    records.unreadable_datasets,
    records.unreadable_databases,
    records.unreadable_recognisers,
    catalogues.incomplete_catalogues,
    records.unreadable_caches,
    leftovers.unfinished_writes,
    leftovers.runs_that_never_began,
    unused.uploads_without_a_run,
    unused.examples_without_a_correction,
    unused.unused_graphs,
    unused.unused_unpacked,
    records.datasets_without_their_data,
    runs.runs_without_their_data,
)


@dataclass(frozen=True)
class Health:
    """What the home takes, and what was found, the worst first."""

    uses: tuple[Use, ...]
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged or left over; what is only unused does no harm."""
        return not any(finding.kind in UNSOUND for finding in self.findings)

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(use.size for use in self.uses)

    @property
    def repairs(self) -> tuple[Finding, ...]:
        """What can be repaired."""
        return tuple(finding for finding in self.findings if finding.is_repair)

    @property
    def cleanings(self) -> tuple[Finding, ...]:
        """What can be deleted."""
        return tuple(finding for finding in self.findings if finding.is_cleaning)


def examine(checksums: bool = False, progress: Progress | None = None) -> Health:
    """Looks at everything; with `checksums` every embedding is read, which takes a second a gigabyte or more."""
    found = [finding for check in CHECKS for finding in check()]
    found += embeddings.embeddings(checksums, progress)
    ordered = sorted(found, key=lambda finding: KINDS.index(finding.kind))
    return Health(tuple(usage()), tuple(ordered))


def mend(findings: Iterable[Finding]) -> None:
    """Repairs or deletes; each looks once more whether somebody uses what it touches."""
    for finding in findings:
        if finding.mend is not None:
            finding.mend()
