"""How often codes are read, and whether printed words help: codes drawn here, words on the packs of the demo.

In: nothing; the demo's photos ship. Out: Markdown tables, those of `evidence.md`.

`codes` draws EAN-13 codes on photos of the demo in every size, angle and blur; `unguarded` shows what leaving UPC-E and
small codes out is for. `cost` times made-up pictures that are hard on the reader. `words val` compares floors of
confidence on validation rows, which decide; `words test` scores the test rows with the floor that was chosen, once.
`taught` does the same with recognisers that learned from rows with their words. What was read is kept in the home
folder, so that a run can be continued; `--rows N` reads only the first N photos of a split.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from retail.build import train_recognizer
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.files import DEMO_DIR, home
from retail.media import codes, decode_image
from retail.media.codes import CODE_SIDE, FORMATS, read_codes
from retail.media.printed import FEWEST_SIGNS, FLOOR, Line, as_text, read_words
from retail.metrics.paired import paired_test
from retail.recognizer import Recognizer
from retail.schema import Product
from retail.store import EmbeddingStore

TASKS = ("product", "category", "packaging", "brand")
DRAWS = 20  # codes for each cell of a table
SEEDS = range(3)
SIZES, ANGLES, BLURS = (1.25, 1.5, 2.0, 3.0), (0, 15, 30, 45, 90), (0.0, 0.5, 1.0, 1.5)
FLOORS = (0.0, 0.5, 0.7, 0.8, 0.9)


# Codes


def drawn(digits: str, pixels_a_bar: float, angle: float, blur: float, background: Image.Image) -> Image.Image:
    """An EAN-13 label somewhere on a photo, blurred and kept as JPEG."""
    import zxingcpp

    barcode = zxingcpp.create_barcode(digits, zxingcpp.BarcodeFormat.EAN13)
    large = Image.fromarray(np.pad(np.array(barcode.to_image(scale=4)), 8, constant_values=255)).convert("RGBA")
    share = pixels_a_bar / 4
    turned = large.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    label = turned.resize([max(1, round(side * share)) for side in turned.size], Image.Resampling.LANCZOS)
    photo = background.copy()
    place = [random.randint(0, max(0, room - side)) for room, side in zip(photo.size, label.size, strict=True)]
    photo.paste(label, (place[0], place[1]), label)
    stream = io.BytesIO()
    photo.filter(ImageFilter.GaussianBlur(blur)).save(stream, "JPEG", quality=85)
    return decode_image(stream.getvalue())


def right_digits(rng: random.Random) -> str:
    """Thirteen digits with a right check digit."""
    digits = [rng.randint(0, 9) for _ in range(12)]
    return "".join(map(str, [*digits, -sum(d * (3 if place % 2 else 1) for place, d in enumerate(digits)) % 10]))


def read_rates() -> None:
    rng = random.Random(0)
    random.seed(0)
    photos = [decode_image(path).resize((640, 640)) for path in sorted((DEMO_DIR / "images").glob("*.jpg"))[::20]]

    def rate(size: float, angle: float, blur: float) -> str:
        read = wrong = 0
        for _ in range(DRAWS):
            digits = right_digits(rng)
            found = {code.text for code in read_codes(drawn(digits, size, angle, blur, rng.choice(photos)))}
            read, wrong = read + (digits in found), wrong + bool(found - {digits})
        return f"{100 * read / DRAWS:.0f}" + (f" ({wrong} wrong)" if wrong else "")

    print(f"\nEAN-13 codes read, %, n = {DRAWS} each, by pixels a bar and angle, without blur\n")
    print("| pixels a bar | " + " | ".join(f"{angle}°" for angle in ANGLES) + " |\n|" + "---|" * (len(ANGLES) + 1))
    for size in SIZES:
        print(f"| {size:g} | " + " | ".join(rate(size, angle, 0.0) for angle in ANGLES) + " |", flush=True)
    print("\nThe same by pixels a bar and blur (sigma, pixels), upright\n")
    print("| pixels a bar | " + " | ".join(f"{blur:g}" for blur in BLURS) + " |\n|" + "---|" * (len(BLURS) + 1))
    for size in SIZES:
        print(f"| {size:g} | " + " | ".join(rate(size, 0, blur) for blur in BLURS) + " |", flush=True)


def read_rates_unguarded() -> None:
    """The same with UPC-E and with codes of any size, which the product leaves out."""
    codes.FORMATS, codes.LEAST_BAR = f"{FORMATS},UPCE", 0.0
    read_rates()


# What reading costs


def hard_pictures(side: int) -> Iterator[tuple[str, np.ndarray]]:
    """Pictures that keep a reader of codes busy."""
    rng = np.random.default_rng(0)
    ring = np.pad(np.pad(np.pad(np.ones((1, 1)), 1, constant_values=1), 1, constant_values=0), 1, constant_values=1)
    finder = np.pad(np.kron(1 - ring, np.ones((2, 2))), 2, constant_values=1)
    times = side // len(finder) + 1
    yield "noise", rng.integers(0, 256, (side, side))
    yield "stripes", np.tile(np.arange(side) // 2 % 2 * 255, (side, 1))
    yield "squares", (np.indices((side, side)).sum(0) // 2) % 2 * 255
    yield "random bars", np.tile(rng.integers(0, 2, side) * 255, (side, 1))
    yield "corners of QR codes", np.tile(finder, (times, times))[:side, :side] * 255


def cost() -> None:
    print(
        f"\nms of processor time to look for codes ({FORMATS}), median of 3\n\n"
        f"| picture | 1024 px | {CODE_SIDE} px |\n|---|---|---|"
    )
    photo = decode_image(next((DEMO_DIR / "images").glob("*.jpg")))
    sides = (1024, CODE_SIDE)
    rows = {name: [] for name, _ in hard_pictures(64)} | {"a photo of the demo, enlarged": []}  # type: ignore[var-annotated]
    for side in sides:
        pictures = {name: Image.fromarray(pixels.astype(np.uint8)) for name, pixels in hard_pictures(side)}
        for name, picture in (pictures | {"a photo of the demo, enlarged": photo.resize((side, side))}).items():
            times = []
            for _ in range(3):
                started = time.process_time()
                read_codes(picture)
                times.append(time.process_time() - started)
            rows[name].append(f"{1e3 * float(np.median(times)):.0f}")
    for name, cells in rows.items():
        print(f"| {name} | {' | '.join(cells)} |")


# Words


def lines_of(products: Sequence[Product], split: str) -> Mapping[str, list[Line]]:
    """{product: every line that the reader finds on its photos}; kept, so that nothing is read twice."""
    file = home() / f"evidence_{split}.jsonl"
    kept = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    found = {row["id"]: [Line(*line) for line in row["lines"]] for row in kept}
    seconds = [row["seconds"] for row in kept]
    with file.open("a") as stream:
        for product in products:
            if product.id in found:
                continue
            photos = [decode_image(path) for path in product.images if isinstance(path, Path)]
            started = time.perf_counter()
            found[product.id] = [line for photo in photos for line in read_words(photo, floor=0.0)]
            seconds.append((time.perf_counter() - started) / max(1, len(photos)))
            lines = [(line.text, line.confidence) for line in found[product.id]]
            stream.write(json.dumps({"id": product.id, "lines": lines, "seconds": seconds[-1]}) + "\n")
            stream.flush()
    print(f"\n{split}: {np.mean(seconds):.2f} s a photo, n = {len(seconds)}")
    return found


def words_from(lines: Sequence[Line], floor: float) -> str:
    kept = [line for line in lines if line.confidence >= floor]
    return as_text([line for line in kept if sum(map(str.isalnum, line.text)) >= FEWEST_SIGNS])


Way = Callable[[Product], Product]


def photo_alone(product: Product) -> Product:
    return replace(product, text="", audio=None)


def photo_and_text(product: Product) -> Product:
    return replace(product, audio=None)


def with_words(lines: Mapping[str, list[Line]], floor: float, before: Way) -> Way:
    """The words behind what description there is."""

    def way(product: Product) -> Product:
        shown = before(product)
        words = words_from(lines.get(product.id, []), floor)
        return replace(shown, text="\n".join(filter(None, (shown.text, words))))

    return way


def right(recognizer: Recognizer, rows: Sequence[Product], way: Way) -> np.ndarray:
    """(N,) share of the tasks that are answered rightly."""
    answers = recognizer.predict_many([way(row) for row in rows], EmbeddingStore())
    return np.array(
        [
            np.mean([answer.best(task)[0] == row.labels[task] for task in TASKS])
            for row, answer in zip(rows, answers, strict=True)
        ]
    )


def compared(title: str, ours: np.ndarray, theirs: np.ndarray, rows: Sequence[Product]) -> None:
    test = paired_test(ours, theirs, np.array([row.group for row in rows]))
    print(
        f"| {title} | {100 * ours.mean():.1f} | {100 * test.difference:+.1f} "
        f"[{100 * test.low:+.1f}, {100 * test.high:+.1f}] |",
        flush=True,
    )


def rows_with_photos(split: str, most: int) -> list[Product]:
    rows = [row for row in read_manifest(DEMO_DIR, TASKS).in_split(split) if row.images]
    return rows[:most] if most else rows


def trained(way: Way, seed: int) -> Recognizer:
    """A recogniser as the demo's, whose training and validation rows are shown in one way."""
    manifest = read_manifest(DEMO_DIR, TASKS)
    shown = [way(row) if row.images else row for row in manifest.products]
    return train_recognizer(replace(manifest, products=shown), TASKS, TrainConfig(seed=seed))


def use_of_words(split: str, floors: Sequence[float], most: int) -> None:
    rows = rows_with_photos(split, most)
    lines = dict(lines_of(rows, split))
    demo = Recognizer.load("demo")
    print(f"\nMean accuracy of the four questions, %, {split} rows with a photo, n = {len(rows)}; 95 % intervals")
    print("\n| the demo's recogniser is shown | accuracy | against the same without words, points |")
    print("|---|---|---|")
    for name, before in {"photo": photo_alone, "photo and description": photo_and_text}.items():
        without = right(demo, rows, before)
        print(f"| {name} | {100 * without.mean():.1f} | |")
        for floor in floors:
            shown = right(demo, rows, with_words(lines, floor, before))
            compared(f"{name}, words from {floor:g}", shown, without, rows)


def taught_with_words(split: str, floors: Sequence[float], most: int) -> None:
    rows = rows_with_photos(split, most)
    lines = {}
    for part in {"train", "val", split}:
        lines |= lines_of(rows_with_photos(part, most), part)
    plain = [trained(lambda row: row, seed) for seed in SEEDS]
    print(f"\n| trained with words, {len(SEEDS)} seeds | accuracy | against trained without, shown without |")
    print("|---|---|---|")
    taught = {floor: [trained(with_words(lines, floor, lambda row: row), seed) for seed in SEEDS] for floor in floors}
    for name, before in {"photo": photo_alone, "photo and description": photo_and_text}.items():
        without = np.mean([right(one, rows, before) for one in plain], axis=0)
        print(f"| {name}, without words | {100 * without.mean():.1f} | |")
        for floor, recognizers in taught.items():
            shown = np.mean([right(one, rows, with_words(lines, floor, before)) for one in recognizers], axis=0)
            compared(f"{name}, words from {floor:g}", shown, without, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("codes", "unguarded", "cost", "words", "taught"))
    parser.add_argument("split", nargs="?", choices=("val", "test"), default="val")
    parser.add_argument("--rows", type=int, default=0)
    asked = parser.parse_args()
    if asked.part in ("words", "taught"):
        use = use_of_words if asked.part == "words" else taught_with_words
        use(asked.split, FLOORS if asked.split == "val" and asked.part == "words" else (FLOOR,), asked.rows)
    else:
        {"codes": read_rates, "unguarded": read_rates_unguarded, "cost": cost}[asked.part]()
