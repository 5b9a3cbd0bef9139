"""How often Recognise warns that an upload is unlike anything known: the demo's test products, known and made unknown.

In: the demo's recogniser and data. Out: the share warned about with the product's own examples in the gallery and
without them, and the area under the ROC curve between the two. Only test rows with all three inputs count.
"""

from __future__ import annotations

import torch

from recipes.spoken_word.scores import area_under_roc
from retail.catalogue import build_gallery
from retail.dataset.manifest import read_manifest
from retail.files import DEMO_BUNDLE, DEMO_DIR, DEMO_TASKS
from retail.recognizer.bundle import load_bundle
from retail.schema import MODALITIES
from retail.store import EmbeddingStore


def main() -> None:
    recognizer, manifest = load_bundle(DEMO_BUNDLE), read_manifest(DEMO_DIR, DEMO_TASKS)
    gallery = build_gallery(recognizer, manifest)
    rows = manifest.in_split("test")
    batch, _ = recognizer.embed(rows, EmbeddingStore())
    full = torch.stack([batch.present[modality] for modality in MODALITIES]).all(0)
    similar = gallery.similarities(batch.rows(full))  # (N, known)
    asked = [row for row, whole in zip(rows, full.tolist(), strict=True) if whole]
    own = torch.tensor(
        [[row.labels["product"] == known.labels["product"] for known in gallery.products] for row in asked]
    )
    known = similar.max(1).values
    unknown = similar.masked_fill(own, -torch.inf).max(1).values
    threshold = gallery.thresholds[tuple(MODALITIES)]
    flagged = [100 * float((values < threshold).float().mean()) for values in (known, unknown)]
    print(f"n = {len(asked)}, threshold {threshold:.2f}")
    print(f"warned about known products      {flagged[0]:5.1f} %")
    print(f"warned about unknown products    {flagged[1]:5.1f} %")
    print(f"area under the ROC curve         {area_under_roc(known, unknown):5.2f}")


if __name__ == "__main__":
    main()
