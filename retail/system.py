"""What differs between operating systems; nothing else may name what POSIX alone has.

In: commands, process ids, actions on files. Out: processes that outlive their parent, figures, None where the system
does not count them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

# The exit code of a process that was killed, as `subprocess` tells it; Linux kills what takes too much memory.
KILLED = -9
PATIENCE_SECONDS, PAUSE_SECONDS = 1.0, 0.02
SAME_BIRTH_SECONDS = 0.05  # one process is born at one time, but floats are rounded


def start_detached(
    command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Starts a process that outlives its parent and the terminal; what it prints is added to the log.

    Raises FileNotFoundError when the log's folder or the program does not exist.
    """
    with log.open("ab") as stream:
        return subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=sys.platform != "win32",
            creationflags=_creation_flags(),
        )


def _creation_flags() -> int:
    """Windows: no Ctrl-C of the parent's console, and no window for the process or for those that it starts."""
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0


def born(pid: int) -> float:
    """When a process began, in seconds; raises psutil.Error when there is none.

    Linux counts from the boot, so that setting the clock does not change it; elsewhere from 1970.
    """
    import psutil

    created = psutil.Process(pid).create_time()
    return created - psutil.boot_time() if sys.platform.startswith("linux") else created


def runs(pid: int, birth: float) -> bool:
    """Whether the process of this number and birth (as `born` has it) runs; numbers are used again.

    One that has ended and waits for its parent to notice (a zombie) does not run.
    """
    import psutil

    try:
        same = abs(born(pid) - birth) < SAME_BIRTH_SECONDS
        return same and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def patiently(action: Callable[[], Result]) -> Result:
    """Does it, and again for a second while Windows refuses because another process has the file open."""
    deadline = time.monotonic() + (PATIENCE_SECONDS if sys.platform == "win32" else 0.0)
    while True:
        try:
            return action()
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(PAUSE_SECONDS)


def peak_memory_mib(workers: int = 0) -> int | None:
    """The most memory that this process held so far, in MiB; None where nobody counts it.

    With `workers` an upper bound: each of that many child processes counts as the largest of them.
    """
    if sys.platform == "win32":
        return None
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB on Linux
    own, largest = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + workers * largest) // unit


def limit_memory(size_bytes: int) -> None:
    """Lets this process ask for no more memory than that, where the system can hold it to it."""
    if sys.platform == "win32":
        return
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_AS, (size_bytes, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (OSError, ValueError):  # macOS does not know this limit, or a lower one is set already
        pass


def start_piped(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts a process that is asked and answers through pipes; Ctrl-C in the terminal is not for it."""
    return subprocess.Popen(
        list(command),
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=sys.platform != "win32",
        creationflags=_creation_flags(),
    )
