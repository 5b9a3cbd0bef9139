"""The demo that ships: a trained bundle and example products from the test split of the demo data.

In: nothing. Out: the bundle's folder (trained at first start if it does not fit) and products to try.
"""

from __future__ import annotations

from pathlib import Path

from retail.build import train_recognizer
from retail.bundle import load_bundle, save_bundle
from retail.config import DEMO_BUNDLE, DEMO_DIR, DEMO_TASKS, TrainConfig, home
from retail.manifest import read_manifest
from retail.schema import MODALITIES, Product, Progress, UserError


def ensure_demo_bundle(progress: Progress | None = None) -> Path:
    """The shipped bundle, or, where it does not fit the installed encoders, one trained now and kept."""
    own = home() / "demo_bundle"
    for folder in (DEMO_BUNDLE, own):
        try:
            load_bundle(folder)
            return folder
        except UserError:
            continue
    recognizer = train_recognizer(DEMO_DIR, DEMO_TASKS, TrainConfig(), progress=progress)
    return save_bundle(recognizer, own)


def example_products() -> list[Product]:
    """Test rows of the demo data that have all three inputs; none of them was seen in training."""
    products = read_manifest(DEMO_DIR, DEMO_TASKS).in_split("test")
    return [product for product in products if product.modalities == MODALITIES]
