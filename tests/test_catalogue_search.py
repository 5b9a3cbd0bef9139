"""Search: words, vectors and filters find what was added a moment ago, together and alone."""

from __future__ import annotations

import numpy as np
import pytest

from retail.catalogue import search, upkeep
from retail.catalogue.database import Catalogue
from retail.catalogue.search import fused
from retail.catalogue.upkeep import index_vectors
from retail.store import EmbeddingStore
from tests.test_catalogue_database import Letters, described, facts

pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.open("Shop")


@pytest.fixture
def fruit(catalogue, tmp_path) -> Catalogue:
    """Three products whose letters are embedded."""
    rows = {"a": ("Granny Smith", "sour", "1"), "b": ("Gala", "sweet", "2"), "c": ("Conference pear", "juicy", "3")}
    catalogue.add(
        [(facts(id, name, fields={"price": price}), described(text)) for id, (name, text, price) in rows.items()]
    )
    catalogue.embed({"text": Letters()}, EmbeddingStore(tmp_path / "store"))
    return catalogue


def found(results) -> list[str]:
    return [one.product.id for one in results]


def test_words_find_names_fields_labels_and_descriptions_without_case_or_accents(catalogue):
    facts_of = facts("a", "Crème fraîche", {"kind": "dairy"}, {"EAN": "4006381333931"})
    catalogue.add([(facts_of, described("thick and SOUR")), (facts("b", "Milk"), described("thin"))])
    for words in ("creme", "dairy", "4006381333931", "sour", "Fraîche thick"):
        assert found(catalogue.search(words)) == ["a"], words


def test_a_part_of_a_word_and_a_wrong_letter_find_it_too(fruit):
    assert found(fruit.search("gran")) == ["a"]
    assert found(fruit.search("Grannny Smiht")) == ["a"]
    assert found(fruit.search("zzzz")) == []


@pytest.mark.parametrize("words", ["'; --", 'a" OR', "* ? ~2 +x -y", "a AND (b", "\\", "\x00", "…", "%"])
def test_hostile_words_are_only_words(fruit, words):
    assert set(found(fruit.search(words))) <= {"a", "b", "c"}


def test_a_description_finds_the_product_whose_view_is_nearest(fruit):
    results = fruit.search(product=described("sweeet"), encoders={"text": Letters()})
    assert found(results)[0] == "b"
    # s 1, w 1, e 3, t 1 against s 1, w 1, e 2, t 1
    assert results[0].similarity["text"] == pytest.approx(9 / (12 * 7) ** 0.5)
    assert not results[0].by_words


def test_words_count_by_their_meaning_and_as_they_stand(fruit):
    results = fruit.search("sweet", encoders={"text": Letters()})
    assert found(results)[0] == "b" and results[0].by_words
    assert results[0].similarity["text"] == pytest.approx(1.0, abs=1e-5)
    assert len(results) == 3 and not results[1].by_words


def test_filters_hold_for_words_and_vectors(fruit):
    wanted = {"price": "2.."}
    assert found(fruit.search("granny gala", where=wanted)) == ["b"]
    assert set(found(fruit.search("sour", encoders={"text": Letters()}, where=wanted))) == {"b", "c"}
    assert found(fruit.search(where=wanted)) == ["c", "b"]  # by name
    assert found(fruit.search("sour", encoders={"text": Letters()}, where={"price": "9"})) == []


def test_what_was_added_a_moment_ago_is_found_beside_what_an_index_covers(fruit, tmp_path, monkeypatch):
    monkeypatch.setattr(upkeep, "INDEX_FROM", 256)
    rng, encoder = np.random.default_rng(0), Letters()
    words = ["".join(chr(97 + letter) for letter in rng.integers(0, 26, 30)) for _ in range(400)]
    fruit.add([(facts(f"many {n}", "many"), described(text)) for n, text in enumerate(words)])
    store = EmbeddingStore(tmp_path / "store")
    fruit.embed({"text": encoder}, store)
    table = fruit._vectors(encoder).table
    assert "vector" in [index.columns[0] for index in table.list_indices()]
    fruit.add([(facts("new", "Brand new"), described("zzzzzq"))])
    assert found(fruit.search("brand"))[0] == "new"
    fruit.embed({"text": encoder}, store)
    results = fruit.search(product=described("zzzzzq"), encoders={"text": encoder})
    assert (found(results)[0], results[0].similarity["text"]) == ("new", pytest.approx(1.0, abs=1e-5))
    exact = fruit.vectors(encoder)
    query = encoder.embed(["hello quaint world"]).numpy()
    cosine = exact.vectors @ query[0] / np.linalg.norm(exact.vectors, axis=1) / np.linalg.norm(query)
    assert [near.similarity for near in fruit.nearest(encoder, query, 10)[0]] == pytest.approx(np.sort(cosine)[:-11:-1])


def test_views_that_are_gone_are_not_near_although_their_vectors_lag_behind(fruit):
    encoder = Letters()
    fruit.remove(["a"])
    (near,) = fruit.nearest(encoder, encoder.embed(["sour"]).numpy(), 2)
    assert sorted(one.product for one in near) == ["b", "c"]


@pytest.mark.parametrize("few", [0, 1000])
def test_a_filter_gives_the_same_whether_it_is_settled_first_or_afterwards(fruit, monkeypatch, few):
    monkeypatch.setattr(search, "FEW_PASSING", few)
    encoder = Letters()
    (near,) = fruit.nearest(encoder, encoder.embed(["sour"]).numpy(), 1, {"price": "3"})
    assert [one.product for one in near] == ["c"]


def test_many_small_writes_are_joined_and_a_reader_of_an_old_version_goes_on(catalogue, monkeypatch):
    reader = Catalogue.open("Shop")
    catalogue.add([(facts("first"), described("words"))])
    old = reader._rows.table.search().select(["id"])
    monkeypatch.setattr(upkeep, "MOST_FILES", 5)
    for n in range(7):
        catalogue.add([(facts(f"p{n}"), described("words"))])
    assert catalogue._rows.table.stats()["fragment_stats"]["num_fragments"] <= 5
    assert len(old.to_arrow()) >= 1 and len(reader.products()) == 8
    assert len(catalogue.search("words", count=100)) == 8


def test_an_index_is_made_once_there_are_many_rows_and_kept_up(fruit, monkeypatch):
    monkeypatch.setattr(upkeep, "INDEX_FROM", 300)
    monkeypatch.setattr(upkeep, "MOST_WAITING", 100)
    vectors = fruit._vectors(Letters())
    rng = np.random.default_rng(0)

    def behind() -> int | None:
        indices = {index.columns[0]: index for index in vectors.table.list_indices()}
        return indices["vector"].num_unindexed_rows if "vector" in indices else None

    def keep(first: int, count: int) -> None:
        ids = [f"v{n}" for n in range(first, first + count)]
        vectors.keep(ids, ids, rng.normal(size=(count, 26)))
        index_vectors(vectors.table)

    keep(0, 200)
    assert behind() is None
    keep(200, 200)
    assert behind() == 0
    keep(400, 20)
    assert behind() == 20  # searched one by one
    keep(420, 400)
    assert behind() == 0


def test_reciprocal_ranks_are_summed_and_agreement_wins():
    scores = fused([["a", "b", "c"], ["b", "d"]])
    assert list(scores) == ["b", "a", "d", "c"]
    assert scores["b"] == pytest.approx(1 / 62 + 1 / 61)
