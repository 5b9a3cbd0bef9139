"""Does a cluster give what one machine gives, also when a machine of it dies? Two workers, one killed in the middle.

In: the fashion measuring data beside the project, or any data set. Out: identical or not, and times, on stdout.
`OMP_NUM_THREADS=1 python -m benchmarks.on_ray [DATA] [--rows 512]`; needs the extra `ray`.

The cluster is three nodes of Ray on this machine: a head without a processor and two workers with one each. All three
runs embed the same products, in parts of 64: here in one process, on two workers, and on two workers of which one is
taken from the cluster, with all its processes and without a word, once a third of the parts have come.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from retail import cluster
from retail.cluster.embedding import Embedding
from retail.config.spread import Spread
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.schema import Product
from retail.store import embed_products
from retail.store.remote import store_at

FASHION = Path(__file__).resolve().parents[2] / "shared" / "datasets" / "fashion"
OBJECTS = 80 * 2**20  # bytes of Ray's own memory, a node


@contextmanager
def two_workers() -> Iterator[tuple[Any, Any]]:
    """The cluster, and the worker that may be killed."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": OBJECTS})
    _, victim = [made.add_node(num_cpus=1, object_store_memory=OBJECTS) for _ in range(2)]
    ray.init(address=made.address, log_to_driver=False, logging_level=logging.CRITICAL)
    try:
        yield made, victim
    finally:
        ray.shutdown()
        made.shutdown()


@dataclass(frozen=True)
class Timed:
    """Another work; who did a part, and the processor seconds of that process until then."""

    work: Embedding

    def ready(self) -> cluster.Maker[Sequence[Product], tuple[int, float]]:
        make = self.work.ready()

        def timed(products: Sequence[Product], progress: Any) -> tuple[int, float]:
            make(products, progress)
            return os.getpid(), time.process_time()

        return timed


def embed(products: Sequence[Product], store: str, engine: str, kill: Any = None) -> tuple[float, float]:
    """Seconds from the first part sent to the last one back, and processor seconds of those who encoded.

    A worker's count from its start, so that loading is in them. `kill` is called after a third of the parts.
    """
    work, spent, before = Timed(Embedding("bundled", store, many=True)), dict[int, float](), time.process_time()
    chosen, parts, started = Spread(engine, 2, store), cluster.parts_of(products), time.perf_counter()  # type: ignore
    for number, (pid, so_far) in enumerate(cluster.spread(lambda: work, work.ready, parts, chosen), start=1):
        spent[pid] = max(so_far - (before if pid == os.getpid() else 0), spent.get(pid, 0.0))
        if kill and number == max(1, len(parts) // 3):
            kill()
    return time.perf_counter() - started, sum(spent.values())


def vectors(products: Sequence[Product], store: str) -> dict[str, torch.Tensor]:
    """What the store holds, part by part; nothing is computed."""
    encoders, parts = load_preset("bundled"), []
    for part in cluster.parts_of(products):
        kept = store_at(store)
        parts.append(embed_products(part, encoders, {}, kept)[0])
        assert not kept.computed, "the store lacks embeddings"
    return {name: torch.cat([part.embeddings[name] for part in parts]) for name in encoders}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="?", type=Path, default=FASHION)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--part", type=int, default=64)
    asked = parser.parse_args()
    if not asked.data.exists():
        raise SystemExit(f"{asked.data} is absent; name a data set.")
    cluster.PRODUCTS = asked.part
    torch.set_num_threads(1)  # as each worker does
    products = read_manifest(asked.data).products[: asked.rows]
    counts = {name: sum(name in product.modalities for product in products) for name in ("image", "text", "audio")}
    print(
        f"{len(products):,} products, {counts}, parts of {cluster.PRODUCTS}, load {os.getloadavg()[0]:.1f} before",
        flush=True,
    )
    folder = Path(tempfile.mkdtemp(prefix="on_ray_"))
    stores = {name: f"file://{folder}/{name}" for name in ("here", "two", "killed")}
    try:
        here = embed(products, stores["here"], "local")
        print(f"here              {here[0]:6.1f} s, processor {here[1]:.1f} s", flush=True)
        for name in ("two", "killed"):
            started = time.perf_counter()
            with two_workers() as (made, victim):
                ready = time.perf_counter() - started
                lost = partial(made.remove_node, victim, allow_graceful=False) if name == "killed" else None
                took = embed(products, stores[name], "ray", lost)
            words = "two workers" if name == "two" else "one of two killed"
            print(
                f"{words:17} {took[0]:6.1f} s, {took[0] / here[0]:.2f} x here; processor {took[1]:.1f} s, "
                f"{took[1] / here[1]:.2f} x (the cluster stood after {ready:.1f} s)",
                flush=True,
            )
        found = {name: vectors(products, store) for name, store in stores.items()}
        for name in ("two", "killed"):
            for modality, ours in found["here"].items():
                same = torch.equal(ours, found[name][modality])
                gap = float((ours - found[name][modality]).abs().max())
                print(f"{name} {modality}: {'identical' if same else f'differ by {gap:.1e}'}, n = {len(ours):,}")
        print(f"load {os.getloadavg()[0]:.1f} after")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
