"""The source head is kept: with the same encoder nothing changes, with a spoilt one it forgets; counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from retail.build import finetune_recognizer
from retail.config import FinetuneConfig, TrainConfig
from retail.dataset.reader import read_manifest
from retail.encoders import load_encoder
from retail.evaluation.forgetting import forgetting, right_answers, source_task
from retail.finetuning.record import Retrieval
from retail.metrics.retrieval import Retrieved
from retail.recognizer.bundle import load_bundle, save_bundle
from retail.report.frozen_tables import finetuning_table
from retail.schema import UserError
from retail.store import EmbeddingBatch
from tests.bundle_sample import finetuning_record
from tests.conftest import write_small_data
from tests.tiny_encoders import tiny_photo_encoder

HEAD = TrainConfig(strategy="concatenation", modalities=("image",), width=16, max_epochs=30, dropout=0.0)
TINY = FinetuneConfig(epochs=1, batch_size=8, size=64, average=0.5, warmup_epochs=0.5)


class Fixed(torch.nn.Module):
    """Answers class 0, 1, 1, 0."""

    dims, tasks = {"image": 1}, {"colour": 2, "unlabelled": 2}

    def forward(self, embeddings, present):
        logits = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
        return {"colour": logits, "unlabelled": logits}


def test_right_answers_by_hand():
    """Of the labels 0, 0, unknown, 0 the fixed head finds the first and the last."""
    targets = {"colour": torch.tensor([0, 0, -1, 0]), "unlabelled": torch.full((4,), -1)}
    batch = EmbeddingBatch(tuple("abcd"), {"image": torch.zeros(4, 1)}, {"image": torch.ones(4).bool()}, targets)
    right = right_answers(Fixed(), batch)
    assert list(right) == ["colour"] and right["colour"].tolist() == [True, False, True]


def test_the_same_encoder_forgets_nothing_and_the_change_is_paired(tmp_path):
    manifest = read_manifest(write_small_data(tmp_path / "data", rows=24), ["colour"])
    encoders = {"image": load_encoder(tiny_photo_encoder(tmp_path / "weights"))}
    source = source_task(manifest, encoders, HEAD)
    row = forgetting(source, encoders).tasks["colour"]
    assert row.before == row.after and row.change == 0 and row.n == 6
    assert row.low < 0 < row.high, "six rows cannot show that nothing is ever forgotten"
    # A head that was always wrong before has gained what it gets right now.
    never = replace(source, right={"colour": np.zeros(6, dtype=bool)})
    assert forgetting(never, encoders).tasks["colour"].change == row.after


def test_a_fine_tuning_stores_and_prints_what_was_forgotten_and_what_it_cost(tmp_path):
    target = read_manifest(write_small_data(tmp_path / "target", rows=24), ["drink"])
    source = read_manifest(write_small_data(tmp_path / "source", rows=24), ["colour"])
    tuning = replace(TINY, learning_rate=0.5)  # wild on purpose
    name = f"image={tiny_photo_encoder(tmp_path / 'weights')}"
    recognizer = finetune_recognizer(target, HEAD, tuning, name, source=source)
    info = load_bundle(save_bundle(recognizer, tmp_path / "bundle")).info
    row = info.forgetting.tasks["colour"]
    assert row.before == 1 and row.after < 1, "colours are easy, until the network learns something else"
    assert info.forgetting.source == "source" and row.change == pytest.approx(row.after - row.before)
    assert info.finetuning_peak_mib > 50 and 0 < info.trainable_parameters <= info.parameters
    text = finetuning_table(info)
    assert f"source task colour: 100.0 % before, {100 * row.after:.1f} % after on 6" in text
    assert f"{info.trainable_parameters:,} of" in text and "peak memory" in text


def test_a_source_without_the_tuned_input_is_refused(tmp_path):
    target = read_manifest(write_small_data(tmp_path / "target", rows=24), ["drink"])
    source = tmp_path / "words"
    source.mkdir()
    lines = ["id,text,kind,split", *(f"{n},word {n % 2},{'ab'[n % 2]},{('train', 'val')[n // 6]}" for n in range(12))]
    (source / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    name = f"image={tiny_photo_encoder(tmp_path / 'weights')}"
    config = replace(HEAD, modalities=("image", "text"))
    with pytest.raises(UserError, match="The source data has text, but --tune names image"):
        finetune_recognizer(target, config, TINY, name, source=read_manifest(source, ["kind"]))


def test_the_printed_result_shows_retrieval_before_and_after():
    before = Retrieved("image", "text", 8, 0.25, 0.5, 3.5)
    after = replace(before, recall_at_1=0.5, median_rank=1.5)
    retrieval = Retrieval(before=(before,), after=(after,))
    text = finetuning_table(finetuning_record([0.25, 0.5, 0.75]).model_copy(update={"retrieval": retrieval}))
    assert "10 of 2,000 parameters learned for 1.5 minutes." in text and "validation accuracy 75.0 %" in text
    assert "image to text  8  25.0 -> 50.0  50.0 -> 50.0  3.5 -> 1.5" in text


def test_photos_of_one_product_do_not_narrow_the_interval_of_forgetting(tmp_path):
    manifest = read_manifest(write_small_data(tmp_path / "data", rows=24), ["colour"])
    encoders = {"image": load_encoder(tiny_photo_encoder(tmp_path / "weights"))}
    source = source_task(manifest, encoders, HEAD)
    never = replace(source, right={"colour": np.zeros(6, dtype=bool)})
    grouped = replace(never, products=[replace(p, group=str(n // 3)) for n, p in enumerate(source.products)])
    alone, together = (forgetting(given, encoders).tasks["colour"] for given in (never, grouped))
    assert together.change == alone.change and together.low < alone.low
