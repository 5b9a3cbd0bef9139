"""What tells the products of a catalogue from everything that nobody enrolled."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn.functional import normalize

from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.certainty.alike import COSINES, Alike, Shown, Spaces
from retail.certainty.strangers import SELDOM, USUAL, Strangers
from retail.files import GROCERIES_EXAMPLES
from retail.recognizer import Recognizer
from retail.schema import Product
from retail.store import EmbeddingBatch

DIM = 24
SPACES = Spaces({"image": torch.zeros(DIM), "text": torch.zeros(DIM)}, {})


def alike(**cosines: list[list[float]]) -> Alike:
    """Uploads beside products, by these cosines; by every other input there is nothing to compare."""
    given = {name: torch.tensor(rows) for name, rows in cosines.items()}
    shape = next(iter(given.values())).shape
    found = {name: given.get(name, torch.full(shape, torch.nan)) for name in COSINES}
    return Alike(found, torch.zeros(shape[0], dtype=torch.long), torch.zeros(shape[1], dtype=torch.long))


def strangers(*titles: str) -> Strangers:
    kinds = torch.tensor([sorted(set(titles)).index(title) for title in titles])
    return Strangers(kinds, {"image": USUAL["image"].at(2, 1), "text": USUAL["text"].at(2, 1)})


def shown(centres: torch.Tensor, views: int, noise: float, seed: int = 0) -> Shown:
    """Products that lie around these points, with so many photos each."""
    return SPACES.shown(
        {"image": drawn(centres, views, noise, seed)},
        {"image": torch.arange(len(centres)).repeat_interleave(views)},
        len(centres),
    )


def drawn(centres: torch.Tensor, views: int, noise: float, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return centres.repeat_interleave(views, 0) + noise * torch.randn(len(centres) * views, DIM, generator=generator)


def points(count: int, spread: float, seed: int = 0) -> torch.Tensor:
    """So many directions around one common direction: the smaller the spread, the more alike all products are."""
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.ones(DIM), dim=0) + spread * normalize(torch.randn(count, DIM, generator=generator), dim=1)


def test_an_upload_that_is_like_two_products_stands_lower_than_one_that_is_like_one():
    (single, double) = strangers("a", "b").standing(alike(image=[[0.8, 0.1], [0.8, 0.79]]))
    assert single[0] > 0 > single[1]
    assert single[0] > double[0] and double[0] < 1


def test_two_examples_of_one_kind_are_no_rivals():
    asked = alike(image=[[0.8, 0.79, 0.1]])
    same, other = (strangers(*titles).standing(asked)[0, 0] for titles in (("a", "a", "b"), ("a", "c", "b")))
    assert same > other


def test_beside_a_single_product_the_usual_level_counts():
    known = Strangers.of(shown(points(1, 1.0), 3, 0.1), ["a"])
    assert known.levels["image"] == USUAL["image"].at(1, 3)
    weak, strong = known.standing(alike(image=[[0.5], [0.8]]))[:, 0].tolist()
    assert weak < 0 < strong


def test_where_all_products_look_alike_a_stranger_has_to_be_more_alike():
    every = points(400, 0.5, seed=7)
    products = shown(every[:200], 3, 0.02)
    known = Strangers.of(products, [*map(str, range(200))])
    there = {"image": torch.ones(200, dtype=torch.bool)}
    others = EmbeddingBatch(tuple(map(str, range(200))), {"image": drawn(every[200:], 1, 0.02, 1)}, there, {})
    asked = SPACES.alike(others, products)
    usual = replace(known, levels={"image": USUAL["image"].at(200, 3)})
    reached = [float((one.standing(asked) >= 0).any(1).double().mean()) for one in (known, usual)]
    assert reached[0] <= 2 * SELDOM < reached[1]


def test_inputs_add_up_and_products_that_share_none_have_no_standing():
    nan = torch.nan
    photo, both = (
        strangers("a", "b").standing(alike(image=[[0.8, nan]], text=[[text, nan]]))[0] for text in (nan, 0.9)
    )
    assert both[0] > photo[0] > 0
    assert photo[1] == both[1] == -torch.inf


def test_no_product_no_standing():
    nobody = Strangers.of(Shown(0, {}, torch.zeros(0, 1)), [])
    assert nobody.standing(alike(image=[[0.9, 0.8]])).shape == (1, 0)


def test_one_product_far_from_all_trained_ones_is_no_answer_to_photos_of_others(empty_home):
    photos = {name: Product.of(GROCERIES_EXAMPLES / "images" / f"{name}.jpg") for name in ("banana", "carrots")}
    own, kept = Recognizer.load("demo"), Catalogue.open("fruit")
    kept.add([(CatalogueProduct("", "Banana"), photos["banana"])])
    known = Shelf.of(own, kept)
    again, other = known.predict(photos["banana"]), known.predict(photos["carrots"])
    assert again.recognised and again.recognised.name == "Banana" and not again.unknown
    assert other.unknown and other.recognised is None and other.matches[0].probability < 0.2
