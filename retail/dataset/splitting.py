"""Which rows learn, which choose and which judge, where a table does not say: by whole groups, minding classes.

In: groups of rows and the classes that each holds. Out: the side of each group. No random numbers, no memory.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import repeat
from math import ceil
from pathlib import Path

from retail.dataset.columns import split_word
from retail.dataset.grouping import tied_names
from retail.dataset.product_table import each, each_label, in_split, with_splits
from retail.schema import Product

Label = tuple[str, str]  # a label column and one of its classes

SHARES: Mapping[str, float] = {"train": 0.70, "val": 0.15, "test": 0.15}
# Of the training rows, where a table has a column of splits but marks no validation rows.
WITHOUT_VALIDATION: Mapping[str, float] = {"train": 0.85, "val": 0.15}
# A class's part of a held-out side stays within these times the side's share, rounded to whole groups.
LEAST, MOST = 2 / 3, 4 / 3
# A class of so many groups is on every side; so is a data set of three.
EVERYWHERE, DATA_EVERYWHERE = 5, 3
# A column that nobody asked for counts only where its classes have on average so many groups or more. A price, say,
# would else keep most rows in training.
GROUPS_A_CLASS = 3


def split_products(
    products: Sequence[Product],
    names: Mapping[str, str] | None,
    columns: Iterable[str],
    tasks: Collection[str],
    shares: Mapping[str, float] = SHARES,
) -> Sequence[Product]:
    """The products with the side of their group; a row without a group is one of its own, with its name in `names`.

    Without `names` ids are names.

    `columns` are all that look like labels. They decide, and not the tasks alone, so that recognisers of different
    tasks are tested on the same rows; a task always counts, another column where it keeps few rows in training.
    """
    own = tied_names(products, names)
    counted: list[str] = []
    groups = len(set(own))
    for column in dict.fromkeys([*columns, *tasks]):
        first: dict[str, str] = {}
        for name, label in zip(own, each_label(products, column), strict=True):
            if label:
                first[label] = min(first.get(label, name), name, key=_order)
        if column in tasks or GROUPS_A_CLASS * len(set(first.values())) <= groups:
            counted.append(column)
    sides = split_groups(_labels_of(own, products, counted), shares)
    return with_splits(products, [sides[name] for name in own])


def _labels_of(own: Sequence[str], products: Sequence[Product], columns: Sequence[str]) -> dict[str, tuple[Label, ...]]:
    """{group: its classes}; groups of the same classes share them."""
    found: dict[str, tuple[Label, ...]] = {}
    known: dict[tuple[Label, ...], tuple[Label, ...]] = {}
    labels = zip(*(each_label(products, column) for column in columns), strict=True) if columns else repeat(())
    for name, row in zip(own, labels, strict=False):
        held = tuple((column, label) for column, label in zip(columns, row, strict=True) if label)
        held = tuple(dict.fromkeys((*found.get(name, ()), *held)))
        found[name] = known.setdefault(held, held)
    return found


def split_groups(groups: Mapping[str, Collection[Label]], shares: Mapping[str, float] = SHARES) -> dict[str, str]:
    """{group: its classes} -> {group: side}; `shares` are those of training first, then of the held-out sides.

    1. A hash of its name gives each group a place in [0, 1) and with it a side: below 0.70 training, and so on.
    2. The group of a class with the smallest place is pinned to training: every class has a training row, and a class
       that lies in one group is in training whole.
    3. Class by class, the rarest first (as in Sechidis, Tsoumakas and Vlahavas, On the Stratification of Multi-Label
       Data, 2011): where its part of a held-out side is less than 2/3 or more than 4/3 of the side's share, or none
       though it has five groups, the fewest groups that are not pinned move, those nearest to the border first. The
       last group that a class of five has on a side stays.
    4. The same for the data set as a whole.

    The trade: exact shares a class would need ranks, and with each new row ranks move. A hash alone moves nothing, but
    leaves classes without test rows or without training rows. Here a class is left alone while its shares are about
    right, so that new rows move others only where they carry a class over a bound, or take a pinned group's place.
    """
    board = _Board(groups, shares)
    for _, names in sorted(board.members.items(), key=lambda item: (len(item[1]), item[0])):
        board.balance(names, EVERYWHERE)
    board.balance(list(board.sides), DATA_EVERYWHERE)
    return board.sides


class _Board:
    """Where each group stands, and how often each class is on each side."""

    def __init__(self, groups: Mapping[str, Collection[Label]], shares: Mapping[str, float]) -> None:
        self.groups, self.shares = groups, shares
        self.members: dict[Label, list[str]] = {}  # in the order of their places
        by_place = sorted(groups, key=_order)
        for name in by_place:
            for label in groups[name]:
                self.members.setdefault(label, []).append(name)
        self.train = next(iter(shares))
        self.pinned = {names[0] for names in self.members.values()}
        self.sides = {name: self.train if name in self.pinned else _wished(name, shares) for name in by_place}
        self.counts = {label: Counter(map(self.sides.__getitem__, names)) for label, names in self.members.items()}

    def balance(self, names: Sequence[str], everywhere: int) -> None:
        """Makes the fewest moves that bring these groups within the bounds, as far as nothing else forbids them."""
        free = [name for name in names if name not in self.pinned]
        now = Counter(self.sides[name] for name in free)
        wanted = self._wanted(len(names), len(free), now, everywhere)
        for side in self.shares:
            while now[side] < wanted[side]:
                givers = [name for name in free if now[own := self.sides[name]] > wanted[own] and self._may_leave(name)]
                if not givers:
                    break
                name = min(givers, key=lambda name: _distance(name, side, self.shares))
                now.subtract([self.sides[name]])
                now.update([side])
                self._move(name, side)

    def _wanted(self, groups: int, free: int, now: Mapping[str, int], everywhere: int) -> dict[str, int]:
        """Side -> how many of so many groups, those that are not pinned, are to be on it."""
        _, *held_out = self.shares
        wanted = {}
        for side in held_out:
            due = self.shares[side] * groups
            least = max(int(LEAST * due), int(groups >= everywhere))
            wanted[side] = min(max(now[side], least), max(ceil(MOST * due), 1))
        while sum(wanted.values()) > free:
            wanted[max(reversed(held_out), key=wanted.__getitem__)] -= 1
        return {self.train: free - sum(wanted.values())} | wanted

    def _may_leave(self, name: str) -> bool:
        side = self.sides[name]
        last = (self.counts[label][side] == 1 and len(self.members[label]) >= EVERYWHERE for label in self.groups[name])
        return side == self.train or not any(last)

    def _move(self, name: str, side: str) -> None:
        for label in self.groups[name]:
            self.counts[label].subtract([self.sides[name]])
            self.counts[label].update([side])
        self.sides[name] = side


def _place(name: str) -> float:
    """In [0, 1), as if drawn at random, but always the same."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 256**6


def _order(name: str) -> tuple[float, str]:
    return _place(name), name


def _borders(shares: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Side -> the places that belong to it."""
    found, low = {}, 0.0
    for side, share in shares.items():
        found[side] = low, low + share
        low += share
    return found


def _wished(name: str, shares: Mapping[str, float]) -> str:
    place = _place(name)
    return next((side for side, (_, high) in _borders(shares).items() if place < high), list(shares)[-1])


def _distance(name: str, side: str, shares: Mapping[str, float]) -> tuple[float, str]:
    """How far the group's place is from those of a side."""
    (low, high), place = _borders(shares)[side], _place(name)
    return max(low - place, place - high, 0.0), name


def with_validation(
    products: Sequence[Product], names: Mapping[str, str] | None, columns: Sequence[str], tasks: Sequence[str]
) -> Sequence[Product]:
    """Whole groups of the training rows become validation rows, as none are marked."""
    divided = split_products(in_split(products, "train"), names, columns, tasks, WITHOUT_VALIDATION)
    moved = dict(zip(each(divided, "id"), each(divided, "split"), strict=True))
    pairs = zip(each(products, "id"), each(products, "split"), strict=True)
    return with_splits(products, [moved.get(name, split) for name, split in pairs])


def as_in_folders(products: Sequence[Product], root: Path) -> Sequence[Product]:
    """The products with the split that the folders of their files are named after; [] where they say none.

    They do where each file lies below a folder named after a split, some below train and some below another. A product
    without a file is a training row.
    """
    told: dict[Path, str] = {}
    found = [_split_of_files(product, root, told) for product in products]
    named = {split for split in found if split is not None}
    if "" in named or "train" not in named or len(named) < 2:
        return []
    return with_splits(products, [split or "train" for split in found])


def _split_of_files(product: Product, root: Path, told: dict[Path, str]) -> str | None:
    """None of a product without files, "" where no folder, or several, say a split; each folder is `told` once."""
    files = [*product.images, *([product.audio] if product.audio else [])]
    splits = set()
    for file in files:
        folder = file.parent if isinstance(file, Path) else root
        if folder not in told:
            names = folder.relative_to(root).parts if folder.is_relative_to(root) else ()
            told[folder] = next((split for name in names if (split := split_word(name))), "")
        splits.add(told[folder])
    return (splits.pop() if len(splits) == 1 else "") if files else None


def group_faults(products: Sequence[Product], columns: Sequence[str], has_split: bool) -> list[str]:
    """Which groups lie in several splits, and which is so large that nothing is left to split."""
    splits: dict[str, set[str]] = {}
    for group, split in zip(each(products, "group"), each(products, "split"), strict=True):
        if group:
            splits.setdefault(group, set()).add(split)
    found = [
        f"group {group!r} is in {' and '.join(sorted(names))}; put it into one split."
        for group, names in splits.items()
        if len(names) > 1
    ]
    sizes = Counter(group for group in each(products, "group") if group)
    most = max(sizes.values(), default=0)
    if not has_split and most > SHARES["train"] * len(products):
        ties = "these columns tie" if len(columns) > 1 else "this column ties"
        remedy = "name fewer or other columns, or mark the splits yourself"
        found.append(f"{ties} {most:,} of {len(products):,} rows into one group, which stays in one split; {remedy}.")
    return found
