"""Known products: hand-made vectors with known cosines, thresholds from validation rows, enrolling and forgetting."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from retail import catalogue
from retail.catalogue import ENROLLED, FEWEST_VAL, Gallery, build_gallery, catalogue_key, empty_gallery
from retail.dataset.manifest import Manifest, Seal
from retail.files import DEMO_BUNDLE, DEMO_DIR
from retail.recognizer.bundle import load_bundle
from retail.schema import Prediction, Product, UserError, Vocabulary
from retail.store import EmbeddingBatch

# Unit vectors in the plane: their cosines are plain to see.
EAST, NORTH, NORTH_EAST = (1.0, 0.0), (0.0, 1.0), (2**-0.5, 2**-0.5)


def batch(image: list, text: list, names: list[str] | None = None) -> EmbeddingBatch:
    """None stands for an absent input."""
    columns = {"image": image, "text": text}
    tensors = {m: torch.tensor([row or (0.0, 0.0) for row in rows]) for m, rows in columns.items()}
    present = {m: torch.tensor([row is not None for row in rows]) for m, rows in columns.items()}
    return EmbeddingBatch(tuple(names or map(str, range(len(image)))), tensors, present, {})


def product(name: str, label: str) -> Product:
    return Product(name, text="words", labels={"kind": label}, split="train")


@pytest.fixture
def gallery() -> Gallery:
    rows = (product("a", "tea"), product("b", "tea"), product("c", "milk"), product("d", "soap"))
    return Gallery(rows, batch([EAST, NORTH_EAST, NORTH, None], [EAST, NORTH, NORTH, EAST]), {}, {("image",): 0.9})


def test_the_best_example_of_each_kind_comes_in_order_of_similarity(gallery):
    upload = batch([EAST], [NORTH])
    found = gallery.nearest(upload, ("image", "text"))
    # a: (1 + 0) / 2, b: (0.71 + 1) / 2, c: (0 + 1) / 2; d has no photo, so its text alone counts: 0.
    assert [n.product.id for n in found] == ["b", "c", "d"]
    assert [n.similarity for n in found] == pytest.approx([(2**-0.5 + 1) / 2, 0.5, 0.0])


def test_an_input_that_is_switched_off_does_not_count_and_no_shared_input_is_no_neighbour(gallery):
    found = gallery.nearest(batch([EAST], [NORTH]), ("image",))
    assert [n.product.id for n in found] == ["a", "c"]
    assert gallery.nearest(batch([None], [None]), ("image", "text")) == []


def test_an_upload_is_a_product_added_by_hand_when_that_is_nearest_of_all_and_near_enough(gallery):
    near, far = batch([EAST], [EAST]), batch([(-1.0, 0.0)], [EAST])
    by_hand = replace(gallery, products=tuple(replace(product, split=ENROLLED) for product in gallery.products))
    for upload, threshold, expected in ((near, 0.9, "a"), (near, 1.1, None), (far, 0.9, None)):
        judged = replace(by_hand, thresholds={("image",): threshold})
        found = judged.recognised(judged.nearest(upload, ("image",)), ("image",))
        assert (found.product.id if found else None) == expected
    neighbours = by_hand.nearest(near, ("text",))
    assert replace(by_hand, thresholds={}).recognised(neighbours, ("text",)) is None  # no threshold, no claim
    assert gallery.recognised(gallery.nearest(near, ("image",)), ("image",)) is None  # a training product


class Embedder:
    """A recogniser whose photo embeddings are given by hand: `vectors[id]`."""

    modalities = ("image",)

    def __init__(self, vectors: dict[str, tuple[float, float]]) -> None:
        self.vectors, self.learned_from = vectors, "1"
        self.vocabularies = {"kind": Vocabulary(("milk", "tea")), "drink": Vocabulary(("hot",))}

    def embed(self, products, store=None, progress=None):
        vectors = torch.tensor([self.vectors[p.id] for p in products]).reshape(-1, 2)
        present = {"image": torch.ones(len(products), dtype=torch.bool)}
        targets = {
            t: torch.tensor([v.index(p.labels.get(t, "")) for p in products]) for t, v in self.vocabularies.items()
        }
        return EmbeddingBatch(tuple(p.id for p in products), {"image": vectors}, present, targets), []


def made_up_manifest(val_angles: np.ndarray) -> tuple[Manifest, Embedder]:
    """Four training products on the axes; validation products at these angles from the nearest axis."""
    axes = {f"t{k}": (float(np.cos(k * np.pi / 2)), float(np.sin(k * np.pi / 2))) for k in range(4)}
    rows = [Product(name, labels={"kind": ("tea", "milk")[k % 2]}, split="train") for k, name in enumerate(axes)]
    vals = {f"v{k}": (float(np.cos(angle)), float(np.sin(angle))) for k, angle in enumerate(val_angles)}
    rows += [Product(name, labels={"kind": "tea"}, split="val") for name in vals]
    facts = SimpleNamespace(name="made up")
    manifest = Manifest(facts, tuple(rows), (), ("kind",), ("kind",), "text", True, SimpleNamespace(checksum="1"))  # type: ignore[arg-type]
    return manifest, Embedder(axes | vals)


def test_the_threshold_keeps_95_percent_of_the_validation_products():
    angles = np.linspace(0.0, 0.4, 41)  # radians from the first training product
    manifest, embedder = made_up_manifest(angles)
    gallery = build_gallery(embedder, manifest)
    assert gallery.thresholds == {("image",): pytest.approx(np.quantile(np.cos(angles), 0.05), abs=1e-4)}
    assert [p.split for p in gallery.products] == ["train"] * 4


def test_too_few_validation_products_give_no_threshold_and_changed_data_is_refused():
    manifest, embedder = made_up_manifest(np.zeros(FEWEST_VAL - 1))
    assert build_gallery(embedder, manifest).thresholds == {}
    with pytest.raises(UserError, match="changed since this recogniser was trained"):
        build_gallery(embedder, replace(manifest, seal=Seal((), b"2", ())))


def test_answers_that_cannot_both_be_right_are_named():
    recognizer = SimpleNamespace(
        vocabularies={"product": Vocabulary(("ale", "tea")), "group": Vocabulary(("cold", "hot"))}
    )
    gallery = Gallery((), batch([EAST], [EAST]), {}, {}, {"product": {"group": np.array([0, 1])}})
    fits = Prediction("x", {"product": {"tea": 0.9, "ale": 0.1}, "group": {"hot": 0.6, "cold": 0.4}}, ("text",))
    clash = replace(fits, probs={"product": {"tea": 0.9, "ale": 0.1}, "group": {"cold": 0.6, "hot": 0.4}})
    assert gallery.contradictions(fits, recognizer) == []
    (sentence,) = gallery.contradictions(clash, recognizer)
    assert "as product, tea belongs to hot" in sentence and "as group the model says cold" in sentence


def test_an_enrolled_product_is_its_own_nearest_neighbour_until_it_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    recognizer, key = load_bundle(DEMO_BUNDLE), catalogue_key(DEMO_BUNDLE)
    photo = next((DEMO_DIR / "images").glob("*.jpg")).read_bytes()
    upload = Product("upload", (photo,), "a jar of my own plum jam")
    for wrong in (("", upload), ("Plum jam", Product("upload"))):
        with pytest.raises(UserError, match="needs a name and at least one"):
            catalogue.enrol(key, *wrong)
    kept = catalogue.enrol(key, "Plum jam", upload)
    assert catalogue.enrolled("other") == [] and [p.id for p in catalogue.enrolled(key)] == [kept.id]
    gallery = empty_gallery(recognizer).with_enrolled(recognizer, catalogue.enrolled(key))
    (found,) = gallery.nearest(recognizer.embed([upload])[0], ("image", "text"))
    assert found.enrolled and found.title == "Plum jam" and found.similarity == pytest.approx(1.0, abs=1e-5)
    assert found.product.split == ENROLLED
    catalogue.forget(key, kept.id)
    assert catalogue.enrolled(key) == [] and not list(tmp_path.rglob("product.json"))
