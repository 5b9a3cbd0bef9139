"""Two dashboards and four commands at once on one home: is any update lost or doubled?

In: how many operations. Out: a line a part with the operations, and what was found wrong.
`python -m benchmarks.together --operations 100000`. Each operation is one call: a shard of embeddings kept or read, a
product added, edited or given a view, a row of a review taken and decided, a run written, renamed, annotated or listed.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest import mock

import torch

from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.review.queue import ReviewQueue
from retail.schema import Product
from retail.store import EmbeddingStore
from retail.workspace import jobs
from retail.workspace.runs import history

COMMANDS, DASHBOARDS = 4, 2
# Shares of all operations; a commit to a catalogue costs as much as fifty of the others.
SHARES = {"store": 0.62, "review": 0.25, "runs": 0.125, "catalogue": 0.005}
FIT = 8  # embeddings that a call keeps; every command keeps those that all others keep too
LOOKS = 60  # of these calls of a command, one by a dashboard


def vector(number: int) -> torch.Tensor:
    """What an embedding has to be."""
    return torch.tensor([float(number), number / 7.0, -1.0])


def keep_embeddings(me: int, calls: int) -> None:
    """The same embeddings as all others keep, in another order, each read again."""
    store, chance = EmbeddingStore(), random.Random(me)
    starts = list(range(0, calls // 2 * FIT, FIT))
    chance.shuffle(starts)
    for start in starts:
        own = {f"{number:08}": vector(number) for number in range(start, start + FIT)}
        store._write("shared", own)
        found = store._read("shared", own)
        assert set(found) == set(own) and all(torch.equal(found[key], own[key]) for key in own), "another embedding"


def decide_rows(me: int, calls: int) -> None:
    """Takes and decides rows until none is left."""
    queue = ReviewQueue(jobs.runs_folder())
    while (number := queue.next(f"person {me}")) is not None:
        queue.decide(f"person {me}", number, f"{me} decided {number}")


def write_runs(me: int, calls: int) -> None:
    """Runs of its own, each with a title and a note given later."""
    for number in range(calls // 4):
        job = jobs.new_job()
        jobs.enqueue(["none"], f"asked by {me}", job)
        jobs.rename(job, f"run {number} of {me}")
        jobs.annotate(job, [f"by {me}"], "kept")


def fill_catalogue(me: int, calls: int) -> None:
    """Products of its own, and views of one that all share."""
    shop = Catalogue.open("shop")
    for number in range(calls // 3):
        shop.add([(CatalogueProduct(f"{me}-{number}", "made"), Product("", text=f"words {number}"))])
        shop.edit(f"{me}-{number}", name=f"product {number} of {me}")
        shop.add_views("shared", Product("", text=f"seen by {me} as {number}"), "enrolled")


def look_on(me: int, calls: int) -> None:
    """What a dashboard reads, drawing after drawing."""
    store, queue = EmbeddingStore(), ReviewQueue(jobs.runs_folder())
    for number in range(calls):
        runs = Counter(run.id for run in history())
        assert not runs or max(runs.values()) == 1, "a run is listed twice"
        assert queue.counts().done <= sum((queue.counts().done, queue.counts().left))
        store._read("shared", [f"{FIT * number:08}"])
        if number % 10 == 0:
            Catalogue.open("shop").products(words="product", limit=20)


WORKS: dict[str, Callable[[int, int], None]] = {
    "store": keep_embeddings,
    "review": decide_rows,
    "runs": write_runs,
    "catalogue": fill_catalogue,
}


def at_once(works: list[Callable[[], None]]) -> list[int]:
    """Each in a process of its own; their exit codes."""
    processes = []
    for work in works:
        if not (process := os.fork()):
            try:
                work()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
        processes.append(process)
    return [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]


def wrong_in(calls: dict[str, int]) -> Iterator[str]:
    """What is not as it has to be when all have ended, one sentence each."""
    store, rows = EmbeddingStore(), calls["store"] // 2 * FIT
    found = store._read("shared", [f"{number:08}" for number in range(rows)])
    nothing = torch.zeros(0)
    if lost := [number for number in range(rows) if not found.get(f"{number:08}", nothing).equal(vector(number))]:
        yield f"store: {len(lost)} of {rows} embeddings are lost or another one's"
    with store._shards.connect() as index:
        listed = {row[0] for row in index.execute("SELECT file FROM shards")}
    there = {path.name for path in (store.root / "shards").iterdir()}
    if listed != there:
        yield f"store: {len(listed ^ there)} shards are listed and lost, or there and not listed"
    decided = ReviewQueue(jobs.runs_folder()).decisions()
    if len(decided) != calls["review"] * COMMANDS // 2:
        yield f"review: {len(decided)} rows are decided"
    runs, shown = history(), Counter(run.title for run in history())
    titles = {f"run {number} of {me}" for me in range(COMMANDS) for number in range(calls["runs"] // 4)}
    if set(shown) != titles or len(runs) != len(titles):
        yield f"runs: {len(titles - set(shown))} lost, {len(runs) - len(set(shown))} doubled"
    if wrong := [run for run in runs if run.tags != f"by {run.title.rpartition(' ')[2]}" or run.state == "failed"]:
        yield f"runs: {len(wrong)} have another one's note"
    yield from wrong_in_catalogue(calls["catalogue"] // 3)


def wrong_in_catalogue(products: int) -> Iterator[str]:
    shop = Catalogue.open("shop")
    names = {f"{me}-{number}": f"product {number} of {me}" for me in range(COMMANDS) for number in range(products)}
    right = {one.id for one in shop.products() if names.get(one.id) == one.name}
    if right != set(names) or len(shop) != len(names) + 1:
        yield f"catalogue: {len(set(names) - right)} lost of {len(names)}, {len(shop)} there"
    shared = shop.get("shared")
    texts = {view.source for view in shared.views} if shared else set()
    seen = {f"seen by {me} as {number}" for me in range(COMMANDS) for number in range(products)}
    if texts - {"at first"} != seen or (shared and len(shared.views) != len(seen) + 1):
        yield f"catalogue: {len(seen - texts)} views of the shared product are lost"


@contextmanager
def own_home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="retail-together-") as folder:
        with mock.patch.dict(os.environ, RETAIL_HOME=folder), mock.patch.object(jobs, "advance", lambda: None):
            yield Path(folder)


def run(operations: int) -> list[str]:
    """What went wrong; nothing, it is to be hoped."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="lancedb fork support")
    calls = {name: max(4, int(share * operations / COMMANDS)) // 2 * 2 for name, share in SHARES.items()}
    with own_home():
        jobs.runs_folder().mkdir()
        ReviewQueue(jobs.runs_folder()).fill(range(calls["review"] * COMMANDS // 2))
        if code := at_once([make_shop])[0]:
            return [f"the catalogue could not be made ({code})"]
        problems = []
        for name, work in WORKS.items():
            started, looked = time.monotonic(), max(2, calls[name] // LOOKS)
            commands = [partial(work, me, calls[name]) for me in range(COMMANDS)]
            looks = [partial(look_on, me, looked) for me in range(DASHBOARDS)]
            codes = at_once([*commands, *looks])
            problems += [f"{name}: {sum(map(bool, codes))} processes failed"] if any(codes) else []
            done = COMMANDS * calls[name] + DASHBOARDS * 4 * looked
            print(f"{name:<10}{done:>8} operations {time.monotonic() - started:7.1f} s", flush=True)
        return problems + list(wrong_in(calls))


def make_shop() -> None:
    Catalogue.open("shop").add([(CatalogueProduct("shared", "shared"), Product("", text="at first"))])


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=10_000)
    problems = run(parser.parse_args().operations)
    print("\n".join(problems) or "nothing was lost or doubled")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
