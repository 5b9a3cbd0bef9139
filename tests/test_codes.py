"""Codes in photos that the tests draw: read, compared with cells, found among products, never trusted."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageFilter
from typer.testing import CliRunner

from retail.__main__ import app
from retail.catalogue.codes import is_code_field, match_codes
from retail.catalogue.database import Catalogue
from retail.catalogue.evidence import with_evidence
from retail.catalogue.record import CatalogueProduct
from retail.config.reading import Reading
from retail.media import codes
from retail.media.codes import code_picture, codes_match, read_codes
from retail.media.gtin import cell_keys, code_key, gtin_of, has_right_check_digit
from retail.outside.limits import MAX_CODE_CHARACTERS, MAX_CODES
from retail.schema import Product, UserError

STABILO = "4006381333931"
CODES = Reading(codes=True)


def drawn(text: str, kind: str = "EAN13", scale: int = 3, margin: int = 60) -> Image.Image:
    """A code on white with much white around it."""
    barcode = zxingcpp.create_barcode(text, zxingcpp.barcode_format_from_str(kind))
    pixels = np.pad(np.array(barcode.to_image(scale=scale)), margin, constant_values=255)
    return Image.fromarray(pixels).convert("RGB")


def content_of(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def texts(picture: Image.Image) -> list[str]:
    return [code.text for code in read_codes(picture)]


@pytest.mark.parametrize(
    ("kind", "text", "read"),
    [
        ("EAN13", STABILO, STABILO),
        ("EAN8", "96385074", "96385074"),
        ("UPCA", "036000291452", "0036000291452"),
        ("Code128", "SKU-42 a", "SKU-42 a"),
        ("Code39", "ABC-123", "ABC-123"),
        ("ITF14", "15400141288763", "15400141288763"),
        ("DataBar", "0109506000134352", "(01)09506000134352"),
        ("QRCode", "https://shop.example/?p=1", "https://shop.example/?p=1"),
        ("DataMatrix", "batch 7", "batch 7"),
    ],
)
def test_each_kind_of_code_on_goods_is_read(kind, text, read):
    assert texts(drawn(text, kind)) == [read]


@pytest.mark.parametrize(
    "damage",
    [
        lambda picture: picture.rotate(90, expand=True),
        lambda picture: picture.rotate(180),
        lambda picture: picture.rotate(20, expand=True, fillcolor="white"),
        lambda picture: picture.rotate(45, expand=True, fillcolor="white"),
        lambda picture: picture.rotate(-60, expand=True, fillcolor="white"),
        lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
        lambda picture: picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)),
        lambda picture: Image.eval(picture, lambda value: 90 + value // 3),
    ],
)
def test_a_turned_small_blurred_or_pale_barcode_is_read(damage):
    assert texts(damage(drawn(STABILO))) == [STABILO]


def test_what_is_cut_off_or_too_small_is_not_guessed():
    whole = drawn(STABILO)
    assert texts(whole.crop((0, 0, whole.width // 2, whole.height))) == []
    assert texts(whole.resize((whole.width // 6, whole.height // 6))) == []


def test_the_place_is_given_in_shares_of_the_photo():
    (code,) = read_codes(drawn(STABILO, margin=200))
    across, down = zip(*code.place, strict=True)
    assert 0.2 < min(across) < 0.5 < max(across) < 0.8
    assert 0 < min(down) < 0.5 < max(down) < 1


def test_the_place_of_a_slanted_code_is_that_in_the_photo_as_it_is():
    photo = Image.new("RGB", (1200, 800), "white")
    photo.paste(drawn(STABILO, margin=4).rotate(45, expand=True, fillcolor="white"), (760, 90))
    (code,) = read_codes(photo)
    across, down = zip(*code.place, strict=True)
    assert 0.62 < min(across) and max(across) < 0.95 and 0.1 < min(down) and max(down) < 0.6
    assert 0.70 < sum(across) / 4 < 0.82 and 0.25 < sum(down) / 4 < 0.45


def test_a_barcode_too_small_to_be_sure_of_is_left_out(monkeypatch):
    small = drawn(STABILO, scale=1)
    assert texts(small) == []
    monkeypatch.setattr(codes, "LEAST_BAR", 0.5)
    assert texts(small) == [STABILO]


def test_several_codes_come_once_each_and_the_largest_first():
    small, large = drawn("96385074", "EAN8", scale=2), drawn(STABILO, scale=4)
    both = Image.new("RGB", (large.width + 2 * small.width, large.height), "white")
    both.paste(small, (0, 0))
    both.paste(small, (small.width, 0))
    both.paste(large, (2 * small.width, 0))
    assert texts(both) == [STABILO, "96385074"]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2), (7, 7), (9, 9)])
def test_pictures_of_odd_sizes_hold_no_code(size):
    assert read_codes(Image.new("RGB", size)) == ()


def test_hostile_pictures_raise_nothing_and_give_a_bounded_answer():
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (400, 400, 3), dtype=np.uint8)
    stripes = np.tile((np.arange(400) // 2 % 2 * 255).astype(np.uint8), (400, 1))
    assert read_codes(Image.fromarray(noise)) == read_codes(Image.fromarray(stripes)) == ()
    tiles = [drawn(f"item {number}", "QRCode", scale=2, margin=8) for number in range(36)]
    side = max(tile.width for tile in tiles)
    wall = Image.new("RGB", (6 * side, 6 * side), "white")
    for number, tile in enumerate(tiles):
        wall.paste(tile, (number % 6 * side, number // 6 * side))
    assert len(read_codes(wall)) == MAX_CODES


def test_a_long_qr_text_is_cut_and_has_no_control_characters():
    (code,) = read_codes(drawn("=cmd\t\u202e<b>" + "x" * 900, "QRCode"))
    assert code.text == ("=cmd<b>" + "x" * 900)[: MAX_CODE_CHARACTERS - 2]


def test_an_error_of_the_reader_is_no_code(monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("out of cheese")

    monkeypatch.setattr(zxingcpp, "read_barcodes", broken)
    assert read_codes(drawn(STABILO)) == ()


def test_codes_are_looked_for_in_more_pixels_than_encoders_see():
    label, shelf = drawn(STABILO, scale=2, margin=4), Image.new("RGB", (2400, 1800), "white")
    shelf.paste(label, (1100, 800))
    content = content_of(shelf)
    assert code_picture(content).size == (2048, 1536)
    _, evidence = with_evidence(Product("p", (content,)), CODES)
    assert [code.text for code in evidence.codes] == [STABILO]
    shelf.thumbnail((1024, 1024))
    assert texts(shelf) == []


@pytest.mark.parametrize(
    ("code", "cell"),
    [
        ("0036000291452", "036000291452"),
        ("0036000291452", "36000291452"),  # a spreadsheet took the zero away
        ("0036000291452", "36000291452.0"),
        ("0036000291452", "00036000291452"),
        ("4006381333931", "4 006381-333931"),
        ("(01)04006381333931", "4006381333931"),
        ("(01)04006381333931(10)AB1", "4006381333931"),
        ("https://id.gs1.org/01/04006381333931/10/AB1?a=1", "4006381333931"),
        ("96385074", "0000096385074"),
        ("SKU-42 a", "sku42A"),
        ("SKU-42", "SKU\u201142"),
        ("4006381333931", "96385074; 4006381333931"),
    ],
)
def test_one_article_matches_however_it_is_written(code, cell):
    assert code_key(code) in cell_keys(cell)


@pytest.mark.parametrize(
    ("code", "cell"),
    [
        ("4006381333931", "4006381333932"),
        ("14006381333938", "4006381333931"),  # a case of them
        ("000012345", "00012345"),  # no article number: zeros count
        ("SKU-42", "SKU-421"),
        ("00000000", ""),
        ("https://shop.example/01/123", "123"),
        ("4006381333931", ""),
    ],
)
def test_other_articles_do_not_match(code, cell):
    assert code_key(code) not in cell_keys(cell)


def test_check_digits_follow_the_standard_and_are_told():
    assert has_right_check_digit(STABILO) and not has_right_check_digit("4006381333932")
    assert gtin_of("4006381333932") == gtin_of("00000000") == gtin_of("٤٠٠٦٣٨١٣٣٣٩٣١x") == ""
    (right,), (wrong,), (none,) = (read_codes(drawn(text, "Code128")) for text in (STABILO, "4006381333932", "SKU-42"))
    assert (right.check_digit, wrong.check_digit, none.check_digit) == (True, False, None)
    assert right.gtin == "04006381333931" and codes_match(right, STABILO)
    _, evidence = with_evidence(Product("p", (content_of(drawn("4006381333932", "Code128")),)), CODES)
    assert evidence.sentences == ("Barcode 4006381333932 read from the photo, though its check digit is wrong.",)


def test_fields_for_codes_are_known_by_their_names():
    assert all(map(is_code_field, ("EAN", "ean_code", "GTIN-13", "Item SKU", "Barcode (EAN)", "code", "UPC12")))
    assert not any(map(is_code_field, ("postal code", "colour_code", "encoder", "price", "skunk", "")))


@pytest.fixture
def pens(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    catalogue = Catalogue.open("pens")
    rows = [
        CatalogueProduct("boss", "Stabilo Boss", fields={"EAN": "4 006381\u2011333931", "price": "2"}),
        CatalogueProduct("box", "Stabilo Boss, box", fields={"EAN": "14006381333938", "Item SKU": "sku-42 A"}),
        CatalogueProduct("soda", "Soda", fields={"EAN": "36000291452", "Item SKU": "sku-421"}),
        CatalogueProduct("other", "Other", fields={"note": STABILO, "EAN": "96385074; 4006381333948"}),
        CatalogueProduct("none", "Without fields"),
    ]
    catalogue.add([(row, Product(row.id, text=row.name)) for row in rows])
    return catalogue


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("EAN13", STABILO, "Barcode 4006381333931 read from the photo: Stabilo Boss (EAN)."),
        ("ITF14", "14006381333938", "Barcode 14006381333938 read from the photo: Stabilo Boss, box (EAN)."),
        ("UPCA", "036000291452", "Barcode 0036000291452 read from the photo: Soda (EAN)."),
        ("QRCode", "SKU42a", "QR Code SKU42a read from the photo: Stabilo Boss, box (Item SKU)."),
        ("EAN8", "96385074", "Barcode 96385074 read from the photo: Other (EAN)."),
        ("QRCode", "it's", "QR Code it's read from the photo; no product of the catalogue has it."),
        ("QRCode", "2", "QR Code 2 read from the photo; no product of the catalogue has it."),
    ],
)
def test_the_product_with_a_code_is_named_with_its_field(pens, kind, text, sentence):
    (match,) = match_codes(read_codes(drawn(text, kind)), pens)
    assert match.sentence == sentence


def test_several_products_with_one_code_are_counted(pens):
    pens.add([(CatalogueProduct("copy", "Zebra", fields={"gtin": "04006381333931"}), Product("copy", text="z"))])
    (match,) = match_codes(read_codes(drawn(STABILO)), pens)
    assert [product.id for product in match.products] == ["boss", "copy"]
    assert match.sentence == "Barcode 4006381333931 read from the photo: Stabilo Boss and 1 more (EAN)."


def test_a_catalogue_without_code_fields_has_no_product_with_a_code(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    (match,) = match_codes(read_codes(drawn(STABILO)), Catalogue.open("empty"))
    assert match.products == () and match.field == ""


def test_nothing_is_read_unless_it_is_switched_on():
    product = Product("p", (content_of(drawn(STABILO)),), "pen")
    assert with_evidence(product, Reading()) == (product, with_evidence(Product("q"), CODES)[1])
    assert with_evidence(product, CODES)[0] is product


def test_a_photo_that_cannot_be_decoded_has_no_code():
    _, evidence = with_evidence(Product("p", (b"no photo", content_of(drawn(STABILO)))), CODES)
    assert len(evidence.codes) == 1


def test_the_command_tells_what_was_read_of_one_and_of_many(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    drawn(STABILO).save(tmp_path / "data" / "pen.png")
    said = "Barcode 4006381333931 read from the photo."
    photo, asked = str(tmp_path / "data" / "pen.png"), ["predict", "demo", "--read", "codes"]
    one = CliRunner().invoke(app, [*asked, "--image", photo])
    assert said in one.output.splitlines(), one.output
    as_json = json.loads(CliRunner().invoke(app, [*asked, "--image", photo, "--json"]).output)
    assert as_json["read"]["codes"][0]["text"] == STABILO and said in as_json["notes"]
    out = tmp_path / "out.csv"
    CliRunner().invoke(app, [*asked, "--data", str(tmp_path / "data"), "--out", str(out)])
    assert said in out.read_text(encoding="utf-8")


def test_what_can_be_read_is_named_where_somebody_errs():
    assert Reading.of_names("codes, words") == Reading(True, True) and not Reading.of_names("").anything
    with pytest.raises(UserError, match="Nothing called 'faces' is read from photos; name codes or words, or both"):
        Reading.of_names("codes,faces")
