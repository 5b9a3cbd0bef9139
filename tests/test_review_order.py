"""The order of review: unsure rows that are unlike one another come first."""

import torch

from retail.review.order import as_points, teaching_order, uncertainty
from retail.store import EmbeddingBatch


def test_the_least_sure_row_comes_first():
    assert teaching_order(torch.tensor([0.1, 0.9, 0.5]), torch.eye(3))[0] == 1


def test_unlike_unsure_rows_come_before_near_copies_of_the_first():
    points = torch.tensor([[1.0, 0, 0], [1.0, 0.01, 0], [0.999, 0, 0.01], [0, 1.0, 0], [0, 0, 1.0]])
    unsure = torch.tensor([0.95, 0.94, 0.93, 0.6, 0.5])
    assert teaching_order(unsure, points)[:3] == [0, 3, 4]
    assert torch.argsort(unsure, descending=True)[:3].tolist() == [0, 1, 2], "uncertainty alone takes the copies"


def test_sure_rows_come_last_however_unlike():
    points = torch.cat([torch.eye(4), 100 * torch.ones(1, 4)])
    assert teaching_order(torch.tensor([0.5, 0.4, 0.3, 0.2, 0.0]), points)[-1] == 4


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
