"""Recognise retail products from any mix of photo, description and sound.

    from retail import Recognizer

    answer = Recognizer.load("demo").predict(image="front.jpg", text="oat drink, 1 l")
    answer.best("product")  # (class, probability)

`train` makes a recogniser from your data, `train_best` chooses its method too, and `compare` tells whether fusing
inputs is worth it there. Nothing heavy is loaded before one of these names is used.

Import order, each room only from those before it: schema, plugins, wording, escaping, config, system, outside, files,
media, dataset, inference, encoders, store, cluster, augmentation, fusion, metrics, splits, training, finetuning,
frozen, certainty, recognizer, audit, evaluation, comparison, charts, report, build, best, estimator, export, catalogue,
review, workspace, serve, components, pages and commands.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retail.best.on_data import train_best
    from retail.build import train
    from retail.comparison.on_data import compare
    from retail.comparison.results import Results
    from retail.estimator import FusionClassifier
    from retail.recognizer import Recognizer
    from retail.schema import Prediction, Product, UserError

__version__ = "0.1.0"  # the one place: the build reads it here
__all__ = [
    "FusionClassifier",
    "Prediction",
    "Product",
    "Recognizer",
    "Results",
    "UserError",
    "compare",
    "train",
    "train_best",
]

_ROOMS = {
    "FusionClassifier": "retail.estimator",
    "Prediction": "retail.schema",
    "Product": "retail.schema",
    "Recognizer": "retail.recognizer",
    "Results": "retail.comparison.results",
    "UserError": "retail.schema",
    "compare": "retail.comparison.on_data",
    "train": "retail.build",
    "train_best": "retail.best.on_data",
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for (PEP 562)."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'retail' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_ROOMS[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
