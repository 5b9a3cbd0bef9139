"""The store computes each embedding once, survives kills and damage, and never mixes encoders."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from retail.encoders import Encoder
from retail.files import whole
from retail.media import content_hash
from retail.schema import Product, Vocabulary
from retail.store import READINGS, EmbeddingBatch, EmbeddingStore, embed_products


class MeanColour(Encoder):
    prefix, modality, version, name, dim = "fake", "image", 1, "fake:mean-colour", 3

    def __init__(self, fingerprint: str = "mean-1", factor: float = 1.0) -> None:
        self._fingerprint, self._factor = fingerprint, factor

    def _embed(self, items):
        return torch.stack([torch.from_numpy(np.asarray(item).mean((0, 1))) for item in items]) * self._factor


class TextLength(Encoder):
    prefix, modality, version, name, dim = "fake", "text", 1, "fake:text-length", 2
    fingerprint = "length-1"

    def _embed(self, items):
        return torch.tensor([[len(item), item.count("a")] for item in items])


def picture(value: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (value % 256, value // 256, 7)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(150)]
    for number, path in enumerate(paths):
        path.write_bytes(picture(number))
    return paths


def test_second_run_computes_none_and_returns_the_same(tmp_path, photos):
    first = EmbeddingStore(tmp_path / "store")
    embeddings, ok, errors = first.fetch(MeanColour(), photos)
    assert first.computed == 150 and ok.all() and errors == [None] * 150
    assert torch.equal(embeddings[:, 0], torch.arange(150.0))
    second = EmbeddingStore(tmp_path / "store")
    again, _, _ = second.fetch(MeanColour(), photos)
    assert second.computed == 0 and torch.equal(again, embeddings)


def test_a_changed_file_is_the_only_one_computed(tmp_path, photos):
    EmbeddingStore(tmp_path / "store").fetch(MeanColour(), photos)
    photos[3].write_bytes(picture(999))
    store = EmbeddingStore(tmp_path / "store")
    embeddings, _, _ = store.fetch(MeanColour(), photos)
    assert store.computed == 1 and embeddings[3].tolist() == [999 % 256, 3, 7]


def test_two_encoders_never_mix(tmp_path, photos):
    store = EmbeddingStore(tmp_path / "store")
    plain, _, _ = store.fetch(MeanColour("one"), photos[:5])
    double, _, _ = store.fetch(MeanColour("two", factor=2.0), photos[:5])
    assert torch.equal(double, plain * 2)
    assert torch.equal(store.fetch(MeanColour("one"), photos[:5])[0], plain)
    assert store.computed == 10


def test_an_embedding_of_an_earlier_reading_is_not_met_again(tmp_path, photos, monkeypatch):
    root = tmp_path / "store"
    EmbeddingStore(root).fetch(MeanColour("one"), photos[:5])
    monkeypatch.setitem(READINGS, "text", "another modality's reading")
    same = EmbeddingStore(root)
    same.fetch(MeanColour("one"), photos[:5])
    assert same.computed == 0
    monkeypatch.setitem(READINGS, "image", "upside down")
    for computed in (5, 0):
        store = EmbeddingStore(root)
        embeddings, _, _ = store.fetch(MeanColour("one", factor=-1.0), photos[:5])
        assert store.computed == computed and embeddings[3, 0] == -3


def test_equal_content_is_encoded_once_wherever_it_comes_from(tmp_path, photos):
    store = EmbeddingStore(tmp_path / "store")
    embeddings, ok, _ = store.fetch(MeanColour(), [photos[1], photos[1].read_bytes(), photos[1]])
    assert store.computed == 1 and ok.all() and torch.equal(embeddings[0], embeddings[1])
    assert content_hash("tea") != content_hash(b"tea")


def test_a_file_that_cannot_be_read_costs_only_its_own_row(tmp_path, photos):
    photos[1].write_bytes(b"not a photo")
    store = EmbeddingStore(tmp_path / "store")
    embeddings, ok, errors = store.fetch(MeanColour(), [photos[0], photos[1], tmp_path / "gone.png", photos[2]])
    assert ok.tolist() == [True, False, False, True]
    assert errors[1] and "gone.png" in errors[2] and errors[0] is None
    assert embeddings[1].tolist() == [0, 0, 0]
    assert EmbeddingStore(tmp_path / "store").fetch(MeanColour(), photos[:2])[1].tolist() == [True, False]


def test_a_damaged_shard_is_computed_again(tmp_path, photos):
    expected, _, _ = EmbeddingStore(tmp_path / "store").fetch(MeanColour(), photos)
    shard = max((tmp_path / "store" / "shards").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(shard.read_bytes())
    data[-1] ^= 255
    shard.write_bytes(data)
    store = EmbeddingStore(tmp_path / "store")
    again, _, _ = store.fetch(MeanColour(), photos)
    assert 0 < store.computed < 150 and torch.equal(again, expected)
    assert hashlib.sha256(shard.read_bytes()).hexdigest() == shard.stem, "the same embeddings in the same shard"
    last = EmbeddingStore(tmp_path / "store")
    last.fetch(MeanColour(), photos)
    assert last.computed == 0


def test_a_shard_that_is_damaged_after_it_was_read_is_computed_again(tmp_path, photos):
    root = tmp_path / "store"
    for computed in (5, 0):
        store = EmbeddingStore(root)
        expected, _, _ = store.fetch(MeanColour(), photos[:5])
        assert store.computed == computed
    (shard,) = (root / "shards").iterdir()
    data = bytearray(shard.read_bytes())
    data[-1] ^= 255
    shard.write_bytes(data)
    store = EmbeddingStore(root)
    again, _, _ = store.fetch(MeanColour(), photos[:5])
    assert store.computed == 5 and torch.equal(again, expected)


def test_a_lookup_costs_as_much_as_it_asks_for_however_much_is_kept(tmp_path, monkeypatch):
    store, steps = EmbeddingStore(tmp_path / "store"), []
    for name in ("one", "two"):
        store._write(name, {f"{number:04}": torch.tensor([float(number)]) for number in range(4000)})
    connect = store._shards.connect

    def counted():
        index = connect()
        index.set_progress_handler(lambda: steps.append(10), 10)
        return index

    monkeypatch.setattr(store._shards, "connect", counted)
    monkeypatch.setattr("retail.store.shards.KEYS_AT_ONCE", 2)
    found = store._read("two", ["0007", "3999", "0100", "absent"])
    assert {key: row.tolist() for key, row in found.items()} == {"0007": [7], "3999": [3999], "0100": [100]}
    assert sum(steps) < 1000, "fewer steps of the index than it has entries"


@pytest.mark.parametrize("damage", [b"no database" * 500, b""])
def test_a_destroyed_index_is_made_again_from_the_shards(tmp_path, photos, damage):
    expected, _, _ = EmbeddingStore(tmp_path / "store").fetch(MeanColour(), photos[:3])
    for path in (tmp_path / "store").glob("index.sqlite*"):
        path.write_bytes(damage)
    store = EmbeddingStore(tmp_path / "store")
    assert torch.equal(store.fetch(MeanColour(), photos[:3])[0], expected) and store.computed == 0


def test_an_index_that_is_destroyed_while_a_store_is_open_is_made_again(tmp_path, photos):
    store = EmbeddingStore(tmp_path / "store")
    expected, _, _ = store.fetch(MeanColour(), photos[:3])
    for path in (tmp_path / "store").glob("index.sqlite*"):
        path.write_bytes(b"no database" * 500)
    assert torch.equal(store.fetch(MeanColour(), photos[:3])[0], expected) and store.computed == 3


def test_an_index_that_mixes_rows_up_never_gives_the_embedding_of_another_photo(tmp_path, photos):
    root = tmp_path / "store"
    expected, _, _ = EmbeddingStore(root).fetch(MeanColour(), photos[:5])
    with closing(sqlite3.connect(root / "index.sqlite")) as index, index:
        index.execute("UPDATE entries SET row = (row + 1) % 5")
    store = EmbeddingStore(root)
    assert torch.equal(store.fetch(MeanColour(), photos[:5])[0], expected) and store.computed == 5


def test_what_killed_processes_left_in_a_store_goes_with_the_next_write(tmp_path, photos, monkeypatch):
    root = tmp_path / "store"
    EmbeddingStore(root).fetch(MeanColour(), photos[:3])
    (shard,) = kept = list((root / "shards").iterdir())
    shutil.copy(shard, root / "shards" / f"{'0' * 64}.safetensors")  # renamed, but never listed
    half = root / "shards" / f"{shard.name}.{whole._machine()}-4194303-100.0a1b2c3d.part"
    half.write_bytes(b"half")
    monkeypatch.setattr("retail.files.whole._CLEARED", set())
    monkeypatch.setattr("retail.store.shards._SWEPT", set())
    EmbeddingStore(root).fetch(MeanColour(), photos[:3])
    assert len(list((root / "shards").iterdir())) == 3, "reading clears nothing"
    EmbeddingStore(root).fetch(MeanColour(), photos[3:5])
    assert len(list((root / "shards").iterdir())) == 2 and kept[0].exists()


WRITER = """
import sys, time, torch
from pathlib import Path
from test_store import TextLength
from retail.media import content_hash
from retail.store import EmbeddingStore
class Slow(TextLength):
    def _embed(self, items):
        time.sleep(0.005)
        return super()._embed(items)
store = EmbeddingStore(Path(sys.argv[1]))
print("ready", flush=True)
store.fetch(Slow(), [f"{sys.argv[2]} text {number}" for number in range(int(sys.argv[3]))])
print(store.computed, flush=True)
"""


def writer(root: Path, words: str, count: int) -> subprocess.Popen:
    here = Path(__file__).parent
    paths = [str(here), str(here.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", WRITER, str(root), words, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_a_kill_while_writing_leaves_a_store_that_opens_and_resumes(tmp_path):
    root = tmp_path / "store"
    process = writer(root, "some", 100_000)
    try:
        assert process.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 120
        while len(list((root / "shards").glob("*.safetensors"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    store = EmbeddingStore(root)
    texts = [f"some text {number}" for number in range(1000)]
    embeddings, ok, _ = store.fetch(TextLength(), texts)
    assert ok.all() and embeddings[:, 0].tolist() == [len(text) for text in texts]
    assert store.computed <= 1000 - 3 * 128, "what was committed before the kill is kept"


def test_two_processes_write_at_once(tmp_path):
    writers = [writer(tmp_path / "store", words, 2000) for words in ("first", "second")]
    for process in writers:
        assert process.communicate(timeout=300)[0] == "ready\n2000\n" and process.returncode == 0
    store = EmbeddingStore(tmp_path / "store")
    store.fetch(TextLength(), [f"{words} text {number}" for words in ("first", "second") for number in range(2000)])
    assert store.computed == 0


def test_embed_products_marks_what_is_absent_and_says_why(tmp_path):
    products = [
        Product("a", images=(picture(10), picture(20)), text="papaya", labels={"fruit": "papaya"}),
        Product("b", images=(b"no photo",), labels={"fruit": "durian"}),
        Product("c", text="  ", labels={}),
    ]
    vocabularies = {"fruit": Vocabulary(("apple", "papaya"))}
    encoders = {"image": MeanColour(), "text": TextLength()}
    batch, notes = embed_products(products, encoders, vocabularies, EmbeddingStore(tmp_path / "store"))
    assert batch.ids == ("a", "b", "c") and batch.dims == {"image": 3, "text": 2}
    assert batch.present["image"].tolist() == [True, False, False]
    assert batch.present["text"].tolist() == [True, False, False]
    assert batch.embeddings["image"][0].tolist() == [15, 0, 7], "the mean of two photos"
    assert batch.targets["fruit"].tolist() == [1, 2, -1], "an unknown class is beyond the known ones"
    (note,) = notes
    assert (note.product, note.modality) == ("b", "image") and str(note) == f"product b: {note.sentence}"


def test_without_a_store_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    batch, notes = embed_products([Product("a", text="tea")], {"text": TextLength()}, {})
    assert batch.present["text"].all() and not notes
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_up_to_the_total(tmp_path, photos):
    seen: list[tuple[str, int, int]] = []
    EmbeddingStore(tmp_path / "store").fetch(MeanColour(), photos, lambda *step: seen.append(step))
    assert seen[-1] == ("Encoding photos", 150, 150) and [done for _, done, _ in seen] == [32, 64, 96, 128, 150]


def batch_of_four() -> EmbeddingBatch:
    return EmbeddingBatch(
        ("a", "b", "c", "d"),
        {"image": torch.arange(8.0).reshape(4, 2), "text": torch.arange(4.0)[:, None]},
        {"image": torch.tensor([True, False, True, True]), "text": torch.ones(4, dtype=torch.bool)},
        {"kind": torch.tensor([0, 1, -1, 1])},
    )


@pytest.mark.parametrize("index", [[2, 0], torch.tensor([2, 0])])
def test_rows_cut_everything_together(index):
    rows = batch_of_four().rows(index)
    assert rows.ids == ("c", "a") and len(rows) == 2
    assert rows.embeddings["image"].tolist() == [[4, 5], [0, 1]] and rows.targets["kind"].tolist() == [-1, 0]


def test_rows_understand_masks_slices_and_nothing():
    batch = batch_of_four()
    assert batch.rows(batch.targets["kind"] >= 0).ids == ("a", "b", "d")
    assert batch.rows(slice(1, 3)).ids == ("b", "c")
    assert batch.rows([]).ids == () and batch.rows([]).dims == batch.dims


def test_only_hides_and_select_drops():
    batch = batch_of_four()
    hidden = batch.only(["text"])
    assert set(hidden.embeddings) == {"image", "text"} and not hidden.present["image"].any()
    assert batch.present["image"].any(), "the original stays as it was"
    assert batch.select(["text"]).dims == {"text": 1}


def test_slipped_rows_are_refused():
    with pytest.raises(ValueError, match=r"targets\['kind'\] has 1 rows for 2 ids"):
        EmbeddingBatch(("a", "b"), {}, {}, {"kind": torch.tensor([1])})
