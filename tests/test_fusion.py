"""Contract of every registered fusion strategy, and one value computed by hand for each."""

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


def test_the_six_strategies_are_registered():
    assert set(strategies()) >= {"attention", "averaged", "concatenation", "gated", "learned-weights", "low-rank"}


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
    rows = 6 if strategy == "linear" else 12  # without a hidden layer no more rows than features can be told apart
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
def test_decisions_come_as_log_probabilities_when_the_level_says_decision(strategy: str):
    logits = make_head(strategy)(make_embeddings(3), make_present(3))
    if strategies()[strategy].level == "decision":
        assert all((value.exp().sum(1) <= 1 + 1e-5).all() for value in logits.values())


def test_masked_log_softmax_shares_one_among_the_present():
    mask = torch.tensor([[True, False, True], [False, False, False]])
    weights = masked_log_softmax(torch.tensor([[0.0, 9.0, math.log(3)], [1.0, 2.0, 3.0]]), mask).exp()
    torch.testing.assert_close(weights[0], torch.tensor([0.25, 0.0, 0.75]))
    assert weights[1].isfinite().all()


# One value by hand for each strategy: two features, audio and image present, text absent.

AUDIO, IMAGE = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])
HAND_DIMS = {"audio": 2, "image": 2, "text": 2}


def hand_head(strategy: str, classes: int = 2) -> FusionHead:
    """Width 2; projections pass their input on, task heads start as the identity."""
    head = build_head(strategy, HAND_DIMS, {"task": classes}, width=2).eval()
    passing = head.projections.layers if hasattr(head, "projections") else head.trunks
    for modality in MODALITIES:
        passing[modality] = nn.Identity()
    for heads in head.heads.values() if isinstance(head.heads, nn.ModuleDict) else [head.heads]:
        nn.init.eye_(heads.layers[0].weight)
        nn.init.zeros_(heads.layers[0].bias)
    return head


@torch.no_grad()
def answer(head: FusionHead, audio: Tensor = AUDIO, image: Tensor = IMAGE) -> Tensor:
    embeddings = {"audio": audio, "image": image, "text": torch.full((1, 2), 5.0)}
    return head(embeddings, make_present(1, ("audio", "image")))["task"][0]


def set_values(target: Tensor, values) -> None:
    with torch.no_grad():
        target.copy_(torch.as_tensor(values, dtype=torch.float32))


def test_concatenation_by_hand():
    head = hand_head("concatenation", classes=1)
    set_values(head.heads.layers[0].weight, [[1, 10, 100, 1000, 1e4, 1e4]])
    torch.testing.assert_close(answer(head), torch.tensor([1.0 + 20 + 300 + 4000]))


def log_odds(prob: float) -> Tensor:
    return torch.tensor([[math.log(prob), math.log(1 - prob)]])


def test_averaged_decisions_by_hand():
    logits = answer(hand_head("averaged"), log_odds(0.25), log_odds(0.9))
    torch.testing.assert_close(logits.exp(), torch.tensor([0.575, 0.425]))


def test_learned_decisions_by_hand():
    head = hand_head("learned-weights")
    set_values(head.scores, [[math.log(3), 0.0, 5.0]])  # 3 : 1, and the absent text would outvote both
    logits = answer(head, log_odds(0.25), log_odds(0.9))
    torch.testing.assert_close(logits, (0.75 * log_odds(0.25) + 0.25 * log_odds(0.9))[0])


def test_gated_by_hand():
    head = hand_head("gated")
    set_values(head.gate.weight, torch.zeros(6, 6))
    set_values(head.gate.bias, [math.log(3), 0, 0, 0, 9, 9])  # audio's first feature counts 3 : 1, the second 1 : 1
    torch.testing.assert_close(answer(head), torch.tensor([0.75 * 1 + 0.25 * 3, 0.5 * 2 + 0.5 * 4]))


def test_attention_by_hand():
    head = hand_head("attention")
    head.norm = nn.Identity()
    for layer in (head.feed_forward[-1].weight, head.feed_forward[-1].bias, head.kinds):
        set_values(layer, torch.zeros_like(layer))
    set_values(head.summary_token, [[[3.0, 0.0]]])
    # Queries and keys of zero attend evenly; values and output pass on.
    set_values(head.attention.in_proj_weight, torch.cat([torch.zeros(4, 2), torch.eye(2)]))
    set_values(head.attention.out_proj.weight, torch.eye(2))
    logits = answer(head, torch.tensor([[0.0, 3.0]]), torch.tensor([[3.0, 6.0]]))
    torch.testing.assert_close(logits, torch.tensor([3.0 + (3 + 0 + 3) / 3, 0.0 + (0 + 3 + 6) / 3]))


def test_low_rank_by_hand():
    head = hand_head("low-rank")
    head.norm = nn.Identity()
    rank = len(head.rank_weights)
    for factor in head.factors.values():  # first factor passes on, second doubles, the others are zero
        set_values(factor.weight, torch.cat([torch.eye(2), 2 * torch.eye(2), torch.zeros(2 * rank - 4, 2)]))
        set_values(factor.bias, torch.zeros(2 * rank))
    set_values(head.rank_weights, [10.0, 1.0] + [7.0] * (rank - 2))
    set_values(head.factors["text"].bias, torch.full((2 * rank,), 9.0))  # absent: must be neutral
    expected = torch.tensor([10.0 * 1 * 3 + 2 * 6, 10.0 * 2 * 4 + 4 * 8])
    # Factors that are zero for audio and image stay zero whatever text says.
    torch.testing.assert_close(answer(head), expected)


def test_the_linear_probe_equals_a_hand_count_and_is_no_part_of_a_comparison_of_all():
    head = build_head("linear", {"audio": 1, "image": 2}, {"t": 2})
    layer = head.heads.layers[0]
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]]))
        layer.bias.copy_(torch.tensor([0.5, 0.0]))
    embeddings = {"audio": torch.tensor([[7.0]]), "image": torch.tensor([[1.0, 2.0]])}
    both = head(embeddings, {"audio": torch.ones(1).bool(), "image": torch.ones(1).bool()})["t"]
    photo = head(embeddings, {"audio": torch.zeros(1).bool(), "image": torch.ones(1).bool()})["t"]
    assert both.tolist() == [[7 + 2 + 6 + 0.5, -1 + 2]] and photo.tolist() == [[8.5, 1.0]]
    assert [name for name, kind in strategies().items() if not kind.compared] == ["linear"]
