"""How even and how steady the splits are that a table without a column of splits gets.

In: data sets; their own split column is passed over. Out: shares, classes that lack a side, and how many rows change
sides when a tenth more rows come, over 20 random tenths. Run `python benchmarks/splits.py demo FASHION GROCERY`.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from retail.dataset import splitting
from retail.dataset.reader import read_manifest
from retail.schema import Product

DRAWS, MORE = 20, 1.1
RULES = {"2/3 to 4/3 of each share": (2 / 3, 4 / 3), "exact shares": (1.0, 1.0)}


def sides(products: Sequence[Product], columns: Sequence[str]) -> dict[str, str]:
    """{id: split}, every row a group of its own."""
    names = {product.id: product.id for product in products}
    return {row.id: row.split for row in splitting.split_products(products, names, columns, columns)}


def moved(products: Sequence[Product], columns: Sequence[str]) -> float:
    """Share of the rows that change sides, mean over draws of which rows come later."""
    after, rng, shares = sides(products, columns), random.Random(0), []
    for _ in range(DRAWS):
        before = sides(rng.sample(products, round(len(products) / MORE)), columns)
        shares.append(sum(after[row] != side for row, side in before.items()) / len(before))
    return sum(shares) / DRAWS


def main() -> None:
    """Prints a line for each data set and rule."""
    for data in sys.argv[1:]:
        manifest = read_manifest(data)
        products = [replace(product, group="") for product in manifest.products]
        for rule, (splitting.LEAST, splitting.MOST) in RULES.items():
            found = sides(products, manifest.tasks)
            sizes = Counter(found.values())
            held = Counter((task, row.labels[task], found[row.id]) for row in products for task in manifest.tasks)
            labels = Counter(
                (task, row.labels[task]) for row in products for task in manifest.tasks if row.labels[task]
            )
            untaught = sum(not held[*label, "train"] for label in labels)
            lacking = sum(n >= splitting.EVERYWHERE and not all(held[*k, s] for s in sizes) for k, n in labels.items())
            shares = ", ".join(f"{side} {sizes[side] / len(products):.1%}" for side in splitting.SHARES)
            print(
                f"{manifest.title}, {len(products)} rows, {rule}: {shares}; of {len(labels)} classes {untaught} lack a "
                f"training row and {lacking} of five rows or more a side; {moved(products, manifest.tasks):.2%} move"
            )


if __name__ == "__main__":
    main()
