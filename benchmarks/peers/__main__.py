"""AutoGluon, Ludwig and a short script beside this product, each in an environment that this command makes.

In: the fashion and grocery sets beside the project, and a package index. Out: FOLDER/PEER-MODE.json and the tables of
`peers.md`. What stands in FOLDER is not measured again, so the command may be stopped and given again.

    OMP_NUM_THREADS=1 python -m benchmarks.peers [ours script autogluon ludwig] [--folder FOLDER] [--keep]
    python -m benchmarks.peers --table

Nothing is chosen on test rows. Seconds are processor time of the process and those that it started; memory is the
largest of these processes. Without --keep an environment is deleted when its peer was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.data import DATASETS, prepare

PROJECT = Path(__file__).parents[2]
# The same for all; without a pin some installs pair versions that do not fit together.
PINS = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")
CORE = ("torch", "nvidia", "triton", "cuda")  # what every peer needs alike: PyTorch and the libraries of its GPU part


@dataclass(frozen=True)
class Peer:
    """What is installed, and in which modes it is measured: with frozen encoders, or with tuned ones."""

    packages: tuple[str, ...]
    modes: tuple[str, ...]


PEERS = {
    "ours": Peer((str(PROJECT),), ("frozen", "tuned")),
    "script": Peer(("sentence-transformers", "timm", "scikit-learn", "pillow"), ("frozen",)),
    "autogluon": Peer(("autogluon.multimodal==1.6.3",), ("tuned",)),
    "ludwig": Peer(("ludwig==0.11.0", "timm"), ("tuned", "frozen")),
}


def measure(name: str, folder: Path, keep: bool) -> None:
    """Every mode of a peer that is not measured yet."""
    peer = PEERS[name]
    waiting = [mode for mode in peer.modes if not (folder / f"{name}-{mode}.json").exists()]
    if not waiting:
        return
    python, installed = environment(name, peer, folder)
    for mode in waiting:
        found: dict[str, Any] = {"peer": name, "mode": mode, "installed": installed}
        for step in ("train", "ask"):
            found[step] = run(python, name, step, mode, folder)
        (folder / f"{name}-{mode}.json").write_text(json.dumps(found), encoding="utf-8")
    if not keep:
        shutil.rmtree(folder / f"env-{name}")


def environment(name: str, peer: Peer, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Its interpreter, and what lies there."""
    own = folder / f"env-{name}"
    python, facts = own / "bin" / "python", own / "installed.json"
    if not facts.exists():
        venv.create(own, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-cache-dir", *PINS, *peer.packages], check=True)
        listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], stdout=subprocess.PIPE, check=True)
        versions = {each["name"]: each["version"] for each in json.loads(listed.stdout)}
        facts.write_text(json.dumps({"versions": versions, "mb": megabytes(own)}), encoding="utf-8")
    return python, json.loads(facts.read_text(encoding="utf-8"))


def megabytes(own: Path) -> dict[str, float]:
    """Of PyTorch with its GPU libraries, and of everything beside it."""
    sizes = {"core": 0, "beside": 0}
    (packages,) = own.glob("lib/python*/site-packages")
    for path in packages.rglob("*"):
        if path.is_file() and not path.is_symlink():
            top = path.relative_to(packages).parts[0].split("-")[0]
            is_core = top in ("torch", "torchgen", "functorch") or top.startswith(CORE[1:])
            sizes["core" if is_core else "beside"] += path.stat().st_size
    return {part: round(size / 1e6) for part, size in sizes.items()}


def run(python: Path, name: str, step: str, mode: str, folder: Path) -> dict[str, Any]:
    """A step in a process of its own, with what it took; one that was done before is not done again."""
    out, log, done = (folder / f"{name}-{mode}-{step}.{ending}" for ending in ("out", "log", "done"))
    if done.exists():
        return json.loads(done.read_text(encoding="utf-8"))
    command = [str(python), "-m", f"benchmarks.peers.{name}", step, mode, str(folder), str(out)]
    own = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "RETAIL_HOME": str(folder / f"home-{name}-{mode}")}
    with log.open("wb") as stream:
        started = subprocess.Popen(command, cwd=PROJECT, env=os.environ | own, stdout=stream, stderr=stream)
        _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        sys.exit(f"{name}, {mode}, {step}: ended with {started.returncode}; {log} says why.")
    cost = {"seconds": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024, "load": os.getloadavg()[0]}
    found = cost | json.loads(out.read_text(encoding="utf-8"))
    done.write_text(json.dumps(found), encoding="utf-8")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "retail_peers")
    parser.add_argument("--datasets", type=Path, default=DATASETS)
    parser.add_argument("--keep", action="store_true", help="leave the environments where they are")
    parser.add_argument("--table", action="store_true", help="what was measured so far")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not options.table:
        if not (options.folder / "work.json").exists():
            prepare(options.folder, options.datasets)
        for chosen in options.peers or PEERS:
            measure(chosen, options.folder, options.keep)
    from benchmarks.peers.tables import tables

    print(tables(options.folder))
