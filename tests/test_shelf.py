"""A catalogue beside a classifier: enrolled products answer at once, with whatever inputs either side has."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from retail.catalogue.database import Catalogue
from retail.catalogue.foresight import sentence
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.certainty.matching import Matching
from retail.files import DATA_DIR
from retail.recognizer import Recognizer
from retail.schema import SUBSETS, Product, UserError
from tests.catalogue_sample import NEW, TRAINED, recognizer, rows, shelf, vector

FIRST_NEW = TRAINED
BOTH = (("image", 500), ("text", 500))


def answers(of: Shelf, number: int, inputs=("image", "text"), draws=range(700, 710)):
    draws = list(draws)
    return of.answer(rows([number] * len(draws), draws, inputs), ())


def share(right: list[bool]) -> float:
    return sum(right) / len(right)


def test_an_enrolled_product_is_the_answer_from_the_next_upload_on():
    before = answers(shelf(), FIRST_NEW)
    assert all(answer.recognised is None and answer.matches == () for answer in before)
    after = answers(shelf((FIRST_NEW, "Plum jam", BOTH)), FIRST_NEW)
    assert share([answer.best("product")[0] == "Plum jam" for answer in after]) >= 0.8
    taken = [answer.recognised for answer in after if answer.recognised]
    assert len(taken) >= 8 and {match.name for match in taken} == {"Plum jam"}
    assert not any(answer.unknown for answer in after if answer.recognised)


def test_both_witnesses_say_what_they_would_answer_alone():
    answer = answers(shelf((FIRST_NEW, "Plum jam", BOTH)), FIRST_NEW)[0].answers["product"]
    classifier = answers(shelf(), FIRST_NEW)[0]
    assert answer.witnesses["classifier"] == classifier.best("product")
    assert answer.witnesses["catalogue"][0] == "Plum jam" and 0 < answer.witnesses["catalogue"][1] < 1
    assert classifier.answers["product"].witnesses == {}  # nobody asked a catalogue
    assert set(answers(shelf((FIRST_NEW, "Plum jam", BOTH)), 0)[0].answers["kind"].witnesses) == {"classifier"}


@pytest.mark.parametrize("shown", [(("image", 500),), (("text", 500),), BOTH])
@pytest.mark.parametrize("inputs", [("image",), ("text",), ("image", "text")])
def test_either_side_may_lack_inputs(shown, inputs):
    found = answers(shelf((FIRST_NEW, "Plum jam", shown)), FIRST_NEW, inputs)
    for answer in found:
        (match,) = answer.matches
        shared = {m for m, _ in shown} & set(inputs)
        assert set(match.similarity) == {*shared, "fused"} and 0 < match.probability < 1
        assert sum(answer.probs["product"].values()) == pytest.approx(1, abs=1e-5)
    if set(inputs) & {m for m, _ in shown}:
        assert sum(answer.matches[0].probability for answer in found) / len(found) > 0.5


def test_an_upload_that_nobody_can_use_has_no_answer():
    (answer,) = shelf((FIRST_NEW, "Plum jam", BOTH)).answer(rows([0], [0], ()), ())
    assert answer.used == () and answer.probs == {} and answer.matches == () and answer.recognised is None


def test_trained_classes_lose_next_to_nothing():
    full = shelf(*[(TRAINED + k, f"new {k}", BOTH) for k in range(NEW)])
    lost = 0
    for number in range(TRAINED):
        draws = range(700, 710)
        for before, after in zip(
            answers(shelf(), number, ("image",), draws), answers(full, number, ("image",), draws), strict=True
        ):
            right = f"{number:02}"
            lost += (before.best("product")[0] == right) - (after.best("product")[0] == right)
    assert lost <= 0.01 * TRAINED * 10


def test_an_example_of_a_trained_class_counts_for_its_class():
    number = 3
    bare, told = shelf(), shelf((number, "kept", BOTH), product=f"{number:02}")
    upload = rows([number], [500], ("image",))
    before, after = bare.answer(upload, ())[0], told.answer(upload, ())[0]
    assert after.probs["product"][f"{number:02}"] > before.probs["product"][f"{number:02}"]
    assert len(after.probs["product"]) == TRAINED  # no class of its own
    assert after.recognised and after.recognised.id == "kept"
    assert after.matches[0].probability == pytest.approx(after.probs["product"][f"{number:02}"])


def test_a_wrong_answer_that_was_corrected_is_right_for_the_same_upload():
    upload = rows([3], [500], ("image",))
    other = "05"  # somebody says that this photo is another class
    corrected = shelf((3, "kept", (("image", 500),)), product=other).answer(upload, ())[0]
    assert corrected.best("product")[0] == other


def test_what_the_classifier_does_not_know_is_unknown_until_the_catalogue_does():
    far = rows([FIRST_NEW], [700])
    far = replace(far, embeddings={m: 30 * own for m, own in far.embeddings.items()})
    assert shelf().answer(far, ())[0].unknown
    known = shelf((FIRST_NEW, "Plum jam", BOTH))
    answer = known.answer(far, ())[0]
    assert answer.novelty.unknown and answer.recognised and not answer.unknown
    assert answer.answers["product"].decision != "unknown"


def test_far_from_all_trained_classes_products_are_told_apart_by_plain_likeness(empty_home):
    own, kept = Recognizer.load("demo"), Catalogue.open("tools")
    words = ["garden hose, 20 m", "paint brush", "wall paint, white", "cordless drill"]
    kept.add([(CatalogueProduct("", text), Product("", text=text)) for text in words])
    known = Shelf.of(own, kept)
    for asked, name in (("a garden hose of 20 metres", words[0]), ("drill without cord", words[3])):
        answer = known.answer(*known.embed([Product.of(text=asked)]))[0]
        assert answer.novelty.unknown and answer.recognised and answer.recognised.name == name


def test_training_rows_are_shown_and_change_no_answer():
    one = Product("t1", labels={"product": "00", "kind": "a"}, split="train")
    bare = Shelf.of(recognizer(), None)
    row = CatalogueProduct(one.id, "", dict(one.labels))
    shown = replace(
        bare,
        products=(row,),
        shown=bare.spaces.shown({"image": vector(0, "image", 1)[None]}, {"image": torch.tensor([0])}, 1),
    )
    upload = rows([0], [700])
    before, after = bare.answer(upload, ())[0], shown.answer(upload, ())[0]
    assert after.probs == before.probs and after.recognised is None
    assert after.matches[0].id == "t1" and after.matches[0].probability == after.probs["product"]["00"]


def test_of_a_catalogue_too_large_for_memory_the_nearest_are_compared_just_as_well(empty_home, monkeypatch):
    own, kept = Recognizer.load("demo"), Catalogue.open("many")
    words = ["steel screwdriver set", "garden hose, 20 m", "paint brush", "wall paint, white", "cordless drill"]
    kept.add([(CatalogueProduct("", text.title()), Product("", text=text)) for text in words])
    uploads = [Product.of(text="a garden hose of 20 metres"), Product.of(text="drill without cord")]
    whole = Shelf.of(own, kept)
    monkeypatch.setattr("retail.catalogue.shelf.MOST_IN_MEMORY", 1)
    monkeypatch.setattr("retail.catalogue.filling.CANDIDATES", 3)
    wide = Shelf.of(own, kept)
    assert wide.products == () and len(whole.products) == 5
    for upload in uploads:
        one, other = (each.answer(*each.embed([upload]))[0] for each in (whole, wide))
        assert other.recognised and one.recognised and other.recognised.name == one.recognised.name
        assert other.matches[0].similarity == pytest.approx(one.matches[0].similarity, abs=1e-5)
        assert other.best("product")[0] == one.best("product")[0]
    assert wide.foresee(uploads[0], "My hose").sentence.startswith(("About", "Hardly", "Nearly"))


def test_answers_of_every_subset_and_their_error():
    known = shelf((FIRST_NEW, "Plum jam", BOTH))
    product = Product("upload", text="words")
    found = known.answer_subsets(product, rows([FIRST_NEW], [700]), ())
    assert list(found) == [("image",), ("text",), ("image", "text")]
    with pytest.raises(UserError, match="but only a description was given"):
        known.answer_subsets(product, rows([0], [0], ()), ())


def test_more_alike_is_never_less_likely():
    matching = recognizer().certainty.matching
    assert matching is not None and bool((matching.pairs[..., :-1] >= 0).all())
    assert bool((matching.new[:, 1] >= 0).all()) and all(bool((own[:, 1] > 0).all()) for own in matching.known.values())
    usual = Matching.usual()
    assert bool((usual.pairs[..., :-1] >= 0).all())
    known = shelf((FIRST_NEW, "Plum jam", (("image", 500),)))
    start, end = vector(0, "image", 700), vector(FIRST_NEW, "image", 500)
    steps = torch.stack([start + part * (end - start) for part in torch.linspace(0, 1, 21)])
    batch = rows([0] * 21, [700] * 21, ("image",))
    batch = replace(batch, embeddings=batch.embeddings | {"image": steps})
    alike = known.spaces.alike(batch, known.shown)
    odds = known.odds(alike, torch.zeros(21, dtype=torch.bool))[:, 0]
    rising = torch.stack([alike.cosines[name][:, 0] for name in ("image", "mapped image", "fused")]).diff(dim=1) >= 0
    assert bool((odds.diff()[rising.all(0)] >= -1e-5).all()) and int(rising.all(0).sum()) > 5


def test_an_older_bundle_without_weights_still_matches(tmp_path):
    from safetensors.torch import load, save

    from retail.certainty.tensors import pack, unpack

    own = recognizer()
    tasks = list(own.vocabularies)
    tensors = pack(own.certainty, tasks, own.modalities)
    known = own.certainty.novelty.ids
    again = unpack(load(save(tensors)), own.head.tasks, own.head.dims, known)
    for name, tensor in own.certainty.matching.to_tensors(tasks).items():
        assert torch.equal(tensor.nan_to_num(), again.matching.to_tensors(tasks)[name].nan_to_num())
    older = unpack(
        {n: t for n, t in tensors.items() if not n.startswith("matching.")}, own.head.tasks, own.head.dims, known
    )
    assert older.matching is None
    old = replace(shelf((FIRST_NEW, "Plum jam", BOTH)), matching=Matching.usual())
    assert answers(old, FIRST_NEW)[0].matches[0].name == "Plum jam"
    for broken in ({"matching.new": tensors["matching.new"][:3]}, {"matching.pairs": tensors["matching.pairs"] / 0}):
        with pytest.raises(UserError, match="weighs known products is damaged"):
            unpack(tensors | broken, own.head.tasks, own.head.dims, known)


def test_foresight_tells_an_easy_product_from_one_that_has_a_double():
    known = shelf((FIRST_NEW + 1, "Plum jam", BOTH))
    easy = foreseen(known, FIRST_NEW, [500, 501, 502])
    double = foreseen(known, FIRST_NEW + 1, [510, 511, 512])
    assert 0 <= double[0] < easy[0] <= 1
    assert double[1][0][0].name == "Plum jam" and double[1][0][1] > 0.05
    measured = share(
        [
            answer.best("product")[0] == "My jam"
            for answer in answers(
                shelf((FIRST_NEW, "My jam", [("image", d) for d in (500, 501, 502)])), FIRST_NEW, ("image",)
            )
        ]
    )
    assert abs(easy[0] - measured) <= 0.3


def foreseen(known: Shelf, number: int, draws: list[int]):
    from retail.catalogue.foresight import recall_of

    return recall_of(known, rows([number] * len(draws), draws, ("image",)).select(["image"]), "image", "My jam")


def test_what_is_foreseen_is_one_plain_sentence():
    assert sentence(0.83, ["Royal Gala"], "photos") == (
        "About 8 of 10 photos of it will be recognised; it will be confused with Royal Gala."
    )
    assert sentence(0.99, [], "clips") == "Nearly all clips of it will be recognised."
    assert sentence(0.02, ["A", "B", "C"], "descriptions") == (
        "Hardly any descriptions of it will be recognised; it will be confused with A, B and C."
    )


def test_nothing_that_can_be_read_cannot_be_foreseen():
    with pytest.raises(UserError, match="at least one photo, description or sound"):
        shelf().foresee(Product("empty"), "Plum jam")


def test_the_odds_of_each_mix_are_there_for_every_subset():
    matching = Matching.usual()
    assert matching.pairs.shape[:2] == (len(SUBSETS), len(SUBSETS))


def test_an_input_that_the_recogniser_lacks_is_matched_by_the_catalogue_alone(empty_home):
    own, kept = Recognizer.load(DATA_DIR / "groceries_bundle"), Catalogue.open("words")
    assert own.modalities == ("image",)
    named = [CatalogueProduct("", name, {"product": name}) for name in ("Banana", "Lemon", "Watermelon")]
    kept.add([(product, Product("", text=product.name)) for product in [*named, CatalogueProduct("", "Plum jam")]])
    known = Shelf.of(own, kept)
    for asked, name in (("a ripe banana", "Banana"), ("jam made of plums", "Plum jam")):
        answer = known.answer(*known.embed([Product.of(text=asked)]))[0]
        assert answer.used == ("text",) and answer.recognised and answer.recognised.name == name
        assert answer.best("product")[0] == name and set(answer.answers["product"].witnesses) == {"catalogue"}
        assert sum(answer.probs["product"].values()) < 1  # the rest is that it is none of them
        assert answer.answers["product"].decision == "review"  # nothing is promised of it
