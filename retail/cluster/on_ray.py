"""The same parts on a cluster, by Ray Data: each worker is an actor that holds its encoders.

In: a `Work` and parts. Out: what came of each part, in their order. A part whose worker dies, or whose machine does, is
made again by another.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pickle  # nosec B403  # see tests/test_forbidden.py
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from retail.cluster import Work
from retail.schema import UserError

# Parts that are handed over before the first of them has to be back: they lie in the driver's memory, and for each such
# lot workers load their encoders anew.
AT_ONCE = 1024

Part = TypeVar("Part")
Made = TypeVar("Made")


def on_ray(work: Work[Part, Made], parts: Iterable[Part], workers: int, shared: bool) -> Iterator[Made]:
    """The cluster is that of RAY_ADDRESS, or one of this machine for as long as it takes.

    `shared` says that all machines reach the store. Raises UserError where they are several and do not, and where a
    worker does.
    """
    _check_installed()
    import ray

    started = not ray.is_initialized()
    if started:
        _start(ray, workers)
    try:
        _check_reach(ray, shared)
        # In a list, so that each worker fetches it itself, also one that is started again; it stays on this machine.
        sent, left = [ray.put(ray.cloudpickle.dumps(work))], iter(parts)
        while lot := list(islice(left, AT_ONCE)):
            yield from _made(ray, sent, lot, workers)
    finally:
        if started:
            ray.shutdown()


def _start(ray: Any, workers: int) -> None:
    """Joins the cluster that is named; else one of our own, even where another runs on this machine."""
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if not (address := os.environ.get("RAY_ADDRESS")):
        ray.init(address="local", num_cpus=workers or None, include_dashboard=False, **quiet)
        return
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160].rstrip(".")
        raise UserError(
            f"No cluster of Ray answers at RAY_ADDRESS {address!r} ({reason}); name one that runs."
        ) from None


def _made(ray: Any, sent: list[Any], lot: Sequence[Any], workers: int) -> Iterator[Any]:
    import ray.data as data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    most = max(1, min(workers or int(ray.cluster_resources().get("CPU", 1)), len(lot)))
    # The pool may shrink to one, for a machine that is gone does not come back.
    pool = data.ActorPoolStrategy(min_size=1, initial_size=most, max_size=most, max_tasks_in_flight_per_actor=2)
    rows = data.from_items([{"part": pickle.dumps(part)} for part in lot], override_num_blocks=len(lot))
    answers = rows.map_batches(
        Worker, fn_constructor_args=(sent,), batch_size=1, batch_format="numpy", compute=pool, num_cpus=1
    )
    for row in answers.iter_rows():
        found = pickle.loads(row["made"])  # nosec B301  # of our own workers
        if isinstance(found, Exception):
            raise found
        yield found


class Worker:
    """An actor: made ready once, then asked part by part.

    A mistake of the user's is an answer, not a crash, and so is a worker that does not get ready: Ray would start it
    again without end.
    """

    def __init__(self, sent: list[Any]) -> None:
        import ray
        import torch

        torch.set_num_threads(1)  # a worker has one processor
        self.failed: Exception | None = None
        try:
            self.make = pickle.loads(ray.get(sent[0])).ready()  # nosec B301  # of our own workers
        except Exception as error:
            self.failed = error

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """{"part": (1,)} -> {"made": (1,)}"""
        if self.failed:
            return {"made": [pickle.dumps(self.failed)]}
        try:
            found: Any = self.make(pickle.loads(batch["part"][0]), None)  # nosec B301  # of our own workers
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
