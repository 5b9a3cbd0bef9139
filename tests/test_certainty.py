"""What an answer is worth: calibrated for the inputs that are there, with thresholds and sets that hold for them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from retail.certainty import Certainty
from retail.certainty.calibration import TEMPERATURE_RANGE, Calibration
from retail.certainty.judged import JudgedRows, judged_rows
from retail.certainty.promises import Promises
from retail.certainty.sets import CLASS_ROWS, PredictionSets
from retail.certainty.tensors import pack, unpack
from retail.config import FrozenConfig, TrainConfig
from retail.frozen.models import as_head, fit_frozen
from retail.fusion import FusionHead
from retail.metrics.conformal import covered
from retail.metrics.promises import WISHES
from retail.metrics.scores import expected_calibration_error
from retail.schema import SUBSETS, Subset
from retail.store import EmbeddingBatch
from retail.training import fit, predict_logits
from tests import frozen_sample
from tests.made_up_data import made_up_batch

PHOTO: Subset = ("image",)
TEXT: Subset = ("text",)
BOTH: Subset = ("image", "text")
HEAD = cast(FusionHead, SimpleNamespace(tasks={"kind": 5}))


def answers(n: int, temperature: float, seed: int = 0, spread: float = 1.5) -> tuple[Tensor, Tensor]:
    """(N, 5) logits that are right at this temperature, and targets."""
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(n, 5, generator=generator)
    return logits * temperature, torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]


def rows_of(logits: Tensor, target: Tensor, groups: np.ndarray | None = None) -> JudgedRows:
    return JudgedRows({"kind": logits}, {"kind": target}, groups)


def ece(probs: Tensor, target: Tensor) -> float:
    best = probs.max(1)
    return expected_calibration_error(best.values.numpy().astype(float), (best.indices == target).numpy())


def test_each_subset_gets_the_temperature_that_was_put_in():
    put_in: dict[Subset, float] = {PHOTO: 3.0, TEXT: 0.5, BOTH: 1.0}
    rows = {subset: rows_of(*answers(2000, put_in[subset], seed)) for seed, subset in enumerate(put_in)}
    found = Calibration.fit(HEAD, rows)
    for subset, temperature in put_in.items():
        logits, target = answers(4000, temperature, seed=9)
        assert ece(found.probs("kind", subset, logits), target) < 0.03
        assert ece(found.probs("kind", subset, logits), target) < ece(logits.softmax(-1), target) or subset == BOTH
    assert found.temperature("kind", PHOTO) > found.temperature("kind", BOTH) > found.temperature("kind", TEXT)


def test_an_answer_that_is_sure_and_one_that_guesses_are_corrected_apart():
    """Half of the rows are too careful, half too sure: no single temperature helps both."""
    careful, careful_target = answers(1500, 0.45, seed=1, spread=6)
    wild, wild_target = answers(1500, 2.5, seed=2, spread=0.3)
    logits, target = torch.cat([careful, wild]), torch.cat([careful_target, wild_target])
    found = Calibration.fit(HEAD, {PHOTO: rows_of(logits, target)})
    best_alone = min(ece((logits / t).softmax(-1), target) for t in np.exp(np.linspace(-1.3, 2, 60)))
    assert ece(found.probs("kind", PHOTO, logits), target) < 0.5 * best_alone
    assert found.slope("kind", PHOTO) > 1


def coin_tosses(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """(N, 5) logits that are 90 % sure of one of two look-alikes, where either is right as often."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.tensor([2.2, 0.0, -4.0, -4.0, -4.0]) + 0.3 * torch.randn(n, 5, generator=generator)
    return logits, torch.randint(0, 2, (n,), generator=generator)


def test_a_coin_toss_between_look_alikes_is_not_called_sure():
    found = Calibration.fit(HEAD, {PHOTO: rows_of(*coin_tosses(600, 0))})
    logits, target = coin_tosses(4000, 1)
    probs, without = (one.probs("kind", PHOTO, logits) for one in (found, replace(found, curves={})))
    assert ece(probs, target) < 0.05 < ece(logits.softmax(-1), target)
    assert ece(probs, target) <= ece(without, target)


@pytest.mark.parametrize("curve", [(1.0, 1.0, 0.0), (0.0, 0.0, -6.0), (0.3, 0.1, 0.5), (4.0, 2.0, 8.0)])
def test_a_curve_moves_no_class_to_the_top_and_probabilities_sum_to_one(curve):
    logits = 20 * torch.randn(500, 5, generator=torch.Generator().manual_seed(0))
    logits[0], logits[1] = torch.tensor([900.0, 0, 0, 0, 0]), torch.zeros(5)
    probs = Calibration(curves={PHOTO: {"kind": curve}}).probs("kind", PHOTO, logits)
    assert torch.equal(probs.argmax(1), logits.argmax(1))
    torch.testing.assert_close(probs.sum(1), torch.ones(500))
    assert bool((probs >= 0).all()) and bool(probs.isfinite().all())


def test_a_temperature_takes_its_root_of_the_odds_of_its_task_alone():
    """Odds of 32 : 1 at temperature 5 are 2 : 1."""
    logits = torch.tensor([[32.0, 1.0, 8.0]]).log()
    found = Calibration({"kind": 5.0})
    assert (found.probs("kind", PHOTO, logits) * (3 + 8**0.2))[0].tolist() == pytest.approx([2, 1, 8**0.2], rel=1e-4)
    torch.testing.assert_close(found.probs("other", PHOTO, logits), logits.softmax(-1))


def test_no_class_overtakes_another():
    logits, target = answers(500, 2.0)
    found = Calibration.fit(HEAD, {PHOTO: rows_of(logits, target)}).probs("kind", PHOTO, logits)
    assert torch.equal(found.argsort(-1), logits.argsort(-1))
    assert found.sum(-1).numpy() == pytest.approx(1, abs=1e-5)


def test_few_rows_follow_the_other_subsets():
    """Twelve rows beside subsets that agree on a temperature of 2."""
    many = {subset: rows_of(*answers(1500, 2.0, seed)) for seed, subset in enumerate(SUBSETS) if subset != PHOTO}
    off = []
    for seed in range(12):
        few = rows_of(*answers(12, 2.0, seed=100 + seed))
        found = [Calibration.fit(HEAD, {PHOTO: few, **others}).temperature("kind", PHOTO) for others in ({}, many)]
        off.append(np.abs(np.log(found) - np.log(2)))
    alone, together = np.mean(off, axis=0)
    assert together < 0.15 and together < 0.5 * alone
    none = Calibration.fit(HEAD, {PHOTO: rows_of(torch.zeros(0, 5), torch.zeros(0).long()), **many})
    assert none.temperature("kind", PHOTO) == none.pooled["kind"] == pytest.approx(2.0, abs=0.25)


def test_temperatures_stay_in_range_whatever_the_rows_say():
    logits, target = answers(400, 1.0)
    for scale, own in ((1e-3, target), (300.0, target), (30.0, logits.argmin(-1)), (5.0, logits.argmax(-1))):
        found = Calibration.fit(HEAD, {PHOTO: rows_of(logits * scale, own)})
        assert TEMPERATURE_RANGE[0] <= found.temperature("kind", PHOTO) <= TEMPERATURE_RANGE[1]
        assert found.probs("kind", PHOTO, logits * scale).isfinite().all()


def test_what_nobody_fitted_is_left_as_it_is():
    logits, _ = answers(30, 1.0)
    for found in (Calibration(), Calibration.fit(HEAD, {PHOTO: rows_of(logits, torch.full((30,), -1))})):
        assert found.probs("kind", PHOTO, logits).numpy() == pytest.approx(logits.softmax(-1).numpy(), abs=1e-6)


def test_each_row_is_calibrated_by_the_inputs_that_it_has():
    rows = {PHOTO: rows_of(*answers(500, 3.0)), TEXT: rows_of(*answers(500, 0.7)), BOTH: rows_of(*answers(500, 1.0))}
    found = Calibration.fit(HEAD, rows)
    here = torch.tensor([True, True, False]), torch.tensor([True, False, True])
    present = dict(zip(BOTH, here, strict=True))
    batch = EmbeddingBatch(("a", "b", "c"), {name: torch.zeros(3, 1) for name in present}, present, {})
    logits = answers(3, 1.0)[0]
    probs = found.all_probs({"kind": logits}, batch)["kind"]
    for row, subset in enumerate((BOTH, PHOTO, TEXT)):
        assert torch.allclose(probs[row], found.probs("kind", subset, logits[row : row + 1])[0])


def test_a_class_that_training_never_saw_leaves_the_temperature_alone():
    embeddings, targets = frozen_sample.rows()
    targets["colour"] = torch.where(targets["colour"] == 3, -1, targets["colour"])
    fitted = fit_frozen(embeddings, targets, frozen_sample.SIZES, FrozenConfig("pca", "logistic", dims=6))
    head = as_head(fitted, "image")
    val_embeddings, val_targets = frozen_sample.rows(seed=1)
    without = torch.where(val_targets["colour"] == 3, -1, val_targets["colour"])
    assert (val_targets["colour"] == 3).any()

    def temperature(colour: Tensor) -> float:
        everywhere = torch.ones(240, dtype=torch.bool)
        batch = EmbeddingBatch(tuple(map(str, range(240))), {"image": val_embeddings}, {"image": everywhere}, {})
        batch.targets.update(val_targets | {"colour": colour})
        return Calibration.fit(head, judged_rows(head, batch)).temperature("colour", PHOTO)

    assert temperature(val_targets["colour"]) == temperature(without) < TEMPERATURE_RANGE[1]
    assert temperature(torch.full((240,), 3)) == 1.0


def test_a_class_number_beyond_the_known_ones_is_left_out_of_the_calibration():
    logits, target = answers(300, 2.0)
    strange = torch.cat([target, torch.full((40,), 5)])
    found = Calibration.fit(HEAD, {PHOTO: rows_of(torch.cat([logits, logits[:40]]), strange)})
    assert found == Calibration.fit(HEAD, {PHOTO: rows_of(logits, target)})


def trained() -> tuple[FusionHead, EmbeddingBatch]:
    config = TrainConfig(strategy="averaged", max_epochs=6)
    return fit(made_up_batch(200, 0), made_up_batch(80, 1), {"pair": 4, "shape": 2}, config).head, made_up_batch(300, 2)


def test_rows_are_judged_by_the_inputs_of_a_subset_alone():
    head, batch = trained()
    batch.present["text"][:100] = False
    found = judged_rows(head, batch, np.arange(300).astype(str))
    assert list(found) == [subset for subset in SUBSETS if set(subset) <= set(head.dims)]
    assert len(found[PHOTO].targets["pair"]) == 300 and len(found[BOTH].targets["pair"]) == 200
    assert found[BOTH].groups is not None and found[BOTH].groups[0] == "100"
    alone = predict_logits(head, batch.only(PHOTO))["shape"]
    assert torch.equal(found[PHOTO].logits["shape"], alone)


def test_a_promise_is_made_for_what_the_inputs_can_tell():
    """The shape is in the photo, the scent in the text: the photo promises the shape and not the pair."""
    head, batch = trained()
    rows = judged_rows(head, batch)
    found = Promises.fit(Calibration.fit(head, rows), rows)
    assert found.threshold("shape", PHOTO, 0.95) < 1
    assert found.rows_needed("shape", PHOTO, 0.95) is None
    assert np.isnan(found.threshold("pair", PHOTO, 0.95)) and found.rows_needed("pair", PHOTO, 0.95) is None
    assert found.threshold("pair", BOTH, 0.95) < 1
    assert np.isnan(found.threshold("shape", PHOTO, 0.99))  # 300 rows cannot
    assert (found.rows_needed("shape", PHOTO, 0.99) or 0) > 300
    assert found.threshold("shape", PHOTO, 0.93) == found.threshold("shape", PHOTO, 0.93 - 1e-12)
    n, right = found.like("shape", PHOTO, 0.999) or (0, 0)
    assert n >= 20 and right == n
    assert Promises().like("shape", PHOTO, 0.9) is None and np.isnan(Promises().threshold("shape", PHOTO, 0.9))


def test_a_promise_needs_more_rows_where_they_come_in_groups():
    logits, target = answers(300, 1.0, spread=9)
    calibration = Calibration()
    own = Promises.fit(calibration, {PHOTO: rows_of(logits, target)})
    groups = np.repeat(np.arange(10), 30).astype(str)
    alike = Promises.fit(calibration, {PHOTO: rows_of(logits[groups.astype(int)], target[groups.astype(int)], groups)})
    assert own.threshold("kind", PHOTO, 0.9) < 1
    assert np.isnan(alike.threshold("kind", PHOTO, 0.9)) and (alike.rows_needed("kind", PHOTO, 0.9) or 0) > 300


def hard_class(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Two classes with many rows, of which the second is hard to tell, and three with few."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.multinomial(torch.tensor([0.4, 0.4, 0.07, 0.07, 0.06]), n, True, generator=generator)
    logits = torch.randn(n, 5, generator=generator)
    logits[torch.arange(n), target] += torch.tensor([5.0, 1.0, 3.0, 3.0, 3.0])[target]
    return logits, target


def test_a_class_with_rows_enough_is_covered_for_itself():
    shares = []
    for seed in range(30):
        logits, target = hard_class(400, seed)
        sets = PredictionSets.fit(Calibration(), {PHOTO: rows_of(logits, target)})
        least = sets.least["kind", PHOTO]
        assert least.classes.tolist() == [0, 1] and (target == 0).sum() > CLASS_ROWS
        logits, target = hard_class(3000, 1000 + seed)
        inside = covered(sets.of("kind", PHOTO, logits.softmax(-1).numpy(), 0.9), target.numpy())
        shares.append([inside[target == 0].mean(), inside[target == 1].mean(), inside[target > 1].mean()])
        together = PredictionSets({("kind", PHOTO): type(least)(least.pooled, least.classes[:0], least.own[:, :0])})
        assert together.of("kind", PHOTO, logits.softmax(-1).numpy(), 0.9).shape == (3000, 5)
    assert (np.mean(shares, axis=0) > 0.89).all()


def test_where_the_other_classes_have_too_few_rows_one_bound_serves_all():
    logits, target = hard_class(400, 0)
    target = torch.where(target > 1, 0, target)
    target[:5] = 2
    least = PredictionSets.fit(Calibration(), {PHOTO: rows_of(logits, target)}).least["kind", PHOTO]
    strict = WISHES.index(0.95)
    assert (least.own[strict] == least.pooled[strict]).all() and least.pooled[strict] > 0


def test_a_certainty_is_the_same_after_a_bundle_has_kept_it():
    head, batch = trained()
    fitted = Certainty.fit(head, made_up_batch(200, 0), batch, np.repeat(np.arange(150), 2).astype(str))
    tasks, inputs = {"pair": 4, "shape": 2}, tuple(head.dims)
    again = unpack(pack(fitted, list(tasks), inputs), tasks, head.dims, fitted.novelty.ids)
    assert again.calibration == fitted.calibration
    for key in fitted.promises.thresholds:
        for wished in WISHES:
            assert again.promises.threshold(*key, wished) == pytest.approx(
                fitted.promises.threshold(*key, wished), nan_ok=True
            )
            assert again.promises.rows_needed(*key, wished) == fitted.promises.rows_needed(*key, wished)
    some = made_up_batch(40, 3)
    some.present["audio"][::2] = False
    before, after = fitted.judge(head, some), again.judge(head, some)
    for task in tasks:
        assert torch.equal(before.probs[task], after.probs[task])
        assert (before.candidates[task] == after.candidates[task]).all()
        assert (before.accepted[task] == after.accepted[task]).all() and before.accepted["shape"].any()
        assert torch.equal(fitted.known[task].int(), again.known[task])
    assert (before.novelty, before.nearest) == (after.novelty, after.nearest)
