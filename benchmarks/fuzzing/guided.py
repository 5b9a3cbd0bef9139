"""Inputs that coverage leads: atheris changes seeds and keeps what reaches new lines of the readers.

In: a target that changes seeds, how many inputs. Out: the process ends; a finding lies in the target's folder.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from benchmarks.fuzzing.attempts import sentence_fault
from retail.schema import UserError

READERS = ["retail", "PIL", "zipfile"]  # whose lines count


def guide(name: str, inputs: int, seed: int, folder: Path) -> None:
    """Does not return."""
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed; pip install atheris, in an environment of its own.")
    with atheris.instrument_imports(include=READERS, enable_loader_override=False):
        import PIL.Image
        import PIL.ImageFile  # noqa: F401

        from benchmarks.fuzzing import target_named
        from benchmarks.fuzzing.mutation import Mutated

        target = target_named(name)
    if not isinstance(target, Mutated):
        sys.exit(f"{name} makes its inputs as a whole, so coverage cannot lead it.")
    corpus = folder / name / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(content)

    def one(content: bytes) -> None:
        try:
            target.read(target.mend(content, random.Random(len(content))) if target.mend else content)
        except UserError as error:
            if fault := sentence_fault(str(error)):
                raise RuntimeError(f"the sentence {fault}: {error}") from error

    options = [f"-runs={inputs}", f"-seed={seed}", "-max_len=65536", "-timeout=60", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={folder / name}/guided-", str(corpus)], one)
    atheris.Fuzz()
