"""How many planted copies of products the audit finds, and how many of the pairs that it lists were planted.

In: the fashion and grocery sets beside the project, and the demo. Out: Markdown tables, those of `label_errors.md`.

Each copy has a changed photo and a reworded description, and no sound. The rest of the data is the look-alikes: pairs
of it that are listed count as false alarms, although some are one product that the shop lists twice. `choose` copies
training and validation rows (grocery: training), `report` test rows (grocery: validation).
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from label_errors import KEPT_APART, share_of, world
from PIL import Image, ImageEnhance, ImageOps

from retail.audit.duplicate_groups import duplicate_groups
from retail.audit.finding import Audited
from retail.encoders import load_preset
from retail.media import picture_of
from retail.schema import Product
from retail.store import EmbeddingStore, embed_products

COPIES = 120
Change = Callable[[Image.Image, np.random.Generator], bytes]


def coded(photo: Image.Image, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    photo.convert("RGB").save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def cropped(photo: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    width, height = photo.size
    across, down = int(width * share), int(height * share)
    left, top = int(rng.integers(0, across + 1)), int(rng.integers(0, down + 1))
    return photo.crop((left, top, width - across + left, height - down + top))


CHANGES: dict[str, Change] = {
    "hardly any": lambda photo, rng: coded(photo, 95),
    "coded again at quality 40": lambda photo, rng: coded(photo, 40),
    "half the size": lambda photo, rng: coded(photo.resize((max(1, photo.width // 2), max(1, photo.height // 2)))),
    "brightness × 0.75 or × 1.3": lambda photo, rng: coded(
        ImageEnhance.Brightness(photo).enhance(rng.choice([0.75, 1.3]))
    ),
    "12 % cut off": lambda photo, rng: coded(cropped(photo, 0.12, rng)),
    "mirrored, 6 % cut off": lambda photo, rng: coded(cropped(ImageOps.mirror(photo), 0.06, rng)),
}


def reworded(text: str, rng: np.random.Generator) -> str:
    """As it is, without a word, in another order, or with one more; half of them in small letters."""
    words, way = text.split(), int(rng.integers(4))
    if way == 1 and len(words) > 3:
        del words[int(rng.integers(len(words)))]
    elif way == 2 and len(words) > 2:
        words = words[1:] + words[:1]
    elif way == 3 and words:
        words.append(str(rng.choice(["new", "original", "2024", "unisex", "top quality"])))
    return " ".join(words).lower() if rng.random() < 0.5 else " ".join(words)


def planted(data: Audited, name: str, held: bool, seed: int) -> tuple[Audited, dict[frozenset[str], str]]:
    """The data with copies of some rows, and what was done to each."""
    rng = np.random.default_rng(seed)
    usable = [row for row in data.products if row.images and (row.split == KEPT_APART[name]) == held]
    chosen = rng.choice(len(usable), min(COPIES, len(usable)), replace=False)
    copies: list[Product] = []
    done: dict[frozenset[str], str] = {}
    for place, number in enumerate(chosen):
        source, change = usable[number], list(CHANGES)[place % len(CHANGES)]
        photo = CHANGES[change](picture_of(source.images[0]), rng)
        text = reworded(source.text, rng) if source.text else ""
        copies.append(replace(source, id=f"copy of {source.id}", images=(photo,), text=text, audio=None))
        done[frozenset((source.id, copies[-1].id))] = change
    batch, _ = embed_products(copies, load_preset("bundled"), {}, EmbeddingStore())
    embeddings = {m: np.concatenate([rows, batch.embeddings[m].numpy()]) for m, rows in data.embeddings.items()}
    present = {m: np.concatenate([rows, batch.present[m].numpy()]) for m, rows in data.present.items()}
    return Audited(data.root, [*data.products, *copies], data.tasks, embeddings, present), done


def pairs_of(data: Audited) -> dict[frozenset[str], float]:
    """Pairs that the audit lists, with the best similarity of their evidence."""
    found: dict[frozenset[str], float] = {}
    for group in duplicate_groups(data):
        for one in group.evidence:
            sure = 1.0 if one.reason != "same picture" else one.similarity
            pair = frozenset((one.row, one.other))
            found[pair] = max(found.get(pair, 0.0), sure)
    return found


def report(names: list[str], held: bool, seeds: int) -> None:
    """Precision and recall with the default, and recall by what was done to the photo."""
    print("| data | precision | pairs listed | recall | planted |\n|---|---|---|---|---|")
    by_change: Counter[tuple[str, bool]] = Counter()
    for name in names:
        data, hits, listed, total = world(name), 0, 0, 0
        for seed in range(seeds):
            changed, done = planted(data, name, held, seed)
            found = pairs_of(changed)
            hits, listed, total = hits + len(found.keys() & done.keys()), listed + len(found), total + len(done)
            by_change.update((change, pair in found) for pair, change in done.items())
            if seed == 0:
                print([" ".join(pair) for pair in found if pair not in done][:20], file=sys.stderr)
        print(f"| {name} | {share_of(hits, listed)} | {listed} | {share_of(hits, total)} | {total} |", flush=True)
    print("\n| photo | recall | planted |\n|---|---|---|")
    for change in CHANGES:
        n = by_change[change, True] + by_change[change, False]
        print(f"| {change} | {share_of(by_change[change, True], n)} | {n} |")


if __name__ == "__main__":
    verb, names, seeds = (sys.argv[1:] + ["report", "fashion,grocery,demo", "5"][len(sys.argv) - 1 :])[:3]
    report(names.split(","), verb == "report", int(seeds))
