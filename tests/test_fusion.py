"""Contract of every registered fusion strategy."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from retail.fusion import FusionHead, build_head, strategies
from retail.fusion.layers import masked_log_softmax
from retail.schema import MODALITIES, SUBSETS, UserError

DIMS = {"audio": 5, "image": 7, "text": 3}
TASKS = {"product": 4, "brand.name": 3}  # a dot, because column names may hold one

every_strategy = pytest.mark.parametrize("strategy", list(strategies()))
every_subset = pytest.mark.parametrize("subset", SUBSETS, ids="+".join)


@pytest.fixture(autouse=True)
def _quick_and_repeatable():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def make_head(strategy: str, modalities=MODALITIES, **kwargs) -> FusionHead:
    return build_head(strategy, {modality: DIMS[modality] for modality in modalities}, TASKS, width=8, **kwargs).eval()


def make_embeddings(rows: int, modalities=MODALITIES) -> dict[str, Tensor]:
    return {modality: torch.randn(rows, DIMS[modality]) for modality in modalities}


def make_present(rows: int, shown=MODALITIES, modalities=MODALITIES) -> dict[str, Tensor]:
    return {modality: torch.full((rows,), modality in shown) for modality in modalities}


def all_subsets_present() -> dict[str, Tensor]:
    """Seven rows, one for each subset."""
    return {modality: torch.tensor([modality in subset for subset in SUBSETS]) for modality in MODALITIES}


def assert_equal_logits(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    for task in TASKS:
        torch.testing.assert_close(left[task], right[task], rtol=1e-5, atol=1e-5)


def test_twelve_strategies_are_compared():
    assert {name for name, head in strategies().items() if head.compared} == set(
        "attention averaged bottleneck concatenation experts film gated learned-weights low-rank product-of-experts "
        "stacking tensor".split()
    )


def test_an_unknown_strategy_is_refused_with_the_known_names():
    with pytest.raises(UserError, match="'magic'; choose from .*gated"):
        build_head("magic", DIMS, TASKS)


@every_strategy
def test_a_strategy_describes_itself(strategy: str):
    described = strategies()[strategy]
    assert described.title and described.summary.endswith(".") and described.level in ("feature", "decision")
    assert "https://" in described.source and any(part.strip().isdigit() for part in described.source.split(","))


@every_strategy
@every_subset
def test_a_head_built_for_a_subset_has_logits_of_every_task(strategy: str, subset):
    logits = make_head(strategy, subset)(make_embeddings(6, subset), make_present(6, subset, subset))
    assert {task: value.shape for task, value in logits.items()} == {task: (6, n) for task, n in TASKS.items()}
    assert all(value.isfinite().all() for value in logits.values())


@every_strategy
@every_subset
def test_absent_slots_change_nothing_even_as_nan(strategy: str, subset):
    head, embeddings, present = make_head(strategy), make_embeddings(4), make_present(4, subset)
    spoiled = {
        modality: value if modality in subset else torch.full_like(value, math.nan)
        for modality, value in embeddings.items()
    }
    assert_equal_logits(head(embeddings, present), head(spoiled, present))


@every_strategy
def test_a_present_input_does_matter(strategy: str):
    head, embeddings, present = make_head(strategy), make_embeddings(4), make_present(4)
    whole = head(embeddings, present)["product"]
    for modality in MODALITIES:
        assert not torch.allclose(whole, head(embeddings, present | {modality: torch.zeros(4).bool()})["product"])
        changed = embeddings | {modality: embeddings[modality] + 1}
        assert not torch.allclose(whole, head(changed, present)["product"])


@every_strategy
def test_nan_in_absent_slots_changes_no_gradient(strategy: str):
    present, embeddings = all_subsets_present(), make_embeddings(len(SUBSETS))
    spoiled = {modality: value.clone() for modality, value in embeddings.items()}
    for modality in MODALITIES:
        spoiled[modality][~present[modality]] = math.nan
    head, gradients = make_head(strategy).train(), []
    for slots in (embeddings, spoiled):
        head.zero_grad()
        sum(value.square().sum() for value in head(slots, present).values()).backward()
        gradients.append([weight.grad.clone() for weight in head.parameters()])
    for left, right in zip(*gradients, strict=True):
        assert right.isfinite().all()
        torch.testing.assert_close(left, right)


@every_strategy
def test_a_row_alone_equals_the_row_in_a_batch(strategy: str):
    head, present, embeddings = make_head(strategy), all_subsets_present(), make_embeddings(len(SUBSETS))
    together = head(embeddings, present)
    for row in range(len(SUBSETS)):
        alone = head(
            {modality: value[row : row + 1] for modality, value in embeddings.items()},
            {modality: value[row : row + 1] for modality, value in present.items()},
        )
        assert_equal_logits(alone, {task: value[row : row + 1] for task, value in together.items()})


@every_strategy
def test_the_order_of_dicts_is_irrelevant(strategy: str):
    embeddings, present = make_embeddings(7), all_subsets_present()
    torch.manual_seed(1)
    head = build_head(strategy, DIMS, TASKS, width=8).eval()
    torch.manual_seed(1)
    reversed_head = build_head(strategy, dict(reversed(DIMS.items())), TASKS, width=8).eval()
    turned = head(dict(reversed(embeddings.items())), dict(reversed(present.items())))
    assert_equal_logits(head(embeddings, present), turned)
    assert_equal_logits(head(embeddings, present), reversed_head(embeddings, present))


@every_strategy
def test_nothing_present_gives_finite_logits_and_gradients(strategy: str):
    head = make_head(strategy)
    embeddings = {modality: torch.full((2, dim), math.nan) for modality, dim in DIMS.items()}
    logits = head(embeddings, make_present(2, ()))
    sum(value.sum() for value in logits.values()).backward()
    assert all(value.isfinite().all() for value in logits.values())
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in head.parameters())


@every_strategy
def test_every_weight_gets_gradient(strategy: str):
    head = make_head(strategy).train()
    logits = head(make_embeddings(7), all_subsets_present())
    sum(nn.functional.cross_entropy(value, torch.arange(7) % value.shape[1]) for value in logits.values()).backward()
    silent = [name for name, weight in head.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not silent


@every_strategy
@pytest.mark.parametrize("modalities", [MODALITIES, ("image",)], ids="+".join)
def test_a_few_products_can_be_memorised(strategy: str, modalities):
    head = build_head(strategy, {modality: DIMS[modality] for modality in modalities}, TASKS, width=32).train()
    rows = (
        6 if strategy in ("linear", "stacking") else 12
    )  # without a hidden layer no more rows than features can be told apart
    embeddings, present = make_embeddings(rows, modalities), make_present(rows, modalities, modalities)
    targets = {task: torch.arange(rows) % classes for task, classes in TASKS.items()}
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    for _ in range(150):
        logits = head(embeddings, present)
        loss = sum(nn.functional.cross_entropy(logits[task], targets[task]) for task in TASKS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all((logits[task].argmax(1) == targets[task]).all() for task in TASKS)


@every_strategy
@every_subset
def test_decisions_come_as_log_probabilities_exactly_when_the_level_says_decision(strategy: str, subset):
    """Raw sums of an untrained head lie far above one; so the level cannot be right by chance."""
    logits = make_head(strategy)(make_embeddings(3), make_present(3, subset))
    totals = torch.stack([value.exp().sum(1) for value in logits.values()])
    assert (strategies()[strategy].level == "decision") == bool((totals <= 1 + 1e-5).all()), totals


def test_masked_log_softmax_shares_one_among_the_present():
    mask = torch.tensor([[True, False, True], [False, False, False]])
    weights = masked_log_softmax(torch.tensor([[0.0, 9.0, math.log(3)], [1.0, 2.0, 3.0]]), mask).exp()
    torch.testing.assert_close(weights[0], torch.tensor([0.25, 0.0, 0.75]))
    assert weights[1].isfinite().all()
