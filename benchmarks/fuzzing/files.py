"""Files that one part of the product writes and another reads, from elsewhere: recognisers, results, requests, runs.

In: nothing. Out: `TARGETS` that read a damaged or hostile file and then do with it what commands and pages do.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch

from benchmarks.fuzzing.documents import as_json, some_bytes, some_json, some_tensors
from benchmarks.fuzzing.shown import SHOWN
from retail import encoders
from retail.finetuning.record import FinetuningRecord
from retail.recognizer.bundle import BUNDLE, CERTAINTY, HEAD, load_bundle, training_of
from retail.recognizer.card import card_text
from retail.report.frozen_tables import finetuning_table
from retail.store import EmbeddingBatch
from tests.bundle_sample import finetuning_record

ROOM = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # thousands of folders that nobody needs on a disk
ROWS = 3


@cache
def plain_bundle() -> dict[str, bytes]:
    """Three encoders of installed packages, three questions, and all that its answers are worth."""
    from retail.encoders import load_preset
    from retail.fusion import build_head
    from retail.recognizer import Recognizer
    from retail.recognizer.bundle import save_bundle
    from retail.schema import Vocabulary
    from tests.tiny_recognizer import fitted_certainty

    torch.set_num_threads(1)
    torch.manual_seed(0)
    loaded = load_preset("bundled")
    tasks = {"fruit": ("apple", "fig", "pear"), "colour": tuple("abcdefg"), "name": ("one", "two")}
    head = build_head(
        "gated", {m: encoder.dim for m, encoder in loaded.items()}, {t: len(c) for t, c in tasks.items()}, width=8
    )
    certainty = fitted_certainty(head.eval())
    words = {task: Vocabulary(classes) for task, classes in tasks.items()}
    info = finetuning_record([0.25, 0.5])
    with tempfile.TemporaryDirectory() as folder:
        save_bundle(Recognizer(loaded, head, "gated", words, certainty, 8, info), Path(folder))
        return _files(Path(folder))


@cache
def tuned_bundle() -> dict[str, bytes]:
    """Its own photo, text and sound encoders, as fine-tuning writes them, small ones."""
    from retail.encoders import load_encoder
    from retail.fusion import build_head
    from retail.recognizer import Recognizer
    from retail.recognizer.bundle import save_bundle
    from retail.schema import Vocabulary
    from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        text, sound = load_encoder(tiny_text_encoder(folder / "t")), load_encoder("torchaudio:spoken-word@bundled")
        text.save(text.new_model(), folder / "text")  # type: ignore[attr-defined]
        sound.save(sound.new_model(), folder / "sound.safetensors")  # type: ignore[attr-defined]
        names = {
            "audio": f"torchaudio:spoken-word@{folder}/sound.safetensors",
            "image": tiny_photo_encoder(folder),
            "text": f"hf:{folder}/text",
        }
        loaded = {modality: load_encoder(name) for modality, name in names.items()}
        head = build_head("linear", {m: encoder.dim for m, encoder in loaded.items()}, {"fruit": 3}).eval()
        words = {"fruit": Vocabulary(("apple", "fig", "pear"))}
        save_bundle(Recognizer(loaded, head, "linear", words), folder / "bundle")  # type: ignore[arg-type]
        for name in names.values():
            encoders._loaded.pop(name)
        return _files(folder / "bundle")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def bundle(rng: random.Random) -> None:
    """A recogniser of somebody else: loaded, asked, described."""
    _try_bundle(_changed(plain_bundle(), rng))


def own_encoders(rng: random.Random) -> None:
    """The same with encoders in its folder."""
    _try_bundle(_changed(tuned_bundle(), rng))


def _changed(files: Mapping[str, bytes], rng: random.Random) -> dict[str, bytes]:
    """One file or two of them changed; three times of four the checksums are made right again."""
    made = dict(files)
    weighted = [name for name in made for _ in range(6 if name == BUNDLE else 2)]
    for name in {rng.choice(weighted) for _ in range(rng.choice((1, 1, 1, 2)))}:
        made[name] = _file(name, made[name], rng)
    if rng.random() < 0.02:
        del made[rng.choice(list(made))]
    if rng.random() < 0.02:
        made[rng.choice(("text_encoder/adapter_config.json", "text_encoder/pytorch_model.bin", "x.py"))] = b"{}"
    return _sealed(made) if rng.random() < 0.75 else made


def _file(name: str, content: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.15:
        return some_bytes(content, rng)
    if name.endswith(".json"):
        return as_json(some_json(json.loads(content), rng), rng)
    return some_tensors(content, rng) if name.endswith(".safetensors") else some_bytes(content, rng)


def _sealed(files: dict[str, bytes]) -> dict[str, bytes]:
    """With the checksums that somebody who means harm would write."""
    try:
        found = json.loads(files[BUNDLE])
        for key, name in (("head_sha256", HEAD), ("certainty_sha256", CERTAINTY)):
            if key in found and name in files:
                found[key] = hashlib.sha256(files[name]).hexdigest()
        for name in found.get("files_sha256", {}):
            found["files_sha256"][name] = hashlib.sha256(files.get(name, b"")).hexdigest()
        return files | {BUNDLE: json.dumps(found).encode()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return files


def _try_bundle(files: Mapping[str, bytes]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bundle-", dir=ROOM))
    known = set(encoders._loaded)
    try:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        recognizer = load_bundle(folder)
        for place in range(ROWS):
            embeddings = {m: torch.randn(1, dim) for m, dim in recognizer.head.dims.items()}
            present = {m: torch.tensor([place != 1 or at == 0]) for at, m in enumerate(embeddings)}
            batch = EmbeddingBatch(("p",), embeddings, present, {})
            json.dumps(recognizer.answer(batch, [], 0.95)[0].to_dict())
        card_text(recognizer, "shop/name")
        if isinstance(info := training_of(folder), FinetuningRecord):
            finetuning_table(info)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for name in set(encoders._loaded) - known:
            encoders._loaded.pop(name)


def _document(seed: Callable[[], Any], read: Callable[[bytes], object]) -> Callable[[random.Random], None]:
    """A target that reads one JSON file, damaged as JSON or as bytes."""
    kept = cache(seed)

    def target(rng: random.Random) -> None:
        content = as_json(some_json(kept(), rng), rng) if rng.random() < 0.9 else some_bytes(_text(kept), rng)
        read(content)

    return target


def _text(seed: Callable[[], Any]) -> bytes:
    return json.dumps(seed()).encode()


TARGETS: dict[str, Callable[[random.Random], None]] = {
    "bundle": bundle,
    "bundle-encoders": own_encoders,
    **{name: _document(seed, read) for name, (seed, read) in SHOWN.items()},
}
