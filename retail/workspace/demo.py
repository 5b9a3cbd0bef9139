"""The demo that ships: a trained bundle, the other strategies on demand, and example products of the test split.

In: nothing. Out: the bundle's folder (trained at first start if it does not fit) and products to try.
"""

from __future__ import annotations

from pathlib import Path

from retail.build import train_recognizer
from retail.config import TrainConfig
from retail.dataset.reader import read_manifest
from retail.files import DEMO_BUNDLE, DEMO_DIR, DEMO_TASKS, home
from retail.fusion import strategies
from retail.recognizer.bundle import BUNDLE, load_bundle, save_bundle
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


def demo_strategies() -> Path:
    """Where the demo's recognisers of other strategies live, one folder each."""
    return home() / "demo_strategies"


def missing_demo_strategies() -> list[str]:
    """Compared strategies that neither ship nor were trained here yet."""
    shipped = load_bundle(ensure_demo_bundle()).strategy
    have = {path.parent.name for path in demo_strategies().glob(f"*/{BUNDLE}")} | {shipped}
    return [name for name, head in strategies().items() if head.compared and name not in have]


def train_demo_strategies(progress: Progress | None = None) -> list[Path]:
    """Trains what is missing on the demo data, with the settings of the shipped one; seconds each."""
    manifest, missing = read_manifest(DEMO_DIR, DEMO_TASKS), missing_demo_strategies()
    folders = []
    for place, name in enumerate(missing):
        if progress:
            progress(f"Training {name}", place, len(missing))
        trained = train_recognizer(manifest, None, TrainConfig(strategy=name))
        folders.append(save_bundle(trained, demo_strategies() / name))
    return folders


def example_products() -> list[Product]:
    """Test rows of the demo data that have all three inputs; none of them was seen in training."""
    products = read_manifest(DEMO_DIR, DEMO_TASKS).in_split("test")
    return [product for product in products if product.modalities == MODALITIES]
