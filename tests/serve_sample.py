"""A server of a tiny recogniser, in this process."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import torch
from fastapi.testclient import TestClient
from PIL import Image

from retail.encoders import load_encoder
from retail.fusion import build_head
from retail.recognizer import Recognizer
from retail.schema import Vocabulary
from retail.serve.app import create_app
from retail.serve.desk import Desk
from retail.serve.logs import JsonFormatter
from retail.serve.settings import ServeSettings
from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder
from tests.tiny_recognizer import fitted_certainty, tiny_recognizer

recognizer = cache(tiny_recognizer)
TINY = ServeSettings(Path("tiny"))
HERE = "http://127.0.0.1:8000"


def real_recognizer(folder: Path) -> Recognizer:
    """Of a small network for photos and one for descriptions, of the families that bundles name; it can be saved."""
    encoders = {
        "image": load_encoder(tiny_photo_encoder(folder)),
        "text": load_encoder(tiny_text_encoder(folder / "words")),
    }
    torch.manual_seed(0)
    dims = {modality: encoder.dim for modality, encoder in encoders.items()}
    head = build_head("gated", dims, {"fruit": 3}, width=8).eval()
    vocabularies = {"fruit": Vocabulary(("apple", "fig", "pear"))}
    return Recognizer(encoders, head, "gated", vocabularies, fitted_certainty(head), width=8)


def photo_bytes(colour: str = "red") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(stream, "PNG")
    return stream.getvalue()


def clip_bytes() -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.sin(np.arange(8000) / 5).astype("float32"), 16000, format="WAV")
    return stream.getvalue()


@contextmanager
def served(settings: ServeSettings = TINY, open_desk: Callable[[], Desk] | None = None) -> Iterator[TestClient]:
    """A client of a server that is ready."""
    app = create_app(settings, open_desk or (lambda: Desk(recognizer())))
    with TestClient(app, base_url=HERE) as client:
        while client.get("/ready").status_code != 200:
            time.sleep(0.01)
        yield client


class Lines(logging.Handler):
    """The log, line by line as it would be printed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps it."""
        self.lines.append(self.format(record))

    @property
    def events(self) -> list[dict]:
        """The same, read."""
        return [json.loads(line) for line in self.lines]
