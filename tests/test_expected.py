"""What is expected of a product before it is kept: rehearsed with heads that never saw it, and then it comes true."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from retail.catalogue.foresight import recall_of
from retail.certainty import Certainty
from retail.certainty.expected import PRIOR, Rehearsal, expected, facts_of, fit_recalls
from retail.certainty.matching import Matching
from retail.schema import MODALITIES
from tests.catalogue_sample import NEW, TRAINED, recognizer, rows, shelf

PHOTO = MODALITIES.index("image")
USUAL = Matching.usual().recalls


def test_the_more_a_product_outweighs_its_rivals_the_more_of_it_is_expected():
    matching = recognizer().certainty.matching
    found = [matching.recall(PHOTO, torch.tensor([margin, margin]), 0.0, 5) for margin in (-4.0, 0.0, 4.0, 1000.0)]
    assert 0 < found[0] < found[1] < found[2] < found[3] < 1


def test_the_more_other_products_the_less_is_expected():
    matching = recognizer().certainty.matching
    few, many = (matching.recall(PHOTO, torch.zeros(2), 0.0, others) for others in (0, 50))
    assert many <= few


def test_examples_that_are_unlike_one_another_count_against_it_and_one_alone_does_not():
    matching = recognizer().certainty.matching
    usual = matching.same_odds(PHOTO, 2)
    assert matching.cohesion(PHOTO, torch.full((3,), usual + 1.5)) == pytest.approx(1.5)
    assert matching.cohesion(PHOTO, torch.tensor([9.0])) == 0.0
    assert matching.cohesion(PHOTO, torch.tensor([9.0, -torch.inf])) == 0.0  # nothing compares
    apart, alike = (matching.recall(PHOTO, torch.zeros(3), cohesion, 5) for cohesion in (-3.0, 3.0))
    assert apart <= alike


def test_what_was_rehearsed_decides_and_without_it_the_usual_weights_stay():
    generator = torch.Generator().manual_seed(0)
    margins = 2 * torch.randn(2000, generator=generator)
    facts = torch.stack([facts_of(margin.expand(3), 0.0, 5) for margin in margins])
    asked = torch.full((2000,), 4)
    right = torch.binomial(asked.float(), (2 * margins - 3).sigmoid(), generator=generator)
    weights = fit_recalls([Rehearsal(PHOTO, facts, right, asked)], USUAL)
    hoped = expected(weights[PHOTO], torch.stack([facts_of(torch.full((3,), margin), 0.0, 5) for margin in (0.0, 3.0)]))
    assert hoped.tolist() == pytest.approx([0.05, 0.95], abs=0.05)
    for other in set(range(len(MODALITIES))) - {PHOTO}:
        assert torch.equal(weights[other], USUAL[other])


def test_uploads_of_one_series_do_not_outweigh_what_is_usual():
    one = Rehearsal(PHOTO, facts_of(torch.zeros(3), 0.0, 5)[None], torch.tensor([0]), torch.tensor([1000]))
    assert torch.allclose(fit_recalls([one], USUAL)[PHOTO], USUAL[PHOTO], atol=4 / PRIOR)


def test_no_head_of_a_rehearsal_saw_the_products(monkeypatch):
    from retail.certainty import rehearsals

    seen, fit = [], rehearsals.fit

    def watched(train, val, tasks, config):
        seen.append(({*train.targets["product"].tolist()}, {*val.targets["product"].tolist()}, config.strategy))
        return fit(train, val, tasks, config)

    monkeypatch.setattr(rehearsals, "fit", watched)
    own = recognizer()
    train = rows(*zip(*[(n, d) for n in range(TRAINED) for d in range(6)], strict=True))
    val = rows(*zip(*[(n, 100 + d) for n in range(TRAINED) for d in range(4)], strict=True))
    Certainty.fit(own.head, train, val).with_matching(own.head, train, val)
    left_out = [set(range(TRAINED)) - classes for classes, _, _ in seen]
    assert sorted(number for some in left_out for number in some) == list(range(TRAINED))  # each once
    assert all(len(some) == TRAINED // 3 for some in left_out)
    assert all(classes == checked for classes, checked, _ in seen)
    assert {strategy for *_, strategy in seen} == {"concatenation"}


def test_an_input_that_classes_of_one_fold_alone_have_is_no_part_of_its_rehearsal():
    own = recognizer()
    train = rows(*zip(*[(n, d) for n in range(TRAINED) for d in range(6)], strict=True))
    val = rows(*zip(*[(n, 100 + d) for n in range(TRAINED) for d in range(4)], strict=True))
    train = replace(train, present={**train.present, "text": train.targets["product"] == 2})
    fitted = Certainty.fit(own.head, train, val).with_matching(own.head, train, val).matching
    assert fitted is not None and not torch.equal(fitted.recalls[PHOTO], USUAL[PHOTO])
    assert bool(fitted.recalls.isfinite().all()) and bool(fitted.pairs.isfinite().all())


@pytest.mark.parametrize("examples", [1, 4])
def test_about_as_many_uploads_are_recognised_as_expected(examples):
    hoped, measured = [], []
    for number in range(TRAINED, TRAINED + NEW):
        draws = range(500, 500 + examples)
        hoped.append(recall_of(shelf(), rows([number] * examples, draws).select(["image"]), "image", "My jam")[0])
        enrolled = shelf((number, "My jam", [("image", draw) for draw in draws]))
        answers = enrolled.answer(rows([number] * 20, range(700, 720), ("image",)), ())
        measured.append(sum(answer.best("product")[0] == "My jam" for answer in answers) / 20)
    assert sum(hoped) / NEW == pytest.approx(sum(measured) / NEW, abs=0.2)
