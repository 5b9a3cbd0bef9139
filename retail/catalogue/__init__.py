"""Known products: which of them lie nearest to an upload, is it one of those that were added by hand.

In: a recogniser, its training data and the embeddings of an upload. Out: a `Gallery` and `Neighbour`s.

Similarity is the cosine of the embeddings, less the gallery's mean, averaged over the inputs that both products have.
An upload is a product that was added by hand when that is nearest of all, and more similar than the nearest neighbour
of 5 % of the validation products, which the gallery does not hold; each subset of inputs has a threshold of its own.
Whether an upload is unlike anything known says the recogniser itself (`retail.certainty`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from retail.dataset.manifest import Manifest
from retail.evaluation.hierarchy import ParentMap, parents_of
from retail.files import home, whole_folder
from retail.media import content_of, waveform_of
from retail.recognizer import Recognizer
from retail.recognizer.bundle import BUNDLE
from retail.schema import MODALITIES, SUBSETS, Modality, Prediction, Product, Progress, Subset, UserError
from retail.store import EmbeddingBatch, EmbeddingStore

# Share of the validation products that count as known.
KNOWN = 0.95
# With fewer validation products a 5 % quantile says nothing.
FEWEST_VAL = 20
ENROLLED = "enrolled"  # split of products that were added by hand
NAME = "name"  # their only label


@dataclass(frozen=True)
class Neighbour:
    """A known product and how similar it is, -1 to 1."""

    product: Product
    similarity: float

    @property
    def enrolled(self) -> bool:
        """Whether somebody added it by hand."""
        return self.product.split == ENROLLED

    @property
    def title(self) -> str:
        """Its labels, each once."""
        return " · ".join(dict.fromkeys(filter(None, self.product.labels.values()))) or self.product.id


@dataclass(frozen=True, eq=False)
class Gallery:
    """Known products with centred unit embeddings, a threshold per subset of inputs, and which task is whose parent."""

    products: tuple[Product, ...]
    known: EmbeddingBatch
    centres: Mapping[str, Tensor]
    thresholds: Mapping[Subset, float] = field(default_factory=dict)
    parents: Mapping[str, Mapping[str, ParentMap]] = field(default_factory=dict)

    def similarities(self, batch: EmbeddingBatch) -> Tensor:
        """(Q, known) mean cosine over shared inputs, less the gallery's means; -inf where a pair shares none."""
        return _similarities(_centred(batch, self.centres), self.known)

    def nearest(self, upload: EmbeddingBatch, used: Sequence[Modality], count: int = 5) -> list[Neighbour]:
        """The best example of each of the `count` nearest kinds of product; equal labels are one kind."""
        scores = self.similarities(upload.only(used))[0]  # (N,)
        best: dict[Any, Neighbour] = {}
        for place in scores.argsort(descending=True).tolist():
            similarity = float(scores[place])
            if similarity == -torch.inf or len(best) == count:
                break
            product = self.products[place]
            kind = (product.split == ENROLLED, *product.labels.values()) if any(product.labels.values()) else product.id
            best.setdefault(kind, Neighbour(product, similarity))
        return list(best.values())

    def recognised(self, neighbours: Sequence[Neighbour], used: Sequence[Modality]) -> Neighbour | None:
        """The product added by hand that an upload is: the nearest of all, and near enough for these inputs."""
        threshold = self.thresholds.get(tuple(m for m in MODALITIES if m in used))
        if threshold is None or not neighbours or not neighbours[0].enrolled:
            return None
        return neighbours[0] if neighbours[0].similarity >= threshold else None

    def contradictions(self, answer: Prediction, recognizer: Recognizer) -> list[str]:
        """A sentence for each pair of tasks whose answers cannot both be right, by the training rows."""
        found = []
        for child, maps in self.parents.items():
            best = answer.best(child)[0]
            for parent, mapping in maps.items():
                place = recognizer.vocabularies[child].index(best)
                implied = recognizer.vocabularies[parent].classes[int(mapping[place])]
                if implied != (said := answer.best(parent)[0]):
                    found.append(
                        f"The answers contradict each other: as {_words(child)}, {best} belongs to {implied}, but as "
                        f"{_words(parent)} the model says {said}. One of the two is wrong."
                    )
        return found

    def with_enrolled(self, recognizer: Recognizer, products: Sequence[Product]) -> Gallery:
        """The same gallery with products that were added by hand."""
        if not products:
            return self
        batch, _ = recognizer.embed(products, EmbeddingStore())
        return replace(
            self, products=(*self.products, *products), known=_joined(self.known, _centred(batch, self.centres))
        )


def build_gallery(recognizer: Recognizer, manifest: Manifest, progress: Progress | None = None) -> Gallery:
    """From the train rows; the thresholds are chosen on validation rows. Embeddings come from the store."""
    wanted = recognizer.learned_from
    if wanted and wanted != manifest.checksum:
        raise UserError(f"The data in {manifest.title} changed since this recogniser was trained; train it again.")
    train, val = manifest.in_split("train"), manifest.in_split("val")
    batch, _ = recognizer.embed([*train, *val], EmbeddingStore(), progress)
    places = torch.arange(len(batch))
    known, held_out = batch.rows(places < len(train)), batch.rows(places >= len(train))
    centres = {
        m: rows[known.present[m]].mean(0) for m, rows in known.embeddings.items() if bool(known.present[m].any())
    }
    known, held_out = _centred(known, centres), _centred(held_out, centres)
    thresholds = {
        subset: threshold
        for subset in SUBSETS
        if set(subset) <= set(recognizer.modalities) and (threshold := _threshold(known, held_out, subset)) is not None
    }
    targets = {task: rows.numpy() for task, rows in known.targets.items()}
    sizes = {task: len(vocabulary) for task, vocabulary in recognizer.vocabularies.items()}
    tasks = [*recognizer.vocabularies]
    shown = tuple(replace(row, labels={task: row.labels.get(task, "") for task in tasks}) for row in train)
    return Gallery(shown, known, centres, thresholds, parents_of(targets, sizes))


def empty_gallery(recognizer: Recognizer) -> Gallery:
    """For a recogniser whose training data is not available: it knows what is enrolled."""
    batch, _ = recognizer.embed([])
    return Gallery((), batch, {})


def _words(task: str) -> str:
    return task.replace("_", " ")


def _threshold(known: EmbeddingBatch, held_out: EmbeddingBatch, subset: Subset) -> float | None:
    full = held_out.having(subset)  # (N_val,)
    if int(full.sum()) < FEWEST_VAL:
        return None
    best = _similarities(held_out.rows(full).only(subset), known).max(1).values
    return float(best.quantile(1 - KNOWN)) if bool(best.isfinite().all()) else None


def _centred(batch: EmbeddingBatch, centres: Mapping[str, Tensor]) -> EmbeddingBatch:
    """Unit vectors from the gallery's centre."""
    moved = {name: rows - centres[name] if name in centres else rows for name, rows in batch.embeddings.items()}
    return replace(batch, embeddings={name: normalize(rows, dim=1) for name, rows in moved.items()})


def _similarities(queries: EmbeddingBatch, known: EmbeddingBatch) -> Tensor:
    """(Q, N) mean cosine over shared inputs, -inf where a pair shares none."""
    total = torch.zeros(len(queries), len(known))
    shared = torch.zeros(len(queries), len(known))
    for name, rows in known.embeddings.items():
        both = queries.present[name][:, None] & known.present[name]  # (Q, N)
        total += torch.where(both, queries.embeddings[name] @ rows.T, 0.0)
        shared += both
    return torch.where(shared > 0, total / shared.clamp_min(1), -torch.inf)


def _joined(one: EmbeddingBatch, other: EmbeddingBatch) -> EmbeddingBatch:
    embeddings = {name: torch.cat([rows, other.embeddings[name]]) for name, rows in one.embeddings.items()}
    present = {name: torch.cat([mask, other.present[name]]) for name, mask in one.present.items()}
    return EmbeddingBatch((*one.ids, *other.ids), embeddings, present, {})


def catalogue_key(bundle: Path) -> str:
    """Tells the products added to one recogniser from another's."""
    return hashlib.sha256((bundle / BUNDLE).read_bytes()).hexdigest()[:16]


def catalogue_folder(key: str) -> Path:
    """Where a recogniser's own products live, one folder each."""
    return home() / "catalogue" / Path(key).name


def enrol(key: str, name: str, product: Product) -> Product:
    """Keeps an upload as a known product; raises UserError without a name or an input."""
    if not name.strip() or not product.modalities:
        raise UserError("A known product needs a name and at least one photo, description or sound.")
    folder = catalogue_folder(key) / secrets.token_hex(6)
    with whole_folder(folder) as partial:
        for place, image in enumerate(product.images):
            (partial / f"image_{place:02}").write_bytes(content_of(image))
        if product.audio is not None:
            waveform_of(product.audio)  # what cannot be read is refused, not kept
            (partial / "sound").write_bytes(content_of(product.audio))
        facts = {"name": name.strip(), "text": product.text}
        (partial / "product.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    return _read(folder)


def enrolled(key: str) -> list[Product]:
    """The products that were added by hand, by name; a damaged folder is left out."""
    found = []
    for path in catalogue_folder(key).glob("*/product.json"):
        if path.parent.suffix != ".part":
            try:
                found.append(_read(path.parent))
            except (OSError, ValueError, KeyError, TypeError):
                continue
    return sorted(found, key=lambda product: (product.labels[NAME], product.id))


def forget(key: str, product_id: str) -> None:
    """Takes a product that was added by hand out again."""
    shutil.rmtree(catalogue_folder(key) / Path(product_id).name, ignore_errors=True)


def _read(folder: Path) -> Product:
    facts = json.loads((folder / "product.json").read_text(encoding="utf-8"))
    sound = folder / "sound"
    return Product(
        id=folder.name,
        images=tuple(sorted(folder.glob("image_*"))),
        text=str(facts["text"]),
        audio=sound if sound.is_file() else None,
        labels={NAME: str(facts["name"])},
        split=ENROLLED,
    )
