"""Hidden layers in front of every strategy keep the contract; their arithmetic is checked by hand."""

from __future__ import annotations

import pytest
import torch

from retail.config import TrainConfig
from retail.fusion import build_head, strategies
from retail.schema import MODALITIES, SUBSETS, UserError

DIMS = {"audio": 5, "image": 7, "text": 3}
TASKS = {"product": 4, "brand.name": 3}


@pytest.mark.parametrize("strategy", list(strategies()))
def test_what_stands_in_an_absent_slot_changes_nothing_and_every_weight_learns(strategy):
    torch.manual_seed(0)
    head = build_head(strategy, DIMS, TASKS, width=8, hidden=(6, 9))
    present = {modality: torch.tensor([modality in subset for subset in SUBSETS]) for modality in MODALITIES}
    clean = {modality: torch.randn(7, dim) for modality, dim in DIMS.items()}
    dirty = {modality: rows.where(present[modality][:, None], float("nan")) for modality, rows in clean.items()}
    logits = head(clean, present)
    for task, expected in head(dirty, present).items():
        torch.testing.assert_close(logits[task], expected)
        assert logits[task].shape == (7, TASKS[task])
    # Weighted, because the plain sum of a softmax's logarithms may have no gradient.
    sum((value * torch.randn_like(value)).sum() for value in logits.values()).backward()
    silent = [name for name, weight in head.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not silent


def test_two_hidden_layers_by_hand():
    """Linear, layer norm over two features (so +-1), GELU; 3 and 1 in: (3, 1) -> (1, -1) -> GELU(1), GELU(-1)."""
    head = build_head("concatenation", {"text": 2}, {"task": 2}, width=2, hidden=(2,)).eval()
    for layer in (head.stacks["text"][0][0], head.strategy_head.projections.layers["text"][0]):
        layer.weight.data.copy_(torch.eye(2))
        layer.bias.data.zero_()
    answer = head.strategy_head.heads.layers[0]
    answer.weight.data.copy_(torch.eye(2))
    answer.bias.data.zero_()
    logits = head({"text": torch.tensor([[3.0, 1.0]])}, {"text": torch.tensor([True])})["task"]
    # Both stacks order the features alike, so the second gives GELU of +-1 again: 0.8413 and -0.1587.
    torch.testing.assert_close(logits, torch.tensor([[0.8413, -0.1587]]), atol=1e-3, rtol=0)


def test_the_strategy_behind_gets_exact_zeros_where_an_input_is_absent(monkeypatch):
    """A stack of layers with biases makes something of nothing."""
    head = build_head("concatenation", {"text": 3}, {"task": 2}, width=4, hidden=(5,))
    torch.nn.init.ones_(head.stacks["text"][0][1].bias)
    seen = {}
    monkeypatch.setattr(head.strategy_head, "fuse", lambda features, present: seen.update(features) or {})
    head({"text": torch.randn(2, 3)}, {"text": torch.tensor([True, False])})
    assert seen["text"][0].any() and not seen["text"][1].any()


def test_widths_are_checked():
    with pytest.raises(UserError, match="hidden is at least 1, not 0"):
        TrainConfig(hidden=(64, 0))


def test_the_command_line_wants_numbers():
    from typer.testing import CliRunner

    from retail.__main__ import app

    done = CliRunner().invoke(app, ["finetune", "nowhere", "--out", "nowhere", "--hidden", "64,wide"])
    assert done.exit_code == 1 and "hidden lists whole numbers, separated by commas, not '64,wide'" in done.output
