"""The same chunks on a cluster, by Ray Data: each worker is an actor that holds its encoders.

In: a `Work` and products. Out: what came of each chunk, in their order. A chunk whose worker dies, or whose machine
does, is made again by another.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pickle
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from retail.cluster import Work, chunks_of, made
from retail.schema import Product, Progress, UserError

Made = TypeVar("Made")


def on_ray(
    work: Work[Made], products: Sequence[Product], stage: str, progress: Progress | None, workers: int, shared: bool
) -> Iterator[Made]:
    """The cluster is that of RAY_ADDRESS, or one of this machine for as long as it takes.

    `shared` says that all machines reach the store. Raises UserError where they are several and do not, and where a
    worker does.
    """
    _check_installed()
    import ray

    started = not ray.is_initialized()
    if started:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # as Ray asks for, to be silent about it
        ray.init(num_cpus=_cpus(workers), include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        _check_reach(ray, shared)
        yield from _made(ray, work, products, stage, progress, workers)
    finally:
        if started:
            ray.shutdown()


def _made(
    ray: Any, work: Work[Made], products: Sequence[Product], stage: str, progress: Progress | None, workers: int
) -> Iterator[Made]:
    import ray.data as data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    chunks, done = chunks_of(products), 0
    most = max(1, min(workers or int(ray.cluster_resources().get("CPU", 1)), len(chunks)))
    rows = data.from_items([{"chunk": pickle.dumps(chunk)} for chunk in chunks], override_num_blocks=len(chunks))
    # The pool may shrink to one, for a machine that is gone does not come back.
    pool = data.ActorPoolStrategy(min_size=1, initial_size=most, max_size=most, max_tasks_in_flight_per_actor=2)
    # In a list, so that each worker fetches it itself, also one that is started again; it stays on this machine.
    sent = [ray.put(pickle.dumps(work))]
    answers = rows.map_batches(
        Worker, fn_constructor_args=(sent,), batch_size=1, batch_format="numpy", compute=pool, num_cpus=1
    )
    for chunk, row in zip(chunks, answers.iter_rows(), strict=True):
        found = pickle.loads(row["made"])
        if isinstance(found, UserError):
            raise found
        yield found
        done += len(chunk)
        if progress:
            progress(stage, done, len(products))


class Worker:
    """An actor: made ready once, then asked chunk by chunk. A mistake of the user's is an answer, not a crash."""

    def __init__(self, sent: list[Any]) -> None:
        import ray
        import torch

        torch.set_num_threads(1)  # a worker has one processor
        self.make = pickle.loads(ray.get(sent[0])).ready()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """{"chunk": (1,)} -> {"made": (1,)}"""
        try:
            found: Any = made(self.make, pickle.loads(batch["chunk"][0]))
        except UserError as error:
            found = error
        return {"made": [pickle.dumps(found)]}


def _check_installed() -> None:
    if importlib.util.find_spec("ray") is None:
        raise UserError("--engine ray needs Ray, which is not installed: pip install 'retail[ray]'.")


def _check_reach(ray: Any, shared: bool) -> None:
    machines = {node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    if len(machines) > 1 and not shared:
        raise UserError(
            f"The cluster has {len(machines)} machines, which do not share a home folder; name a --store that all of "
            "them reach, such as s3://shop/embeddings."
        )


def _cpus(workers: int) -> int | None:
    """Of a cluster that is started here; one that is joined has its own."""
    return None if os.environ.get("RAY_ADDRESS") else workers or None
