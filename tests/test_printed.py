"""Printed words in pictures that the tests draw, read where the extra is installed; where it is not, that is said."""

from __future__ import annotations

import io
import socket

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from retail.catalogue.evidence import Evidence, all_with_evidence, noted, with_evidence
from retail.config.reading import Reading
from retail.media import printed
from retail.media.printed import Line, as_text, read_words
from retail.outside.limits import MAX_PRINTED_CHARACTERS, MAX_PRINTED_LINES
from retail.schema import Prediction, Product, UserError

WORDS = Reading(words=True)


def label(*lines: str, size: int = 44) -> Image.Image:
    """Dark words on a light pack."""
    picture = Image.new("RGB", (620, 90 * len(lines) + 140), (240, 236, 225))
    for place, line in enumerate(lines):
        ImageDraw.Draw(picture).text((40, 40 + 90 * place), line, (30, 30, 60), ImageFont.load_default(size))
    return picture


def content_of(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def say(monkeypatch: pytest.MonkeyPatch, *lines: tuple[str, float]) -> None:
    """Has the reader find these lines in every picture."""

    class Found:
        txts = tuple(text for text, _ in lines) or None
        scores = tuple(score for _, score in lines) or None

    monkeypatch.setattr(printed, "can_read_words", lambda: True)
    monkeypatch.setattr(printed, "_reader", lambda: lambda pixels: Found)


@pytest.mark.skipif(not printed.can_read_words(), reason="the extra 'ocr' is not installed")
class TestReader:
    def test_words_are_read_without_a_network(self, monkeypatch):
        def refuse(*arguments):
            raise OSError("no network")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        printed._reader.cache_clear()
        found = read_words(label("Oat drink barista", "1 litre, no sugar"))
        assert [line.text for line in found] == ["Oat drink barista", "1 litre, no sugar"]
        assert all(line.confidence > 0.9 for line in found)

    def test_words_on_a_pack_that_lies_on_its_side_are_read(self):
        turned = label("Oat drink barista").rotate(90, expand=True)
        assert [line.text for line in read_words(turned)] == ["Oat drink barista"]

    @pytest.mark.parametrize("size", [(1, 1), (300, 2), (9, 9), (64, 64)])
    def test_pictures_without_words_have_none(self, size):
        assert read_words(Image.new("RGB", size, "gray")) == ()

    def test_noise_has_no_words(self):
        noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
        assert read_words(Image.fromarray(noise)) == ()

    def test_words_join_the_description_and_are_told(self):
        product, evidence = with_evidence(Product("p", (content_of(label("Oat drink")),), "a carton"), WORDS)
        assert product.text == "a carton\nOat drink"
        assert evidence.sentences == ("Printed words read from the photo, which count as description: Oat drink.",)


def test_unsure_lines_and_single_signs_are_left_out(monkeypatch):
    say(
        monkeypatch, ("Oat drink", 0.99), ("Qat brink", printed.FLOOR - 0.01), ("心", 0.99), ("8 -", 0.99), ("1 l", 0.9)
    )
    assert [line.text for line in read_words(label("x"))] == ["Oat drink", "1 l"]


def test_lines_are_bounded_and_have_no_control_characters(monkeypatch):
    say(monkeypatch, ("a\tb\u202e\x00c" + "d" * 900, 0.9), *[(f"line {number}", 0.9) for number in range(200)])
    first, *others = read_words(label("x"))
    assert first.text == ("a b c" + "d" * 900)[:MAX_PRINTED_CHARACTERS]
    assert len(others) == MAX_PRINTED_LINES - 1


def test_a_picture_that_would_be_enlarged_without_bound_is_not_read(monkeypatch):
    say(monkeypatch, ("words", 0.99))
    assert read_words(Image.new("RGB", (1000, 100))) == ()
    assert read_words(Image.new("RGB", (1000, 300))) != ()


def test_an_error_of_the_reader_is_no_words(monkeypatch):
    def broken():
        raise RuntimeError("out of cheese")

    monkeypatch.setattr(printed, "can_read_words", lambda: True)
    monkeypatch.setattr(printed, "_reader", broken)
    assert read_words(label("x")) == ()


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(printed.importlib.util, "find_spec", lambda name: None)
    for ask in (lambda: read_words(label("x")), lambda: with_evidence(Product("p", text="tea"), WORDS)):
        with pytest.raises(UserError, match=r"needs the package's extra: pip install 'retail\[ocr\]'\.$"):
            ask()


def test_a_photo_without_a_description_gets_its_words_as_one(monkeypatch):
    say(monkeypatch, ("Oat drink", 0.99), ("Oat drink", 0.98), ("1 litre", 0.97))
    product, evidence = with_evidence(Product("p", (content_of(label("x")), b"no photo")), WORDS)
    assert product.text == "Oat drink\n1 litre"
    assert [line.text for line in evidence.words] == ["Oat drink", "1 litre"]
    assert as_text((Line("a", 1.0), Line("a", 0.9))) == "a"


def test_many_products_keep_their_order_and_report_progress(monkeypatch):
    say(monkeypatch, ("Oat drink", 0.99))
    told: list[tuple[str, int, int]] = []
    rows = [Product("a", text="tea"), Product("b", (content_of(label("x")),))]
    products, read = all_with_evidence(rows, WORDS, lambda *step: told.append(step))
    assert [product.text for product in products] == ["tea", "Oat drink"]
    assert [len(evidence.words) for evidence in read] == [0, 1]
    assert told[-1] == ("reading photos", 2, 2)
    assert all_with_evidence(rows, Reading()) == (rows, [Evidence(), Evidence()])


def test_an_answer_says_what_was_read():
    answer = noted(Prediction("p", {}, (), ("no sound.",)), Evidence(words=(Line("Oat", 0.9), Line("1 l", 0.8))))
    assert answer.notes == (
        "no sound.",
        "Printed words read from the photo, which count as description: Oat · 1 l.",
    )
