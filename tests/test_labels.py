"""Spellings of a label are one class, lists are recognised, near ones offered; all can be decided otherwise."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from collections import Counter
from dataclasses import FrozenInstanceError

import pytest

from retail.dataset.labels import DECISIONS, MOST_QUESTIONS, LabelRule, label_key, respell, rule_with, settle
from retail.dataset.labels.near import MOST_PAIRS
from retail.dataset.labels.spelling import cleaned
from retail.files.record import Record
from retail.schema import UserError

CAFE = ["Café", "Cafe\u0301", "café", "CAFÉ", "Caf\u00e9\u00a0", "Ca\u200bfé", "Caf&eacute;", "Caf&amp;eacute;"]
SAME = [
    CAFE,
    ["Green Tea", "Green\u00a0Tea", "green  tea", " Green\tTea\u200b", "\ufeffGREEN TEA", "Green\u3000Tea"],
    [
        "Home & Garden",
        "Home &amp; Garden",
        "Home and Garden",
        "home&garden",
        "Home &amp;amp; Garden",
        "Home &#38; Garden",
    ],
    ["3", "3.0", "3.00", "+3", " 3 ", "\uff13"],
    ["0", "-0", "0.0", "+0.00"],
    ["0.5", ".5", "0.50"],
    ["-2", "\u22122", "-2.0"],
    ["TRUE", "True", "true"],
    ["Straße", "STRASSE", "strasse"],
    ["İzmir", "izmir", "IZMIR"],
    ["Levi's", "Levi\u2019s", "Levi`s", "Levi&rsquo;s", "Levi&#39;s"],
    ["T-Shirt", "T\u2011Shirt", "T\u2013Shirt", "t\u2010shirt"],
    ["\u201cbest\u201d", '"Best"', "\u00abbest\u00bb"],
    ["fine", "\ufb01ne", "\uff46\uff49\uff4e\uff45"],
    ["Nike", "Nike\u00ae", "NIKE\u2122"],
    ["5 m\u00b2", "5 m2"],
    ["black/white", "black / white"],
    ["4006381333931", "4006381333931.0"],
]
APART = [
    ("7", "007"),
    ("1000", "1,000"),
    ("1", "1,000"),
    ("1e3", "1000"),
    ("true", "yes"),
    ("true", "1"),
    ("10\u00b2", "102"),
    ("1\u00bd", "11/2"),
    ("sınır", "sinir"),
    ("Tea", "Teas"),
    ("Cafe", "Café"),
    ("3", "-3"),
    ("R&notes", "R¬es"),
    ("C", "C++"),
    ("12345678901234567890.1", "12345678901234567890.2"),
    ("band", "b&"),
]


@pytest.mark.parametrize("spellings", SAME, ids=lambda spellings: spellings[0])
def test_spellings_of_one_label_have_one_key(spellings):
    assert {label_key(text) for text in spellings} == {label_key(spellings[0])}


@pytest.mark.parametrize(("one", "other"), APART)
def test_different_labels_keep_different_keys(one, other):
    assert label_key(one) != label_key(other)


def test_different_groups_have_different_keys():
    assert len({label_key(spellings[0]) for spellings in SAME}) == len(SAME)


def test_a_label_is_never_lost():
    assert label_key("\u2122") and label_key("&") and label_key("☕\ufe0f") == label_key("☕")
    assert label_key("") == label_key("\u200b ") == ""


def test_cleaning_keeps_the_joiners_of_scripts_that_need_them():
    assert cleaned("می\u200cخواهم") == "می\u200cخواهم"
    assert cleaned("Te\u200ca &lt;hot&gt;\r\n") == "Tea <hot>"


def test_the_most_common_spelling_is_kept_tidied_whatever_the_order():
    cells = ["café"] * 3 + ["Cafe\u0301"] * 2 + ["Caf&eacute;"] * 2 + ["TEA", "Tea"]
    for seed in range(5):
        random.Random(seed).shuffle(cells)
        desk = settle("kind", cells)
        assert Counter(desk.columns["kind"]) == {"Café": 7, "Tea": 2}
        assert desk.joined == {"Café": {"café": 3, "Cafe\u0301": 2, "Caf&eacute;": 2}, "Tea": {"TEA": 1, "Tea": 1}}
    assert desk.sentences() == [
        "kind: 5 spellings of 2 classes were joined: "
        r"Café ← café (3), Caf&eacute; (2), Cafe\u0301 (2); Tea (1) ← TEA (1). "
        "To keep them apart: --decide kind=apart."
    ]


def test_of_equally_common_spellings_the_shorter_one_is_kept():
    assert settle("size", ["+3", "3", "3.0"]).columns["size"] == ["3"] * 3
    assert settle("size", ["TEA", "tea"]).columns["size"] == ["tea"] * 2


def test_apart_keeps_the_cells_as_they_stand_and_shows_what_looks_alike():
    desk = settle("kind", CAFE, LabelRule(spellings="apart"))
    assert desk.columns["kind"] == CAFE and not desk.joined
    assert desk.alike == ({text: 1 for text in sorted(CAFE)},)
    assert "8 spellings that look alike" in desk.sentences()[0] and "--decide kind=joined" in desk.sentences()[0]


def test_ordinary_labels_read_as_they_stand_and_nothing_is_said():
    cells = ["Milk, 1 l", "Rock/Pop", "Tops, Tees & Blouses", "", "Black", "tin", "tea"] * 5
    desk = settle("kind", cells)
    assert desk.columns == {"kind": cells} and desk.sentences() == []


def test_words_for_missing_are_absent_counted_and_can_be_labels():
    cells = ["tin", "None", "nan", "None", "\u200b", "box"]
    desk = settle("brand", cells)
    assert desk.columns["brand"] == ["tin", "", "", "", "", "box"]
    assert desk.missing == {"None": 2, "nan": 1}
    assert desk.sentences() == [
        "brand: 3 cells say 'None' (2), 'nan' (1) and count as no label. "
        "To count it as one: --decide brand=missing-is-label."
    ]
    desk = settle("brand", cells, LabelRule(missing="label"))
    assert desk.columns["brand"] == ["tin", "None", "nan", "None", "", "box"]
    assert "missing-is-absent" in desk.sentences()[0]


def near(*cells: str) -> set[tuple[str, str, str]]:
    return {(pair.written, pair.kept, pair.reason) for pair in settle("kind", cells).near}


@pytest.mark.parametrize(
    ("written", "kept", "reason"),
    [
        ("Nikee", "Nike", "one letter"),
        ("Addidas", "Adidas", "one letter"),
        ("Adisad", "Adidas", ""),
        ("Aididas", "Adidas", "one letter"),
        ("Adiads", "Adidas", "one letter"),
        ("Pepsi", "Pespi", "one letter"),
        ("Caps", "Cap", "singular and plural"),
        ("Berries", "Berry", "singular and plural"),
        ("Boxes", "Box", "singular and plural"),
        ("Tea Green", "Green Tea", "word order"),
        ("T Shirt", "T-Shirt", "spaces or punctuation"),
        ("Creme brulee", "Crème brûlée", "accents"),
        ("KIRMIZI", "Kırmızı", "accents"),
        ("tea", "tee", ""),
        ("Size XL", "Size XXL", ""),
        ("product 11", "product 12", ""),
        ("product 1.1", "product 11", ""),
        ("10 x 5 box", "5 x 10 box", ""),
        ("Model A", "Model B", ""),
        ("A+", "A++", ""),
        ("12345", "12346", ""),
        ("-300", "300", ""),
        ("Mint", "Mine", ""),
        ("カキ", "ガキ", ""),
    ],
)
def test_near_labels_are_offered_with_the_reason_and_never_joined(written, kept, reason):
    assert near(written, kept, kept) == ({(written, kept, reason)} if reason else set())
    assert len(set(settle("kind", [written, kept]).columns["kind"])) == 2


def test_near_pairs_are_counted_and_the_largest_come_first():
    desk = settle("brand", ["Nike"] * 9 + ["Nikee"] * 2 + ["Oldmere"] * 4 + ["Oldmare"])
    assert [(pair.written, pair.written_cells, pair.kept_cells) for pair in desk.near] == [
        ("Nikee", 2, 9),
        ("Oldmare", 1, 4),
    ]
    assert desk.sentences() == [
        "brand: 2 pairs of labels may be one label each: Nikee (2) and Nike (9), one letter; "
        "Oldmare (1) and Oldmere (4), one letter. To join the first: --decide brand:Nikee=Nike."
    ]


def test_at_most_so_many_pairs_are_offered():
    cells = [word for place in range(MOST_PAIRS + 9) for word in (f"brand {place} tool", f"brand {place} tools")]
    desk = settle("brand", cells)
    assert len(desk.near) == MOST_PAIRS and "50 or more pairs" in desk.sentences()[0]


def test_accepted_pairs_are_joined_along_their_chain():
    rule = LabelRule(same=(("Nikee", "nike"), ("NIKE", "Nike Inc"), ("Oats", "Oat")))
    desk = settle("brand", ["Nikee", "Nike", "NIKE\u00a0", "Nike Inc", "Oats", "Rye"], rule)
    assert desk.columns["brand"] == ["Nike Inc"] * 4 + ["Oat", "Rye"]
    assert desk.near == ()


def test_a_pair_of_one_label_says_which_spelling_is_kept():
    assert settle("b", ["NIKE", "NIKE", "nike"], LabelRule(same=(("NIKE", "Nike"),))).columns["b"] == ["Nike"] * 3


def test_pairs_hold_where_spellings_are_apart():
    rule = LabelRule(spellings="apart", same=(("tea", "Tea"),))
    assert settle("b", ["tea", "Tea", "TEA"], rule).columns["b"] == ["Tea", "Tea", "TEA"]


def test_a_circle_of_pairs_is_refused():
    with pytest.raises(UserError, match="'a' = 'b' = 'c' = 'a' go round in a circle"):
        settle("kind", ["a"], LabelRule(same=(("A", "b"), ("b", "C"), ("c", "a"))))


TAGS = ["organic|vegan", "vegan|organic", "organic", "vegan|organic|fair trade", "fair trade", "", "organic, vegan"]
TAGS += ['["vegan", "organic"]', "['vegan']"]


def test_lists_are_recognised_and_keep_their_combinations():
    desk = settle("tags", TAGS * 2)
    assert desk.columns["tags"] == TAGS * 2
    assert desk.several is not None
    assert desk.several.separators == {"|": 6, ",": 2, "[ ]": 2} and desk.several.cells == 10
    assert desk.several.labels == ("fair trade", "organic", "vegan")
    assert desk.several.examples[0] == '["vegan", "organic"]'
    assert desk.sentences()[0] == (
        "tags: 10 cells hold two or more labels, joined by '|' (6), by ',' (2) and as a list [ ] (2); "
        "every combination, in its order, counts as a class. To change that: --decide tags=first or each."
    )
    assert all(pair.reason == "the same labels in another order" for pair in desk.near) and len(desk.near) == 3


def test_the_first_label_may_count():
    desk = settle("tags", TAGS, LabelRule(several="first"))
    first = ["organic", "vegan", "organic", "vegan", "fair trade", "", "organic", "vegan", "vegan"]
    assert desk.columns["tags"] == first


def test_each_label_may_be_a_question():
    desk = settle("tags", [*TAGS, "rare|organic", "nan"], LabelRule(several="each"))
    assert list(desk.columns) == ["tags: organic", "tags: vegan", "tags: fair trade"]
    assert "".join(answer[:1] or "-" for answer in desk.columns["tags: vegan"]) == "yynyn-yyyn-"
    assert desk.left_out == ("rare",)
    assert "each label is a question of its own, 3 in all" in desk.sentences()[1]
    assert "no question asks for rare" in desk.sentences()[2]


def test_a_trained_recognisers_questions_are_asked_of_any_data():
    desk = settle("tags", ["Vegan", "", "rye"], LabelRule(several="each"), asked=("vegan", "organic"))
    assert desk.columns == {"tags: vegan": ["yes", "", "no"], "tags: organic": ["no", "", "no"]}


def test_spellings_of_the_labels_of_a_list_are_joined():
    desk = settle("tags", ["Vegan|organic", "organic|vegan", "vegan", "ORGANIC|VEGAN"], LabelRule(several="each"))
    assert list(desk.columns) == ["tags: organic"] and desk.left_out == ("vegan",)  # every cell says vegan


def test_there_are_at_most_so_many_questions():
    cells = [f"tag {place}|tag {place + 1}" for place in range(MOST_QUESTIONS + 20)] + ["tag 0", "other"]
    desk = settle("tags", cells, LabelRule(several="each"))
    assert len(desk.columns) == MOST_QUESTIONS and len(desk.left_out) == 22


FALSE_ALARMS = {
    "names with a comma": ["Tops, Tees & Blouses", "Shirts, Tees & Polos", "Shoes", "Bags, Belts & Hats"],
    "sizes": ["Milk, 1 l", "Milk, 2 l", "Juice, 1 l", "Juice, 2 l", "Milk", "Juice"],
    "attributes": ["Milk, large", "Milk, small", "Juice, large", "Juice, small", "Milk", "Juice"],
    "names among lists": [
        "red, blue",
        "blue, red",
        "blue, green",
        "green, red",
        *(f"Oat {w}, Rye {w}" for w in "abcdef"),
    ],
    "paths that recur": ["/red/blue", "/blue/green", "/green/red"],
    "category paths that recur": ["Home|Kitchen|Pans", "Home|Garden|Pans", "Shop|Kitchen|Pots", "Shop|Garden|Pots"],
    "one class with a slash": ["Rock/Pop", "Rock", "Pop", "Jazz", "Jazz/Funk"],
    "colours": ["black/white", "white/black", "black", "white", "red"],
    "paths": ["a/b.jpg", "a/c.jpg", "b/a.jpg", "/data/x", "/x/data", "/data/x/data"],
    "category paths": ["Home|Kitchen|Pans", "Home|Kitchen|Pots", "Home|Garden", "Home", "Home|Kitchen"],
    "dates": ["12/05/2024", "05/12/2024", "05/05/2024", "12/12/2024"],
    "decimal commas": ["1,5", "5,1", "1,1", "5,5", "1", "5"],
    "web addresses": ["https://a.b/c|d", "https://a.b/d|c", "https://a.b/c"],
    "entities": ["Home &amp; Garden", "Garden &amp; Home", "Home", "Garden"],
    "short forms": ["w/o", "n/s", "km/h", "S/M", "M/L", "S", "M", "L"],
    "brackets": ["[new]", "[]]", "[" * 5000, "[1] tea", "[tea, milk"],
}


@pytest.mark.parametrize("cells", FALSE_ALARMS.values(), ids=FALSE_ALARMS.keys())
def test_a_sign_within_a_name_is_no_list(cells):
    assert settle("kind", cells * 3).several is None


LISTS = {
    "|": ["organic|vegan", "organic", "vegan"],
    ";": ["organic; vegan", "vegan; organic"],
    ",": ["fair trade, organic", "organic, vegan", "fair trade, vegan"],
    "/": ["red/black", "black/white", "white/red", "red", "black", "white"],
    "+": ["salt + pepper", "pepper + chilli", "chilli + salt"],
}


def test_one_combination_of_labels_that_also_stand_alone_is_a_list():
    several = settle("tags", ["organic, vegan", "organic", "vegan", "rye"] * 3).several
    assert several is not None and several.cells == 3


@pytest.mark.parametrize("sign", LISTS)
def test_labels_that_recur_and_move_are_a_list(sign):
    several = settle("kind", LISTS[sign]).several
    assert several is not None and set(several.separators) == {sign}


def test_an_entity_holds_no_semicolon_that_separates():
    several = settle("kind", ["R&amp;B; Soul", "Soul; R&amp;B"]).several
    assert several is not None and several.labels == ("R&B", "Soul")


def test_who_decides_for_lists_gets_them_without_proof():
    assert settle("kind", ["a|b", "c"]).several is None
    assert settle("kind", ["a|b", "c"], LabelRule(several="first")).columns["kind"] == ["a", "c"]
    assert settle("kind", ["a", "c"], LabelRule(several="first")).columns["kind"] == ["a", "c"]


def test_decisions_are_read_one_by_one():
    columns = ["kind", "kind:sub", "a=b"]
    rules: dict[str, LabelRule] = {}
    for decision in ("kind=apart", "kind=each", "kind:Nikee=Nike", "kind:Nikee=NIKE", "kind:x=y", "kind:x=x"):
        rules = rule_with(rules, decision, columns)
    assert rules == {"kind": LabelRule("apart", "each", same=(("Nikee", "NIKE"),))}
    rules = rule_with(rules, "kind:sub=missing-is-label", columns)
    assert rules["kind:sub"] == LabelRule(missing="label")
    assert rule_with({}, "a=b:1=2=3", columns) == {"a=b": LabelRule(same=(("1=2", "3"),))}
    assert all(rule_with({}, f"a=b={word}", columns) for word in DECISIONS)


@pytest.mark.parametrize("decision", ["kind", "kind=", "kind=maybe", "kind:a", "kind:=a", "kind:a=", "other=apart", ""])
def test_anything_else_is_refused_with_what_is_possible(decision):
    with pytest.raises(UserError, match="first|each") as refusal:
        rule_with({}, decision, ["kind"])
    assert "COLUMN:WRITTEN=KEPT" in str(refusal.value) and repr(decision) in str(refusal.value)


def test_a_decision_that_closes_a_circle_is_refused():
    with pytest.raises(UserError, match="circle"):
        rule_with(rule_with({}, "kind:a=b", ["kind"]), "kind:b=a", ["kind"])


def test_a_rule_survives_json():
    class Kept(Record):
        rules: dict[str, LabelRule]

    kept = Kept(rules={"tags": LabelRule("apart", "each", "label", (("a", "b"),))})
    assert Kept.model_validate_json(kept.model_dump_json()) == kept


def test_a_desk_is_frozen_and_travels_between_processes():
    desk = settle("tags", TAGS)
    assert pickle.loads(pickle.dumps(desk)) == desk
    with pytest.raises(FrozenInstanceError):
        desk.column = "other"  # type: ignore[misc]


def test_a_recogniser_knows_its_classes_in_other_spellings():
    labels = ["3.0", "TRUE", "Cafe\u0301", "tea", "rye", "", "A", "3.0"]
    assert respell(labels, ["3", "True", "Café", "tea", "Tea", "a"]) == (
        {"3.0": "3", "TRUE": "True", "Cafe\u0301": "Café", "A": "a"},
        {},
    )
    assert respell(["TEA"], ["tea", "Tea"]) == ({}, {"TEA": ("Tea", "tea")})


def test_many_classes_take_a_pass_each():
    code = (
        "import random; from retail.dataset.labels import settle; draw = random.Random(0)\n"
        "names = [''.join(draw.choices('abcdefgh', k=12)) for _ in range(20_000)]\n"
        "desk = settle('kind', draw.choices(names, k=200_000)); print(len(desk.spellings))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert int(done.stdout) > 19_000, done.stderr


def test_the_desk_needs_neither_torch_nor_pandas():
    code = "import sys, retail.dataset.labels.questions; print({'torch', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_tags_are_no_part_of_a_label_and_other_angles_are():
    assert label_key("<b>Green tea</b>") == label_key("<p class='x'>green tea</p>") == label_key("green tea")
    assert cleaned("Green<br/>tea") == "Green tea" and cleaned("<3") == "<3" and cleaned("<10 cm>") == "<10 cm>"
    assert label_key("<M>") != label_key("<L>")
