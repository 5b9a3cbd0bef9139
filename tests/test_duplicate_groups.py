"""Rows that are probably one product: planted copies are found with their evidence, look-alikes are not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from retail.audit.duplicate_groups import LARGEST_GROUP, SAME_PICTURE, duplicate_groups
from retail.audit.finding import Audited
from retail.audit.registration import picture, registered
from retail.dataset.row_decisions import RowDecision
from retail.schema import Product


def photo(seed: int, shift: int = 0) -> Image.Image:
    """Ten coloured boxes on white; `shift` moves one of them, as another print on the same shirt."""
    rng = np.random.default_rng(seed)
    found = Image.new("RGB", (240, 240), "white")
    draw = ImageDraw.Draw(found)
    for place in range(10):
        x, y = (int(v) for v in rng.integers(20, 170, 2))
        x += shift if place == 9 else 0
        draw.rectangle((x, y, x + 45, y + 45), tuple(int(v) for v in rng.integers(0, 220, 3)))
    return found


def coded(found: Image.Image, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    found.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


CHANGES = {
    "the same": lambda found: coded(found),
    "coded again": lambda found: coded(found, 30),
    "smaller": lambda found: coded(found.resize((110, 110))),
    "cropped": lambda found: coded(found.crop((8, 14, 228, 234))),
    "mirrored and cropped": lambda found: coded(ImageOps.mirror(found).crop((6, 6, 234, 234))),
    "darker": lambda found: coded(ImageEnhance.Brightness(found).enhance(0.75)),
}


def audited(products: list[Product], alike: list[tuple[int, int]] = ()) -> Audited:
    """Photos of the `alike` rows have nearly one embedding, all others point elsewhere."""
    rows = np.random.default_rng(0).normal(size=(len(products), 256)).astype("float32")
    for one, other in alike:
        rows[other] = rows[one] + 0.05 * rows[other]
    present = np.array([bool(product.images) for product in products])
    return Audited(Path(), products, ("kind",), {"image": rows}, {"image": present})


def row(
    name: str, image: bytes | None = None, text: str = "", kind: str = "shirt", split: str = "train", **more
) -> Product:
    return Product(name, (image,) if image else (), text, labels={"kind": kind}, split=split, **more)


def others(count: int = 12) -> list[Product]:
    return [row(f"other{seed}", coded(photo(100 + seed)), f"quite another thing {seed}") for seed in range(count)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_whatever_was_done_to_its_photo(change):
    one = row("a", coded(photo(1)), "Blue cotton shirt with buttons")
    copy = row("b", CHANGES[change](photo(1)), "blue cotton shirt buttons new", split="test")
    (group,) = duplicate_groups(audited([one, copy, *others()], [(0, 1)]))
    assert group.rows == ("a", "b") and group.splits == ("test", "train") and not group.conflicts
    assert {item.reason for item in group.evidence} <= {"same photo", "same picture"} and group.evidence


def test_another_print_on_the_same_shirt_is_another_product():
    one, other = row("a", coded(photo(1)), "cotton shirt"), row("b", coded(photo(1, shift=60)), "cotton shirt")
    assert not duplicate_groups(audited([one, other, *others()], [(0, 1)]))
    assert registered(picture(coded(photo(1))), picture(coded(photo(1, shift=60)))) < SAME_PICTURE


def test_words_that_disagree_part_two_photos_that_merely_lie_on_each_other():
    cropped = CHANGES["cropped"](photo(1))
    one = row("a", coded(photo(1)), "large red jug of enamel")
    assert not duplicate_groups(audited([one, row("b", cropped, "two green plates"), *others()], [(0, 1)]))
    assert duplicate_groups(audited([one, row("b", cropped, "red jug of enamel"), *others()], [(0, 1)]))


def test_labels_that_contradict_one_another_come_first_and_are_named():
    same = [row("a", coded(photo(1)), "one thing"), row("b", coded(photo(1)), "one thing")]
    unlike = [row("c", coded(photo(2)), "two things"), row("d", coded(photo(2)), "two things", kind="skirt")]
    first, second = duplicate_groups(audited([*same, *unlike, *others()]))
    assert (first.rows, first.conflicts) == (("c", "d"), ("kind",)) and (second.rows, second.conflicts) == (
        ("a", "b"),
        (),
    )


def test_the_row_with_the_most_inputs_would_stay():
    bare, full = row("a", coded(photo(1))), row("b", coded(photo(1)), "a shirt with words")
    (group,) = duplicate_groups(audited([bare, full, *others()]))
    assert group.rows == ("b", "a")


def test_without_photos_the_same_sentence_counts_and_a_number_more_does_not():
    text = "Green tea with mint in 20 bags"
    rows = [row("a", text=text), row("b", text=text.upper()), row("c", text="Green tea with mint in 40 bags")]
    (group,) = duplicate_groups(audited(rows))
    assert group.rows == ("a", "b") and group.evidence[0].reason == "same text"


def test_a_sentence_alone_binds_no_rows_that_have_photos():
    text = "An everyday thing for the whole family"
    assert not duplicate_groups(audited([row("a", coded(photo(1)), text), row("b", coded(photo(2)), text)]))


def test_an_article_number_binds_rows_and_a_number_without_its_check_digit_does_not():
    sure = [row("a", coded(photo(1)), "Tea 4006381333931"), row("b", coded(photo(2)), "Black tea, EAN 4006381333931")]
    (group,) = duplicate_groups(audited(sure))
    assert group.evidence[0].reason == "same code"
    unsure = [row("a", coded(photo(1)), "Tea 4006381333932"), row("b", coded(photo(2)), "Black tea, no 4006381333932")]
    assert not duplicate_groups(audited(unsure))


def test_pairs_that_somebody_called_different_products_do_not_come_back():
    rows = [row(name, coded(photo(1)), "one thing") for name in "abc"]
    decided = {"b": RowDecision(apart_from=("a",)), "c": RowDecision(apart_from=("a", "b"))}
    assert duplicate_groups(audited(rows))[0].rows == ("a", "b", "c")
    assert not duplicate_groups(audited(rows), decided)


def test_a_placeholder_that_many_rows_share_is_no_product():
    rows = [row(f"r{place}", coded(photo(1)), f"thing {place}") for place in range(LARGEST_GROUP + 1)]
    assert not duplicate_groups(audited(rows))
    assert len(duplicate_groups(audited(rows[:-1]))[0].rows) == LARGEST_GROUP


def test_a_photo_that_cannot_be_read_stops_nothing():
    rows = [row("a", b"no photo", "one thing"), row("b", coded(photo(1)), "one thing")]
    assert not duplicate_groups(audited(rows, [(0, 1)]))
