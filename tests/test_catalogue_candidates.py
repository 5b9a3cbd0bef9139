"""What an answer may be called: classes and products found by a few letters, the closest first."""

from __future__ import annotations

from retail.catalogue.candidates import SHOWN, Candidate, candidates, likely
from retail.catalogue.record import CatalogueProduct
from retail.schema import Match, Prediction, Vocabulary


class Shelf:
    """A catalogue that finds by name or by any field."""

    def __init__(self, *products: CatalogueProduct) -> None:
        self.all = products

    def products(self, *, words: str, limit: int) -> list[CatalogueProduct]:
        wanted = words.lower().split()
        cells = ((one, f"{one.name} {' '.join(one.fields.values())}".lower()) for one in self.all)
        return [one for one, text in cells if all(word in text for word in wanted)][:limit]


TASKS = {
    "kind": Vocabulary(("apple juice", "apples", "pineapple", "tea")),
    "colour": Vocabulary(("apple green", "red")),
}


def titles(found: list[Candidate]) -> list[str]:
    return [candidate.title for candidate in found]


def test_what_begins_so_comes_before_what_holds_it():
    shelf = Shelf(CatalogueProduct("7", "Apple"), CatalogueProduct("8", "Granny Smith apple"))
    assert titles(candidates("apple", TASKS, shelf)) == [
        "Apple", "apples", "apple juice", "apple green", "Granny Smith apple", "pineapple",
    ]  # fmt: skip


def test_every_word_counts_in_any_order_and_case():
    assert titles(candidates("GREEN  app", TASKS, None)) == ["apple green"]
    assert candidates("nothing like it", TASKS, None) == []


def test_a_product_found_by_its_number_comes_last_but_comes():
    shelf = Shelf(CatalogueProduct("7", "Granny Smith", fields={"sku": "tea-4711"}))
    assert candidates("tea", TASKS, shelf) == [Candidate("tea", "kind"), Candidate("Granny Smith", product_id="7")]


def test_an_example_of_a_class_is_found_as_the_class_alone():
    shelf = Shelf(CatalogueProduct("7", "", {"kind": "tea"}, {"note": "tea"}), CatalogueProduct("8", "Tea"))
    assert candidates("tea", TASKS, shelf) == [Candidate("tea", "kind"), Candidate("Tea", product_id="8")]


def test_a_class_says_its_question():
    assert candidates("red", TASKS, None) == [Candidate("red", "colour")]


def test_the_best_fifty_of_three_thousand_classes_are_shown():
    tasks = {"product": Vocabulary(tuple(f"product {place:04}" for place in range(3000)))}
    assert len(candidates("product 29", tasks, None)) == SHOWN


def test_without_words_the_answer_itself_says_what_is_likely():
    probs = {"kind": {"tea": 0.7, "apples": 0.3}, "colour": {"red": 1.0}}
    example = Match("8", "", {"kind": "tea"}, 0.8, {})  # of a class: that stands for it
    match = Match("7", "Breakfast tea", {"kind": "tea", "colour": "red"}, 0.9, {})
    answer = Prediction("a", probs, ("image",), matches=(match, example))
    assert likely(answer) == [
        Candidate("Breakfast tea", product_id="7"),
        Candidate("tea", "kind"),
        Candidate("red", "colour"),
        Candidate("apples", "kind"),
    ]
    assert len(likely(answer, 2)) == 2


def test_a_product_that_answers_by_its_name_is_offered_once():
    match = Match("7", "Medlar", {}, 0.9, {})
    answer = Prediction("a", {"kind": {"Medlar": 0.6, "tea": 0.4}}, ("image",), matches=(match,))
    assert likely(answer) == [Candidate("Medlar", product_id="7"), Candidate("tea", "kind")]
