"""`python -m recipes.groceries`: speaks the catalogue's clips, speaks and renders the examples, writes both tables."""

from __future__ import annotations

import csv
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from recipes.groceries.clips import EXAMPLE_VOICE, VOICES, plan, say, write
from recipes.groceries.products import Grocery, groceries
from recipes.spoken_word.voices import Voice

DATA = Path(__file__).parents[2] / "data"
CATALOGUE, EXAMPLES = DATA / "groceries_catalogue", DATA / "groceries_examples"
LABELS = ("product", "category", "department")
CATALOGUE_COLUMNS = ("id", "audio_file_name", "text", *LABELS)
EXAMPLE_COLUMNS = ("id", "image_file_name", "audio_file_name", "text", *LABELS)
SHOWN = ("Banana", "Granny Smith", "Oatly Oat Milk", "Carrots", "Lemon", "Watermelon")
RENDERED = ("banana", "granny_smith", "carrots")  # those that Blender draws so that the recogniser knows them
JPEG_QUALITY = 90


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
            files = {
                "image_file_name": f"images/{product.key}.jpg" if product.key in RENDERED else "",
                "audio_file_name": f"audio/{product.key}.ogg",
            }
            rows.append({"id": product.key} | files | {"text": product.everyday} | labels(product))
    return sorted(rows, key=lambda row: SHOWN.index(row["product"]))


def speak(wanted: Mapping[Path, str], voice: Voice) -> None:
    """The clips that are not there yet."""
    missing = {path: words for path, words in wanted.items() if not path.is_file()}
    for path, clip in zip(missing, say(missing.values(), voice), strict=True):
        write(clip, path)


def render(kind: str) -> None:
    """One photo, unless it is there."""
    target = EXAMPLES / "images" / f"{kind}.jpg"
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        picture, script = Path(folder) / "picture.png", Path(__file__).with_name("scene.py")
        command = ["blender", "-b", "--python", str(script), "--", kind, str(picture)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        Image.open(picture).convert("RGB").save(target, quality=JPEG_QUALITY)


def write_table(folder: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """The folder's metadata.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Files that are there stay, for each Ogg file has another serial number; empty the folders to start over."""
    products = groceries()
    for name, voice in VOICES.items():
        speak({CATALOGUE / row.file: row.words for row in plan(products) if row.voice == name}, voice)
    write_table(CATALOGUE, CATALOGUE_COLUMNS, catalogue_rows(products))
    examples = example_rows(products)
    speak({EXAMPLES / row["audio_file_name"]: row["text"] for row in examples}, EXAMPLE_VOICE)
    for kind in RENDERED:
        render(kind)
    write_table(EXAMPLES, EXAMPLE_COLUMNS, examples)


if __name__ == "__main__":
    main()
