"""The script that a data scientist would write: timm, sentence-transformers and scikit-learn, nothing else.

In: the work of `measure.py`. Out: a scaler with a logistic regression on both embeddings; its penalty is chosen on
validation rows.
"""

from __future__ import annotations

import pickle

import numpy as np
import timm
import torch
from PIL import Image
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.peers.measure import BATCH, TASK, Answer, Asked, Work, main


class Encoders:
    """Photo and words to one row of numbers."""

    def __init__(self, work: Work) -> None:
        weights = f"{work.encoders['image']}/pytorch_model.bin"
        self.photos = timm.create_model("tf_efficientnet_lite0", num_classes=0, checkpoint_path=weights).eval()
        self.transform = timm.data.create_transform(**timm.data.resolve_model_data_config(self.photos))
        self.words = SentenceTransformer(work.encoders["text"], device="cpu")

    @torch.inference_mode()
    def __call__(self, rows: list[dict]) -> np.ndarray:
        """(N, 1280 + 384)"""
        found = []
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            pictures = [self.transform(Image.open(row["image"]).convert("RGB")) for row in part]
            photos = self.photos(torch.stack(pictures)).numpy()
            words = self.words.encode([row["text"] for row in part], batch_size=BATCH, show_progress_bar=False)
            found.append(np.hstack([photos, words]))
        return np.vstack(found)


def train(work: Work, mode: str) -> None:
    """The best of four penalties on the validation rows."""
    encoders = Encoders(work)
    split = {name: (encoders(work.rows[name]), [row[TASK] for row in work.rows[name]]) for name in ("train", "val")}
    models = [make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=500)) for c in (1e-3, 1e-2, 0.1, 1)]
    best = max((model.fit(*split["train"]) for model in models), key=lambda model: model.score(*split["val"]))
    work.own("script", mode).write_bytes(pickle.dumps(best))


def load(work: Work, mode: str) -> Asked:
    """Encoders and classifier."""
    encoders, model = Encoders(work), pickle.loads(work.own("script", mode).read_bytes())

    def asked(rows: list[dict]) -> list[Answer]:
        probs = model.predict_proba(encoders(rows)).tolist()
        return [Answer(dict(zip(model.classes_, own, strict=True))) for own in probs]

    return asked


if __name__ == "__main__":
    main(train, load)
