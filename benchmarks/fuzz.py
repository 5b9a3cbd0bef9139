"""Mutated inputs to every reader of bytes from outside: nothing but values and sentences may come out.

`python -m benchmarks.fuzz [TARGET ...] --inputs 100000 --seed 1 --minutes 60` tries so many inputs of each target on
all cores and goes on where an earlier call of this seed stopped; `--figures` only prints what was counted. An input
that raises, crashes, hangs, takes over 5 s or 512 MiB, or gets a sentence that no user understands is kept and printed;
`--only NUMBER` tries that one again, with its trace. `--guided TARGET` mutates by coverage with atheris
(`pip install atheris`), in one process, and stops at the first finding.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.fuzzing import all_targets, target_named
from benchmarks.fuzzing.attempts import attempt, last_input
from benchmarks.fuzzing.workers import Figures, read_figures, run

FOLDER = Path(tempfile.gettempdir()) / "retail-fuzz"
HEAD = "target                inputs    values   refused findings  slowest   MiB  ms each"


def main(arguments: Sequence[str] | None = None) -> int:
    """Tries inputs as the command line says; 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="readers; all without any")
    parser.add_argument("--inputs", type=int, default=10_000, help="of each target, with those tried before")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of figures and findings")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one input of one target again")
    parser.add_argument("--figures", action="store_true", help="what was counted, of all seeds together")
    parser.add_argument("--guided", metavar="TARGET", help="by coverage")
    asked = parser.parse_args(arguments)
    if asked.guided:
        from benchmarks.fuzzing.guided import guide

        guide(asked.guided, asked.inputs, asked.seed, asked.folder)
    names = asked.targets or list(all_targets())
    for name in names:
        try:
            target_named(name)
        except StopIteration:
            parser.error(f"there is no target {name!r}; there are {', '.join(all_targets())}")
    if asked.only is not None:
        return _again(names[0], asked.seed, asked.only)
    if not asked.figures:
        until = time.monotonic() + 60 * asked.minutes
        run(names, asked.inputs, asked.seed, asked.workers, asked.folder, until, lambda told: print(told, flush=True))
    return _report({name: _counted(asked.folder / name) for name in names})


def _again(name: str, seed: int, number: int) -> int:
    outcome = attempt(target_named(name), name, seed, number)
    print(f"{outcome.kind}: {outcome.said}\n{len(last_input()):,} bytes: {last_input()[:200]!r}")
    print({key: value for key, value in asdict(outcome).items() if key in ("seconds", "mib")})
    return int(outcome.is_finding)


def _counted(folder: Path) -> Figures:
    total = Figures()
    for place in sorted(folder.glob("figures-*.json")):
        total.join(read_figures(place))
    return total


def _report(figures: dict[str, Figures]) -> int:
    print(HEAD)
    for name, one in [*figures.items(), ("all", _total(figures))]:
        found = sum(one.findings.values())
        each = 1000 * one.seconds / max(one.inputs, 1)
        print(
            f"{name:<18} {one.inputs:>9,} {one.kinds['value']:>9,} {one.kinds['refused']:>9,} {found:>8,} "
            f"{one.slowest:>6.2f} s {one.largest_mib:>5} {each:>8.2f}"
        )
    kinds = sum((Counter(one.findings) for one in figures.values()), Counter[str]())
    for kind, count in kinds.most_common(20):
        print(f"  {count:,} × {kind}")
    return int(bool(kinds))


def _total(figures: dict[str, Figures]) -> Figures:
    total = Figures()
    for one in figures.values():
        total.join(one)
    return total


if __name__ == "__main__":
    sys.exit(main())
