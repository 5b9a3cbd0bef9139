"""Requests a second, latency and memory of `retail serve`, beside LitServe with the same recogniser in the same run.

In: nothing; the demo's test products are asked for by photo and description. Out: a table on stdout.
`python -m benchmarks.serving speed` makes LitServe an environment of its own (below /tmp, with this one's packages);
`memory --minutes 10` watches our memory alone, with `--clients 50 --waiting 32` under more clients than it lets in.
All servers are loaded at once and asked in turn, so that other work on the machine meets them alike; those that are
not asked are halted meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from retail.files import DEMO_DIR

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = (1, 8, 32)
PEER = Path(tempfile.gettempdir()) / "retail_litserve"
PEER_VERSION = "0.2.19"
PHOTO = '--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
TEXT = '\r\n--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n{}\r\n--x--\r\n'
HEAD = (
    "POST /recognise HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    "Content-Length: {}\r\n\r\n"
)
START_SECONDS = 300
BUSY = "Too many requests are under way; try again soon."


@dataclass
class Measured:
    """Of one server with so many clients: latencies in seconds, processor seconds, and how long it was asked."""

    latencies: list[float] = field(default_factory=list)
    processor: float = 0.0
    seconds: float = 0.0
    refused: int = 0
    late: int = 0  # let in, but not answered within the server's limit


@dataclass(frozen=True)
class Server:
    """A running one."""

    name: str
    port: int
    process: psutil.Process

    def family(self) -> list[psutil.Process]:
        """All its processes."""
        return [self.process, *self.process.children(recursive=True)]

    def processor(self) -> float:
        """Seconds of processor that they took so far."""
        times = [member.cpu_times() for member in self.family()]
        return sum(own.user + own.system for own in times)

    def memory_mib(self) -> float:
        """Their proportional set size."""
        return sum(member.memory_full_info().pss for member in self.family()) / 2**20


def requests() -> list[bytes]:
    """The demo's test products that have a photo and a description, as they go over the wire."""
    with (DEMO_DIR / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "test" and row["text"]]
    found = []
    for row in rows:
        if photo := row["image_file_name"].split(";")[0]:
            body = PHOTO.encode() + (DEMO_DIR / photo).read_bytes() + TEXT.format(row["text"]).encode()
            found.append(HEAD.format(len(body)).encode() + body)
    return found


@contextmanager
def running(name: str, command: list[str], threads: int) -> Iterator[Server]:
    """A server on a free port, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "RETAIL_API_KEY": "", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [word.replace("PORT", str(port)) for word in command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(name, port, psutil.Process(process.pid))
    try:
        wait(server, "/ready" if name.startswith("retail") else "/health")
        yield server
    finally:
        family = server.family()
        for member in family:
            member.resume()
            member.terminate()
        _, alive = psutil.wait_procs(family, timeout=20)
        for member in alive:
            member.kill()


def wait(server: Server, path: str) -> None:
    """Raises TimeoutError where it never answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"{server.name} never became ready")


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Status and body of one answer on a connection that stays open."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].split("\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def client(port: int, sent: list[bytes], until: float, measured: Measured, seed: int) -> None:
    """Asks for one product after another."""
    chance = random.Random(seed)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        started = time.perf_counter()
        status, body = await ask(reader, writer, chance.choice(sent))
        if status == 503:  # as its Retry-After says
            measured.refused += 1
            assert json.loads(body) == {"error": BUSY}, body
            await asyncio.sleep(1)
            continue
        if status == 504:  # on a busy machine
            measured.late += 1
            continue
        assert status == 200, body
        measured.latencies.append(time.perf_counter() - started)
    writer.close()


async def visit(server: Server, sent: list[bytes], clients: int, seconds: float, measured: Measured) -> None:
    """So many clients at once for so long."""
    begun, before = time.perf_counter(), server.processor()
    until = begun + seconds
    await asyncio.gather(*(client(server.port, sent, until, measured, seed) for seed in range(clients)))
    measured.seconds += time.perf_counter() - begun
    measured.processor += server.processor() - before


async def answers(server: Server, sent: list[bytes]) -> list[dict]:
    """What it says of each product."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    found = [json.loads((await ask(reader, writer, request))[1])["probs"] for request in sent]
    writer.close()
    return found


@contextmanager
def alone(server: Server, servers: list[Server]) -> Iterator[None]:
    """The others are halted: LitServe's idle processes look for work all the time."""
    others = [member for other in servers if other is not server for member in other.family()]
    for member in others:
        member.suspend()
    yield
    for member in others:
        member.resume()


def difference(one: list[dict], other: list[dict]) -> float:
    """The largest of a probability."""
    return max(
        abs(prob - there[task][label])
        for here, there in zip(one, other, strict=True)
        for task, probs in here.items()
        for label, prob in probs.items()
    )


def peer_python() -> str:
    """LitServe's own environment, which finds the packages of this one behind its own."""
    python = PEER / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEER)], check=True)
        (packages,) = PEER.glob("lib/python*/site-packages")
        (packages / "product.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
        subprocess.run([python, "-m", "pip", "install", "-q", f"litserve=={PEER_VERSION}"], check=True)
    return str(python)


def speed(options: argparse.Namespace) -> None:
    """Every server with every number of clients, round after round."""
    peer, sent = [peer_python(), "-m", "benchmarks.serving_peer", options.bundle, "PORT"], requests()
    ours = [sys.executable, "-m", "retail", "serve", options.bundle, "--port", "PORT", "--together"]
    commands = {
        "retail": [*ours, "8"],
        "retail, one by one": [*ours, "1"],
        "LitServe": [*peer, "1"],
        "LitServe, batches of 8": [*peer, "8"],
    }
    print(f"{len(sent)} products by photo and description, {options.threads} thread(s), load {os.getloadavg()[0]:.1f}")
    with ExitStack() as stack:
        servers = [stack.enter_context(running(name, own, options.threads)) for name, own in commands.items()]
        found = [asyncio.run(answers(server, sent)) for server in servers]
        for server, own in zip(servers[1:], found[1:], strict=True):
            print(f"largest difference of a probability, {server.name}: {difference(found[0], own):.1e}")
        measured = {(server.name, clients): Measured() for server in servers for clients in CLIENTS}
        for number in range(options.rounds):
            for clients in CLIENTS:
                for server in servers if number % 2 else reversed(servers):
                    with alone(server, servers):
                        asyncio.run(visit(server, sent, clients, options.seconds, measured[server.name, clients]))
        memory = {server.name: server.memory_mib() for server in servers}
    for clients in CLIENTS:
        for server in servers:
            print(line(server.name, clients, measured[server.name, clients], memory[server.name]))
    print(f"load {os.getloadavg()[0]:.1f}")


def line(name: str, clients: int, measured: Measured, memory: float) -> str:
    """One row of the table."""
    count = len(measured.latencies)
    cuts = statistics.quantiles(measured.latencies, n=100)
    return (
        f"{clients:>2} clients  {name:<24} {count / measured.seconds:6.1f} requests/s  p50 {1000 * cuts[49]:6.0f} ms  "
        f"p99 {1000 * cuts[98]:6.0f} ms  processor {1000 * measured.processor / count:5.1f} ms a request  "
        f"{memory:5.0f} MiB  n {count}, refused {measured.refused}"
    )


def memory(options: argparse.Namespace) -> None:
    """Our memory while clients ask, every quarter of a minute; who is refused comes again a second later."""
    command = [sys.executable, "-m", "retail", "serve", options.bundle, "--port", "PORT"]
    command += ["--waiting", str(options.waiting)] if options.waiting else []
    sent, everything = requests(), Measured()
    with running("retail", command, options.threads) as server:
        started = time.monotonic()
        while (passed := time.monotonic() - started) < 60 * options.minutes:
            measured = Measured()
            asyncio.run(visit(server, sent, options.clients, 15, measured))
            everything.latencies += measured.latencies
            everything.refused += measured.refused
            everything.late += measured.late
            resident = server.process.memory_info().rss / 2**20
            counts = f"{len(everything.latencies)} answered, {everything.refused} refused, {everything.late} late"
            print(f"{passed + 15:5.0f} s  {resident:6.0f} MiB  {counts}", flush=True)
    cuts = statistics.quantiles(everything.latencies, n=100)
    print(f"p50 {cuts[49]:.2f} s  p99 {cuts[98]:.2f} s  load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "memory"))
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch, in every server")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of one server with so many clients, in one round")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=8, help="at once, for memory")
    parser.add_argument("--waiting", type=int, default=0, help="requests that may be under way, for memory")
    options = parser.parse_args()
    {"speed": speed, "memory": memory}[options.what](options)


if __name__ == "__main__":
    main()
