"""Save and load a Recognizer as one checked folder: `bundle.json`, `head.safetensors` and fine-tuned encoders.

In: a `Recognizer` or a folder. Out: the folder or the `Recognizer`. Nothing in a bundle can run code.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt
from safetensors import SafetensorError
from safetensors.torch import load, save

from retail.encoders import Encoder, load_encoder
from retail.encoders.tunable import TunableEncoder
from retail.files import DEMO_BUNDLE, or_demo, whole_folder
from retail.files.record import FileRecord, Record
from retail.finetuning.record import FinetuningRecord
from retail.fusion import FusionHead, build_head
from retail.recognizer import Recognizer
from retail.schema import Modality, UserError, Vocabulary
from retail.training.record import TrainingRecord

BUNDLE = "bundle.json"
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
    temperatures: dict[str, PositiveFloat]
    head_sha256: str
    info: FinetuningRecord | TrainingRecord | None = None

    def as_json(self) -> str:
        """A line a value, for people look into bundles; what is missing is left out."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)


def save_bundle(recognizer: Recognizer, folder: Path) -> Path:
    """Writes the files; the JSON, written last, holds the checksum of the head's weights."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = save({name: value.contiguous() for name, value in recognizer.head.state_dict().items()})
    (folder / "head.safetensors").write_bytes(weights)
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
        temperatures=recognizer.temperatures,
        head_sha256=hashlib.sha256(weights).hexdigest(),
        info=recognizer.info,
    )
    record.write(folder / BUNDLE)
    return folder


def load_bundle(folder: str | Path) -> Recognizer:
    """Reads a bundle, `demo` for the one that ships.

    Raises UserError when a file is missing, damaged, or an encoder differs from training.
    """
    folder = or_demo(folder, DEMO_BUNDLE)
    record = read_record(folder)
    head = _head(folder, record)
    encoders: dict[Modality, Encoder] = {}
    for modality, entry in record.encoders.items():
        encoders[modality] = load_encoder(entry.name.replace(HERE, str(folder)))
        if encoders[modality].fingerprint != entry.fingerprint:
            raise UserError(
                f"Bundle {folder} was trained with another version of the {modality} encoder {entry.name}; "
                "install the versions in requirements.txt, or train the bundle again."
            )
    return Recognizer(
        encoders=encoders,
        head=head,
        strategy=record.strategy,
        vocabularies={task: Vocabulary(classes) for task, classes in record.tasks.items()},
        temperatures=record.temperatures,
        width=record.width,
        info=record.info,
    )


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
    try:
        weights = (folder / "head.safetensors").read_bytes()
    except OSError:
        raise UserError(f"Bundle {folder} lacks head.safetensors; export or copy the whole folder again.") from None
    if hashlib.sha256(weights).hexdigest() != record.head_sha256:
        raise UserError(f"The weights in bundle {folder} do not match their checksum; copy the folder again.")
    dims: dict[str, int] = {modality: entry.dim for modality, entry in record.encoders.items()}
    sizes = {task: len(classes) for task, classes in record.tasks.items()}
    head = build_head(record.strategy, dims, sizes, width=record.width, hidden=record.hidden)
    try:
        head.load_state_dict(load(weights))
    except (RuntimeError, SafetensorError):
        raise UserError(f"The weights in bundle {folder} do not fit its bundle.json; copy the folder again.") from None
    return head.eval()


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
