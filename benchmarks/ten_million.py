"""What one product costs here, and so what ten million with three photos each would: the figures of
docs/explanation/ten-million.md.

In: the measuring data beside the project. Out: processor milliseconds an input, bytes a product, on stdout.
`OMP_NUM_THREADS=1 python -m benchmarks.ten_million`; the larger photos are those of groceries, made larger.
"""

from __future__ import annotations

import csv
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from retail.dataset.reader import read_manifest
from retail.encoders import load_preset
from retail.files import DEMO_BUNDLE
from retail.media import content_hash, picture_of
from retail.recognizer import Recognizer
from retail.store import embed_products
from retail.store.remote import store_at

DATA = Path(__file__).resolve().parents[2] / "shared" / "datasets"
N, ROWS = 256, 100_000
MEGAPIXELS = (1, 4, 12)


def spent(do: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds, system included, and what came out."""
    before = os.times()
    found = do()
    after = os.times()
    return after.user - before.user + after.system - before.system, found


def inputs(folder: Path) -> None:
    """From a file to a vector in a store; of each kind of input by itself."""
    for name, data in (("fashion", DATA / "fashion"), ("grocery", DATA / "grocery")):
        products = read_manifest(data).products[:N]
        for modality, encoder in load_preset("bundled").items():
            whole = [product for product in products if modality in product.modalities]
            if not whole:
                continue
            embed_products(whole[:32], {modality: encoder}, {}, store_at(f"file://{folder}/warm"))
            place = folder / f"{name}_{modality}"
            seconds, _ = spent(
                lambda e=encoder, m=modality, w=whole, p=place: embed_products(w, {m: e}, {}, store_at(f"file://{p}"))
            )
            kept = sum(file.stat().st_size for file in place.rglob("*.safetensors"))
            cost = f"{1000 * seconds / len(whole):6.1f} ms, {kept / len(whole):8,.0f} bytes"
            print(f"{name} {modality:6} {cost}, n = {len(whole)}")


def photos(folder: Path) -> None:
    """What hashing and decoding take where photos are as large as a camera makes them."""
    small = [Image.open(product.images[0]).convert("RGB") for product in read_manifest(DATA / "grocery").products[:8]]
    for size in MEGAPIXELS:
        files = []
        for number, picture in enumerate(small):
            height = round((size * 1e6 * picture.height / picture.width) ** 0.5)
            files.append(folder / f"{size}_{number}.jpg")
            wide = round(height * picture.width / picture.height)
            picture.resize((wide, height), Image.Resampling.BICUBIC).save(files[-1], quality=90)
        seconds, _ = spent(lambda own=files: [(content_hash(file), picture_of(file)) for file in own])
        mean = sum(file.stat().st_size for file in files) / len(files) / 2**20
        print(f"decode {size:2} MP  {1000 * seconds / len(files):6.1f} ms, {mean:.1f} MiB a file, n = {len(files)}")


def answers() -> None:
    """The head with all that an answer is judged by, on embeddings that are there."""
    recognizer, products = Recognizer.load(DEMO_BUNDLE), read_manifest("demo").products
    batch, notes = recognizer.embed(products)
    recognizer.answer(batch.rows(slice(0, 8)), notes)
    seconds, _ = spent(lambda: recognizer.answer(batch, notes))
    print(f"answer         {1000 * seconds / len(products):6.2f} ms, n = {len(products)}")


def table(folder: Path) -> None:
    """Reading a table that lies elsewhere, of which the driver keeps every row."""
    path = folder / "many.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["id", "image", "text"])
        rows.writerows(
            [f"sku-{n:08}", ";".join(f"photos/{n // 1000}/{n}-{k}.jpg" for k in range(3)), f"oat drink no {n}, 1 l"]
            for n in range(ROWS)
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, found = spent(lambda: read_manifest(f"file://{path}", use_split=False))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    cost = f"{1e6 * seconds / ROWS:6.1f} µs, {1024 * grown / ROWS:,.0f} bytes of memory a row"
    print(f"table          {cost}, n = {len(found.products):,}")


def main() -> None:
    torch.set_num_threads(1)
    print(f"load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        table(Path(folder))  # first, for the peak of memory is that of the process
        inputs(Path(folder))
        photos(Path(folder))
    answers()


if __name__ == "__main__":
    main()
