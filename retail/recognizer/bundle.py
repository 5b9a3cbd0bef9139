"""Save and load a Recognizer as one checked folder: `bundle.json`, weights, certainty and fine-tuned encoders.

In: a `Recognizer` or a folder. Out: the folder or the `Recognizer`. Nothing in a bundle can run code.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt
from safetensors import SafetensorError
from safetensors.torch import load, save

from retail.certainty import Certainty
from retail.certainty.calibration import Calibration
from retail.certainty.tensors import pack, unpack
from retail.encoders import Encoder, load_encoder
from retail.encoders.tunable import TunableEncoder
from retail.files import SHIPPED_BUNDLES, or_shipped, whole_folder
from retail.files.record import FileRecord, Record
from retail.finetuning.record import FinetuningRecord
from retail.fusion import FusionHead, build_head
from retail.recognizer import Recognizer
from retail.schema import MODALITIES, Modality, UserError, Vocabulary
from retail.training.record import TrainingRecord

BUNDLE, HEAD, CERTAINTY = "bundle.json", "head.safetensors", "certainty.safetensors"
# What a bundle is made of; pickles (.bin, .pt, .pth, .pkl) and code never are.
HELD = ("*.json", "*.safetensors", "*.txt", "*.model")
HERE = "{bundle}"  # stands for the bundle's folder in an encoder's name


class EncoderRecord(Record):
    """Which encoder the head reads."""

    name: str
    fingerprint: str
    dim: PositiveInt


class BundleRecord(FileRecord):
    """`bundle.json`: all of a recogniser but its weights."""

    remedy: ClassVar[str] = "copy or train the bundle again"

    format: Literal["retail-bundle/1"] = "retail-bundle/1"
    strategy: str
    width: PositiveInt
    hidden: tuple[PositiveInt, ...]
    encoders: Annotated[dict[Modality, EncoderRecord], Field(min_length=1)]
    tasks: Annotated[dict[str, Annotated[tuple[str, ...], Field(min_length=1)]], Field(min_length=1)]  # task -> classes
    temperatures: dict[str, PositiveFloat]  # task -> the pooled one, for bundles without a certainty
    head_sha256: str
    certainty_sha256: str | None = None  # None: made before there was one, so that nothing is promised
    known: tuple[str, ...] | None = None  # ids of the training products that uploads are compared with
    info: FinetuningRecord | TrainingRecord | None = None

    def as_json(self) -> str:
        """A line a value, for people look into bundles; what is missing is left out."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)


def save_bundle(recognizer: Recognizer, folder: Path) -> Path:
    """Writes the files; the JSON, written last, holds the checksums of the others.

    A bundle that stands there is replaced as a whole; what else lies beside it, such as a checkpoint, stays.
    """
    with whole_folder(folder) as partial:
        _written(recognizer, partial)
        _keep_others(folder, partial)
    return folder


def _keep_others(folder: Path, partial: Path) -> None:
    """Under two names until the old folder goes, so that a kill loses none of them."""
    for path in folder.iterdir() if folder.is_dir() else ():
        own = partial / path.name
        if own.exists() or path.name.endswith(".part"):
            continue
        if path.is_dir():
            shutil.copytree(path, own, copy_function=_link)
        else:
            _link(path, own)


def _link(path: str | Path, own: str | Path) -> None:
    try:
        os.link(path, own)
    except OSError:  # a file system without links
        shutil.copy2(path, own)


def _written(recognizer: Recognizer, folder: Path) -> None:
    weights = save({name: value.contiguous() for name, value in recognizer.head.state_dict().items()})
    (folder / HEAD).write_bytes(weights)
    tasks, certainty = list(recognizer.vocabularies), recognizer.certainty
    judged = save(pack(certainty, tasks, recognizer.modalities))
    (folder / CERTAINTY).write_bytes(judged)
    record = BundleRecord(
        strategy=recognizer.strategy,
        width=recognizer.width,
        hidden=tuple(recognizer.head.hidden),
        encoders={
            modality: EncoderRecord(
                name=_portable_name(encoder, folder),
                fingerprint=encoder.fingerprint,
                dim=recognizer.head.dims[modality],
            )
            for modality, encoder in recognizer.encoders.items()
            if modality in recognizer.head.dims
        },
        tasks={task: vocabulary.classes for task, vocabulary in recognizer.vocabularies.items()},
        temperatures={task: certainty.calibration.pooled.get(task, 1.0) for task in tasks},
        head_sha256=hashlib.sha256(weights).hexdigest(),
        certainty_sha256=hashlib.sha256(judged).hexdigest(),
        known=certainty.novelty.ids if certainty.novelty else None,
        info=recognizer.info,
    )
    record.write(folder / BUNDLE)


def load_bundle(folder: str | Path) -> Recognizer:
    """Reads a bundle; `demo` and `groceries` ship.

    Raises UserError when a file is missing, damaged, or an encoder differs from training.
    """
    folder = or_shipped(folder, SHIPPED_BUNDLES)
    record = read_record(folder)
    head = _head(folder, record)
    encoders: dict[Modality, Encoder] = {}
    for modality, entry in record.encoders.items():
        encoders[modality] = load_encoder(entry.name.replace(HERE, str(folder)))
        if not encoders[modality].stands_for(entry.fingerprint):
            raise UserError(
                f"Bundle {folder} was trained with another version of the {modality} encoder {entry.name}; "
                "install the versions in requirements.txt, or train the bundle again."
            )
    return Recognizer(
        encoders=encoders,
        head=head,
        strategy=record.strategy,
        vocabularies={task: Vocabulary(classes) for task, classes in record.tasks.items()},
        certainty=_certainty(folder, record, head),
        width=record.width,
        info=record.info,
    )


def packed(folder: str | Path) -> dict[str, bytes]:
    """The files of a bundle, by their place in it, to be sent to another machine."""
    folder = or_shipped(folder, SHIPPED_BUNDLES)
    read_record(folder)
    found = {path for kind in HELD for path in folder.rglob(kind)}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(found)}


def unpacked(files: Mapping[str, bytes], folder: Path) -> Path:
    """Writes them into a folder, which `load_bundle` reads."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read_record(folder: Path) -> BundleRecord:
    """A bundle's description, without its weights; raises UserError where there is none, or none that fits."""
    if not (folder / BUNDLE).is_file():
        raise UserError(f"{folder} is no bundle: it has no {BUNDLE}. Name a folder made by 'train --out'.")
    return BundleRecord.read(folder / BUNDLE)


def training_of(folder: Path) -> TrainingRecord | None:
    """How the recogniser in this folder was trained; None where nobody can read it."""
    try:
        return read_record(folder).info
    except UserError:
        return None


def _head(folder: Path, record: BundleRecord) -> FusionHead:
    weights = _checked(folder, HEAD, record.head_sha256)
    dims: dict[str, int] = {modality: entry.dim for modality, entry in record.encoders.items()}
    sizes = {task: len(classes) for task, classes in record.tasks.items()}
    head = build_head(record.strategy, dims, sizes, width=record.width, hidden=record.hidden)
    try:
        head.load_state_dict(load(weights))
    except (RuntimeError, SafetensorError):
        raise UserError(f"The weights in bundle {folder} do not fit its bundle.json; copy the folder again.") from None
    return head.eval()


def _certainty(folder: Path, record: BundleRecord, head: FusionHead) -> Certainty:
    if record.certainty_sha256 is None:
        return Certainty(Calibration(record.temperatures))
    content = _checked(folder, CERTAINTY, record.certainty_sha256)
    inputs = [modality for modality in MODALITIES if modality in head.dims]
    try:
        return unpack(load(content), head.tasks, inputs, record.known or ())
    except SafetensorError:
        raise UserError(f"{CERTAINTY} in bundle {folder} is damaged; copy the folder again.") from None


def _checked(folder: Path, name: str, checksum: str) -> bytes:
    """The content of a file; raises UserError when it is missing or not the one that the bundle was saved with."""
    try:
        content = (folder / name).read_bytes()
    except OSError:
        raise UserError(f"Bundle {folder} lacks {name}; export or copy the whole folder again.") from None
    if hashlib.sha256(content).hexdigest() != checksum:
        raise UserError(f"{name} in bundle {folder} does not match its checksum; copy the folder again.")
    return content


def _portable_name(encoder: Encoder, folder: Path) -> str:
    """The encoder's name; fine-tuned weights are copied into the folder, so that the bundle can be moved."""
    if not isinstance(encoder, TunableEncoder) or encoder.finetuned is None:
        return encoder.name
    own = folder / f"{encoder.modality}_encoder{encoder.suffix}"
    if own.resolve() != encoder.finetuned.resolve():
        _copy(encoder.finetuned, own)
    return encoder.name_with(Path(HERE) / own.name)


def _copy(weights: Path, own: Path) -> None:
    if weights.is_file():
        shutil.copyfile(weights, own)
        return
    with whole_folder(own) as partial:
        shutil.copytree(weights, partial, dirs_exist_ok=True)
