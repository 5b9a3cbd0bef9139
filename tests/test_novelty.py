"""How unlike the known an upload is: what is flagged, what must not matter, and what it weighs in a bundle."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from retail.certainty.novelty import FALSE_ALARMS, FEWEST_ROWS, Novelty
from retail.certainty.spaces import MOST_PROTOTYPES
from retail.config import FrozenConfig, TrainConfig
from retail.frozen.models import as_head, fit_frozen
from retail.fusion import build_head, strategies
from retail.schema import SUBSETS, UserError
from retail.store import EmbeddingBatch
from retail.training import fit, predict_logits

DIMS = {"audio": 16, "image": 48, "text": 24}
KNOWN, STRANGE = 6, 3  # classes
SIZES = {"kind": KNOWN, "half": 2}


def rows_of(count: int, seed: int, classes: range = range(KNOWN), dims: dict[str, int] = DIMS) -> EmbeddingBatch:
    """Rows around a centre per class and input; the centres are the same for every seed."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.tensor(classes)[torch.arange(count) % len(classes)]
    embeddings = {}
    for place, (modality, dim) in enumerate(dims.items()):
        centres = 3 * torch.randn(max(classes) + KNOWN + STRANGE, dim, generator=torch.Generator().manual_seed(place))
        embeddings[modality] = centres[kinds] + torch.randn(count, dim, generator=generator)
    present = {modality: torch.ones(count, dtype=torch.bool) for modality in dims}
    targets = {"kind": torch.where(kinds < KNOWN, kinds, -1), "half": torch.where(kinds < KNOWN, kinds % 2, -1)}
    return EmbeddingBatch(tuple(f"{seed}-{row}" for row in range(count)), embeddings, present, targets)


STRANGERS = range(KNOWN, KNOWN + STRANGE)
TRAIN, VAL = rows_of(240, 1), rows_of(400, 2)


@pytest.fixture(scope="module")
def head():
    return fit(TRAIN, VAL, SIZES, TrainConfig(width=16, max_epochs=4)).head


@pytest.fixture(scope="module")
def novelty(head):
    return Novelty.fit(head, TRAIN, VAL)


def scored(novelty: Novelty, head, batch: EmbeddingBatch) -> Tensor:
    return novelty.scores(batch, predict_logits(head, batch))


def flagged(novelty: Novelty, head, batch: EmbeddingBatch) -> float:
    return float(novelty.unknown(batch, predict_logits(head, batch)).float().mean())


@pytest.mark.parametrize("subset", SUBSETS)
def test_strangers_are_flagged_and_few_of_the_known(novelty, head, subset):
    known, strange = rows_of(2000, 3).only(subset), rows_of(200, 4, STRANGERS).only(subset)
    assert flagged(novelty, head, strange) > 0.9
    # 400 validation rows leave the share of false alarms a standard error of 1.1 points.
    assert abs(flagged(novelty, head, known) - FALSE_ALARMS) < 0.035
    assert scored(novelty, head, known).mean().abs() < 0.2  # every subset's scores are on one scale
    assert 0.8 < scored(novelty, head, known).std() < 1.25


def test_every_part_of_the_score_tells_strangers(novelty, head):
    known, strange = rows_of(300, 3), rows_of(300, 4, STRANGERS)
    one, other = (novelty.parts(batch, predict_logits(head, batch)) for batch in (known, strange))
    assert ((other.median(0).values - one.median(0).values) > one.std(0)).all()


def test_what_stands_in_an_absent_slot_changes_nothing(novelty, head):
    batch = rows_of(30, 5)
    hidden = batch.present["image"] & (torch.arange(30) % 3 > 0)
    emptied = replace(batch, present={**batch.present, "image": hidden})
    image = torch.where(hidden[:, None], batch.embeddings["image"], torch.nan)
    poisoned = replace(emptied, embeddings={**batch.embeddings, "image": image})
    assert scored(novelty, head, emptied).isfinite().all()
    assert torch.equal(scored(novelty, head, emptied), scored(novelty, head, poisoned))
    assert novelty.nearest(emptied) == novelty.nearest(poisoned)
    alone = [float(scored(novelty, head, emptied.rows([row]))[0]) for row in range(30)]
    assert torch.allclose(scored(novelty, head, emptied), torch.tensor(alone), atol=1e-4)


def test_training_may_have_gaps_too(head):
    gaps = {m: torch.arange(240) % (3 + place) > 0 for place, m in enumerate(DIMS)}
    poisoned = {m: torch.where(gaps[m][:, None], rows, torch.nan) for m, rows in TRAIN.embeddings.items()}
    novelty = Novelty.fit(head, replace(TRAIN, present=gaps, embeddings=poisoned), VAL)
    assert flagged(novelty, head, rows_of(200, 4, STRANGERS)) > 0.9
    assert flagged(novelty, head, rows_of(500, 3)) < 0.1


def test_a_row_without_inputs_has_no_score(novelty, head):
    nothing = rows_of(2, 6).only(())
    assert scored(novelty, head, nothing).isnan().all()
    assert novelty.nearest(nothing) == [None, None]
    assert flagged(novelty, head, nothing) == 0


def test_nearest_is_a_training_product_of_the_same_kind(novelty):
    kind_of = dict(zip(TRAIN.ids, TRAIN.targets["kind"].tolist(), strict=True))
    batch = rows_of(60, 7)
    found = [(novelty.ids[place], similarity) for place, similarity in novelty.nearest(batch)]
    assert [kind_of[name] for name, _ in found] == batch.targets["kind"].tolist()
    assert all(0.5 < similarity <= 1.0001 for _, similarity in found)
    itself = [(novelty.ids[place], similarity) for place, similarity in novelty.nearest(TRAIN)]
    assert [name for name, _ in itself] == list(TRAIN.ids)  # all are kept
    assert max(similarity for _, similarity in novelty.nearest(rows_of(60, 8, STRANGERS))) < 0.9


def sizes(head) -> tuple[dict[str, int], int]:
    return head.dims, sum(head.tasks.values())


def test_round_trip(novelty, head):
    again = Novelty.from_tensors(load(save(novelty.to_tensors())), list(novelty.ids), *sizes(head))
    batch = rows_of(20, 9)
    assert torch.equal(scored(again, head, batch), scored(novelty, head, batch))
    assert again.nearest(batch) == novelty.nearest(batch)
    assert again.thresholds == novelty.thresholds


@pytest.mark.parametrize("name", ["table", "image.basis", "fused.shift", "text.prototypes", "audio.held"])
def test_damaged_tensors_are_refused(novelty, head, name):
    tensors = novelty.to_tensors()
    with pytest.raises(UserError, match="damaged"):
        Novelty.from_tensors(tensors | {name: tensors[name][:-1]}, novelty.ids, *sizes(head))
    with pytest.raises(UserError, match="damaged"):
        Novelty.from_tensors({key: value for key, value in tensors.items() if key != name}, novelty.ids, *sizes(head))
    with pytest.raises(UserError, match="damaged"):
        Novelty.from_tensors(tensors, novelty.ids[1:], *sizes(head))


def test_equal_rows_give_equal_tensors(novelty, head):
    again = Novelty.fit(head, TRAIN, VAL)
    assert again.ids == novelty.ids
    assert all(torch.equal(value, again.to_tensors()[name]) for name, value in novelty.to_tensors().items())


def test_a_threshold_needs_enough_validation_rows(head):
    enough, few = (Novelty.fit(head, TRAIN, rows_of(count, 2)) for count in (FEWEST_ROWS, FEWEST_ROWS - 1))
    assert set(enough.thresholds) == set(SUBSETS)
    assert few.thresholds == {}
    assert flagged(few, head, rows_of(20, 4, STRANGERS)) == 0
    # The largest of 19 scores is what 95 % of further known ones stay below.
    assert float(scored(enough, head, rows_of(FEWEST_ROWS, 2)).max()) == pytest.approx(enough.thresholds[SUBSETS[-1]])


def test_validation_with_gaps_gives_thresholds_where_it_can(head):
    few_sounds = replace(VAL, present={**VAL.present, "audio": torch.arange(400) < 5})
    found = Novelty.fit(head, TRAIN, few_sounds).thresholds
    assert set(found) == {subset for subset in SUBSETS if "audio" not in subset}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_validation_row(head, count):
    novelty = Novelty.fit(head, TRAIN, VAL.rows(slice(count)))
    assert novelty.thresholds == {}
    known, strange = (scored(novelty, head, batch) for batch in (rows_of(50, 3), rows_of(50, 4, STRANGERS)))
    assert strange.isfinite().all()
    assert known.median() < strange.median()


def test_validation_rows_of_unknown_classes_set_no_threshold(novelty, head):
    strange = rows_of(100, 4, STRANGERS)
    both = EmbeddingBatch(
        (*VAL.ids, *strange.ids),
        *(
            {name: torch.cat([rows, getattr(strange, group)[name]]) for name, rows in getattr(VAL, group).items()}
            for group in ("embeddings", "present", "targets")
        ),
    )
    assert torch.equal(Novelty.fit(head, TRAIN, both).table, novelty.table)
    unlabelled = replace(VAL, targets={task: torch.full((400,), -1) for task in SIZES})
    assert torch.equal(Novelty.fit(head, TRAIN, unlabelled).table, novelty.table)


def test_classes_of_one_row(head):
    one = torch.tensor([0, 1, 2, 3, 4, 5, 11, 17])  # of five classes one row, of the last three
    batch = TRAIN.rows(one)
    for train in (batch, TRAIN.rows(range(KNOWN)), TRAIN.rows([0])):
        novelty = Novelty.fit(head, train, VAL)
        assert scored(novelty, head, rows_of(20, 3)).isfinite().all()
        assert set(novelty.ids) == set(train.ids)


def test_rows_without_any_label(head):
    unlabelled = replace(TRAIN, targets={task: torch.full((240,), -1) for task in SIZES})
    novelty = Novelty.fit(head, unlabelled, VAL)
    assert flagged(novelty, head, rows_of(200, 4, STRANGERS)) > 0.7


def test_an_input_that_nobody_has_is_no_part_of_it(head):
    silent = replace(TRAIN, present={**TRAIN.present, "audio": torch.zeros(240, dtype=torch.bool)})
    novelty = Novelty.fit(head, silent, VAL)
    assert set(novelty.thresholds) == {("image",), ("text",), ("image", "text")}
    assert scored(novelty, head, VAL.only(("audio",))).isnan().all()
    with pytest.raises(UserError, match="no training row"):
        Novelty.fit(head, TRAIN.only(()), VAL)


def test_an_input_of_rows_that_are_not_kept(head):
    many = rows_of(1500, 1)
    kept = set(Novelty.fit(head, many, VAL).ids)
    rare = torch.tensor([name not in kept for name in many.ids]).nonzero()[:3, 0]
    present = torch.zeros(1500, dtype=torch.bool).index_fill_(0, rare, True)
    novelty = Novelty.fit(head, replace(many, present={**many.present, "audio": present}), VAL)
    assert scored(novelty, head, VAL).isfinite().all()


@pytest.mark.parametrize("strategy", sorted(strategies()))
def test_every_strategy(strategy):
    dims = {"image": 48} if strategy == "linear" else DIMS
    head = build_head(strategy, dims, SIZES, width=8).eval()
    train, val = TRAIN.select(dims), VAL.select(dims)
    head.fit_scaler(train.embeddings, train.present)
    novelty = Novelty.fit(head, train, val)
    assert flagged(novelty, head, rows_of(200, 4, STRANGERS)) > 0.6  # though it was never trained
    assert flagged(novelty, head, rows_of(500, 3)) < 0.12


def test_a_head_made_of_frozen_features():
    targets = dict(TRAIN.targets)
    model = fit_frozen(TRAIN.embeddings["image"], targets, SIZES, FrozenConfig(feature_map="pca", dims=16))
    head = as_head(model, "image")
    novelty = Novelty.fit(head, TRAIN, VAL)
    assert set(novelty.thresholds) == {("image",)}
    assert flagged(novelty, head, rows_of(200, 4, STRANGERS)) > 0.9


def weight(novelty: Novelty) -> int:
    return len(save(novelty.to_tensors()))


def test_it_fits_into_a_bundle():
    dims = {"audio": 256, "image": 1280, "text": 384}
    train, val = rows_of(2000, 1, dims=dims), rows_of(30, 2, dims=dims)
    novelty = Novelty.fit(build_head("concatenation", dims, SIZES, width=8), train, val)
    assert weight(novelty) < 220_000
    assert MOST_PROTOTYPES - KNOWN <= len(novelty.ids) <= MOST_PROTOTYPES


def test_many_classes_need_no_square_table():
    dims = {"image": 24}
    train, val = rows_of(6000, 1, range(3000), dims), rows_of(40, 2, range(3000), dims)
    targets = {"kind": torch.arange(6000) % 3000}
    head = build_head("linear", dims, {"kind": 3000})
    novelty = Novelty.fit(head, replace(train, targets=targets), replace(val, targets={"kind": torch.arange(40)}))
    assert len(novelty.ids) == 3000  # one of each
    assert weight(novelty) < 3000 * 160  # one of the logits' covariance would be 36 MB
