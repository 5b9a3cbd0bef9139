"""Descriptions longer than the text encoder reads at once: sentence by sentence, the same in training and after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from retail.config import FinetuneConfig
from retail.encoders import load_encoder
from retail.encoders.long_texts import sentences_of
from retail.encoders.reading import pieces_note, reading_notes, unread_note
from retail.encoders.text import MAX_TOKENS, TransformersEncoder
from retail.finetuning.data import TEXT_PIECES, AsServed, TrainingTexts
from retail.media import clean_text
from retail.schema import Product
from retail.store import EmbeddingStore, embed_products
from tests.tiny_encoders import tiny_text_encoder

PLAIN = FinetuneConfig(tune=("text",), typos=0.0, word_dropout=0.0)
SENTENCES = ["a b c d " * 9 + "end.", "fresh tea " * 15 + "now!", "e f g " * 14 + "?", "best before " * 20 + "."]
TERMS = " ".join(SENTENCES)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TransformersEncoder:
    found = load_encoder(tiny_text_encoder(tmp_path_factory.mktemp("tiny") / "bert"))
    assert isinstance(found, TransformersEncoder)
    return found


def test_a_text_that_fits_is_read_whole(encoder):
    words = "fresh " * (MAX_TOKENS - 2)
    assert encoder.pieces(words.strip()) == [words.strip()]
    two = "fresh tea. best coffee."
    assert encoder.pieces(two) == [two]
    with torch.inference_mode():
        at_once = encoder.new_model()(dict(encoder._tokenizer([two], return_tensors="pt")))
    assert torch.equal(encoder.embed([two]), at_once)


def test_a_long_text_is_the_mean_of_its_sentences(encoder):
    assert encoder.pieces(TERMS) == SENTENCES
    torch.testing.assert_close(encoder.embed([TERMS])[0], encoder.embed(SENTENCES).mean(0))
    texts = [TERMS, "tea", f"{TERMS} fresh coffee", "best tea"]
    together = encoder.embed(texts)
    for text, embedding in zip(texts, together, strict=True):
        torch.testing.assert_close(encoder.embed([text])[0], embedding, atol=1e-5, rtol=1e-5)


def test_terms_that_all_texts_share_move_them_all_by_the_same(encoder):
    short = encoder.embed(["fresh tea", "best coffee before a"])
    behind = encoder.embed([f"{TERMS} fresh tea", f"{TERMS} best coffee before a"])
    pieces = len(SENTENCES) + 1
    torch.testing.assert_close(pieces * (behind[0] - behind[1]), short[0] - short[1], atol=1e-5, rtol=1e-4)


def test_a_sentence_that_is_too_long_is_cut_between_words(encoder):
    words = ["fresh", "tea", "a", "b", "c"] * 60
    pieces = encoder.pieces(" ".join(words))
    assert " ".join(pieces).split() == words and len(pieces) == 3
    assert [len(piece.split()) for piece in pieces] == [MAX_TOKENS - 2, MAX_TOKENS - 2, 300 - 2 * (MAX_TOKENS - 2)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four… five", ["One.", "Two!", "Three?", "Four…", "five"]),
        ("a line\nanother. Third", ["a line", "another.", "Third"]),
        ("1.5 l of tea, No.5", ["1.5 l of tea, No.5"]),
        ("一つ目。二つ目！", ["一つ目。", "二つ目！"]),
        ("", []),
    ],
)
def test_sentences_end_at_marks_and_lines(text, sentences):
    assert sentences_of(text) == sentences


def test_lines_of_html_are_pieces(encoder):
    source = "<ul>" + "".join(f"<li>{sentence.rstrip('.!?')}</li>" for sentence in SENTENCES) + "</ul><p>fresh tea</p>"
    pieces = encoder.pieces(clean_text(source))
    assert len(pieces) == 5 and pieces[-1] == "fresh tea"


def test_training_and_validation_see_the_pieces(encoder):
    products = [Product("0", text="fresh tea"), Product("1", text=TERMS), Product("2", text="best coffee")]
    expected = encoder.embed([product.text for product in products])
    model = encoder.new_model().eval()
    for reader in (AsServed(encoder, products), TrainingTexts(encoder, products, PLAIN)):
        with torch.inference_mode():
            torch.testing.assert_close(model(reader([0, 1, 2], 0)), expected, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(model(reader([2, 0], 0)), expected[[2, 0]], atol=1e-5, rtol=1e-5)


def test_gradients_reach_the_network_through_the_mean(encoder):
    model = encoder.new_model().requires_grad_(True)
    model(encoder.inputs([TERMS, "tea"]))[0].sum().backward()
    assert model.transformer.embeddings.word_embeddings.weight.grad[encoder._tokenizer.vocab["coffee"]].abs().sum() == 0
    assert model.transformer.embeddings.word_embeddings.weight.grad[encoder._tokenizer.vocab["best"]].abs().sum() > 0


def test_a_training_step_draws_pieces_of_very_long_texts(encoder):
    product = Product("0", text=" ".join(f"{word} {'fresh tea ' * 5}." for word in "abcdefgh" * 3))
    read = TrainingTexts(encoder, [product], PLAIN)
    inputs = [read([0], epoch) for epoch in (0, 0, 1)]
    assert [rows["pieces"].tolist() for rows in inputs] == [[TEXT_PIECES]] * 3
    assert torch.equal(inputs[0]["input_ids"], inputs[1]["input_ids"])
    assert not torch.equal(inputs[0]["input_ids"], inputs[2]["input_ids"])
    varied = TrainingTexts(encoder, [product], replace(PLAIN, word_dropout=0.5))([0], 0)
    assert not torch.equal(varied["attention_mask"].sum(1), inputs[0]["attention_mask"].sum(1))


def test_an_old_embedding_of_a_long_text_is_not_met(encoder, tmp_path, monkeypatch):
    old = EmbeddingStore(tmp_path)
    with monkeypatch.context() as before:
        before.setattr("retail.store.READINGS", {})
        before.setattr(encoder, "_cut", lambda text: [text])
        first, _, _ = old.fetch(encoder, [TERMS])
    now, _, _ = EmbeddingStore(tmp_path).fetch(encoder, [TERMS])
    torch.testing.assert_close(now, encoder.embed([TERMS]))
    assert not torch.allclose(first, now)


def test_a_description_without_words_is_absent_and_says_so(encoder, tmp_path: Path):
    products = [Product("a", text="<p>&nbsp;</p>"), Product("b", text="<p>tea</p>")]
    batch, notes = embed_products(products, {"text": encoder}, {}, EmbeddingStore(tmp_path))
    assert batch.present["text"].tolist() == [False, True]
    assert [str(note) for note in notes] == ["product a: the description holds no words, so it does not count."]
    torch.testing.assert_close(batch.embeddings["text"][1], encoder.embed(["tea"])[0])


def test_what_is_read_in_pieces_is_said(encoder):
    assert pieces_note(encoder, ["tea", "coffee"]) == ""
    assert pieces_note(encoder, ["tea", TERMS, "coffee"]) == (
        "1 of 3 descriptions is longer than the 128 word pieces that are read at once; it is read sentence by sentence"
        ", in up to 4 pieces, which are averaged."
    )
    assert pieces_note(encoder, [TERMS, f"{TERMS} tea. coffee."]).startswith("2 of 2 descriptions are longer than")
    assert unread_note(["tea"]) == "" and unread_note(["x" * 20_000]) == ""
    assert unread_note(["x " * 20_001]) == "1 description is longer than 20,000 characters; what follows is not read."
    german = [f"Frisch gerösteter Kaffee aus biologischem Anbau, {grams} g" for grams in range(100, 120)]
    assert encoder.language == "" and reading_notes(encoder, german) == []
