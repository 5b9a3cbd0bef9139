"""What `check` says of a shop's data in every form that it may come in, beside what another checkout says.

In: `ways` makes 72 products of the demo in each form; `cases` takes the folders of ../shared/cases; `large` makes
200,000 rows of text with 20,000 classes and 20,000 photos in class folders. Out: a table of sentences, or seconds and
MiB. `--before FOLDER` names a checkout of an earlier version, whose `check` reads the same inputs.
"""

from __future__ import annotations

import argparse
import csv
import html
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import psutil

from retail.files import DEMO_DIR, ROOT
from tests.workbook_sample import rows_of, write_xlsx

CASES = ROOT.parent / "shared" / "cases"
ROWS = 72
Way = Callable[[Path], Path]
WAYS: dict[str, Way] = {}
LIMITS = {"rows": (60.0, 2048), "photos": (20.0, 2048)}  # seconds, MiB


def way(title: str) -> Callable[[Way], Way]:
    def keep(make: Way) -> Way:
        WAYS[title] = make
        return make

    return keep


def products() -> list[dict[str, str]]:
    """Demo rows that have a photo and a text, of all categories in turn."""
    with (DEMO_DIR / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["image_file_name"] and row["text"]]
    rows = [row for row in rows if ";" not in row["image_file_name"]]
    return rows[:: len(rows) // ROWS][:ROWS]


def photos(folder: Path, below: str = "images", name: Callable[[int], str] = "{}.jpg".format) -> list[str]:
    """Copies of the photos; their paths from the folder."""
    names = [f"{below}/{name(place)}".removeprefix("/") for place in range(ROWS)]
    for target, row in zip(names, products(), strict=True):
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DEMO_DIR / row["image_file_name"], folder / target)
    return names


def frame(cells: list[str], column: str = "image_file_name", **more: list[str]) -> pd.DataFrame:
    rows = products()
    facts = {"text": [row["text"] for row in rows], "category": [row["category"] for row in rows]}
    return pd.DataFrame({column: cells, **facts, **more})


def written(folder: Path, data: pd.DataFrame, **options: str) -> Path:
    data.to_csv(folder / "metadata.csv", index=False, **options)  # type: ignore[call-overload]
    return folder


@way("CSV in the convention")
def plain(folder: Path) -> Path:
    return written(folder, frame(photos(folder)))


@way("CSV, '|' between cells")
def bars(folder: Path) -> Path:
    return written(folder, frame(photos(folder)), sep="|")


@way("CSV, ';' and Windows-1252")
def windows(folder: Path) -> Path:
    return written(folder, frame(photos(folder), marke=["Café"] * ROWS), sep=";", encoding="cp1252")


@way("TSV in UTF-16")
def wide(folder: Path) -> Path:
    return written(folder, frame(photos(folder)), sep="\t", encoding="utf-16")


@way("Hugging Face's file_name")
def file_name(folder: Path) -> Path:
    return written(folder, frame(photos(folder, ""), "file_name"))


@way("metadata.jsonl")
def json_lines(folder: Path) -> Path:
    frame(photos(folder, ""), "file_name").to_json(folder / "metadata.jsonl", orient="records", lines=True)
    return folder


@way("Parquet with paths")
def parquet(folder: Path) -> Path:
    frame(photos(folder)).to_parquet(folder / "products.parquet")
    return folder


@way("Parquet with the photos inside")
def embedded(folder: Path) -> Path:
    names = photos(folder, "away")
    cells = [{"bytes": (folder / name).read_bytes(), "path": name} for name in names]
    frame(cells, "image").to_parquet(folder / "train-00000-of-00001.parquet")  # type: ignore[arg-type]
    shutil.rmtree(folder / "away")
    return folder


@way("Excel beside its photos")
def excel(folder: Path) -> Path:
    data = frame(photos(folder))
    write_xlsx(folder / "products.xlsx", {"Products": rows_of(list(data.columns), *data.values.tolist())})
    return folder


@way("Excel, a sheet for each split")
def sheets(folder: Path) -> Path:
    data = frame(photos(folder))
    parts = {"train": data[:54], "test": data[54:]}
    write_xlsx(
        folder / "products.xlsx",
        {name: rows_of(list(part.columns), *part.values.tolist()) for name, part in parts.items()},
    )
    return folder


@way("train/ and test/, a table in each")
def split_folders(folder: Path) -> Path:
    names = [*photos(folder, "")]
    data = frame(names, "file_name")
    for split, part in (("train", data[:54]), ("test", data[54:])):
        (folder / split).mkdir()
        part.to_csv(folder / split / "metadata.csv", index=False)
        for name in part["file_name"]:
            (folder / name).rename(folder / split / name)
    return folder


@way("train.csv, val.csv, test.csv")
def split_tables(folder: Path) -> Path:
    data = frame(photos(folder))
    for split, part in (("train", data[:50]), ("val", data[50:60]), ("test", data[60:])):
        part.to_csv(folder / f"{split}.csv", index=False)
    return folder


@way("competition: train.csv, test.csv without labels, photos by id")
def competition(folder: Path) -> Path:
    photos(folder, "images", lambda place: f"{1000 + place}.jpg")
    data = frame([str(1000 + place) for place in range(ROWS)], "id").drop(columns="text")
    data[:60].to_csv(folder / "train.csv", index=False)
    data[60:].drop(columns="category").to_csv(folder / "test.csv", index=False)
    data[60:].to_csv(folder / "sample_submission.csv", index=False)
    return folder


@way("a folder for each class")
def class_folders(folder: Path) -> Path:
    for name, row in zip(photos(folder, ""), products(), strict=True):
        (folder / row["category"]).mkdir(exist_ok=True)
        (folder / name).rename(folder / row["category"] / name)
    return folder


@way("train/CLASS and test/CLASS")
def nested_classes(folder: Path) -> Path:
    for place, (name, row) in enumerate(zip(photos(folder, ""), products(), strict=True)):
        target = folder / ("test" if place % 4 == 3 else "train") / row["category"]
        target.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(target / name)
    return folder


@way("photos alone, for recognition")
def loose(folder: Path) -> Path:
    photos(folder, "")
    return folder


@way("photos found by base name")
def base_names(folder: Path) -> Path:
    return written(folder, frame([f"C:\\shop\\{Path(name).name}" for name in photos(folder, "archive/pics")]))


@way("absolute paths")
def absolute(folder: Path) -> Path:
    names = photos(folder, "store")
    (folder / "data").mkdir()
    return written(folder / "data", frame([str(folder / name) for name in names]))


@way("a linked folder of photos")
def linked(folder: Path) -> Path:
    names = photos(folder, "store")
    (folder / "data").mkdir()
    (folder / "data" / "images").symlink_to(folder / "store", target_is_directory=True)
    return written(folder / "data", frame([name.replace("store", "images") for name in names]))


@way("%20, back-slashes, another case and ending")
def spelled(folder: Path) -> Path:
    names = photos(folder, "my images", "photo {}.jpg".format)
    turns = [quote, lambda name: name.replace("/", "\\"), str.upper, lambda name: name.replace(".jpg", ".jpeg")]
    return written(folder, frame([turns[place % 4](name) for place, name in enumerate(names)]))


@way("two photos a cell, as a JSON list")
def lists(folder: Path) -> Path:
    names = photos(folder)
    return written(
        folder, frame([json.dumps([name, other]) for name, other in zip(names, names[1:] + names[:1], strict=True)])
    )


@way("a row for each photo, the product id repeated")
def row_a_photo(folder: Path) -> Path:
    return written(folder, frame(photos(folder), id=[f"p{place // 2}" for place in range(ROWS)]))


@way("web addresses, not fetched")
def addresses(folder: Path) -> Path:
    return written(folder, frame([f"https://cdn.example.com/{place}.jpg?w=800" for place in range(ROWS)], "image_link"))


@way("words for missing values")
def missing(folder: Path) -> Path:
    words = ["nan", "None", "N/A", "null", "-"]
    data = frame(photos(folder))
    for place in range(0, ROWS, 5):
        data.loc[place, ["text", "image_file_name", "category"][place // 5 % 3]] = words[place // 5 % 5]
    return written(folder, data)


@way("labels in several spellings")
def spellings(folder: Path) -> Path:
    data = frame(photos(folder))
    turns = [str.upper, str.title, lambda text: text.replace(" ", "\u00a0"), lambda text: f"{text}\u200b", str]
    data["category"] = [turns[place % 5](text) for place, text in enumerate(data["category"])]
    data["pack size"] = [str(place % 3 + 1) + (".0" if place % 2 else "") for place in range(ROWS)]
    return written(folder, data)


@way("several labels in a cell")
def several(folder: Path) -> Path:
    tags = ["organic", "organic, vegan", "vegan", "vegan, new", "new, organic", "new"]
    return written(folder, frame(photos(folder), tags=[tags[place % 6] for place in range(ROWS)]))


@way("HTML around the text")
def markup(folder: Path) -> Path:
    data = frame(photos(folder))
    data["text"] = [f"<div><p style='margin:0'>&nbsp;</p><b>{html.escape(text)}</b></div>" for text in data["text"]]
    return written(folder, data)


@way("product numbers ruined by a spreadsheet")
def rounded(folder: Path) -> Path:
    return written(folder, frame(photos(folder), id=["4.00638E+12"] * ROWS), sep=";")


def checked(data: Path, checkout: Path, *options: str) -> tuple[str, float, float]:
    """What `check` prints, its seconds and the most memory in MiB that its process took."""
    started, most = time.monotonic(), 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        command = [sys.executable, "-m", "retail", "check", str(data), *options]
        job = subprocess.Popen(command, cwd=checkout, stdout=out, stderr=subprocess.STDOUT)
        while job.poll() is None:
            try:
                most = max(most, psutil.Process(job.pid).memory_info().rss)
            except psutil.Error:
                pass
            time.sleep(0.05)
        out.seek(0)
        return out.read(), time.monotonic() - started, most / 2**20


def told(output: str) -> tuple[str, str]:
    """What `check` took the data for, and the sentences that a user reads beside it."""
    lines = [" ".join(line.split()) for line in output.splitlines()]
    facts = [
        line for line in lines if line.startswith(("Inputs ", "Questions ", "Tasks: ")) or " usable products" in line
    ]
    said = [line for line in lines if line.startswith(("Error: ", "Note: ", "Mend "))]
    return " · ".join(fact.rstrip(".") for fact in facts), " / ".join(said)


def compare(title: str, data: Path, before: Path | None) -> None:
    """A row of the table: what came, what was read before, what is read now, and what a user reads now."""

    def cells(checkout: Path) -> list[str]:
        return [cell.replace(str(data), "DATA").replace("|", "\\|") for cell in told(checked(data, checkout)[0])]

    earlier = " ".join(cells(before)).strip() if before else ""
    print(f"| {title.replace('|', chr(92) + '|')} | {earlier} | {' | '.join(cells(ROOT))} |", flush=True)


def header() -> None:
    print("| data | before | now | what a user reads |\n|---|---|---|---|")


def ways(before: Path | None) -> None:
    header()
    for title, make in WAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            compare(title, make(Path(folder)), before)


def cases(before: Path | None) -> None:
    if not CASES.is_dir():
        print(f"The cases are absent: {CASES}")
        return
    header()
    for folder in sorted(CASES.iterdir()):
        if folder.is_dir():
            compare(folder.name, folder, before)


def large(before: Path | None) -> None:
    """Seconds and memory against their limits."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as name:
        folder, draw = Path(name), random.Random(0)
        words = [f"word{number}" for number in range(3000)]
        with (folder / "metadata.csv").open("w", encoding="utf-8") as stream:
            stream.write("id,text,kind,brand,price\n")
            for number in range(200_000):
                text, kind, brand = " ".join(draw.choices(words, k=12)), draw.randrange(20_000), draw.randrange(90)
                stream.write(f"p{number},{text},class {kind},brand {brand},{draw.randrange(100, 9999) / 100}\n")
        output, seconds, most = checked(folder, ROOT, "--tasks", "kind,brand")
        report("200,000 rows, 20,000 classes", seconds, most, LIMITS["rows"])
        print(*told(output), sep="\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = (DEMO_DIR / products()[0]["image_file_name"]).read_bytes()
        for number in range(20_000):
            place = folder / f"class {number % 100}"
            place.mkdir(exist_ok=True)
            (place / f"{number}.jpg").write_bytes(content)
        started = time.monotonic()
        code = f"from retail.dataset.reader import read_manifest; m = read_manifest({name!r}); print(len(m.products))"
        found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        most = 0.0
        report(
            f"{int(found.stdout):,} photos in class folders, none opened",
            time.monotonic() - started,
            most,
            LIMITS["photos"],
        )


def report(title: str, seconds: float, most: float, limits: tuple[float, int]) -> None:
    memory = f", {most:,.0f} MiB (limit {limits[1]:,})" if most else ""
    print(f"{title}: {seconds:.1f} s (limit {limits[0]:.0f}){memory}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["ways", "cases", "large"])
    parser.add_argument("--before", type=Path)
    chosen = parser.parse_args()
    {"ways": ways, "cases": cases, "large": large}[chosen.what](chosen.before)
