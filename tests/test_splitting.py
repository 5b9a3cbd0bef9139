"""Splits know classes and groups: nothing is learned from nothing, and new rows move others only where they must."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from retail.dataset.grouping import group_names
from retail.dataset.reader import read_manifest
from retail.dataset.splitting import SHARES, WITHOUT_VALIDATION, split_products
from retail.schema import Product

COLUMNS = ("kind", "colour")


def shelf(rows: int, seed: int = 0, groups: int = 0) -> list[Product]:
    """Two label columns with common and rare classes; some labels are missing."""
    rng = random.Random(seed)
    kinds, weights = [f"kind {n}" for n in range(12)], [1 / (n + 1) for n in range(12)]
    return [
        Product(
            f"{seed}-{row}",
            text="x",
            labels={"kind": rng.choices(kinds, weights)[0], "colour": rng.choice(["red", "green", "blue", ""])},
            group=f"shoot {rng.randrange(groups)}" if groups else "",
        )
        for row in range(rows)
    ]


def split(products: Sequence[Product], **more) -> dict[str, str]:
    """{id: side}"""
    found = split_products(products, {row.id: row.id for row in products}, COLUMNS, COLUMNS, **more)
    assert [row.id for row in found] == [row.id for row in products]
    return {row.id: row.split for row in found}


def units(products: Sequence[Product], sides: dict[str, str]) -> dict[tuple[str, str], dict[str, str]]:
    """Class -> {group: side}"""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in products:
        for column, label in row.labels.items():
            if label:
                found.setdefault((column, label), {})[row.group or row.id] = sides[row.id]
    return found


@pytest.mark.parametrize("groups", [0, 40])
@pytest.mark.parametrize("seed", range(5))
def test_every_class_has_a_training_row_and_one_of_five_groups_is_on_every_side(seed, groups):
    products = [*shelf(200, seed, groups), Product("lone", text="x", labels={"kind": "single"})]
    products += [Product(f"pair-{n}", text="x", labels={"kind": "pair"}) for n in range(2)]
    sides = split(products)
    for label, held in units(products, sides).items():
        counts = Counter(held.values())
        assert counts["train"], label
        if len(held) >= 5:
            assert counts["val"] and counts["test"], (label, counts)
        if len(held) >= 30:
            assert 0.08 < counts["val"] / len(held) < 0.26 and 0.08 < counts["test"] / len(held) < 0.26, (label, counts)
    assert sides["lone"] == "train"
    for group in {row.group for row in products if row.group}:
        assert len({sides[row.id] for row in products if row.group == group}) == 1


def test_a_class_in_one_group_is_in_training_whole():
    products = shelf(100, 1, groups=30)
    extra = [Product(f"new {n}", text="x", labels={"kind": "new"}, group="shoot of its own") for n in range(9)]
    sides = split([*products, *extra])
    assert {sides[row.id] for row in extra} == {"train"}


def test_the_order_of_rows_does_not_matter():
    products = shelf(150)
    shuffled = random.Random(3).sample(products, len(products))
    assert split(products) == split(shuffled)


def test_new_rows_move_few_others_and_only_those_of_classes_that_they_touch():
    products = shelf(600)
    before = split(products)
    moved = []
    for seed in range(1, 11):
        after = split([*products, *shelf(60, seed)])
        moved.append(sum(after[row] != before[row] for row in before) / len(before))
    assert sum(moved) / len(moved) < 0.02 and max(moved) < 0.05, moved
    # A class of its own touches no other class: at most the bounds of the whole could be met, and they are not.
    others = [Product(f"other {n}", text="x", labels={"kind": f"another {n % 3}"}) for n in range(60)]
    after = split([*products, *others])
    assert {row: after[row] for row in before} == before


def test_validation_is_taken_from_training_by_the_same_rule():
    products = shelf(200, groups=50)
    sides = split(products, shares=WITHOUT_VALIDATION)
    assert set(sides.values()) == {"train", "val"}
    for label, held in units(products, sides).items():
        assert "train" in held.values(), label
        assert len(held) < 5 or "val" in held.values(), label


def test_a_column_of_nearly_unique_values_does_not_keep_all_rows_in_training():
    products = [
        Product(str(n), text="x", labels={"kind": "ab"[n % 2], "price": str(n // 2 if n < 20 else n)})
        for n in range(100)
    ]
    names = {row.id: row.id for row in products}
    asked_for_kind = split_products(products, names, ["kind", "price"], ["kind"])
    assert asked_for_kind == split_products(products, names, ["kind"], ["kind"])
    sizes = Counter(row.split for row in asked_for_kind)
    assert [sizes[side] for side in SHARES] == pytest.approx([70, 15, 15], abs=6)
    asked_for_both = split_products(products, names, ["kind", "price"], ["kind", "price"])
    trained = {row.labels["price"] for row in asked_for_both if row.split == "train"}
    assert trained == {row.labels["price"] for row in products}


def test_the_tasks_that_are_chosen_do_not_change_the_rows():
    products, names = shelf(200), {row.id: row.id for row in shelf(200)}
    one, other = (split_products(products, names, COLUMNS, [task]) for task in COLUMNS)
    assert one == other


def test_rows_without_an_id_have_the_same_side_wherever_a_row_is_added(tmp_path):
    lines = [f"tin no {n},{'abc'[n % 3]}" for n in range(60)]

    def sides(rows: Sequence[str]) -> dict[str, str]:
        (tmp_path / "metadata.csv").write_text("\n".join(["text,kind", *rows]))
        return {row.text: row.split for row in read_manifest(tmp_path).products}

    assert sides(["new tin,a", *lines]) == sides([*lines, "new tin,a"])


def test_groups_of_several_columns_are_the_rows_that_share_a_value_of_any():
    rows = [
        {"voice": "ann", "shoot": "1"},
        {"voice": "bob", "shoot": "2"},
        {"voice": "ann", "shoot": "3"},
        {"voice": "", "shoot": "3"},
        {"voice": "", "shoot": ""},
        {"voice": "1", "shoot": ""},
    ]
    names = group_names(["shoot", "voice"], rows)
    assert names[0] == names[2] == names[3] == "shoot 1" and names[1] == "shoot 2"
    assert names[4] == "" and names[5] == "voice 1", "a voice called 1 is no shoot 1"
    assert group_names(["voice"], rows) == ["ann", "bob", "ann", "", "", "1"]
