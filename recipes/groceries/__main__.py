"""`python -m recipes.groceries`: speaks the catalogue's clips and the examples, and writes their tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from recipes.groceries.clips import EXAMPLE_VOICE, VOICES, plan, say, write
from recipes.groceries.products import Grocery, groceries

DATA = Path(__file__).parents[2] / "data"
CATALOGUE, EXAMPLES = DATA / "groceries_catalogue", DATA / "groceries_examples"
LABELS = ("product", "category", "department")
CATALOGUE_COLUMNS = ("id", "audio_file_name", "text", *LABELS)
EXAMPLE_COLUMNS = ("id", "image_file_name", "audio_file_name", "text", *LABELS)
SHOWN = ("Banana", "Granny Smith", "Oatly Oat Milk", "Watermelon", "Carrots", "Lemon")


def labels(product: Grocery) -> dict[str, str]:
    """As the recogniser has them."""
    return {"product": product.name, "category": product.category, "department": product.department}


def catalogue_rows(products: Sequence[Grocery]) -> list[dict[str, str]]:
    """The table of the catalogue: several rows a product, which its name joins."""
    return [
        {"id": row.id, "audio_file_name": row.file, "text": row.text} | labels(row.product) for row in plan(products)
    ]


def example_rows(products: Iterable[Grocery]) -> list[dict[str, str]]:
    """A few products as somebody would ask for them: typed, spoken, and with a photo where one was rendered."""
    rows = []
    for product in products:
        if product.name in SHOWN:
            image = f"images/{product.key}.jpg"
            files = {
                "image_file_name": image if (EXAMPLES / image).is_file() else "",
                "audio_file_name": f"audio/{product.key}.ogg",
            }
            rows.append({"id": product.key} | files | {"text": product.everyday} | labels(product))
    return sorted(rows, key=lambda row: SHOWN.index(row["product"]))


def write_table(folder: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """The folder's metadata.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Everything anew; the clips say the same each time, but an Ogg file carries a random serial number."""
    products = groceries()
    files = {row.file: row for row in plan(products)}
    for voice in VOICES:
        mine = [row for row in files.values() if row.voice == voice]
        for row, clip in zip(mine, say((row.words for row in mine), VOICES[voice]), strict=True):
            write(clip, CATALOGUE / row.file)
    write_table(CATALOGUE, CATALOGUE_COLUMNS, catalogue_rows(products))
    examples = example_rows(products)
    for row, clip in zip(examples, say((row["text"] for row in examples), EXAMPLE_VOICE), strict=True):
        write(clip, EXAMPLES / row["audio_file_name"])
    write_table(EXAMPLES, EXAMPLE_COLUMNS, examples)


if __name__ == "__main__":
    main()
