"""One value computed by hand for each fusion strategy."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from retail.fusion import FusionHead, build_head, strategies
from retail.schema import MODALITIES


@pytest.fixture(autouse=True)
def _quick_and_repeatable():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def make_present(shown) -> dict[str, Tensor]:
    return {modality: torch.tensor([modality in shown]) for modality in MODALITIES}


# Two features, audio and image present, text absent.

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
    return head(embeddings, make_present(("audio", "image")))["task"][0]


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


def test_tensor_fusion_by_hand():
    head = hand_head("tensor", classes=1)
    for reduction in head.reductions.values():
        set_values(reduction.weight, torch.eye(2))
        set_values(reduction.bias, torch.full((2,), 0.0))
    set_values(head.reductions["text"].bias, [9.0, 9.0])  # absent: must leave the other two's products alone
    weights = torch.zeros(3, 3, 3)  # audio, image and text, each [1, first, second]
    weights[0, 0, 0], weights[1, 0, 0], weights[0, 2, 0], weights[2, 1, 0] = 1000, 1, 10, 100
    weights[1, 1, 1] = 1e6  # all three together: text is absent
    alone = torch.tensor([0, 1e-1, 0, 0, 9, 9])  # audio's second feature as such
    set_values(head.heads.layers[0].weight, torch.cat([alone, weights.flatten()])[None])
    torch.testing.assert_close(answer(head), torch.tensor([0.2 + 1000 + 1 * 1 + 10 * 4 + 100 * 2 * 3]))


def test_film_by_hand():
    head = hand_head("film")
    for modulation in head.modulations.values():
        set_values(modulation.weight, torch.zeros(4, 4))
    # Audio is told by [image, text]: its scale is 1 + image's first feature, its shift image's second one.
    set_values(head.modulations["audio"].weight, [[1, 0, 9, 9], [1, 0, 9, 9], [0, 1, 9, 9], [0, 1, 9, 9]])
    audio = torch.tensor([(1 + 3) * 1 + 4.0, (1 + 3) * 2 + 4.0])
    torch.testing.assert_close(answer(head), (audio + IMAGE[0]) / 2)


def test_an_input_that_stands_alone_passes_film_unchanged():
    embeddings = {"audio": AUDIO, "image": IMAGE, "text": IMAGE}
    torch.testing.assert_close(hand_head("film")(embeddings, make_present(("audio",)))["task"], AUDIO)


def test_mixture_of_experts_by_hand():
    head = hand_head("experts")
    set_values(head.gate.weight, torch.zeros(3, 6))
    set_values(head.gate.weight[0, 0:2], [1.0, -1.0])  # the gate trusts audio by what audio itself says
    set_values(head.gate.bias, [0.0, math.log(3), 9.0])  # and image 3 : 1 where audio is undecided
    sure, unsure = log_odds(0.9), log_odds(0.5)
    # Log-odds of 0.9 are log 9: audio's gate is 9 against image's 3.
    mixed = [0.75 * p + 0.25 * q for p, q in ((0.9, 0.2), (0.1, 0.8))]
    torch.testing.assert_close(answer(head, sure, log_odds(0.2)).exp(), torch.tensor(mixed))
    mixed = [0.25 * p + 0.75 * q for p, q in ((0.5, 0.2), (0.5, 0.8))]
    torch.testing.assert_close(answer(head, unsure, log_odds(0.2)).exp(), torch.tensor(mixed))


def test_product_of_experts_by_hand():
    head = hand_head("product-of-experts")
    set_values(head.priors[0], log_odds(0.4)[0])
    logits = answer(head, log_odds(0.25), log_odds(0.9))
    for_first, for_second = 0.4 * 0.25 * 0.9, 0.6 * 0.75 * 0.1
    torch.testing.assert_close(logits.exp(), torch.tensor([for_first, for_second]) / (for_first + for_second))
    nothing = head({modality: AUDIO for modality in MODALITIES}, make_present(()))["task"][0]
    torch.testing.assert_close(nothing.exp(), torch.tensor([0.4, 0.6]))


def test_attention_bottleneck_by_hand():
    """Width 2 is two tokens of one feature, and layer norm of one feature is its bias."""
    head = build_head("bottleneck", HAND_DIMS, {"task": 2}, width=2).eval()
    for modality in MODALITIES:
        head.projections.layers[modality] = nn.Identity()
        for layer in head.layers:
            block = layer[modality]
            block.norm = nn.Identity()
            for weight in block.feed_forward.parameters():
                set_values(weight, torch.zeros_like(weight))
            set_values(block.queries_values.weight, [[0.0], [1.0]])  # queries of zero attend evenly, values pass on
            set_values(block.queries_values.bias, [0.0, 0.0])
    set_values(head.bottlenecks, torch.full((2, 1), 0.6))
    # The heads read [token 1, token 2, two bottlenecks]: the first answer is token 1, the second a bottleneck.
    set_values(head.heads.layers[0].weight, [[1, 0, 0, 0], [0, 0, 0, 1]])
    set_values(head.heads.layers[0].bias, [0.0, 0.0])
    audio_mean, image_mean = (1 + 2 + 2 * 0.6) / 4, (3 + 4 + 2 * 0.6) / 4  # what every token of a modality gains
    audio, image = 1 + audio_mean, 3 + image_mean
    shared = 0.6 + (audio_mean + image_mean) / 2  # after the first layer
    audio_mean, image_mean = (1 + 2 + 2 * audio_mean + 2 * shared) / 4, (3 + 4 + 2 * image_mean + 2 * shared) / 4
    expected = [(audio + audio_mean + image + image_mean) / 2, shared + (audio_mean + image_mean) / 2]
    torch.testing.assert_close(answer(head), torch.tensor(expected))


def test_stacking_by_hand():
    head = build_head("stacking", HAND_DIMS, {"task": 2}).eval()
    for heads in head.first.values():
        set_values(heads.layers[0].weight, torch.eye(2))
        set_values(heads.layers[0].bias, [0.0, 0.0])
    both = 0b011  # audio and image, text absent
    set_values(head.weights[0][both], [[2.0, 1.0], [1.0, 3.0], [50.0, 50.0]])
    set_values(head.biases[0][both], [math.log(2), 0.0])
    for_first, for_second = 2 * 0.25**2 * 0.9, 0.75 * 0.1**3
    expected = torch.tensor([for_first, for_second]) / (for_first + for_second)
    torch.testing.assert_close(answer(head, log_odds(0.25), log_odds(0.9)).exp(), expected)


def test_stacking_learns_from_answers_to_rows_left_out():
    """Noise that the first level can only learn by heart must not be trusted by the second."""
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, 2, (120,), generator=generator)
    noise, told = torch.randn(120, 400, generator=generator), torch.randn(120, 1, generator=generator)
    embeddings = {"audio": noise, "image": told + 2.0 * target[:, None]}
    present = {modality: torch.ones(120).bool() for modality in embeddings}
    head = build_head("stacking", {"audio": 400, "image": 1}, {"task": 2})
    head.fit_scaler(embeddings, present)
    assert head.learn(embeddings, present, {"task": target}, {}, torch.Generator().manual_seed(0))
    by_heart = head(embeddings, {"audio": present["audio"], "image": ~present["image"]})["task"].argmax(1)
    noise_weight, told_weight = head.weights[0][0b11].mean(1).tolist()
    assert told_weight > 3 * abs(noise_weight)
    # The first level does know the training rows' noise; only the answers out of fold show that it is none.
    alone = head.first["audio"](head.standardise(embeddings, present)["audio"])["task"].argmax(1)
    assert (alone == target).all() and not (by_heart == target).all()
    again = build_head("stacking", {"audio": 400, "image": 1}, {"task": 2})
    again.fit_scaler(embeddings, present)
    again.learn(embeddings, present, {"task": target}, {}, torch.Generator().manual_seed(0))
    assert all(torch.equal(left, right) for left, right in zip(head.parameters(), again.parameters(), strict=True))


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
