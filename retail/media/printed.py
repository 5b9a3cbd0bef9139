"""Words that are printed on what a photo shows, read by RapidOCR (PP-OCRv6), whose package holds its models.

In: an RGB picture. Out: `Line`s in reading order. The package is an extra, `retail[ocr]`; nothing is downloaded.
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retail.outside.limits import MAX_PRINTED_CHARACTERS, MAX_PRINTED_LINES
from retail.schema import UserError

if TYPE_CHECKING:
    from PIL import Image

FLOOR = 0.8  # confidence from which a line counts; chosen on validation rows, see benchmarks/evidence.md
FEWEST_SIGNS = 2  # letters or digits; single ones are mostly patterns that look like one
READING_SIDE = 1024  # pixels of the longest side; what encoders are given has no more
FLATTEST = 4  # longer side by shorter: the reader enlarges the shorter side to 736 pixels, and flatter ones take 5 s
MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}
NOT_INSTALLED = "Reading printed words needs the package's extra: pip install 'retail[ocr]'."

_lock = threading.Lock()  # one picture at a time; the models use every core themselves


@dataclass(frozen=True)
class Line:
    """Words that stand together, and how sure the reader is of them, 0 to 1."""

    text: str
    confidence: float


def can_read_words() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


def check_can_read_words() -> None:
    """Raises UserError where the extra is not installed."""
    if not can_read_words():
        raise UserError(NOT_INSTALLED)


def read_words(picture: Image.Image, floor: float = FLOOR) -> tuple[Line, ...]:
    """Lines of at least this confidence; none where there are none. Raises UserError without the extra."""
    check_can_read_words()
    small = picture.convert("RGB")
    small.thumbnail((READING_SIDE, READING_SIDE))
    if max(small.size) > FLATTEST * min(small.size):  # the reader would enlarge it to many times its size
        return ()
    pixels = np.ascontiguousarray(np.asarray(small)[:, :, ::-1])  # (H, W, 3), blue first as OpenCV has it
    try:
        with _lock:
            found = _reader()(pixels)
    except UserError:
        raise
    except Exception:  # OpenCV and ONNX Runtime raise classes of their own; a photo without words is no failure
        return ()
    lines = zip(found.txts or (), found.scores or (), strict=True)
    kept = [Line(_tidy(text), float(score)) for text, score in lines if score >= floor]
    return tuple(line for line in kept if sum(map(str.isalnum, line.text)) >= FEWEST_SIGNS)[:MAX_PRINTED_LINES]


def as_text(lines: Sequence[Line]) -> str:
    """What the text encoder is given: every line once."""
    return "\n".join(dict.fromkeys(line.text for line in lines))


def _tidy(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:MAX_PRINTED_CHARACTERS]


@cache
def _reader() -> Any:
    from rapidocr import RapidOCR

    folder = Path(str(importlib.resources.files("rapidocr"))) / "models"
    paths = {f"{part}.model_path": str(folder / file) for part, file in MODELS.items()}
    if missing := [path for path in paths.values() if not Path(path).is_file()]:
        raise UserError(f"The package 'rapidocr' lacks its model {Path(missing[0]).name}; install 'retail[ocr]' again.")
    return RapidOCR(params={"Global.log_level": "critical", "Det.max_candidates": MAX_PRINTED_LINES} | paths)
