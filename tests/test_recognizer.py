"""A recogniser over every subset, on tiny encoders."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from retail.certainty import Certainty
from retail.certainty.novelty import Novelty
from retail.recognizer import NOTHING_GIVEN, embed_once
from retail.schema import SUBSETS, Product, UserError
from retail.store import EmbeddingBatch
from tests.tiny_recognizer import tiny_recognizer

PHOTO = b"photo"


@pytest.fixture
def png(tmp_path):
    from PIL import Image

    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8), "red").save(path)
    return path


@pytest.fixture
def wav(tmp_path):
    import numpy as np
    import soundfile

    path = tmp_path / "a.wav"
    soundfile.write(path, np.sin(np.arange(16000) / 20).astype("float32"), 16000)
    return path


@pytest.fixture
def recognizer():
    return tiny_recognizer()


def test_all_seven_subsets_answer_every_task(recognizer, png, wav):
    whole = {"images": (png,), "text": "a fig", "audio": wav}
    answers = recognizer.predict_subsets(Product("p", **whole))
    assert set(answers) == set(SUBSETS)
    names = {"audio": "audio", "image": "images", "text": "text"}
    for subset, answer in answers.items():
        direct = recognizer.predict(Product("p", **{names[m]: whole[names[m]] for m in subset}))
        assert direct.used == answer.used == subset
        for task in ("fruit", "colour"):
            assert sum(answer.probs[task].values()) == pytest.approx(1, abs=1e-5)
            assert direct.probs[task] == pytest.approx(answer.probs[task], abs=1e-5)


def test_inputs_may_be_given_by_name(recognizer, png, wav):
    whole = recognizer.predict(Product("p", (png,), "a fig", wav))
    for image in (png, str(png), png.read_bytes(), [png]):
        assert recognizer.predict(image=image, text="a fig", audio=str(wav)).probs == whole.probs
    two = recognizer.predict(image=[str(png), png.read_bytes()], audio=wav.read_bytes())
    assert two.used == ("audio", "image") and two.id == "product"


def test_inputs_that_cannot_be_meant_are_refused(recognizer, png):
    with pytest.raises(UserError, match="nowhere.jpg does not exist"):
        recognizer.predict(image="nowhere.jpg", text="a fig")
    with pytest.raises(UserError, match="path or the bytes of a file, not int"):
        recognizer.predict(image=[1])
    with pytest.raises(UserError, match="holds its inputs already"):
        recognizer.predict(Product("p", (png,)), text="a fig")


def test_nothing_given_is_one_friendly_sentence(recognizer):
    for given in ((Product("p"),), ()):
        with pytest.raises(UserError, match="at least one photo"):
            recognizer.predict(*given)
    assert NOTHING_GIVEN.endswith(".")


def test_a_broken_photo_leaves_the_text_in_use(recognizer, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    answer = recognizer.predict(Product("p", images=(broken,), text="a pear"))
    assert answer.used == ("text",)
    assert len(answer.notes) == 1 and "broken.jpg" in answer.notes[0]


def test_a_note_goes_to_its_own_product_even_where_another_name_begins_alike(recognizer, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    whole, damaged = recognizer.predict_many([Product("a", text="a fig"), Product("a: b", (broken,), "a fig")])
    assert whole.notes == () and len(damaged.notes) == 1


def test_what_is_remembered_of_one_product_is_noted_under_the_name_of_the_next(recognizer):
    memory = {}
    for name in ("first", "second"):
        _, (note,) = embed_once(Product(name, (b"no photo",), "a fig"), recognizer.encoders, memory)
        assert (note.product, note.modality) == (name, "image")


def test_top_five_and_other_share_all_probability(recognizer):
    answer = recognizer.predict(Product("p", text="a pear"))
    top, other = answer.top("colour")
    assert len(top) == 5
    assert sum(prob for _, prob in top) + other == pytest.approx(1, abs=1e-5)
    assert [prob for _, prob in top] == sorted((prob for _, prob in top), reverse=True)


def random_batch(recognizer, rows: int = 400, seed: int = 5) -> EmbeddingBatch:
    """Rows as those that the tiny recogniser was judged on."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = {m: torch.randn(rows, dim, generator=generator) for m, dim in recognizer.head.dims.items()}
    present = {m: torch.ones(rows, dtype=torch.bool) for m in embeddings}
    return EmbeddingBatch(tuple(map(str, range(rows))), embeddings, present, {})


def test_a_stricter_wish_accepts_less_and_names_more_classes(recognizer):
    batch = random_batch(recognizer)
    accepted, sizes = [], []
    for wished in (0.5, 0.7, 0.8, 0.9, 0.99):
        answers = [answer.answers["fruit"] for answer in recognizer.answer(batch, (), wished)]
        accepted.append(sum(answer.decision == "accept" for answer in answers))
        sizes.append(sum(len(answer.candidates) for answer in answers))
    assert accepted == sorted(accepted, reverse=True) and accepted[0] > 200 > accepted[-1]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]


def test_an_answer_says_its_class_its_probability_and_how_such_answers_did(recognizer):
    for answer in recognizer.answer(random_batch(recognizer, 20).only(["text"]), ()):
        for task, own in answer.answers.items():
            assert (own.label, own.probability) == answer.best(task) and own.candidates[0] == own.label
            n, right = own.like_this
            assert 0 <= right <= n and n >= 20
        assert answer.nearest is not None and set(answer.nearest.labels) <= {"fruit", "colour"}
        assert -1 <= answer.nearest.similarity <= 1.001


def test_what_is_unlike_all_known_products_is_unknown_whatever_the_answer(recognizer):
    strange = replace(recognizer, certainty=replace(recognizer.certainty, novelty=everything_unknown(recognizer)))
    for answer in strange.answer(random_batch(recognizer, 5), (), 0.5):
        assert answer.unknown and {own.decision for own in answer.answers.values()} == {"unknown"}
    known = recognizer.answer(random_batch(recognizer), ())
    assert sum(answer.unknown for answer in known) < 0.12 * len(known)  # 5 % are promised, of 120 rows


def everything_unknown(recognizer) -> Novelty:
    """The same score with thresholds that every upload passes."""
    table = recognizer.certainty.novelty.table.clone()
    table[:, -1] = -1e9
    return replace(recognizer.certainty.novelty, table=table)


def test_without_what_was_fitted_nothing_is_promised_and_nothing_unknown(recognizer):
    blank = replace(recognizer, certainty=Certainty())
    (answer,) = blank.answer(random_batch(recognizer, 1), ())
    assert not answer.unknown and answer.nearest is None
    assert [(own.decision, len(own.candidates), own.like_this) for own in answer.answers.values()] == [
        ("review", 3, None),
        ("review", 7, None),
    ]


def test_what_stands_in_an_absent_slot_changes_nothing(recognizer):
    batch = random_batch(recognizer, 3).only(["text"])
    spoilt = {m: rows if m == "text" else torch.full_like(rows, torch.nan) for m, rows in batch.embeddings.items()}
    assert recognizer.answer(batch, ()) == recognizer.answer(replace(batch, embeddings=spoilt), ())
