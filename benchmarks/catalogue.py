"""What a catalogue costs at a million products, in LanceDB and in SQLite with usearch or FAISS; and what kills break.

In: nothing; products and vectors are made up. Out: the tables of `catalogue.md`.

    python benchmarks/catalogue.py database --rows 50000     a trial; without --rows a million
    python benchmarks/catalogue.py kills --count 1000        may be stopped and goes on where it was
    python benchmarks/catalogue.py writers                   four processes that write at once
    python benchmarks/catalogue.py search                    words, meaning and photo on the demo

Vectors (512 numbers) are clustered as embeddings of products are: 48 hidden numbers, a centre for every 50 products,
noise around it. A query is a vector of the catalogue with noise, as another photo of the same product would be. Each
step runs in a process of its own, whose peak memory counts, and leaves a line in `results.jsonl`; steps that are there
are not repeated. usearch and faiss-cpu are no dependencies: install them to repeat this.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

DIM, HIDDEN, PART = 512, 48, 10_000
QUERIES, TOP = 100, 10
CATEGORIES, BRANDS, PRICES = 50, 2000, 1000
UPSERTS, UPSERT_PART = 10_000, 1_000
FILTERS: dict[str, dict[str, str]] = {
    "none": {},
    "2 %": {"category": "category 7"},
    "10 %": {"price": "10..19.99"},
    "0.05 %": {"brand": "brand 7"},
}


# ---------------------------------------------------------------- made-up products


def vectors(part: int, rows: int) -> np.ndarray:
    """(PART, DIM) unit vectors of one part."""
    mixing = np.random.default_rng(0).normal(size=(HIDDEN, DIM)).astype("f4") / HIDDEN**0.5
    centres = np.random.default_rng(1).normal(size=(max(rows // 50, 10), HIDDEN)).astype("f4")
    rng = np.random.default_rng(1000 + part)
    hidden = centres[rng.integers(0, len(centres), PART)] + 0.5 * rng.normal(size=(PART, HIDDEN)).astype("f4")
    return unit(hidden @ mixing + 0.3 * rng.normal(size=(PART, DIM)).astype("f4"))


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("f4")


def queries(rows: int) -> np.ndarray:
    noise = np.random.default_rng(5).normal(size=(QUERIES, DIM)) / DIM**0.5
    return unit(vectors(0, rows)[:QUERIES] + noise)


def facts(place: int) -> dict[str, str]:
    return {
        "category": f"category {place % CATEGORIES}",
        "brand": f"brand {place % BRANDS}",
        "price": str(place % PRICES / 10),
        "EAN": f"{4_000_000_000_000 + place}",
    }


def passes(name: str, places: np.ndarray) -> np.ndarray:
    """(N,) bool: the products that a filter lets through."""
    if name == "2 %":
        return places % CATEGORIES == 7
    if name == "10 %":
        return (places % PRICES >= 100) & (places % PRICES < 200)
    return places % BRANDS == 7 if name == "0.05 %" else np.ones(len(places), bool)


def truth(folder: Path, rows: int) -> dict[str, np.ndarray]:
    """For each filter the places of the (QUERIES, TOP) nearest products, by comparing all."""
    file = folder / "truth.npz"
    if not file.exists():
        asked = queries(rows)
        best = {name: (np.zeros((QUERIES, 0)), np.zeros((QUERIES, 0), int)) for name in FILTERS}
        for part in range(rows // PART):
            places = np.arange(part * PART, (part + 1) * PART)
            cosines = asked @ vectors(part, rows).T
            for name, (kept, kept_places) in best.items():
                fits = passes(name, places)
                scores = np.concatenate([kept, cosines[:, fits]], axis=1)
                where = np.concatenate([kept_places, np.tile(places[fits], (QUERIES, 1))], axis=1)
                order = np.argsort(-scores, axis=1)[:, :TOP]
                best[name] = np.take_along_axis(scores, order, 1), np.take_along_axis(where, order, 1)
        np.savez(file, **{name: where for name, (_, where) in best.items()})
    return dict(np.load(file))


# ---------------------------------------------------------------- the three stores


class Lance:
    """`Catalogue` as the product uses it."""

    name = "LanceDB"

    def __init__(self, folder: Path, rows: int) -> None:
        os.environ["RETAIL_HOME"] = str(folder / "lance")
        from types import SimpleNamespace

        from retail.catalogue.database import Catalogue

        self.rows, self.encoder = rows, SimpleNamespace(fingerprint="made up", modality="image", dim=DIM)
        self.catalogue = Catalogue.open("made up")
        self.table = self.catalogue._vectors(self.encoder)  # type: ignore[arg-type]
        self.folder = self.catalogue.folder

    def keep(self, places: Sequence[int], rows: np.ndarray) -> None:
        from retail.catalogue.record import CatalogueProduct
        from retail.schema import Product

        kept = self.catalogue.add(
            [
                (
                    CatalogueProduct(f"{place:07}", f"Product {place}", {}, facts(place)),
                    Product.of(text=f"number {place}"),
                )
                for place in places
            ],
            origin="import",
        )
        self.table.keep([one.views[0].id for one in kept], [one.id for one in kept], rows)

    def build(self) -> None:
        self.table.tidy()

    def ask(self, query: np.ndarray, where: dict[str, str]) -> list[int]:
        (near,) = self.catalogue.nearest(self.encoder, query[None], TOP, where or None)  # type: ignore[arg-type]
        return [int(one.product) for one in near]

    def words(self, words: str) -> int:
        return len(self.catalogue.ids_by_words(words))


class Sqlite:
    """Facts and vectors in SQLite, which commits; an index of vectors in memory, saved as a file now and then."""

    name = "SQLite"
    few = 10_000

    def __init__(self, folder: Path, rows: int) -> None:
        self.rows, self.folder = rows, folder / self.name.replace(" ", "_")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.base = self.connect()
        self.base.execute("PRAGMA journal_mode=WAL")
        self.base.execute("PRAGMA synchronous=FULL")
        self.base.executescript(
            """CREATE TABLE IF NOT EXISTS products (place INTEGER PRIMARY KEY, id TEXT UNIQUE, name TEXT, category TEXT,
               brand TEXT, price REAL, ean TEXT, vector BLOB);
               CREATE INDEX IF NOT EXISTS by_category ON products (category);
               CREATE INDEX IF NOT EXISTS by_brand ON products (brand);
               CREATE INDEX IF NOT EXISTS by_price ON products (price);
               CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5 (words);"""
        )
        self.load()

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / "products.sqlite", check_same_thread=False, timeout=60)

    def keep(self, places: Sequence[int], rows: np.ndarray) -> None:
        lines = [(place, f"{place:07}", f"Product {place}", facts(place)) for place in places]
        with self.base:
            self.base.executemany(
                "INSERT OR REPLACE INTO products VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (place, id, name, f["category"], f["brand"], float(f["price"]), f["EAN"], row.tobytes())
                    for (place, id, name, f), row in zip(lines, rows, strict=True)
                ],
            )
            self.base.executemany(
                "INSERT OR REPLACE INTO texts (rowid, words) VALUES (?, ?)",
                [(place, " ".join((name, *f.values()))) for place, _, name, f in lines],
            )
        self.index(places, rows)

    def ask(self, query: np.ndarray, where: dict[str, str]) -> list[int]:
        condition, values = self.condition(where)
        if where:
            (passing,) = self.base.execute(f"SELECT count(*) FROM products WHERE {condition}", values).fetchone()
            if passing <= self.few:
                return self.ranked(query, f"SELECT place, vector FROM products WHERE {condition}", values)
        count = 5 * TOP
        while True:
            count *= 8 if where else 1
            near = self.near(query, count)
            marks = ",".join("?" * len(near))
            found = self.ranked(
                query, f"SELECT place, vector FROM products WHERE place IN ({marks}) AND {condition}", [*near, *values]
            )
            if len(found) >= TOP or len(near) < count:
                return found

    def condition(self, where: dict[str, str]) -> tuple[str, list[Any]]:
        if "price" in where:
            return "price BETWEEN ? AND ?", [float(end) for end in where["price"].split("..")]
        return " AND ".join(["1", *(f"{name} = ?" for name in where)]), [*where.values()]

    def ranked(self, query: np.ndarray, sql: str, values: Sequence[Any]) -> list[int]:
        rows = self.base.execute(sql, values).fetchall()
        if not rows:
            return []
        cosines = np.frombuffer(b"".join(row[1] for row in rows), "f4").reshape(-1, DIM) @ query
        return [rows[place][0] for place in np.argsort(-cosines)[:TOP]]

    def words(self, words: str) -> int:
        found = "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT 20"
        return len(self.base.execute(found, (words,)).fetchall())

    load: Callable[[], None]
    index: Callable[[Sequence[int], np.ndarray], None]
    near: Callable[[np.ndarray, int], list[int]]
    build: Callable[[], None]


class Usearch(Sqlite):
    """HNSW over vectors in 16 bits; expansions as they come."""

    name = "SQLite + usearch"

    def load(self) -> None:  # type: ignore[override]
        from usearch.index import Index

        self.graph = Index(ndim=DIM, metric="cos", dtype="f16")
        if (self.folder / "graph.usearch").exists():
            self.graph.load(str(self.folder / "graph.usearch"))

    def index(self, places: Sequence[int], rows: np.ndarray) -> None:  # type: ignore[override]
        keys = np.asarray(places, dtype=np.uint64)
        if len(self.graph):
            self.graph.remove(keys[self.graph.contains(keys)])
        self.graph.add(keys, rows)

    def near(self, query: np.ndarray, count: int) -> list[int]:  # type: ignore[override]
        keys = self.graph.search(query, count).keys
        return keys[keys < self.rows].tolist()  # while another thread removes, freed keys are among them

    def build(self) -> None:  # type: ignore[override]
        self.graph.save(str(self.folder / "graph.usearch"))


class Faiss(Sqlite):
    """Inverted lists over vectors in 8 bits a number, 32 of 1,024 lists looked into."""

    name = "SQLite + FAISS"
    lists, probes = 1024, 32

    def load(self) -> None:  # type: ignore[override]
        import faiss

        file = self.folder / "lists.faiss"
        self.lists_index = faiss.read_index(str(file)) if file.exists() else None
        self._ready()

    def _ready(self) -> None:
        if self.lists_index is not None:
            import faiss

            faiss.extract_index_ivf(self.lists_index).nprobe = self.probes

    def index(self, places: Sequence[int], rows: np.ndarray) -> None:  # type: ignore[override]
        if self.lists_index is not None:
            keys = np.asarray(places, dtype=np.int64)
            self.lists_index.remove_ids(keys)
            self.lists_index.add_with_ids(rows, keys)

    def near(self, query: np.ndarray, count: int) -> list[int]:  # type: ignore[override]
        found = self.lists_index.search(query[None], count)[1][0]
        return found[found >= 0].tolist()

    def build(self) -> None:  # type: ignore[override]
        import faiss

        if self.lists_index is None:
            made = faiss.index_factory(DIM, f"IVF{self.lists},SQ8", faiss.METRIC_INNER_PRODUCT)
            sample = np.concatenate([vectors(part, self.rows)[:4000] for part in range(min(12, self.rows // PART))])
            made.train(sample)
            for part in range(self.rows // PART):
                made.add_with_ids(vectors(part, self.rows), np.arange(part * PART, (part + 1) * PART))
            self.lists_index = made
            self._ready()
        faiss.write_index(self.lists_index, str(self.folder / "lists.faiss"))


STORES: dict[str, Any] = {"lancedb": Lance, "usearch": Usearch, "faiss": Faiss}


# ---------------------------------------------------------------- steps, each a process of its own


def load(store: Any, folder: Path, rows: int) -> dict[str, Any]:
    """All products, part by part, each part on the disk before the next."""
    started = time.perf_counter()
    for part in range(rows // PART):
        store.keep(range(part * PART, (part + 1) * PART), vectors(part, rows))
    seconds = time.perf_counter() - started
    making = time.perf_counter()
    vectors(0, rows)
    seconds -= (time.perf_counter() - making) * rows / PART  # the vectors' own making
    started = time.perf_counter()
    store.build()
    return {
        "products a second": rows / seconds,
        "index, s": time.perf_counter() - started,
        "disk, MiB": size(store.folder),
    }


def ask(store: Any, folder: Path, rows: int) -> dict[str, Any]:
    """Every query with every filter, after five that warm up."""
    right, asked, result = truth(folder, rows), queries(rows), {}
    for name, where in FILTERS.items():
        for query in asked[:5]:
            store.ask(query, where)
        times, hits, at = [], 0, time.process_time()
        for query, best in zip(asked, right[name], strict=True):
            started = time.perf_counter()
            found = store.ask(query, where)
            times.append(time.perf_counter() - started)
            hits += len(set(found) & set(best.tolist()))
        result |= {f"{name}: p50, ms": quantile(times, 50), f"{name}: p95, ms": quantile(times, 95)}
        result[f"{name}: processor, ms"] = (time.process_time() - at) / QUERIES * 1000
        result[f"{name}: recall@{TOP}"] = hits / right[name].size
    times = []
    for place in range(0, rows, rows // 20):
        started = time.perf_counter()
        assert store.words(f"{4_000_000_000_000 + place}") == 1
        times.append(time.perf_counter() - started)
    return result | {"words: p50, ms": quantile(times, 50), "words: p95, ms": quantile(times, 95)}


def upsert(store: Any, folder: Path, rows: int) -> dict[str, Any]:
    """10,000 products again, in commits of 1,000, while another thread or process asks without pause."""
    done, times, written = threading.Event(), [], [0.0]

    def write() -> None:
        started = time.perf_counter()
        if isinstance(store, Lance):
            command = [
                sys.executable,
                __file__,
                "write",
                "--store",
                "lancedb",
                "--folder",
                str(folder),
                "--rows",
                str(rows),
            ]
            written[0] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
        else:
            write_again(store, rows)
            written[0] = time.perf_counter() - started
        done.set()

    asked = queries(rows)
    store.ask(asked[0], {})
    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        started = time.perf_counter()
        store.ask(asked[len(times) % QUERIES], {})
        times.append(time.perf_counter() - started)
    thread.join()
    started = time.perf_counter()
    store.build()
    return {
        "10,000 again, s": written[0],
        "index after, s": time.perf_counter() - started,
        "meanwhile: queries": len(times),
        "meanwhile: p50, ms": quantile(times, 50),
        "meanwhile: p95, ms": quantile(times, 95),
    }


def write_again(store: Any, rows: int) -> float:
    started = time.perf_counter()
    changed = unit(vectors(0, rows) + 0.01)
    for start in range(0, UPSERTS, UPSERT_PART):
        store.keep(range(start, start + UPSERT_PART), changed[start : start + UPSERT_PART])
    return time.perf_counter() - started


STEPS = {"load": load, "ask": ask, "upsert": upsert}


def database(folder: Path, rows: int, stores: Sequence[str]) -> None:
    """Every step of every store that has no line yet, then the table."""
    folder.mkdir(parents=True, exist_ok=True)
    truth(folder, rows)
    file = folder / "results.jsonl"
    for store in stores:
        for step in STEPS:
            lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
            if not any((line["store"], line["step"]) == (store, step) for line in lines):
                command = [sys.executable, __file__, "step", "--store", store, "--step", step]
                subprocess.run([*command, "--folder", str(folder), "--rows", str(rows)], check=True)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    print(f"| {rows:,} × {DIM} | " + " | ".join(STORES[store].name for store in stores) + " |")
    print("|---|" + "---|" * len(stores))
    found = {store: {} for store in stores}
    for line in lines:
        for name, value in line["result"].items():
            found.get(line["store"], {})[f"{line['step']}: {name}"] = value
    for name in found[stores[0]]:
        print(f"| {name} | " + " | ".join(shown(found[store].get(name)) for store in stores) + " |")


def run_step(folder: Path, rows: int, store: str, step: str) -> None:
    from retail.system import peak_memory_mib

    started = time.perf_counter()
    opened = STORES[store](folder, rows)
    opening = time.perf_counter() - started
    result = {"open, s": opening} | STEPS[step](opened, folder, rows)
    result |= {"peak memory, MiB": peak_memory_mib(), "load of the machine": os.getloadavg()[0]}
    with (folder / "results.jsonl").open("a") as stream:
        stream.write(json.dumps({"store": store, "step": step, "result": result}) + "\n")
    print(store, step, {name: shown(value) for name, value in result.items()}, flush=True)


def quantile(times: Sequence[float], percent: float) -> float:
    return float(np.percentile(times, percent)) * 1000 if times else float("nan")


def shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.4f}" if value <= 1 else f"{value:.1f}"


def size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


# ---------------------------------------------------------------- kills

KNOWN_IDS = 400  # so that rounds meet what earlier rounds left


def kills(folder: Path, count: int) -> None:
    """Kills a writer at a random moment, opens the catalogue, and looks for all that was acknowledged before.

    This process imports what is heavy and opens nothing; each round forks a writer and a checker from it, so that a
    round costs no start of Python.
    """
    import lancedb  # noqa: F401

    import retail.catalogue.database  # noqa: F401

    folder.mkdir(parents=True, exist_ok=True)
    os.environ["RETAIL_HOME"] = str(folder)
    tally = folder / "tally.jsonl"
    done = len(tally.read_text().splitlines()) if tally.exists() else 0
    for number in range(done, count):
        (folder / "said.jsonl").write_text("")
        ready, signalled = os.pipe()
        writer = forked(lambda number=number, end=signalled: write_for_ever(folder, number, end))
        os.close(signalled)
        os.read(ready, 1)
        os.close(ready)
        time.sleep(random.Random(number).uniform(0, 1.5))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        status = finished(forked(lambda: check(folder)))
        operations = len((folder / "said.jsonl").read_text().splitlines())
        with tally.open("a") as stream:
            stream.write(json.dumps({"round": number, "lost": status != 0, "lines": operations}) + "\n")
        if status:
            shutil.copytree(folder / "catalogues", folder / f"lost {number}", dirs_exist_ok=True)
            (folder / f"lost {number}" / "said.jsonl").write_text((folder / "said.jsonl").read_text())
    lines = [json.loads(line) for line in tally.read_text().splitlines()]
    acknowledged = sum(line["lines"] // 2 for line in lines)
    lost = [line["round"] for line in lines if line["lost"]]
    meanwhile = sum(line["lines"] % 2 for line in lines)
    print(
        f"{len(lines):,} kills, {meanwhile:,} of them within a write; {acknowledged:,} acknowledged writes; "
        f"rounds with a loss: {lost or 'none'}"
    )


def forked(work: Callable[[], None]) -> int:
    """The id of a child process that does this and ends, 0 if all went well."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
    return child


def finished(child: int, seconds: float = 120.0) -> int:
    """How a child process ended; one that hangs, as a fork of LanceDB's may, is killed and counts as a loss."""
    deadline = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)


def write_for_ever(folder: Path, number: int, ready: int) -> None:
    """Adds several products at once, edits, merges and removes; says what it is about to do, and that it is done."""
    from retail.catalogue.database import Catalogue
    from retail.catalogue.record import CatalogueProduct
    from retail.schema import Product

    rng = random.Random(number)
    said = os.open(folder / "said.jsonl", os.O_WRONLY | os.O_APPEND)

    def say(what: str, changes: dict[str, str | None]) -> None:
        os.write(said, (json.dumps({"what": what, "changes": changes}) + "\n").encode())

    os.write(ready, b".")
    catalogue = Catalogue.open("Shop")
    step = 0
    while True:
        step += 1
        mark = f"{number}.{step}"
        known = catalogue.ids()
        ids = [f"p{rng.randrange(KNOWN_IDS)}" for _ in range(rng.randint(2, 5))]
        there = [id for id in dict.fromkeys(ids) if id in known]
        kind = rng.random()
        changes: dict[str, str | None] = dict.fromkeys(ids, mark)
        if kind < 0.1 and there:
            changes = dict.fromkeys(there)
        elif kind < 0.2 and len(there) > 1:
            changes = {there[0]: None, there[1]: f"merged {mark}"}
        elif kind < 0.4 and there:
            changes = {there[0]: mark}
        say("begin", changes)
        if kind < 0.1 and there:
            catalogue.remove(there)
        elif kind < 0.2 and len(there) > 1:
            catalogue.edit(there[1], name=f"merged {mark}")
            catalogue.merge(there[1], [there[0]])
        elif kind < 0.4 and there:
            catalogue.edit(there[0], name=mark)
        else:
            shown = Product.of(image=f"photo {mark}".encode(), text=f"words {mark}")
            facts = [CatalogueProduct(id, mark, {"kind": "tea"}, {f"field {number % 30}": mark}) for id in changes]
            catalogue.add([(one, shown) for one in facts])
        say("done", changes)


def check(folder: Path) -> None:
    """Opens the catalogue: every acknowledged product is as it was left, its photo is there, a write goes through."""
    from retail.catalogue.database import Catalogue
    from retail.media import content_hash

    state_file = folder / "state.json"
    state: dict[str, str] = json.loads(state_file.read_text()) if state_file.exists() else {}
    pending: dict[str, str | None] = {}
    for line in (folder / "said.jsonl").read_text().splitlines():
        one = json.loads(line)
        if one["what"] == "begin":
            pending = one["changes"]
            continue
        state = {id: mark for id, mark in (state | pending).items() if mark is not None}
        pending = {}
    catalogue = Catalogue.open("Shop")
    products = {one.id: one for one in catalogue.products()}
    there = {id: one.name for id, one in products.items()}
    after = {id: mark for id, mark in (state | pending).items() if mark is not None}
    merging = {id: mark for id, mark in after.items() if id in state or id not in pending} | {
        id: state[id] for id, mark in pending.items() if mark is None and id in state
    }  # renamed, not merged yet: two calls
    allowed = (
        [state, after, merging] if any(str(mark).startswith("merged") for mark in pending.values()) else [state, after]
    )
    assert there in allowed, {
        id: (there.get(id), state.get(id)) for id in {*there, *state} if there.get(id) != state.get(id)
    }
    for one in products.values():
        assert len(one.views) >= 2, one
        for view in one.views:
            if isinstance(view.source, Path):
                assert content_hash(view.source) == view.source.stem, view
    assert set(catalogue.ids_by_words("words", count=KNOWN_IDS)) == set(products)
    state_file.write_text(json.dumps(there))


# ---------------------------------------------------------------- several writers


def writers(folder: Path, count: int, each: int) -> None:
    """Several processes add products one by one, as `Catalogue` does (a lock) and by LanceDB's own retries alone."""
    import lancedb  # noqa: F401

    import retail.catalogue.database  # noqa: F401

    print("| writers | seconds | writes a second | refused | lost |\n|---|---|---|---|---|")
    for how in ("one after another (lock)", "at once (LanceDB tries again)"):
        home = folder / how.split()[0]
        shutil.rmtree(home, ignore_errors=True)
        os.environ["RETAIL_HOME"] = str(home)
        if finished(forked(lambda: add_each("Shop", "first", 1, lock=True))):
            raise SystemExit("the first product could not be added")
        started = time.perf_counter()
        children = [forked(lambda n=n, how=how: add_each("Shop", str(n), each, "lock" in how)) for n in range(count)]
        for child in children:
            finished(child, 600)
        seconds = time.perf_counter() - started
        said = sum(int(file.read_text()) for file in home.glob("said-*.txt"))
        finished(forked(lambda home=home: (home / "there.txt").write_text(str(there("Shop")))))
        kept = int((home / "there.txt").read_text()) - 1
        refused = count * each - said
        print(f"| {count}, {how} | {seconds:.1f} | {said / seconds:.1f} | {refused} | {said - kept} |", flush=True)


def add_each(name: str, writer: str, each: int, lock: bool) -> None:
    """Adds products with a field of the writer's own, so that columns are added too; counts those that went through."""
    from contextlib import contextmanager

    import retail.catalogue.database as database
    from retail.catalogue.record import CatalogueProduct
    from retail.schema import Product

    @contextmanager
    def at_once(table: Path):  # type: ignore[no-untyped-def]
        yield

    database.tidy = lambda table: None  # joining files meets every write, and would be refused without a lock
    if not lock:
        database.writing = at_once
    catalogue, done = database.Catalogue.open(name), 0
    for number in range(each):
        facts = CatalogueProduct(f"{writer}-{number}", "name", {}, {f"{writer} {number % 5}": "value"})
        try:
            catalogue.add([(facts, Product.of(text="words"))])
            done += 1
        except Exception as error:
            print(f"   refused: {str(error).splitlines()[0][:150]}", file=sys.stderr)
    if writer != "first":
        Path(os.environ["RETAIL_HOME"], f"said-{writer}.txt").write_text(str(done))


def there(name: str) -> int:
    from retail.catalogue.database import Catalogue

    return len(Catalogue.open(name))


# ---------------------------------------------------------------- search


def search(folder: Path) -> None:
    """The demo's validation rows look for their product among its training rows: words, meaning, photo, and mixes."""
    from retail.catalogue.database import Catalogue
    from retail.catalogue.record import CatalogueProduct
    from retail.dataset.reader import read_manifest
    from retail.encoders import load_preset
    from retail.files import DEMO_DIR, DEMO_TASKS
    from retail.schema import Product
    from retail.store import EmbeddingStore

    store = EmbeddingStore()  # the user's own, before the home folder is another
    shutil.rmtree(folder, ignore_errors=True)
    os.environ["RETAIL_HOME"] = str(folder)
    manifest, encoders = read_manifest(DEMO_DIR, DEMO_TASKS), load_preset("bundled")
    rows: dict[str, list[Product]] = {}
    for row in manifest.in_split("train"):
        rows.setdefault(row.labels["product"], []).append(row)
    catalogue = Catalogue.open("Demo")
    catalogue._keep([(CatalogueProduct(name, name), shown) for name, shown in rows.items()], "import", False)
    text, image = {"text": encoders["text"]}, {"image": encoders["image"]}
    catalogue.embed(text | image, store)
    asked = [row for row in manifest.in_split("val") if row.text and row.images]
    ways: dict[str, Callable[[Product], list[Any]]] = {
        "words alone": lambda row: catalogue.search(row.text),
        "meaning of the words alone": lambda row: catalogue.search(product=Product.of(text=row.text), encoders=text),
        "words and their meaning": lambda row: catalogue.search(row.text, encoders=text),
        "photo alone": lambda row: catalogue.search(product=Product("", images=row.images), encoders=image),
        "words, their meaning and photo": lambda row: catalogue.search(
            row.text, product=Product("", images=row.images), encoders=text | image
        ),
    }
    print(f"| {len(asked)} validation rows, {len(rows)} products | right product first | among the first 5 |")
    print("|---|---|---|")
    for name, way in ways.items():
        places = []
        for row in asked:
            ids = [one.product.id for one in way(row)]
            places.append(ids.index(row.labels["product"]) if row.labels["product"] in ids else 10**6)
        first, five = (np.mean([place < most for place in places]) for most in (1, 5))
        print(f"| {name} | {100 * first:.1f} % | {100 * five:.1f} % |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["database", "kills", "writers", "search", "step", "write"])
    parser.add_argument("--rows", type=int, default=1_000_000, help=f"a multiple of {PART:,}")
    parser.add_argument("--stores", default=",".join(STORES))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="where the databases lie, 10 GB at a million; they are kept")
    parser.add_argument("--store", help=argparse.SUPPRESS)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.gettempdir()) / f"catalogue-{asked.what}-{asked.rows}"
    if asked.what == "database":
        database(folder, asked.rows, asked.stores.split(","))
    elif asked.what == "step":
        run_step(folder, asked.rows, asked.store, asked.step)
    elif asked.what == "write":
        print(write_again(STORES[asked.store](folder, asked.rows), asked.rows))
    elif asked.what == "search":
        search(folder)
    elif asked.what == "writers":
        writers(folder, 4, 50)
    else:
        kills(folder, asked.count)


if __name__ == "__main__":
    main()
