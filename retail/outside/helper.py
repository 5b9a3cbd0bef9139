"""Work on bytes from outside in a process of its own, which may crash, hang or fill its memory without harm.

In: facts and bytes for the function `answer` of a module. Out: its facts and bytes, or `Died`. The process is started
when it is first asked, stays for the next question and is replaced when it died; it ends with its parent.
"""

from __future__ import annotations

import faulthandler
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from queue import LifoQueue
from typing import IO, Any

import retail
from retail.outside.limits import HELPERS
from retail.system import limit_memory, peak_memory_mib, start_piped

PACKAGE_FOLDER = Path(retail.__path__[0]).resolve().parent
HEAD = struct.Struct("<QQ")  # bytes of the facts, as JSON, and of what follows them
START_SECONDS = 60.0
# One that held so much keeps some of it, so another takes its place.
TIRED_MIB = 1024
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # more only reserve memory


class Died(Exception):
    """The process ended on a question; `seconds` is the bound when it took longer, else 0."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(f"stopped after {seconds:g} s" if seconds else "crashed")
        self.seconds = seconds


class Helper:
    """One process for the questions to one module, one after the other."""

    def __init__(self, module: str, seconds: float, memory_bytes: int) -> None:
        self._module, self._seconds, self._memory_bytes = module, seconds, memory_bytes
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Helper:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, facts: Mapping[str, Any], content: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """What the module answers; raises Died when this process cannot, and neither can a fresh one."""
        for last_try in (False, True):
            process = self._started()
            started = time.monotonic()
            try:
                assert process.stdin and process.stdout
                _send(process.stdin, facts, content)
                if answer := _received(process.stdout):
                    return answer
            except BrokenPipeError:
                pass
            except BaseException:  # what was asked may still be answered, to whoever asks next
                self.close()
                raise
            self.close()
            if time.monotonic() - started >= self._seconds:
                raise Died(self._seconds)
            if last_try:
                raise Died
        raise AssertionError

    def close(self) -> None:
        """Ends the process."""
        if self._process:
            self._process.kill()
            for stream in (self._process.stdin, self._process.stdout):
                if stream:
                    try:
                        stream.close()
                    except BrokenPipeError:  # what it was still to read
                        pass
            self._process.wait()
        self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is not None:
            self.close()
        if self._process is None:
            folders = [str(PACKAGE_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
            task = f"serve({self._module!r}, {self._seconds!r}, {self._memory_bytes!r})"
            command = [sys.executable, "-P", "-c", f"from {__name__} import serve; {task}"]
            self._process = start_piped(command, os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(folders)})
        return self._process


class Helpers:
    """As many processes as questions are asked at once, at most `HELPERS`; the last to answer is asked first."""

    def __init__(self, module: str, seconds: float, memory_bytes: int) -> None:
        self._free: LifoQueue[Helper] = LifoQueue()
        for _ in range(HELPERS):
            self._free.put(Helper(module, seconds, memory_bytes))

    def ask(self, facts: Mapping[str, Any], content: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """What the module answers; raises Died."""
        helper = self._free.get()
        try:
            return helper.ask(facts, content)
        finally:
            self._free.put(helper)


def helpers_of(module: str, seconds: float, memory_bytes: int) -> Helpers:
    """Those of this process for a module; one that was forked does not share its parent's."""
    return _helpers(os.getpid(), module, seconds, memory_bytes)


@cache
def _helpers(process: int, module: str, seconds: float, memory_bytes: int) -> Helpers:
    return Helpers(module, seconds, memory_bytes)


def serve(module: str, seconds: float, memory_bytes: int) -> None:
    """Answers questions on standard input until it ends; every question within so many seconds, or the process ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(START_SECONDS, exit=True, file=nowhere)
        answer = import_module(module).answer
        limit_memory(memory_bytes)
        faulthandler.cancel_dump_traceback_later()
        while asked := _received(requests):
            # Its watch needs no interpreter, so it also ends a decoder that never returns.
            faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
            facts, content = answer(*asked)
            faulthandler.cancel_dump_traceback_later()
            _send(answers, facts, content)
            if (peak_memory_mib() or 0) > TIRED_MIB:
                return


def _send(stream: IO[bytes], facts: Mapping[str, Any], content: bytes) -> None:
    said = json.dumps(facts).encode()
    stream.write(HEAD.pack(len(said), len(content)) + said)
    stream.write(content)
    stream.flush()


def _received(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Facts and bytes; None when nothing more comes, or only a part."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    facts, content = HEAD.unpack(head)
    said, rest = stream.read(facts), stream.read(content)
    return (json.loads(said), rest) if len(said) == facts and len(rest) == content else None
