"""Which descriptions are in another language is told; brands, cheese and wine are no language."""

from __future__ import annotations

import csv

import pytest

from retail.encoders import load_encoder
from retail.encoders.reading import reading_notes
from retail.files import DEMO_DIR
from retail.media.language import Foreign, foreign_share, language_note

GERMAN = """Haferdrink ohne Zuckerzusatz, 1 Liter
Frisch gerösteter Kaffee aus biologischem Anbau, 500 g
Herren Laufschuhe leicht und atmungsaktiv, Größe 42
Damen Bluse aus Baumwolle mit langen Ärmeln
Schwarzer Tee mit feinem Bergamottenaroma, 20 Beutel
WASSERDICHTE JACKE MIT KAPUZE UND VIELEN TASCHEN""".splitlines()
FRENCH = """Boisson à l'avoine sans sucres ajoutés, 1 litre
Café moulu issu de l'agriculture biologique, 500 g
Chaussures de course légères pour homme, taille 42
Chemise en coton à manches longues pour femme
Thé noir à la bergamote, 20 sachets""".splitlines()
SPANISH = """Bebida de avena sin azúcares añadidos, 1 litro
Café molido de cultivo ecológico, 500 g
Zapatillas ligeras para correr para hombre, talla 42
Camisa de algodón de manga larga para mujer
Té negro con bergamota, 20 bolsitas""".splitlines()
JAPANESE = [
    "オーツ麦ドリンク 砂糖不使用",
    "有機栽培コーヒー豆 五百グラム",
    "メンズ ランニングシューズ 軽量",
    "長袖コットンシャツ レディース",
]
ENGLISH = """Running shoes for men, light and breathable, size 42
Organic virgin olive oil from Crete, cold pressed
L'Oréal Paris Elvive Extraordinary Oil Shampoo 400 ml
Haribo Goldbären gummy bears 200 g
Löwenbräu original lager beer bottle
Nestlé Nesquik cacao powder drink
NIKE MEN AIR ZOOM PEGASUS BLACK SPORTS SHOES
Van Heusen Woman Printed Black Tunic""".splitlines()


@pytest.mark.parametrize(
    ("texts", "language"),
    [(GERMAN, "German"), (FRENCH, "French"), (SPANISH, "Spanish"), (JAPANESE, "Japanese")],
)
def test_product_texts_of_another_language_are_found(texts, language):
    assert foreign_share(texts) == Foreign(1.0, language, len(texts))
    assert foreign_share([f"<p>{text}</p>" for text in texts]).share == 1


def test_english_texts_with_foreign_brands_are_english():
    assert foreign_share(ENGLISH) == Foreign(0.0, "", len(ENGLISH))


def test_the_demo_raises_no_alarm():
    with (DEMO_DIR / "metadata.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert foreign_share(texts).share < 0.01 and language_note(texts) == ""


def test_names_and_figures_tell_nothing():
    assert foreign_share(["Samsung S24", "", "4006381333931 4006381333932", "Kaffee"]) == Foreign(0.0, "", 0)


def test_the_note_names_share_and_language():
    german = [f"{text} {grams} g" for text in GERMAN for grams in range(5)]
    english = [f"{text} {grams} g" for text in ENGLISH for grams in range(5)]
    assert language_note(german + english) == (
        "30 of 70 descriptions looked at (42.9 %) are not in English, most of those in German, but the text encoder "
        "knows English alone. Name a multilingual one, such as "
        "text=hf:sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2."
    )
    assert language_note(GERMAN[:4] + ENGLISH) == "", "four are too few to speak of"
    assert language_note(GERMAN[:5] + [f"{text} {n}" for text in ENGLISH for n in range(9)]) == "", "and 6 % are"


def test_only_an_encoder_that_knows_english_alone_is_warned_about():
    encoder = load_encoder("hf:all-MiniLM-L6-v2@bundled")
    assert encoder.language == "English" and len(reading_notes(encoder, GERMAN)) == 1
    assert reading_notes(encoder, ENGLISH) == []
