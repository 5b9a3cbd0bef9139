"""Training: hidden inputs, early stopping, balancing, repeatability and calibration."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from retail import training
from retail.config import TrainConfig
from retail.fusion import build_head
from retail.fusion.layers import Dropout
from retail.schema import UserError
from retail.store import EmbeddingBatch
from retail.training import (
    MultiTaskLoss,
    class_weights,
    drop_modalities,
    fit,
    fitting,
    predict_probs,
    row_order,
)
from retail.training.rows import standard_rows
from retail.training.step import Step
from retail.training.views import answer_views, one_input

TASKS = {"colour": 2, "shape": 3}
CONFIG = TrainConfig(
    strategy="gated", width=16, dropout=0.0, batch_size=32, max_epochs=12, patience=12, learning_rate=0.01
)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def make_batch(rows: int = 160, seed: int = 0) -> EmbeddingBatch:
    """Colour shows in the image, shape in the text; a fifth of the inputs and labels are missing."""
    generator = torch.Generator().manual_seed(seed)
    colour = torch.randint(0, 2, (rows,), generator=generator)
    shape = torch.randint(0, 3, (rows,), generator=generator)
    embeddings = {name: torch.randn(rows, dim, generator=generator) for name, dim in _DIMS.items()}
    embeddings["image"][:, 0] += 4.0 * colour
    embeddings["text"][:, :3] += 4.0 * torch.nn.functional.one_hot(shape, 3)
    present = {name: torch.rand(rows, generator=generator) < 0.8 for name in _DIMS}
    unknown = torch.rand(rows, generator=generator) < 0.2
    return EmbeddingBatch(
        ids=tuple(str(row) for row in range(rows)),
        embeddings=embeddings,
        present=present,
        targets={"colour": torch.where(unknown, -1, colour), "shape": shape},
    )


_DIMS = {"audio": 4, "image": 6, "text": 5}


def weights_of(result: training.FitResult) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in result.head.parameters()])


def test_fit_learns_what_the_inputs_tell():
    result = fit(make_batch(400), make_batch(80, seed=1), TASKS, CONFIG)
    test = make_batch(200, seed=2)
    for task, modality in (("colour", "image"), ("shape", "text")):
        rows = test.present[modality] & (test.targets[task] >= 0)
        preds = predict_probs(result.head, test)[task].argmax(1)
        assert (preds == test.targets[task])[rows].float().mean() > 0.85
    assert result.seconds > 0
    assert [entry.epoch for entry in result.history] == list(range(len(result.history)))


def test_equal_seeds_give_equal_weights_and_leave_the_global_generator_alone():
    train, val = make_batch(), make_batch(40, seed=1)
    config = dataclasses.replace(CONFIG, dropout=0.2, max_epochs=2)
    torch.manual_seed(5)
    expected_draw = torch.rand(1)
    torch.manual_seed(5)
    first = weights_of(fit(train, val, TASKS, config))
    assert torch.rand(1) == expected_draw
    assert torch.equal(first, weights_of(fit(train, val, TASKS, config)))
    assert not torch.equal(first, weights_of(fit(train, val, TASKS, dataclasses.replace(config, seed=1))))


def test_nan_in_absent_slots_changes_nothing_in_training():
    train, val = make_batch(), make_batch(40, seed=1)
    clean = weights_of(fit(train, val, TASKS, CONFIG))
    for name, value in train.embeddings.items():
        value[~train.present[name]] = math.nan
    assert torch.equal(clean, weights_of(fit(train, val, TASKS, CONFIG)))


def test_early_stopping_restores_the_best_weights(monkeypatch):
    losses = iter([3.0, 1.0, 2.0, 2.0, 2.0, 0.0])
    seen: list[torch.Tensor] = []

    def scripted(head, val):
        seen.append(torch.cat([weight.detach().flatten().clone() for weight in head.parameters()]))
        return next(losses), 0.5

    monkeypatch.setattr(fitting, "_score", scripted)
    epochs: list[tuple[int, int]] = []
    config = dataclasses.replace(CONFIG, patience=3)
    result = fit(make_batch(), make_batch(40, seed=1), TASKS, config, lambda *done: epochs.append(done))
    assert result.best_epoch == 1 and len(result.history) == 5
    assert epochs[-1] == (5, config.max_epochs)
    assert torch.equal(weights_of(result), seen[1]) and not torch.equal(seen[1], seen[4])
    assert not result.head.training


def test_without_validation_rows_training_still_ends_with_trained_weights():
    result = fit(make_batch(), make_batch(0), TASKS, CONFIG)
    assert result.best_epoch > 0 and weights_of(result).isfinite().all()


def test_rows_without_any_chosen_input_are_left_out():
    train, val = make_batch(), make_batch(40, seed=1)
    config = dataclasses.replace(CONFIG, strategy="concatenation", modalities=("image",), max_epochs=2)
    with_rows = fit(train, val, TASKS, config)
    kept = train.rows(train.present["image"].nonzero().flatten())
    assert torch.equal(weights_of(with_rows), weights_of(fit(kept, val, TASKS, config)))
    assert list(with_rows.head.dims) == ["image"]


def test_an_input_that_no_training_row_has_gets_no_layers():
    train, val = make_batch().only(("image", "text")), make_batch(40, seed=1)
    head = fit(train, val, TASKS, dataclasses.replace(CONFIG, max_epochs=1)).head
    assert list(head.dims) == ["image", "text"]


def test_training_without_any_usable_row_says_what_is_missing():
    empty = make_batch().only(("text",))
    with pytest.raises(UserError, match="products with image.*none of the 160"):
        fit(empty, empty, TASKS, dataclasses.replace(CONFIG, modalities=("image",)))


def test_modality_dropout_hides_often_but_always_leaves_one():
    present = {name: value.clone() for name, value in make_batch(2000).present.items()}
    before = torch.stack(list(present.values()), 1)
    after = torch.stack(list(drop_modalities(present, 0.9, torch.Generator().manual_seed(0)).values()), 1)
    assert not (after & ~before).any()
    assert torch.equal(after.any(1), before.any(1))
    assert (after.sum(1)[before.all(1)] == 1).float().mean() > 0.5


def test_modality_dropout_hides_at_about_the_given_rate_and_none_at_zero():
    present = {"audio": torch.ones(4000).bool(), "image": torch.ones(4000).bool()}
    assert all(value.all() for value in drop_modalities(present, 0.0, torch.Generator().manual_seed(0)).values())
    after = drop_modalities(present, 0.3, torch.Generator().manual_seed(0))
    # Hidden with chance 0.3, unless both are (0.09) and this one is spared in half of those cases.
    assert abs((~after["image"]).float().mean() - (0.3 - 0.045)) < 0.03


def test_class_weights_by_hand():
    target = torch.tensor([0, 0, 0, 1, -1, -1])
    torch.testing.assert_close(class_weights(target, 3, "inverse"), torch.tensor([4 / (2 * 3), 4 / (2 * 1), 0.0]))
    torch.testing.assert_close(class_weights(target, 3, "none"), torch.tensor([1.0, 1.0, 0.0]))
    # (1 - b) / (1 - b^3) against 1, with 1 + b + b^2 in the first's denominator, scaled to a sum of two classes.
    rare, common = 1.0, 1 / (1 + 0.999 + 0.999**2)
    expected = torch.tensor([common, rare, 0.0]) * 2 / (rare + common)
    torch.testing.assert_close(class_weights(target, 3, "effective"), expected)


def test_effective_numbers_lie_between_no_weights_and_inverse_frequency():
    target = torch.arange(3).repeat_interleave(torch.tensor([4000, 400, 4]))
    ratios = {name: class_weights(target, 3, name)[2] / class_weights(target, 3, name)[0] for name in training.WEIGHTED}
    assert 1 < ratios["effective"] < ratios["inverse"] and ratios["inverse"] == pytest.approx(1000)


def test_balanced_sampling_draws_every_class_as_often_and_leaves_no_unlabelled_row_out():
    rare = torch.cat([torch.zeros(180, dtype=torch.long), torch.ones(20, dtype=torch.long)])
    draws = row_order({"t": rare}, "sampling", torch.Generator().manual_seed(0))
    assert len(draws) == 200 and 75 < int(rare[draws].sum()) < 125
    # A second task in which the same rows are common pulls half way: 0.5 * (1/2) + 0.5 * (20/200).
    both = {"t": rare, "u": torch.arange(200) % 2}
    share = torch.cat([rare[row_order(both, "sampling", torch.Generator().manual_seed(s))] for s in range(40)])
    assert float(share.float().mean()) == pytest.approx(0.3, abs=0.02)
    unlabelled = {"t": torch.tensor([0, 1, -1])}
    drawn = torch.cat([row_order(unlabelled, "sampling", torch.Generator().manual_seed(s)) for s in range(60)])
    assert 0.2 < float((drawn == 2).float().mean()) < 0.46
    assert row_order({"t": rare}, "none", torch.Generator().manual_seed(0)).sort().values.equal(torch.arange(200))


@pytest.mark.parametrize("balance", ["inverse", "effective", "sampling"])
def test_each_class_balance_helps_the_rare_class(balance):
    generator = torch.Generator().manual_seed(0)
    target = (torch.arange(600) % 20 == 0).long()
    rows = torch.randn(600, 6, generator=generator)
    rows[:, 0] += 1.5 * target
    batch = EmbeddingBatch(
        tuple(map(str, range(600))), {"image": rows}, {"image": torch.ones(600).bool()}, {"t": target}
    )
    config = dataclasses.replace(CONFIG, strategy="concatenation", modalities=("image",), patience=40, max_epochs=8)

    def recall(name: str) -> float:
        head = fit(batch, batch.rows(slice(0, 0)), {"t": 2}, dataclasses.replace(config, class_balance=name)).head
        return float((predict_probs(head, batch)["t"].argmax(1) == 1)[target == 1].float().mean())

    assert recall(balance) > recall("none") + 0.2


def test_class_balancing_changes_the_loss_as_computed_by_hand():
    logits, target = {"t": torch.zeros(4, 2)}, {"t": torch.tensor([0, 0, 0, 1])}
    logits["t"][3, 0] = math.log(3)  # the rare class is given 1/4
    loss = MultiTaskLoss({"t": 2}, False, 0.0, {"t": class_weights(target["t"], 2, "inverse")})(logits, target)
    # Weights 2/3, 2/3, 2/3, 2: the two classes count alike.
    torch.testing.assert_close(loss, torch.tensor(0.5 * math.log(2) + 0.5 * math.log(4)))


def test_the_loss_sums_tasks_over_known_labels_only():
    logits = {"a": torch.zeros(2, 2), "b": torch.zeros(2, 4)}
    loss = MultiTaskLoss({"a": 2, "b": 4}, False, 0.0, {})
    both = loss(logits, {"a": torch.tensor([0, -1]), "b": torch.tensor([1, 2])})
    torch.testing.assert_close(both, torch.tensor(math.log(2) + math.log(4)))
    one = loss(logits, {"a": torch.tensor([0, -1]), "b": torch.tensor([-1, -1])})
    torch.testing.assert_close(one, torch.tensor(math.log(2)))


def test_uncertainty_weighting_by_hand_and_learned():
    logits, target = {"a": torch.zeros(2, 2)}, {"a": torch.tensor([0, 1])}
    loss_of = MultiTaskLoss({"a": 2}, True, 0.0, {})
    torch.nn.init.constant_(loss_of.log_variances, math.log(4))
    loss = loss_of(logits, target)
    torch.testing.assert_close(loss.detach(), torch.tensor(math.log(2) / 4 + math.log(4) / 2))
    loss.backward()
    assert loss_of.log_variances.grad.any()
    train, val = make_batch(), make_batch(40, seed=1)
    learned = fit(train, val, TASKS, dataclasses.replace(CONFIG, loss_balancing="uncertainty"))
    assert not torch.equal(weights_of(learned), weights_of(fit(train, val, TASKS, CONFIG)))


def test_prediction_in_parts_equals_prediction_at_once(monkeypatch):
    head, batch = fit(make_batch(), make_batch(40, seed=1), TASKS, CONFIG).head, make_batch(50)
    at_once = predict_probs(head, batch)
    monkeypatch.setattr(training.predict, "PREDICT_ROWS", 7)
    for task, probs in predict_probs(head, batch).items():
        torch.testing.assert_close(probs, at_once[task])
    assert {task: tuple(probs.shape) for task, probs in predict_probs(head, make_batch(0)).items()} == {
        "colour": (0, 2),
        "shape": (0, 3),
    }


def test_a_step_with_single_inputs_equals_the_sum_of_two_losses_by_hand():
    """Trunks run once for both views; the loss and its gradient are those of two separate passes."""
    batch = make_batch(40)
    for strategy in ("averaged", "concatenation", "gated", "linear"):
        head = build_head(strategy, batch.dims, TASKS, width=8).eval()
        rows = standard_rows(head, batch)
        views = [batch.present, one_input(batch.present, torch.Generator().manual_seed(0))]
        loss_of, gradients = MultiTaskLoss(TASKS, False, 0.0, {}), []
        together = sum(loss_of(logits, batch.targets) for logits in answer_views(head, rows, views).logits)
        apart = sum(loss_of(head(batch.embeddings, view), batch.targets) for view in views)
        torch.testing.assert_close(together, apart)
        for loss in (together, apart):
            head.zero_grad()
            loss.backward()
            gradients.append([weight.grad.clone() for weight in head.parameters()])
        for left, right in zip(*gradients, strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)


def test_one_input_shows_one_of_those_present_each_as_often():
    present = {name: value.clone() for name, value in make_batch(3000).present.items()}
    shown = torch.stack(list(one_input(present, torch.Generator().manual_seed(0)).values()), 1)
    before = torch.stack(list(present.values()), 1)
    assert torch.equal(shown.sum(1), before.any(1).long()) and not (shown & ~before).any()
    assert ((shown[before.all(1)].float().mean(0) - 1 / 3).abs() < 0.04).all()


def test_a_strategy_that_learns_by_itself_is_fitted_once_and_repeatably():
    train, val = make_batch(), make_batch(40, seed=1)
    config = dataclasses.replace(CONFIG, strategy="stacking", class_balance="inverse")
    first = fit(train, val, TASKS, config)
    assert len(first.history) == 1 and first.best_epoch == 0 and first.history[0].val_accuracy > 0.7
    assert torch.equal(weights_of(first), weights_of(fit(train, val, TASKS, config)))
    plain = fit(train, val, TASKS, dataclasses.replace(config, class_balance="none"))
    assert not torch.equal(weights_of(first), weights_of(plain))


def test_dropout_keeps_the_mean_and_the_share():
    layer, ones = Dropout(0.25), torch.ones(200, 200)
    torch.manual_seed(0)
    dropped = layer.train()(ones)
    assert dropped.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert torch.equal(layer.eval()(ones), ones)


def test_a_small_set_gets_as_many_steps_an_epoch_as_a_large_one(monkeypatch):
    sizes: list[int] = []
    forward = Step.forward
    monkeypatch.setattr(Step, "forward", lambda self, rows, rng: sizes.append(len(rows)) or forward(self, rows, rng))
    config = dataclasses.replace(CONFIG, batch_size=256, max_epochs=1)

    def batches(rows: int) -> list[int]:
        sizes.clear()
        train = make_batch(rows)
        train = dataclasses.replace(train, present={name: torch.ones(rows).bool() for name in train.present})
        fit(train, make_batch(0), TASKS, config)
        return list(sizes)

    assert batches(320) == [40] * 8 and batches(64) == [32, 32] and batches(3000)[:2] == [256, 256]


NO_ROOM = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"
)


@pytest.fixture
def small_memory(monkeypatch):
    """Gives a function that says how many products a step may take."""

    def holds(most: int) -> None:
        forward = Step.forward

        def limited(self, rows, generator):
            if len(rows) > most:
                raise RuntimeError(NO_ROOM)
            return forward(self, rows, generator)

        monkeypatch.setattr(Step, "forward", limited)

    return holds


def test_where_memory_runs_out_half_the_batch_is_tried_and_said(small_memory):
    rows = make_batch(400)
    asked = dataclasses.replace(CONFIG, batch_size=64)
    expected = fit(rows, rows, TASKS, dataclasses.replace(asked, batch_size=12))
    small_memory(15)
    found = fit(rows, rows, TASKS, asked)
    assert found.note == "Memory did not hold batches of 50 products, so the training took batches of 12."
    assert found.config == dataclasses.replace(asked, batch_size=12) and expected.note == ""
    assert torch.equal(weights_of(found), weights_of(expected)), "as if it had been asked for"


def test_a_memory_that_holds_no_product_and_another_error_end_the_training(small_memory, monkeypatch):
    rows = make_batch(40)
    small_memory(0)
    with pytest.raises(UserError, match="does not hold the training of a single product"):
        fit(rows, rows, TASKS, CONFIG)
    monkeypatch.setattr(Step, "forward", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fit(rows, rows, TASKS, CONFIG)
