"""What is printed on the photos of a product, as evidence beside the picture: codes that were read, and words.

In: a `Product` and what is to be read. Out: the same product with the words behind its description, and `Evidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from retail.config.reading import Reading
from retail.media import MediaError, picture_of
from retail.media.codes import Code, code_picture, read_codes
from retail.media.printed import Line, as_text, check_can_read_words, read_words
from retail.schema import MediaSource, Prediction, Product, Progress

STAGE = "reading photos"


@dataclass(frozen=True)
class Evidence:
    """Codes and lines of all photos of a product, each once."""

    codes: tuple[Code, ...] = ()
    words: tuple[Line, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was read, for people: one sentence a code, and one for the words."""
        read = [f"{code_words(code)}." for code in self.codes]
        if self.words:
            words = " · ".join(line.text for line in self.words)
            read.append(f"Printed words read from the photo, which count as description: {words}.")
        return tuple(read)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def with_evidence(product: Product, reading: Reading) -> tuple[Product, Evidence]:
    """The product as its encoders shall see it, and what was read; a photo that cannot be decoded has nothing.

    Raises UserError where words are asked for and the extra that reads them is not installed.
    """
    if reading.words:
        check_can_read_words()
    codes: dict[tuple[str, str], Code] = {}
    words: dict[str, Line] = {}
    for source in product.images if reading.anything else ():
        for code in _codes_in(source) if reading.codes else ():
            codes.setdefault((code.format, code.text), code)
        for line in _words_in(source) if reading.words else ():
            words.setdefault(line.text, line)
    evidence = Evidence(tuple(codes.values()), tuple(words.values()))
    if not words:
        return product, evidence
    described = "\n".join(filter(str.strip, (product.text, as_text(evidence.words))))
    return replace(product, text=described), evidence


def all_with_evidence(
    products: Sequence[Product], reading: Reading, progress: Progress | None = None
) -> tuple[list[Product], list[Evidence]]:
    """The same of many, in their order."""
    if not reading.anything:
        return list(products), [Evidence()] * len(products)
    pairs = []
    for done, product in enumerate(products):
        if progress:
            progress(STAGE, done, len(products))
        pairs.append(with_evidence(product, reading))
    if progress:
        progress(STAGE, len(products), len(products))
    return [product for product, _ in pairs], [evidence for _, evidence in pairs]


def noted(answer: Prediction, evidence: Evidence) -> Prediction:
    """The answer with what was read among its notes."""
    return replace(answer, notes=(*answer.notes, *evidence.sentences))


def code_words(code: Code) -> str:
    """'Barcode 4006381333931 read from the photo'"""
    doubt = ", though its check digit is wrong" if code.check_digit is False else ""
    return f"{code.title} read from the photo{doubt}"


def _codes_in(source: MediaSource) -> tuple[Code, ...]:
    try:
        return read_codes(code_picture(source))
    except MediaError:  # the recogniser says why the photo does not count
        return ()


def _words_in(source: MediaSource) -> tuple[Line, ...]:
    try:
        return read_words(picture_of(source))
    except MediaError:
        return ()
