"""What differs between operating systems; nothing else may import what POSIX alone has.

In: nothing. Out: figures, None where the system does not count them.
"""

from __future__ import annotations

import sys


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
