"""The order of review: unsure rows that are unlike one another come first."""

import pytest
import torch

from retail.certainty import Certainty
from retail.certainty.novelty import Novelty
from retail.fusion import build_head
from retail.review.order import as_points, covered_by, review_order, teaching_order, uncertainty
from retail.schema import Product
from retail.store import EmbeddingBatch
from tests.made_up_data import made_up_splits
from tests.tiny_recognizer import tiny_recognizer


def test_of_rows_that_are_unlike_one_another_the_least_sure_comes_first():
    assert teaching_order(torch.tensor([0.1, 0.9, 0.5]), torch.eye(3)) == [1, 2, 0]


def test_unlike_unsure_rows_come_before_near_copies_of_the_first():
    points = torch.tensor([[1.0, 0, 0], [1.0, 0.01, 0], [0.999, 0, 0.01], [0, 1.0, 0], [0, 0, 1.0]])
    unsure = torch.tensor([0.95, 0.94, 0.93, 0.6, 0.5])
    first, *others = teaching_order(unsure, points)
    assert first in (0, 1, 2) and others[:2] == [3, 4]
    assert torch.argsort(unsure, descending=True)[:3].tolist() == [0, 1, 2], "uncertainty alone takes the copies"


def test_a_row_that_many_unsure_rows_are_like_comes_before_a_lone_less_sure_one():
    points = torch.tensor([[1.0, 0.1, 0], [1.0, 0, 0], [1.0, -0.1, 0], [0, 0, 1.0]])
    assert teaching_order(torch.tensor([0.5, 0.5, 0.5, 0.9]), points)[:2] == [1, 3]


def test_what_the_recogniser_learned_from_covers_what_is_like_it():
    unsure, points = torch.tensor([0.9, 0.5]), torch.eye(2)
    assert teaching_order(unsure, points) == [0, 1]
    assert teaching_order(unsure, points, covered=torch.tensor([0.8, 0.0])) == [1, 0]


def test_rows_are_chosen_as_if_every_one_had_been_looked_at_each_time():
    generator = torch.Generator().manual_seed(1)
    unsure, points = torch.rand(200, generator=generator), torch.randn(200, 5, generator=generator)
    directions = torch.nn.functional.normalize(points, dim=1)
    likeness, covered, wanted = (directions @ directions.T).clamp_min(0), torch.zeros(200), []
    for _ in range(100):
        gains = (likeness - covered).clamp_min(0) @ unsure
        gains[wanted] = -1
        wanted.append(int(gains.argmax()))
        covered = torch.maximum(covered, likeness[wanted[-1]])
    assert teaching_order(unsure, points, spread=100)[:100] == wanted


def test_every_row_comes_once_and_the_order_is_always_the_same():
    generator = torch.Generator().manual_seed(0)
    unsure, points = torch.rand(300, generator=generator), torch.randn(300, 8, generator=generator)
    order = teaching_order(unsure, points, spread=40)
    assert sorted(order) == list(range(300))
    assert order == teaching_order(unsure, points, spread=40)
    rest = unsure[order[40:]]
    assert bool((rest[:-1] >= rest[1:]).all()), "behind the spread ones uncertainty decides"
    assert teaching_order(torch.zeros(0), torch.zeros(0, 8)) == []


def test_uncertainty_is_one_where_two_classes_are_level_and_the_mean_over_questions():
    probs = {"a": torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]), "b": torch.tensor([[0.8, 0.2], [1.0, 0.0]])}
    assert uncertainty(probs).tolist() == torch.tensor([(1 + 0.4) / 2, 0.0]).tolist()
    assert uncertainty({"one": torch.tensor([[1.0]])}).tolist() == [0.0]


def test_an_absent_input_takes_a_row_nowhere():
    batch = EmbeddingBatch(
        ("a", "b", "c"),
        {"image": torch.tensor([[1.0, 0], [3.0, 0], [0, 0]]), "text": torch.tensor([[2.0], [2.0], [2.0]])},
        {"image": torch.tensor([True, True, False]), "text": torch.tensor([True, True, True])},
        {},
    )
    assert as_points(batch).tolist() == [[-1, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_points_lie_where_the_recogniser_compares_products_and_its_own_are_covered():
    train, head = (
        made_up_splits().train,
        build_head("gated", dict.fromkeys(("audio", "image", "text"), 4), {"shape": 2}),
    )
    novelty = Novelty.fit(head.eval(), train, made_up_splits().val)
    points = as_points(train, novelty)
    assert points.norm(dim=1).tolist() == pytest.approx([1.0] * len(train), abs=1e-5)
    assert float(covered_by(novelty, points).min()) > 0.99, "all 200 rows are kept as prototypes"
    assert float(covered_by(novelty, as_points(made_up_splits().test, novelty)).max()) < 0.99
    assert covered_by(None, points).tolist() == [0.0] * len(train)


def test_a_recogniser_orders_its_own_rows_and_one_without_certainty_does_too():
    recognizer = tiny_recognizer()
    batch, _ = recognizer.embed([Product(str(row), text="x" * row) for row in range(1, 6)])
    assert sorted(review_order(recognizer, batch)) == list(range(5))
    recognizer.certainty = Certainty()
    assert sorted(review_order(recognizer, batch)) == list(range(5))
