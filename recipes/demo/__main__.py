"""Makes the demo data set: labels, photos, descriptions, spoken clips and metadata.csv under data/demo.

Debian packages: blender (3.4), espeak-ng, flite, festival, festvox-kallpc16k, festvox-kdlpc16k, festvox-us-slt-hts,
festvox-italp16k, festvox-itapc16k, festvox-czech-dita, fonts-dejavu, fonts-liberation.
Python packages: those of the product.
Run `python -m recipes.demo plan`, then `photos`, then `clips`, then `table`; or `all`. Same seed, same plan.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import tempfile
from pathlib import Path

from recipes.demo import clips, grain, labels, text
from recipes.demo.products import LINES, PRODUCTS, DemoProduct, packaging_label

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "data" / "demo"
WORK = Path(tempfile.gettempdir()) / "product-demo-work"
SEED = 20240
Shoots = tuple[tuple[str, int], ...]  # split and items of each
# Shoots of one product: photos of a shoot share the room, and never two splits.
SHOOTS: Shoots = (("train", 5), ("train", 4), ("train", 4), ("val", 3), ("test", 3), ("test", 2))
# Drawn from a seed of their own, so that the rows of the shoots above stay what they are.
LATER_SHOOTS: Shoots = (("val", 2), ("val", 2))
MISSING_RATE = 0.08
EXTRA_PHOTO_ROWS = 12
COLUMNS = (
    "id", "image_file_name", "audio_file_name", "text", "product", "category", "packaging", "brand", "voice", "split",
    "group",
)  # fmt: skip


def plan() -> tuple[list[dict[str, str]], list[dict], list[clips.Clip]]:
    """Rows of the table, scene specs of the photos and orders for the clips, all from the seed."""
    rng = random.Random(SEED)
    rows, photos, orders = _shot(SHOOTS, rng)
    for row in rng.sample([row for row in rows if row["image_file_name"]], EXTRA_PHOTO_ROWS):
        _second_photo(row, photos, rng)
    rng.shuffle(photos)
    later = _shot(LATER_SHOOTS, random.Random(f"{SEED} later"), SHOOTS)
    place = {product.name: number for number, product in enumerate(PRODUCTS)}
    rows = sorted(rows + later[0], key=lambda row: place[row["product"]])
    return rows, photos + later[1], orders + later[2]


def _shot(
    shoots: Shoots, rng: random.Random, before: Shoots = ()
) -> tuple[list[dict[str, str]], list[dict], list[clips.Clip]]:
    """Rows, photos and clips of these shoots of every product; `before` are the shoots it has already."""
    rows: list[dict[str, str]] = []
    photos: list[dict] = []
    orders: list[clips.Clip] = []
    for product in PRODUCTS:
        number = sum(count for _, count in before)
        for shoot, (split, count) in enumerate(shoots, len(before) + 1):
            room = _room(rng)
            for _ in range(count):
                number += 1
                row_id = f"{product.key}_{number:02d}"
                absent = _absent(rng)
                row = _row(product, row_id, split, f"{product.key}_shoot{shoot}", rng)
                clip = clips.order(product, row_id, split, rng)
                photo = _photo(product, row_id, room, rng)
                row |= {"voice": clip.voice, "audio_file_name": f"audio/{row_id}.ogg"}
                row["image_file_name"] = f"images/{photo['file']}"
                for column in absent:
                    row[column] = ""
                if row["audio_file_name"]:
                    orders.append(clip)
                else:
                    row["voice"] = ""
                if row["image_file_name"]:
                    photos.append(photo)
                rows.append(row)
    return rows, photos, orders


def _absent(rng: random.Random) -> list[str]:
    """Cells to leave empty: each with the missing rate, never all three."""
    columns = ("image_file_name", "audio_file_name", "text")
    absent = [column for column in columns if rng.random() < MISSING_RATE]
    return absent if len(absent) < 3 else absent[:2]


def _row(product: DemoProduct, row_id: str, split: str, group: str, rng: random.Random) -> dict[str, str]:
    line = product.line
    return {
        "id": row_id, "text": text.describe(product, rng), "product": product.name, "category": line.category,
        "packaging": packaging_label(line), "brand": line.brand, "split": split, "group": group,
    }  # fmt: skip


def _room(rng: random.Random) -> dict:
    return {
        "room_seed": rng.randrange(1 << 30),
        "setting": rng.choice(["shelf", "shelf", "table", "counter", "counter"]),
        "table": rng.choice(["wood", "dark_wood", "marble", "granite", "tile", "laminate"]),
        "wall": rng.choice(["plaster", "tile", "painted", "brick"]),
    }


def _photo(product: DemoProduct, row_id: str, room: dict, rng: random.Random) -> dict:
    others = [other.key for other in PRODUCTS if other.line is not product.line]
    return {
        "file": f"{row_id}.jpg", "product": product.key, "packaging": product.line.packaging,
        "neighbours": rng.sample(others, 3), "occluded": rng.random() < 0.35, "seed": rng.randrange(1 << 30), **room,
    }  # fmt: skip


def _second_photo(row: dict[str, str], photos: list[dict], rng: random.Random) -> None:
    first = next(photo for photo in photos if row["image_file_name"].endswith(photo["file"]))
    name = f"{row['id']}_b.jpg"
    photos.append({**first, "file": name, "seed": rng.randrange(1 << 30)})
    row["image_file_name"] += f";images/{name}"


def write_plan() -> None:
    _, photos, _ = plan()
    (WORK / "labels").mkdir(parents=True, exist_ok=True)
    for product in PRODUCTS:
        labels.draw_label(product, WORK / "labels" / f"{product.key}.png")
    catalogue = {
        product.key: {"packaging": product.line.packaging, "colours": product.line.colours} for product in PRODUCTS
    }
    (WORK / "specs.json").write_text(json.dumps({"catalogue": catalogue, "photos": photos}), encoding="utf-8")


def render_photos() -> None:
    """One Blender process renders every photo that is not there yet; then the grain is taken out."""
    raw, images = WORK / "raw", DEMO / "images"
    for folder in (raw, images):
        folder.mkdir(parents=True, exist_ok=True)
    script = str(HERE / "scene.py")
    command = ["blender", "-b", "--python-exit-code", "1", "--python", script, "--"]
    subprocess.run([*command, str(WORK / "specs.json"), str(WORK / "labels"), str(raw)], check=True)
    finish_photos()


def finish_photos() -> None:
    for source in sorted((WORK / "raw").glob("*.jpg")):
        target = DEMO / "images" / source.name
        if not target.exists():
            grain.smooth_file(source, target)


def speak_clips() -> None:
    (DEMO / "audio").mkdir(parents=True, exist_ok=True)
    for clip in plan()[2]:
        target = DEMO / "audio" / f"{clip.row_id}.ogg"
        if not target.exists():
            clips.speak(clip, target)


def write_table() -> None:
    rows = plan()[0]
    with (DEMO / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} rows, {len(PRODUCTS)} products, {len(LINES)} look-alike pairs")


STEPS = {"plan": write_plan, "photos": render_photos, "clips": speak_clips, "table": write_table}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=[*STEPS, "all"])
    chosen = parser.parse_args().step
    for name, step in STEPS.items():
        if chosen in (name, "all"):
            step()


if __name__ == "__main__":
    main()
