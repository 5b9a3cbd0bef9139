"""Embeddings on disk read as those in memory do, and heads learn from them what they learn from memory."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from retail.fusion import build_head, stacking, strategies
from retail.schema import Product, Vocabulary
from retail.store import EmbeddingStore, embed_products, large
from retail.store.on_disk import MAPPED_ROWS, RowsOnDisk, add, new_file
from retail.training import fit, on_disk, predict_probs
from tests.test_training import _DIMS, CONFIG, TASKS, make_batch, weights_of
from tests.tiny_recognizer import TinyEncoder


def on_disk_copy(rows, folder):
    """The same batch with its embeddings in files."""
    files = {name: new_file(folder) for name in rows.embeddings}
    for name, file in files.items():
        for part in rows.embeddings[name].split(100):
            add(file, part)
    kept = {name: RowsOnDisk.of(file, rows.dims[name]) for name, file in files.items()}
    return dataclasses.replace(rows, embeddings=kept)


@pytest.mark.parametrize(
    "index",
    [slice(None), slice(60, 70), torch.tensor([5, 399, 5, 0, 64, 63, 128]), torch.tensor([], dtype=torch.long)],
)
def test_rows_on_disk_are_those_that_were_written_in_any_order(tmp_path, index):
    rows = make_batch(400)
    kept = on_disk_copy(rows, tmp_path)
    assert kept.on_disk and not rows.on_disk and kept.dims == rows.dims and list(tmp_path.iterdir()) == []
    assert torch.equal(kept.embeddings["image"][index], rows.embeddings["image"][index])
    shuffled = torch.randperm(400)[:300]
    seen = kept.rows(shuffled).rows(rows.present["audio"][shuffled])
    assert torch.equal(seen.in_memory(torch.arange(len(seen))).embeddings["text"], seen.embeddings["text"][:])
    assert torch.equal(seen.embeddings["text"][:], rows.rows([int(name) for name in seen.ids]).embeddings["text"])


def test_rows_are_read_once_each_from_few_places_at_a_time():
    generator = torch.Generator().manual_seed(0)
    read = 4 * MAPPED_ROWS
    parts = list(on_disk.near(torch.randperm(20 * MAPPED_ROWS, generator=generator), read, generator))
    assert torch.cat(parts).sort().values.tolist() == list(range(20 * MAPPED_ROWS))
    assert all(len((part // MAPPED_ROWS).unique()) <= 5 and len(part) == read for part in parts)
    first = parts[0] // MAPPED_ROWS
    assert first.tolist() != first.sort().values.tolist() and len(first[:32].unique()) > 1, "shuffled within"


def test_a_head_is_scaled_alike_from_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(on_disk, "READ_ROWS", 50)
    rows = make_batch(400)
    rows.embeddings["image"] += 1000.0
    one, other = (build_head("gated", _DIMS, TASKS, width=8) for _ in range(2))
    one.fit_scaler(rows.embeddings, rows.present)
    on_disk.fit_scaler(other, on_disk_copy(rows, tmp_path))
    for name, value in one.named_buffers():
        torch.testing.assert_close(other.get_buffer(name), value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strategy", [name for name, head in strategies().items() if head.compared])
def test_every_strategy_learns_from_disk(tmp_path, monkeypatch, strategy):
    monkeypatch.setattr(on_disk, "READ_ROWS", 128)
    config = dataclasses.replace(CONFIG, strategy=strategy, max_epochs=3)
    train, val = (on_disk_copy(rows, tmp_path) for rows in (make_batch(400), make_batch(40, seed=1)))
    result, test = fit(train, val, TASKS, config), make_batch(200, seed=2)
    if strategy == "gated":
        assert torch.equal(weights_of(result), weights_of(fit(train, val, TASKS, config)))
    shown = test.present["text"]
    right = predict_probs(result.head, test)["shape"].argmax(1) == test.targets["shape"]
    assert right[shown].float().mean() > 0.8


def test_what_needs_all_rows_at_once_takes_a_part_with_every_class(tmp_path, monkeypatch):
    rows = make_batch(400)
    rows.targets["shape"] = torch.where(torch.arange(400) == 377, 2, rows.targets["shape"] % 2)
    kept = on_disk_copy(rows, tmp_path)
    assert on_disk.part_places(kept) == slice(None) and on_disk.in_memory(rows, slice(None)) is rows
    assert torch.equal(on_disk.in_memory(kept, slice(None)).embeddings["text"], rows.embeddings["text"])
    monkeypatch.setattr(on_disk, "PART_BYTES", 4 * sum(_DIMS.values()) * 20)
    places = on_disk.part_places(kept)
    assert len(places) == 20 and 377 in places.tolist() and places.tolist() == sorted(set(places.tolist()))


def test_products_are_embedded_to_disk_where_they_are_too_many(tmp_path, monkeypatch):
    products = [Product(str(n), text="a" * (n % 9) if n % 4 else "", labels={"kind": "ab"[n % 2]}) for n in range(70)]
    encoders, vocabularies = {"text": TinyEncoder("text")}, {"kind": Vocabulary(("a", "b"))}
    store = EmbeddingStore(tmp_path)
    plain, _ = embed_products(products, encoders, vocabularies, store)
    same, _ = large.embed_large(products, encoders, vocabularies, store)
    assert not same.on_disk
    monkeypatch.setattr(large, "MOST_IN_MEMORY", 100)
    monkeypatch.setattr(large, "AT_ONCE", 32)
    seen = []
    rows, _ = large.embed_large(products, encoders, vocabularies, store, lambda *step: seen.append(step[1:]))
    assert rows.on_disk and rows.ids == plain.ids and torch.equal(rows.embeddings["text"][:], plain.embeddings["text"])
    assert torch.equal(rows.present["text"], plain.present["text"]) and seen == [(32, 70), (64, 70), (70, 70)]
    assert torch.equal(rows.targets["kind"], plain.targets["kind"])


@pytest.mark.parametrize("balance", ["none", "inverse"])
def test_stacking_learns_in_parts_what_it_learns_at_once(monkeypatch, balance):
    config = dataclasses.replace(CONFIG, strategy="stacking", class_balance=balance)
    train, val = make_batch(200), make_batch(40, seed=1)
    whole = fit(train, val, TASKS, config)
    monkeypatch.setattr(stacking, "AT_ONCE", 30 * len(_DIMS) * sum(TASKS.values()))
    parts = fit(train, val, TASKS, config)
    one, other = (predict_probs(result.head, val)["shape"] for result in (whole, parts))
    torch.testing.assert_close(one, other, atol=2e-3, rtol=0)
