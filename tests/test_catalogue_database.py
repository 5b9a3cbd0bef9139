"""A catalogue: what is added is found, by this process and others, whatever its fields are called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from retail.catalogue.database import Catalogue, names
from retail.catalogue.record import CatalogueProduct
from retail.encoders import Encoder
from retail.files import GROCERIES_NAME
from retail.schema import Product, UserError
from retail.store import EmbeddingStore
from tests.conftest import photo

HOSTILE = {
    "id": "x",
    "a'b\"; DROP TABLE products; --": "it's",
    "ünï\n.co.de": "ü",
    "Select": "1",
    "price (€)": "1,50",
    "": "nameless",
}
pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.open("Shop")


def facts(id: str, name: str = "", labels: dict | None = None, fields: dict | None = None) -> CatalogueProduct:
    return CatalogueProduct(id, name or id, labels or {}, fields or {})


def described(text: str) -> Product:
    return Product.of(text=text)


class Letters(Encoder):
    """Counts letters, so that vectors are plain to see."""

    prefix, modality, version = "letters", "text", 1
    name, dim, _fingerprint = "letters:26", 26, "letters"

    def _embed(self, items):
        return torch.tensor([[float(item.lower().count(chr(97 + place))) for place in range(26)] for item in items])


def test_a_product_is_kept_with_its_photo_words_labels_and_fields(catalogue, folder):
    photo(folder / "apple.png")
    shown = Product.of(image=folder / "apple.png", text="green and sour")
    (kept,) = catalogue.add([(facts("", "Granny Smith", {"kind": "apple"}, {"EAN": "4006381333931"}), shown)])
    (folder / "apple.png").unlink()
    again = Catalogue.open("Shop").get(kept.id)
    assert again == kept
    assert (again.name, again.labels, again.fields) == ("Granny Smith", {"kind": "apple"}, {"EAN": "4006381333931"})
    image, text = again.views
    assert image.source.is_file() and image.source.is_relative_to(catalogue.folder / "media")
    assert (text.source, text.origin) == ("green and sour", "enrolled")
    assert names() == [GROCERIES_NAME, "Shop"] and len(catalogue) == 1


def test_a_file_may_stay_where_it_lies(catalogue, folder):
    photo(folder / "apple.png")
    (kept,) = catalogue.add([(facts("a"), Product.of(image=folder / "apple.png"))], keep_files=False)
    assert kept.views[0].source == folder / "apple.png"
    catalogue.remove(["a"])
    assert (folder / "apple.png").is_file(), "a file of the owner's is never deleted"


def test_hostile_names_come_back_as_they_were_and_filter(catalogue):
    catalogue.add([(facts("a'; --", 'it\'s 100 % \\ "x"', fields=HOSTILE), described("words"))])
    catalogue.add([(facts("b", fields={"Select": "2"}), described("words"))])
    (kept,) = catalogue.products(["a'; --"])
    given = {name: value for name, value in HOSTILE.items() if name}
    assert kept.fields == given
    assert catalogue.field_names() == list(given)
    for name, value in given.items():
        assert [one.id for one in catalogue.products(where={name: value})] == ["a'; --"], name
    assert [one.id for one in catalogue.products(words="IT'S 100 % \\")] == ["a'; --"]


def test_a_range_finds_what_reads_as_a_number_in_it(catalogue):
    for id, price in (("a", "1,50"), ("b", "2.5"), ("c", "on request"), ("d", ""), ("e", "1..2")):
        catalogue.add([(facts(id, fields={"price": price}), described("words"))])

    def found(value: str) -> list[str]:
        return [one.id for one in catalogue.products(where={"price": value})]

    assert found("1..2") == ["a", "e"]  # e says so in these words
    assert found("2..") == ["b"] and found("..2,0") == ["a"] and found("1.5..2.5") == ["a", "b"]
    assert found("on request") == ["c"] and found("2") == []


def test_a_filter_on_a_field_that_no_product_has_says_which_there_are(catalogue):
    catalogue.add([(facts("a", fields={"price": "1"}, labels={"kind": "tea"}), described("words"))])
    with pytest.raises(UserError, match="No product has a field 'prize'; the fields are 'price', 'kind'."):
        catalogue.products(where={"prize": "1"})


def test_what_a_field_or_a_label_says_comes_once_the_most_frequent_first(catalogue):
    said = [("a", "tea", "2"), ("b", "milk", "3"), ("c", "tea", "")]
    catalogue.add([(facts(name, "", {"kind": kind}, {"size": size}), described(name)) for name, kind, size in said])
    assert catalogue.values("kind") == ["tea", "milk"]
    assert sorted(catalogue.values("size")) == ["2", "3"]
    assert catalogue.values("nothing") == []


def test_views_are_counted_by_kind(catalogue, folder):
    assert catalogue.counts() == {}
    photo(folder / "apple.png")
    shown = Product.of(image=folder / "apple.png", text="green")
    catalogue.add([(facts("a"), shown), (facts("b"), described("red"))])
    assert catalogue.counts() == {"image": 1, "text": 2}


def test_labels_filter_too_and_pages_do_not_overlap(catalogue):
    catalogue.add(
        [(facts(str(n), f"name {n:02}", {"kind": "tea" if n % 2 else "milk"}), Product("")) for n in range(20)]
    )
    teas = [one.name for one in catalogue.products(where={"kind": "tea"})]
    assert teas == [f"name {n:02}" for n in range(1, 20, 2)]
    pages = [catalogue.products(where={"kind": "tea"}, offset=start, limit=4) for start in (0, 4, 8)]
    assert [one.name for page in pages for one in page] == teas


def test_adding_a_known_id_replaces_and_the_same_photo_is_one_view(catalogue, folder):
    photo(folder / "a.png")
    photo(folder / "copy.png")
    shown = Product.of(image=[folder / "a.png", folder / "copy.png"])
    catalogue.add([(facts("a", "old", fields={"price": "1"}), shown)])
    catalogue.add([(facts("a", "new"), shown)])
    (kept,) = catalogue.products()
    assert (kept.name, kept.fields, len(kept.views)) == ("new", {}, 1)
    changed = catalogue.add_views("a", Product.of(image=folder / "a.png", text="words"), "correction")
    assert [(view.modality, view.origin) for view in changed.views] == [("image", "enrolled"), ("text", "correction")]


def test_all_are_added_or_none(catalogue, folder):
    with pytest.raises(UserError, match="'gone.png' cannot be read .* give a file that exists"):
        catalogue.add([(facts("a"), described("words")), (facts("b"), Product("b", images=(folder / "gone.png",)))])
    assert len(catalogue) == 0


def test_editing_replaces_what_is_given_and_leaves_the_rest(catalogue):
    catalogue.add([(facts("a", "old", {"kind": "tea"}, {"price": "1"}), described("words"))])
    changed = catalogue.edit("a", name="new", fields={"size": "2"})
    assert changed == catalogue.get("a")
    assert (changed.name, changed.labels, changed.fields) == ("new", {"kind": "tea"}, {"size": "2"})
    with pytest.raises(UserError, match="has no product 'b'"):
        catalogue.edit("b", name="new")


def test_merging_keeps_every_view_and_says_nothing_twice(catalogue):
    catalogue.add([(facts("a", labels={"kind": "tea"}), described("one")), (facts("b"), described("two"))])
    catalogue.add([(facts("c", labels={"kind": "milk"}, fields={"price": "1"}), described("one"))])
    merged = catalogue.merge("a", ["b", "c", "a"])
    assert [view.source for view in merged.views] == ["one", "two"]
    assert {view.product for view in merged.views} == {"a"}
    assert (merged.labels, merged.fields) == ({"kind": "tea"}, {"price": "1"})
    assert [one.id for one in catalogue.products()] == ["a"]
    with pytest.raises(UserError, match="has no product 'b'"):
        catalogue.merge("a", ["b"])


def test_removing_deletes_a_copy_that_no_other_product_has(catalogue, folder):
    photo(folder / "a.png")
    (one, _) = catalogue.add([(facts(id), Product.of(image=folder / "a.png", text=id)) for id in ("a", "b")])
    copy = one.views[0].source
    catalogue.remove(["a"])
    assert copy.is_file() and len(catalogue) == 1
    catalogue.remove_views([view.id for view in catalogue.views() if view.modality == "image"])
    assert not copy.exists()
    assert [view.modality for view in catalogue.get("b").views] == ["text"]


def test_only_new_views_are_embedded_and_those_that_are_gone_leave(catalogue, tmp_path):
    store, encoder = EmbeddingStore(tmp_path / "store"), Letters()
    catalogue.add([(facts("a"), described("aab")), (facts("b"), described("c"))])
    assert catalogue.embed({"text": encoder}, store) == []
    assert store.computed == 2
    catalogue.add([(facts("c"), described("zz")), (facts("d"), described("<p>&nbsp;</p>"))])
    catalogue.remove(["b"])
    assert catalogue.vectors(encoder).products == ("a",)
    assert catalogue.embed({"text": encoder}, store) == []
    found = catalogue.vectors(encoder)
    assert store.computed == 3
    assert found.products == ("a", "c") and found.views == tuple(view.id for view in catalogue.views())
    assert found.vectors[:, [0, 1, 25]].tolist() == [[2, 1, 0], [0, 0, 2]] and found.vectors.dtype == np.float32


def test_a_changed_encoder_never_meets_the_vectors_of_the_old_one(catalogue, tmp_path):
    store, old, new = EmbeddingStore(tmp_path / "store"), Letters(), Letters()
    new._fingerprint = "letters 2"
    catalogue.add([(facts("a"), described("aab"))])
    catalogue.embed({"text": old}, store)
    assert len(catalogue.vectors(new)) == 0
    catalogue.embed({"text": new}, store)
    assert len(catalogue.vectors(new)) == len(catalogue.vectors(old)) == 1


def test_vectors_of_an_encoder_that_is_long_unused_are_dropped_and_come_back_from_the_store(catalogue, tmp_path):
    store, old, new = EmbeddingStore(tmp_path / "store"), Letters(), Letters()
    new._fingerprint = "letters 2"
    catalogue.add([(facts("a"), described("aab"))])
    catalogue.embed({"text": old}, store)
    catalogue.embed({"text": new}, store)
    assert len(catalogue.vectors(old)) == 1, "a table of today stays"
    for file in (catalogue.folder / f"{catalogue._vectors(old).name}.lance" / "_versions").iterdir():
        os.utime(file, (0, 0))
    catalogue.embed({"text": new}, store)
    assert len(catalogue.vectors(old)) == 0
    computed = store.computed
    catalogue.embed({"text": old}, store)
    assert len(catalogue.vectors(old)) == 1 and store.computed == computed


def test_a_photo_that_cannot_be_read_is_a_note_and_the_others_are_embedded(catalogue, tmp_path):
    class Shape(Letters):
        modality = "image"

        def _embed(self, items):
            return torch.ones(len(items), 26)

    photo(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no photo")
    shown = [(facts(id), Product.of(image=tmp_path / f"{id}.png")) for id in ("good", "bad")]
    catalogue.add(shown)
    (note,) = catalogue.embed({"image": Shape()}, EmbeddingStore(tmp_path / "store"))
    assert (note.product, note.modality) == ("bad", "image")
    assert catalogue.vectors(Shape()).products == ("good",)


def test_the_version_moves_with_what_another_process_writes(catalogue):
    before = catalogue.version
    assert catalogue.version == before
    run_writer("other", 1)
    assert catalogue.version > before
    assert [one.id for one in catalogue.products()] == ["other-0"]


WRITER = """
import sys
from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.schema import Product
catalogue = Catalogue.open("Shop")
for n in range(int(sys.argv[2])):
    fields = {f"{sys.argv[1]} {n % 3}": "new column"}
    facts = CatalogueProduct(f"{sys.argv[1]}-{n}", sys.argv[1], {}, fields)
    catalogue.add([(facts, Product.of(text="words"))])
    print(facts.id, flush=True)
"""


def start_writer(name: str, count: int) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, name, str(count)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)


def run_writer(name: str, count: int) -> None:
    assert start_writer(name, count).wait() == 0


def test_two_processes_that_write_at_once_lose_nothing():
    # Neither finds a catalogue: making it is part of the race.
    writers = [start_writer(name, 15) for name in ("one", "two")]
    assert [writer.wait() for writer in writers] == [0, 0]
    catalogue = Catalogue.open("Shop")
    assert {one.id for one in catalogue.products()} == {f"{name}-{n}" for name in ("one", "two") for n in range(15)}
    assert len(catalogue.field_names()) == 6


def test_what_was_acknowledged_before_a_kill_is_there_and_it_opens():
    for kept in (1, 4):
        writer = start_writer(f"after {kept}", 1000)
        said = [writer.stdout.readline().strip() for _ in range(kept)]
        writer.kill()
        said += writer.stdout.read().split("\n")[:-1]
        writer.wait()
        assert {*said} <= {one.id for one in Catalogue.open("Shop").products()}
    run_writer("last", 1)


@pytest.mark.parametrize("torn", [b"", bytes(500)])
def test_a_commit_that_a_power_cut_left_empty_is_dropped_and_all_before_is_there(catalogue, torn):
    catalogue.add([(facts("a"), described("words"))])
    catalogue.add([(facts("b"), described("words"))])
    min((catalogue.folder / "products.lance" / "_versions").glob("*.manifest")).write_bytes(torn)
    opened = Catalogue.open("Shop")
    assert [one.id for one in opened.products()] == ["a"]
    opened.add([(facts("c"), described("words"))])
    assert [one.id for one in Catalogue.open("Shop").products()] == ["a", "c"]


def test_a_folder_that_is_no_catalogue_gives_a_sentence(catalogue):
    other = catalogue.folder.with_name("Holiday photos")
    other.mkdir()
    (other / "beach.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="holds something other than a catalogue; move it away"):
        Catalogue.open("Holiday photos")
    for manifest in (catalogue.folder / "products.lance" / "_versions").glob("*.manifest"):
        manifest.write_bytes(b"damaged")
    with pytest.raises(UserError, match="Shop cannot be read .* restore the folder from a copy"):
        Catalogue.open("Shop")
    assert names() == [GROCERIES_NAME, "Shop"]


@pytest.mark.parametrize("name", ["", " ", ".", "..", "../x", "a/b", "a\\b", "a\nb", "a" * 81, 'a"b', "_x", "CON:"])
def test_a_name_that_cannot_be_a_folder_is_refused(name):
    with pytest.raises(UserError, match="cannot be the name of a catalogue"):
        Catalogue.open(name)


def test_names_are_in_any_language_and_sorted_as_people_do():
    for name in ("Obst & Gemüse", "Tools (old)", "apfel"):
        assert Catalogue.open(name).name == name
    assert names() == ["apfel", GROCERIES_NAME, "Obst & Gemüse", "Tools (old)"]
