"""Auxiliary heads and gradient modulation: values by hand, and the way to them from the command line."""

from __future__ import annotations

import dataclasses
import json
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from retail.__main__ import app
from retail.comparison.plans import plan_models
from retail.config import CompareConfig, TrainConfig
from retail.fusion import build_head
from retail.fusion.layers import Trunk
from retail.schema import MODALITIES
from retail.store import EmbeddingBatch
from retail.training import MultiTaskLoss, fit
from retail.training.modulation import coefficients, modulate, single_scores
from retail.training.rows import StandardRows
from retail.training.step import Step
from retail.workspace.execution import learning


def log_odds(prob: float) -> list[float]:
    return [math.log(prob), math.log(1 - prob)]


def told_rows() -> StandardRows:
    """Two rows of two classes, each input's log-probabilities as its features; the second row lacks its image."""
    return StandardRows(
        embeddings={"audio": torch.tensor([log_odds(0.2), log_odds(0.4)]), "image": torch.tensor([log_odds(0.9)] * 2)},
        present={"audio": torch.tensor([True, True]), "image": torch.tensor([True, False])},
        targets={"task": torch.tensor([0, 1])},
    )


def passing_head(strategy: str = "averaged"):
    """Trunks and heads that pass on what they get."""
    head = build_head(strategy, {"audio": 2, "image": 2}, {"task": 2}, width=2)
    for modality in head.dims:
        head.trunks[modality] = Trunk(nn.Identity())
        nn.init.eye_(head.heads[modality].layers[0].weight)
        nn.init.zeros_(head.heads[modality].layers[0].bias)
    return head


def test_the_score_of_an_input_is_its_mean_probability_of_the_right_class():
    scores = single_scores(passing_head(), told_rows())
    assert scores == {"audio": pytest.approx((0.2 + 0.6) / 2), "image": pytest.approx(0.9)}
    unlabelled = dataclasses.replace(told_rows(), targets={"task": torch.tensor([-1, 1])})
    assert single_scores(passing_head(), unlabelled) == {"audio": pytest.approx(0.6)}


def test_modulation_coefficients_by_hand():
    found = coefficients({"audio": 0.2, "image": 0.6, "text": 0.4}, alpha=0.5)
    # The others' means are 0.5, 0.3 and 0.4: only the image is ahead, by a ratio of 2.
    assert found == {"audio": 1.0, "image": pytest.approx(1 - math.tanh(0.5 * 2)), "text": 1.0}
    assert coefficients({"image": 0.9}, 0.5) == {"image": 1.0}
    assert coefficients({"audio": 0.0, "image": 0.3}, 0.1)["image"] == pytest.approx(0.0)


def test_gradients_are_scaled_and_a_matrix_gets_noise_of_its_own_size():
    torch.manual_seed(0)
    trunks = {name: Trunk(nn.Linear(100, 100)) for name in ("image", "text")}
    for trunk in trunks.values():
        trunk[0].weight.grad = torch.cat([torch.full((50, 100), 3.0), torch.full((50, 100), 5.0)])
        trunk[0].bias.grad = torch.full((100,), 4.0)
    modulate(trunks, {"image": 0.25})
    image, text = trunks["image"][0], trunks["text"][0]
    assert torch.equal(image.bias.grad, torch.full((100,), 1.0)) and torch.equal(
        text.bias.grad, torch.full((100,), 4.0)
    )
    noise = image.weight.grad - torch.cat([torch.full((50, 100), 0.75), torch.full((50, 100), 1.25)])
    assert float(noise.std()) == pytest.approx(1.0, abs=0.05) and abs(float(noise.mean())) < 0.05


def test_the_auxiliary_loss_by_hand():
    config = TrainConfig(strategy="averaged", width=2, auxiliary=0.5, modality_dropout=0.0, single_inputs=0.0)
    step = Step(passing_head(), MultiTaskLoss({"task": 2}, False, 0.0, {}), config)
    assert set(step.auxiliary) == {"audio", "image"}
    for heads in step.auxiliary.values():
        nn.init.eye_(heads.layers[0].weight)
        nn.init.zeros_(heads.layers[0].bias)
    loss, seen = step(told_rows(), torch.Generator())
    own = -(math.log(0.2) + math.log(0.6)) / 2, -math.log(0.9)  # audio on both rows, image on the first
    fused = -(math.log((0.2 + 0.9) / 2) + math.log(0.6)) / 2
    assert float(seen.detach()) == pytest.approx(fused, rel=1e-5)
    assert float(loss.detach()) == pytest.approx(fused + 0.5 * sum(own) / 2, rel=1e-5)
    loss.backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in step.auxiliary.parameters())


def made_up(rows: int, seed: int) -> EmbeddingBatch:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 3, (rows,), generator=generator)
    embeddings = {name: torch.randn(rows, 5, generator=generator) for name in ("image", "text")}
    embeddings["image"][:, :3] += 2.0 * nn.functional.one_hot(target, 3)
    present = {name: torch.rand(rows, generator=generator) < 0.9 for name in embeddings}
    return EmbeddingBatch(tuple(map(str, range(rows))), embeddings, present, {"t": target})


@pytest.mark.parametrize("strategy", ["gated", "averaged", "linear", "stacking"])
@pytest.mark.parametrize("option", [{"auxiliary": 0.5}, {"modulation": 0.3}])
def test_each_option_changes_training_where_there_are_trunks_and_repeats_with_the_seed(strategy, option):
    train, val = made_up(96, 0), made_up(30, 1)
    plain = TrainConfig(strategy=strategy, width=8, max_epochs=3, batch_size=32)

    def weights(config: TrainConfig) -> torch.Tensor:
        return torch.cat([weight.detach().flatten() for weight in fit(train, val, {"t": 3}, config).head.parameters()])

    changed = weights(dataclasses.replace(plain, **option))
    assert torch.equal(changed, weights(dataclasses.replace(plain, **option)))
    assert changed.isfinite().all()
    assert torch.equal(changed, weights(plain)) == (strategy in ("linear", "stacking"))


def test_hidden_layers_are_supervised_too():
    config = TrainConfig(strategy="gated", width=8, hidden=(6, 4), max_epochs=1, auxiliary=1.0, modulation=0.1)
    head = fit(made_up(40, 0), made_up(20, 1), {"t": 3}, config).head
    assert set(head.modality_trunks()) == {"image", "text"} and not any(
        "auxiliary" in name for name in head.state_dict()
    )


def test_a_comparison_hands_the_options_to_every_model():
    wanted = {"single_inputs": 0.25, "auxiliary": 0.5, "modulation": 0.1}
    plans = plan_models(CompareConfig(strategies=("gated",), seeds=1, **wanted), ["a"], MODALITIES)
    assert all(wanted.items() <= plan.config.to_dict().items() for plan in plans)


def test_train_hands_the_options_on(small_data, tmp_path, monkeypatch):
    class Reached(Exception):
        pass

    def trained(manifest, tasks, config, *rest, **more):
        (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
        raise Reached

    # Only the name that this run looks up: a module imported while the real function is replaced would keep this one.
    monkeypatch.setattr(learning, "build", SimpleNamespace(train_recognizer=trained))
    options = ["--single-inputs", "0.25", "--auxiliary", "0.5", "--modulation", "0.1"]
    result = CliRunner().invoke(app, ["train", str(small_data), "--tasks", "colour", "--out", "b", *options])
    assert isinstance(result.exception, Reached)
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["single_inputs"], config["auxiliary"], config["modulation"]) == (0.25, 0.5, 0.1)


@pytest.mark.parametrize("option", [{"modulation": 0.3}, {"class_balance": "sampling"}])
def test_targets_of_a_task_that_is_not_trained_change_nothing(option):
    config = TrainConfig(strategy="gated", width=8, max_epochs=2, **option)
    one = made_up(96, 0), made_up(30, 1)
    rare = [(torch.arange(len(batch)) < 3).long() for batch in one]
    two = [
        dataclasses.replace(batch, targets=batch.targets | {"other": target})
        for batch, target in zip(one, rare, strict=True)
    ]
    alone, beside = (fit(*batches, {"t": 3}, config).head.state_dict() for batches in (one, two))
    assert all(torch.equal(alone[name], value) for name, value in beside.items())
