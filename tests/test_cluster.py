"""Chunks come back in order, whoever makes them; data and store may lie elsewhere, and answers are the same."""

from __future__ import annotations

import csv
import os
import pickle
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from retail import cluster
from retail.__main__ import app
from retail.cluster.embedding import Embedded, Embedding
from retail.cluster.on_ray import Worker, _check_reach, _start
from retail.config.spread import Spread
from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.files import DEMO_BUNDLE
from retail.files.remote import RemoteFile, address_of
from retail.schema import Product, UserError
from retail.store import EmbeddingStore, embed_products
from retail.store.remote import RemoteStore, store_at
from tests.tiny_encoders import tiny_photo_encoder
from tests.tiny_recognizer import TinyEncoder

PRODUCTS = [Product(f"p{number}", text=f"tea {number}" * (number % 3 + 1)) for number in range(10)]
FEW = 6  # rows for what real encoders read


@dataclass(frozen=True)
class Slow:
    """Another work, slowly enough that somebody can come between, with the process that did it."""

    work: Embedding
    seconds: float

    def ready(self):
        make = self.work.ready()

        def slow(products, progress) -> tuple[int, list[str], Embedded]:
            time.sleep(self.seconds)
            return os.getpid(), [product.id for product in products], make(products, progress)

        return slow


@dataclass(frozen=True)
class Refusing:
    def ready(self):
        def refuse(products, progress):
            raise UserError(f"{products[0].id} is no good.")

        return refuse


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(cluster, "PRODUCTS", 4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("tiny")
    return f"image={tiny_photo_encoder(folder)}"


@pytest.fixture
def shop(small_data):
    """The small data in an object store that is this process's memory, with few.csv of its first rows."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.put(f"{small_data}/", "/shop/", recursive=True)
    memory.pipe_file("/shop/few.csv", b"\n".join(memory.cat_file("/shop/metadata.csv").splitlines()[: FEW + 1]))
    yield "memory://shop/metadata.csv"
    memory.store.clear()


def test_parts_come_in_order_one_by_one(small_parts):
    asked = []
    parts = cluster.parts_of(PRODUCTS)
    made = cluster.spread(Refusing, lambda: lambda part, _: asked.append(part) or len(part), parts, Spread())
    assert next(made) == 4 and len(asked) == 1
    assert list(made) == [4, 2] and [product for part in asked for product in part] == PRODUCTS


@pytest.mark.parametrize(
    ("typed", "address"),
    [("s3://shop/a.csv", "s3://shop/a.csv"), ("gs:/shop/a", "gs://shop/a"), ("file:/tmp/a.csv", "file:///tmp/a.csv")]
    + [(place, "") for place in ("data/demo", "C:/shop/a.csv", "https://shop/a.csv", "/tmp/a.csv", "a:b/c")],
)
def test_an_address_is_told_from_a_path_whatever_slashes_a_path_has_lost(typed, address):
    assert address_of(typed) == address_of(Path(typed)) == address


def test_a_table_elsewhere_reads_as_it_would_here(shop, small_data, tmp_path):
    here, there = read_manifest(small_data), read_manifest(Path(shop))
    assert [(p.id, p.text, p.labels, p.split) for p in there.products] == [
        (p.id, p.text, p.labels, p.split) for p in here.products
    ]
    photo = there.products[0].images[0]
    assert isinstance(photo, RemoteFile) and photo.address == "memory://shop/images/0.png"
    assert photo.open().read() == here.products[0].images[0].read_bytes()
    (tmp_path / "t.csv").write_text("id,image,text\na,../../secret.png,x\nb,/etc/a.png,y\nc,s3://other/a.png,z\n")
    rest = read_manifest(f"file://{tmp_path}/t.csv")
    assert not any(product.images for product in rest.products)
    assert sum("points outside" in problem.message for problem in rest.problems) >= 2


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("memory://shop/nothing.csv", r"memory://shop/nothing.csv cannot be read \(.*name a table"),
        ("memory://shop", "is no table; elsewhere than on this machine, name a table"),
        ("nowhere://shop/a.csv", "nowhere://shop/a.csv cannot be read: Protocol not known"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(shop, place, said):
    with pytest.raises(UserError, match=said):
        read_manifest(place)


def test_a_store_elsewhere_gives_back_what_it_was_given_and_computes_nothing_twice(shop, monkeypatch):
    encoder, store = TinyEncoder("text"), store_at("memory://kept/embeddings")
    assert isinstance(store, RemoteStore)
    texts = ["fresh tea", "", "old coffee", "fresh tea"]
    first, ok, errors = store.fetch(encoder, texts)
    assert ok.tolist() == [True, False, True, True] and errors[1] and store.computed == 2
    again = store_at("memory://kept/embeddings/")
    assert torch.equal(again.fetch(encoder, texts)[0], first) and again.computed == 0
    assert torch.equal(first, EmbeddingStore().fetch(encoder, texts)[0])
    (file,) = [name for name in fsspec.filesystem("memory").store if name.startswith("/kept/")]
    content = bytearray(fsspec.filesystem("memory").cat_file(file))
    content[-9] ^= 1
    fsspec.filesystem("memory").pipe_file(file, bytes(content))
    mended = store_at("memory://kept/embeddings")
    assert torch.equal(mended.fetch(encoder, texts)[0], first) and mended.computed == 2


def test_bulk_answers_and_embeddings_are_the_same_when_data_and_store_lie_elsewhere(shop, small_data, tmp_path):
    few, tables = shop.replace("metadata", "few"), []
    (tmp_path / "few.csv").write_bytes(fsspec.filesystem("memory").cat_file(few))
    for kind in ("images", "audio"):
        (tmp_path / kind).symlink_to(small_data / kind)
    for name, more in {"here": [tmp_path / "few.csv"], "there": [few, "--store", "memory://kept/bulk"]}.items():
        out = tmp_path / f"{name}.csv"
        call = ["predict", str(DEMO_BUNDLE), "--data", *map(str, more), "--out", str(out)]
        said = CliRunner().invoke(app, call)
        assert said.exit_code == 0, said.output + repr(said.exception)
        with out.open(newline="", encoding="utf-8") as stream:
            tables.append(list(csv.DictReader(stream)))
    assert tables[0] == tables[1] and len(tables[0]) == FEW
    fsspec.filesystem("memory").rm("/shop/images/3.png")
    said = CliRunner().invoke(app, ["embed", few, "--store", "memory://kept/bulk"])
    assert said.exit_code == 0 and "'3.png' cannot be opened" in said.output


def test_a_catalogue_stays_on_its_machine_and_ray_has_to_be_there(small_data, tmp_path, monkeypatch):
    call = ["predict", "demo", "--data", str(small_data), "--out", str(tmp_path / "a.csv"), "--engine", "ray"]
    said = CliRunner().invoke(app, [*call, "--catalogue", "Any"])
    assert said.exit_code == 1 and "leave the catalogue out" in said.output
    said = CliRunner().invoke(app, [*call[:4], "--out", "s3://shop/answers.csv"])
    assert said.exit_code == 1 and "on this machine, not to s3://shop/answers.csv" in said.output
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'retail\[ray\]'"):
        list(cluster.spread(Refusing, Refusing().ready, [PRODUCTS], Spread("ray")))


def test_what_a_worker_refuses_comes_back_as_its_sentence():
    worker, asked = Worker.__new__(Worker), {"part": [pickle.dumps(PRODUCTS[:2])]}
    worker.make, worker.failed = Refusing().ready(), None
    assert str(pickle.loads(worker(asked)["made"][0])) == "p0 is no good."
    worker.failed = RuntimeError("no memory")  # it did not get ready
    assert str(pickle.loads(worker(asked)["made"][0])) == "no memory"


def test_a_cluster_that_is_not_there_is_said(monkeypatch):
    ray = SimpleNamespace(init=lambda **_: (_ for _ in ()).throw(ConnectionError("Could not find any running Ray.")))
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with pytest.raises(UserError, match=r"at RAY_ADDRESS '10.0.0.1:6379' \(Could not find any running Ray\); name one"):
        _start(ray, 2)
    nodes = [{"NodeManagerAddress": f"10.0.0.{number}", "Alive": number < 3} for number in range(4)]
    with pytest.raises(UserError, match=r"has 3 machines, .* name a --store"):
        _check_reach(SimpleNamespace(nodes=lambda: nodes), shared=False)
    _check_reach(SimpleNamespace(nodes=lambda: nodes), shared=True)


def test_a_killed_worker_changes_no_vector_and_no_order(tiny, small_parts, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed (pip install 'retail[ray]')")
    photos = [tmp_path / f"{number}.png" for number in range(40)]
    for number, path in enumerate(photos):  # no two alike: what stands in two chunks is computed by whoever comes first
        Image.new("RGB", (16, 16), (6 * number, 90, 255 - 6 * number)).save(path)
    products = [Product(path.stem, (path,)) for path in photos]
    here, there = (str(tmp_path / name) for name in ("here", "there"))
    local, parts = Embedding(tiny, here), cluster.parts_of(products)
    list(cluster.spread(lambda: local, local.ready, parts, Spread()))
    work, found, killed = Slow(Embedding(tiny, there), 0.4), [], 0
    for one in cluster.spread(lambda: work, work.ready, parts, Spread("ray", 2)):
        found.append(one)
        if not killed:
            killed = one[0]
            os.kill(killed, signal.SIGKILL)
    assert [name for _, ids, _ in found for name in ids] == [product.id for product in products]
    workers = {pid for pid, _, _ in found}
    assert killed in workers and len(workers) > 1 and os.getpid() not in workers
    encoders, kept = load_preset(tiny, ("image",)), EmbeddingStore(Path(there))
    ours, _ = embed_products(products, encoders, {}, EmbeddingStore(Path(here)))
    theirs, _ = embed_products(products, encoders, {}, kept)
    assert kept.computed == 0 and len(found) == 10 and ours.present["image"].all()
    assert torch.equal(ours.embeddings["image"], theirs.embeddings["image"])
