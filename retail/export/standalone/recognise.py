"""From any mix of photo, description and WAV to classes with probabilities, by the graphs of one folder.

In: a folder that `retail export --onnx` wrote. Out: an `Exported` that answers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from .hearing import Hearing
from .photos import pixels_of
from .sounds import samples_of
from .texts import WordPieces

File = str | Path | bytes
EDGE = 1e-5  # no curve tells 0.00001 from 0


class Exported:
    """One recogniser; every graph is loaded once."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self.facts: dict[str, Any] = json.loads((self._folder / "recogniser.json").read_text(encoding="utf-8"))
        self.inputs: dict[str, dict[str, Any]] = self.facts["inputs"]
        self._graphs = {file: self._graph(file) for file in self._files()}
        if "text" in self.inputs:
            self._words = WordPieces(str(self._folder / self.inputs["text"]["tokenizer"]), self.inputs["text"])
        if "audio" in self.inputs:
            own = self.inputs["audio"]
            self._hearing = Hearing(self._graphs[own["graph"]], self._graphs[own["listener"]], own)

    def recognise(
        self, image: File | Sequence[File] = (), text: str = "", audio: File | None = None, accuracy: float = 0.95
    ) -> dict[str, Any]:
        """The answer by whatever is given; inputs that the recogniser does not know do not count."""
        return self.answer(self.embed(image, text, audio), accuracy)

    def embed(
        self, image: File | Sequence[File] = (), text: str = "", audio: File | None = None
    ) -> dict[str, np.ndarray]:
        """{input: (D,)} of what is given, known and usable."""
        photos = [image] if isinstance(image, str | Path | bytes) else list(image)
        found: dict[str, np.ndarray | None] = {}
        if "image" in self.inputs and photos:
            found["image"] = np.mean([self._photo(photo) for photo in photos], axis=0)
        if "text" in self.inputs and (pieces := self._words.of(text)):
            graph = self._graphs[self.inputs["text"]["graph"]]
            found["text"] = np.mean([graph.run(None, piece)[0][0] for piece in pieces], axis=0)
        if "audio" in self.inputs and audio is not None:
            found["audio"] = self._hearing.embedding(samples_of(audio, self.inputs["audio"]))
        return {name: embedding for name, embedding in found.items() if embedding is not None}

    def answer(self, embeddings: dict[str, np.ndarray], accuracy: float = 0.95) -> dict[str, Any]:
        """Probabilities, likeliest class, candidates and decision of each task, and whether the product is unknown."""
        used = [name for name in self.inputs if name in embeddings]
        if not used:
            raise ValueError(f"Nothing to recognise: give a usable {' or '.join(self.inputs)}.")
        subset, wish = "+".join(used), int(np.searchsorted(self.facts["wishes"], accuracy - 1e-9))
        logits, score = self._head(embeddings)
        limit = self.facts["unknown"].get(subset)
        unknown = score is not None and limit is not None and score > limit
        answers = {}
        for task, classes in self.facts["tasks"].items():
            probs = _calibrated(logits[task], self.facts["calibration"][task].get(subset, {}))
            place = int(probs.argmax())
            bounds = self.facts["sets"][task].get(subset)
            inside = [True] * len(classes) if bounds is None else _inside(probs, bounds, wish)
            sure = self.facts["thresholds"][task].get(subset, [None] * len(self.facts["wishes"]))[wish]
            accepted = sure is not None and probs[place] >= sure
            answers[task] = {
                "label": classes[place],
                "probability": float(probs[place]),
                "decision": "unknown" if unknown else "accept" if accepted else "review",
                "candidates": [classes[one] for one in np.argsort(-probs, kind="stable") if inside[one]],
                "probabilities": dict(zip(classes, probs.tolist(), strict=True)),
            }
        return {"used": used, "answers": answers, "unknown": unknown, "unknown_score": score}

    def _photo(self, photo: File) -> np.ndarray:
        own = self.inputs["image"]
        return self._graphs[own["graph"]].run(None, {"pixels": pixels_of(photo, own)[None]})[0][0]

    def _head(self, embeddings: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], float | None]:
        feeds: dict[str, np.ndarray] = {"present": np.array([[name in embeddings for name in self.inputs]])}
        for name, own in self.inputs.items():
            feeds[name] = np.asarray(embeddings.get(name, np.zeros(own["dim"])), dtype=np.float32)[None]
        head = self.facts["head"]
        found = dict(zip(head["outputs"], self._graphs[head["graph"]].run(head["outputs"], feeds), strict=True))
        logits = {task: found[f"logits_{place}"][0] for place, task in enumerate(self.facts["tasks"])}
        return logits, float(found["unknown"][0]) if "unknown" in found else None

    def _files(self) -> set[str]:
        files = {self.facts["head"]["graph"], *(own["graph"] for own in self.inputs.values())}
        return files | {own["listener"] for own in self.inputs.values() if "listener" in own}

    def _graph(self, file: str) -> Any:
        return onnxruntime.InferenceSession(str(self._folder / file), providers=["CPUExecutionProvider"])


def _calibrated(logits: np.ndarray, facts: dict[str, Any]) -> np.ndarray:
    """(C,) -> (C,): a temperature that follows the entropy, then a curve for the likeliest class."""
    log_probs = logits.astype(np.float64) - logits.max()
    log_probs -= math.log(np.exp(log_probs).sum())
    entropy = -(np.exp(log_probs) * np.maximum(log_probs, -1e4)).sum() / math.log(max(len(logits), 2))
    log_t = math.log(facts.get("temperature", 1.0)) + facts.get("slope", 0.0) * (entropy - 0.5)
    scaled = (logits.astype(np.float64) - logits.max()) / min(max(math.exp(log_t), 0.25), 10.0)
    probs = np.exp(scaled) / np.exp(scaled).sum()
    a, b, c = facts.get("curve", (1.0, 1.0, 0.0))
    others = probs.copy()
    others[best := int(probs.argmax())] = 0.0
    rest, second = others.sum(), others.max()
    if (a, b, c) == (1.0, 1.0, 0.0) or rest <= 0:
        return probs
    top = min(max(probs[best], EDGE), 1 - EDGE)
    moved = 1 / (1 + math.exp(-(a * math.log(top) - b * math.log1p(-top) + c)))
    moved = min(max(moved, second / (second + rest) + 1e-6), 1.0)
    others *= (1 - moved) / rest
    others[best] = moved
    return others


def _inside(probs: np.ndarray, bounds: dict[str, Any], wish: int) -> np.ndarray:
    least = np.full(len(probs), bounds["pooled"][wish])
    least[bounds["classes"]] = bounds["own"][wish]
    inside = probs >= least
    inside[probs.argmax()] = True
    return inside
