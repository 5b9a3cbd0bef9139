"""Label columns are offered; identifiers, prices, dates, addresses and free text are not, and the reason is said."""

from __future__ import annotations

import csv
import random

import pytest

from retail.dataset.labels.questions import offered, why_no_question
from retail.files import DEMO_DIR

WORDS = "tea oat milk rye bread jam fig nut corn soup leek plum"


def texts(count: int, words: int) -> list[str]:
    draw = random.Random(1)
    return [" ".join(draw.choices(WORDS.split(), k=words)) for _ in range(count)]


QUESTIONS = {
    "brand": ["Oak", "Fen", "Oak"],
    "category_id": ["1", "2", "3"] * 20,
    "digit": [str(place % 10) for place in range(100)],
    "class": [str(place % 150) for place in range(600)],  # numbered classes
    "label": [f"{place % 90}.0" for place in range(400)],  # as a tool writes them where some are missing
    "shoe size": [f"{36 + place % 20 / 2:g}" for place in range(100)],
    "price_band": ["1", "2", "3"] * 5,
    "year": [str(2010 + place % 12) for place in range(60)],
    "product": ["Oldmere Oat Plant Drink With Vitamin B", "Fennimore Decaf Ground Coffee In A Tin"] * 20,
    "pack": ["500 g", "1.5 l", "2 x 250 g"] * 5,
    "ean": [f"40063813339{place % 20:02}" for place in range(200)],  # ten photos of each product
    "used": ["True", "False", "nan"] * 4,
    "voice": ["espeak-ng:en-gb+m1", "flite:kal16"] * 10,
    "date": ["spring", "autumn"] * 9,
    "tags": ["organic|vegan", "vegan|organic", "vegan"] * 5,
    "notes": ["cof", "tea", "cof"],
}
REFUSED = {
    "it holds prices": {
        "price": ["1.20", "2.20", "1.20"],
        "Preis (EUR)": ["3", "4", "5"] * 9,
        "unitCost": ["10", "20"] * 9,
        "offer": ["€ 3.99", "4,99 €", "1.299,00 €", "USD 5", "$1,299.00"] * 9,
        "p": [f"{place % 9}.99" for place in range(90)],
    },
    "it holds dates or times": {
        "day": ["2024-05-01", "2024-05-02"] * 9,
        "seen": ["2024-05-01T10:00:00Z", "2024-05-01 10:00:00.123+02:00"] * 9,
        "on": ["1.5.2024", "12/31/24", "31-12-2024"] * 9,
        "published": ["3 Mar 2024", "March 12, 2024", "12. März 2023"] * 9,
        "at": ["10:30", "9:05 pm"] * 9,
        "timestamp": ["1700000000", "1700000100"] * 9,
    },
    "it holds addresses": {
        "link": ["https://a.example/1", "http://b.example"] * 9,
        "site": ["www.a.example/x", "www.b.example/y"] * 9,
        "contact": ["a@b.example", "c@d.example"] * 9,
    },
    "it holds file names": {"photo": ["a.jpg", "b/c.PNG", "d.webp"] * 9, "clip": ["a.wav", "b.mp3"] * 9},
    "it names single rows, as an identifier does": {
        "SKU": ["a1", "a2", "a3", "a3"],
        "productId": ["7", "8", "9", "9"],
        "code": [f"x{place}" for place in range(99)] + ["x0"],
    },
    "it holds free text": {"remarks": texts(90, 8) + texts(3, 8), "about": texts(20, 15) * 5},
    "it holds a measure with many different numbers": {
        "ratio": [f"0.{place:03}" for place in range(1, 60)] * 3,
        "weight_g": [str(100 + 13 * place) for place in range(60)] * 3,
    },
    "it has one value only": {"country": ["CH", "CH"], "spelt": ["Café", "CAFÉ", "None"]},
    "it is empty": {"empty": ["", "nan", "-"], "nothing": []},
    "no value occurs twice": {"name": ["Oak", "Fen"]},
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_label_column_is_offered(name):
    assert why_no_question(name, QUESTIONS[name]) == ""


@pytest.mark.parametrize(
    ("reason", "name"), [(reason, name) for reason, columns in REFUSED.items() for name in columns]
)
def test_what_is_no_question_is_said_with_the_reason(reason, name):
    assert why_no_question(name, REFUSED[reason][name]) == reason


def test_too_many_classes_can_still_be_named():
    cells = [f"class {place % 201}" for place in range(2_000)]
    assert why_no_question("kind", cells) == "it has 201 classes, more than 200; name it with --tasks to learn it"
    assert why_no_question("kind", [cell for cell in cells if cell != "class 7"]) == ""


def test_classes_are_counted_and_not_their_spellings():
    names = [f"{word} {other}" for word in WORDS.split() for other in WORDS.split()]
    assert why_no_question("kind", [*names, *map(str.upper, names), *map(str.title, names)]) == ""


def test_many_combinations_of_labels_are_told_from_many_classes():
    draw = random.Random(0)
    cells = ["|".join(draw.sample(WORDS.split(), 4)) for _ in range(900)]
    assert "--decide tags=each" in why_no_question("tags", cells)


def test_every_column_of_a_table_is_offered_or_explained():
    header = ["id", "kind", "price"]
    rows = [["1", "tea", "1.20"], ["2", "tea", "2.20"], ["3", "rye", "1.20"]]
    assert offered(header, rows) == (
        ["kind"],
        {"id": "it names single rows, as an identifier does", "price": "it holds prices"},
    )


def test_the_demo_offers_what_it_always_did():
    with (DEMO_DIR / "metadata.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert offered(header, rows)[0] == ["product", "category", "packaging", "brand", "voice", "group"]


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("subset", ["Train", "TRAIN ", "validate", "test"] * 5, "it says how rows were split"),
        ("is_test", ["0", "1", "0", "0"] * 5, "it says how rows were split"),
        ("fold", [str(n % 5) for n in range(20)], "it says how rows were split"),
        ("attributes", ['{"colour": "red"}', '{"colour": "blue"}'] * 10, "its cells hold several named values each"),
        ("attributes", ["{'colour': 'red'}", "{'colour': 'blue'}"] * 10, "its cells hold several named values each"),
        ("EAN", ["4.00638E+12"] * 20, "a spreadsheet rounded its numbers; format it as text"),
        ("code", ["4,00638E+12", "5,1E+12"] * 10, "a spreadsheet rounded its numbers"),
        ("photo", [f"data:image/jpeg;base64,/9j/4AAQ{n}\n=" for n in range(20)], "it holds pictures as text"),
    ],
)
def test_splits_records_and_what_tools_spoilt_are_no_questions(name, values, reason):
    assert why_no_question(name, values).startswith(reason)
    assert not why_no_question("attributes", ["tea", "test", "{x", "jam"] * 5)
