"""Save and load a Recognizer as one checked folder: `bundle.json`, weights, certainty and fine-tuned encoders.

In: a `Recognizer` or a folder. Out: the folder or the `Recognizer`. Nothing in a bundle can run code.
"""

from __future__ import annotations

import hashlib
import json
import operator
import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from safetensors.torch import load, save

from retail.certainty import Certainty
from retail.certainty.calibration import Calibration
from retail.certainty.tensors import pack, unpack
from retail.encoders import Encoder, load_encoder
from retail.encoders.tunable import TunableEncoder
from retail.encoders.weights import filled
from retail.files import SHIPPED_BUNDLES, or_shipped, whole_folder
from retail.files.record import FileRecord, Record, Unsound
from retail.finetuning.record import FinetuningRecord
from retail.fusion import FusionHead, build_head, known_strategy
from retail.outside import reading
from retail.outside.limits import MAX_DESCRIPTION_MIB, MAX_FIGURE, MAX_LAYERS, MAX_TASKS
from retail.recognizer import Recognizer
from retail.recognizer.sealed import check_own, checksums, content_of, file_in
from retail.recognizer.trust import HERE, agree, check_trusted, name_in, note_own, own_weights
from retail.schema import MODALITIES, Modality, UserError, Vocabulary
from retail.training.record import TrainingRecord

BUNDLE, HEAD, CERTAINTY = "bundle.json", "head.safetensors", "certainty.safetensors"
# What a bundle is made of; pickles (.bin, .pt, .pth, .pkl) and code never are.
HELD = ("*.json", "*.safetensors", "*.txt", "*.model")
AGAIN = "copy or train the bundle again"

Size = Annotated[int, Field(gt=0, le=MAX_FIGURE)]  # compared with what the weights have


def _distinct(classes: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(classes)) < len(classes):
        raise ValueError("two classes are called the same")
    return classes


class EncoderRecord(Record):
    """Which encoder the head reads."""

    name: str
    fingerprint: str
    dim: Size


class BundleRecord(FileRecord):
    """`bundle.json`: all of a recogniser but its weights."""

    remedy: ClassVar[str] = AGAIN
    most_mebibytes: ClassVar[int] = MAX_DESCRIPTION_MIB

    format: Literal["retail-bundle/1"] = "retail-bundle/1"
    strategy: str
    width: Size
    hidden: Annotated[tuple[Size, ...], Field(max_length=MAX_LAYERS)]
    encoders: Annotated[dict[Modality, EncoderRecord], Field(min_length=1)]
    # task -> classes
    tasks: Annotated[
        dict[str, Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_distinct)]],
        Field(min_length=1, max_length=MAX_TASKS),
    ]
    # task -> the pooled one, for bundles without a certainty
    temperatures: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]]
    head_sha256: str
    certainty_sha256: str | None = None  # None: made before there was one, so that nothing is promised
    # The encoders' own files, by their place; older bundles have none.
    files_sha256: Annotated[dict[str, str], Field(exclude_if=operator.not_)] = {}
    known: tuple[str, ...] | None = None  # ids of the training products that uploads are compared with
    info: FinetuningRecord | TrainingRecord | None = None

    def check(self) -> None:
        """The training's best epoch is one of its epochs."""
        info = self.info
        if info and info.history is not None and (info.best_epoch or 0) >= max(len(info.history), 1):
            raise Unsound("info.best_epoch", "there was no such epoch")

    @property
    def names(self) -> list[str]:
        """Those of its encoders."""
        return [entry.name for entry in self.encoders.values()]

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
    encoders = {
        modality: EncoderRecord(
            name=_portable_name(encoder, folder), fingerprint=encoder.fingerprint, dim=recognizer.head.dims[modality]
        )
        for modality, encoder in recognizer.encoders.items()
        if modality in recognizer.head.dims
    }
    record = BundleRecord(
        strategy=recognizer.strategy,
        width=recognizer.width,
        hidden=tuple(recognizer.head.hidden),
        encoders=encoders,
        tasks={task: vocabulary.classes for task, vocabulary in recognizer.vocabularies.items()},
        temperatures={task: certainty.calibration.pooled.get(task, 1.0) for task in tasks},
        head_sha256=hashlib.sha256(weights).hexdigest(),
        certainty_sha256=hashlib.sha256(judged).hexdigest(),
        files_sha256=checksums(folder, [own for entry in encoders.values() if (own := own_weights(entry.name))]),
        known=certainty.novelty.ids if certainty.novelty else None,
        info=recognizer.info,
    )
    record.write(folder / BUNDLE)
    note_own(record.names)


def load_bundle(folder: str | Path, trust: bool = False) -> Recognizer:
    """Reads a bundle; `demo` and `groceries` ship.

    Raises UserError when a file is missing, damaged, or an encoder differs from training; an `Untrusted` when one from
    elsewhere asks for weights that are neither in it nor in an installed package, unless `trust` agrees to that.
    """
    folder = or_shipped(folder, SHIPPED_BUNDLES)
    record = read_record(folder)
    head = _head(folder, record)
    certainty = _certainty(folder, record, head)
    if not trust:
        check_trusted(folder, record.names)
    return Recognizer(
        encoders={modality: _encoder(folder, record, modality) for modality in record.encoders},
        head=head,
        strategy=record.strategy,
        vocabularies={task: Vocabulary(classes) for task, classes in record.tasks.items()},
        certainty=certainty,
        width=record.width,
        info=record.info,
    )


def agree_to(folder: str | Path) -> None:
    """From now on this home loads what a bundle from elsewhere asks for; nothing, where it asks for nothing."""
    try:
        agree(read_record(or_shipped(folder, SHIPPED_BUNDLES)).names)
    except OSError as error:
        raise UserError(f"Your agreement could not be kept ({error.strerror}); make RETAIL_HOME writable.") from None


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
    return BundleRecord.read(file_in(folder, BUNDLE))


def training_of(folder: Path) -> TrainingRecord | None:
    """How the recogniser in this folder was trained; None where nobody can read it."""
    try:
        return read_record(folder).info
    except UserError:
        return None


def _head(folder: Path, record: BundleRecord) -> FusionHead:
    weights = content_of(folder, HEAD, record.head_sha256)
    dims: dict[str, int] = {modality: entry.dim for modality, entry in record.encoders.items()}
    sizes = {task: len(classes) for task, classes in record.tasks.items()}
    known_strategy(record.strategy)
    with reading(
        f"{HEAD} in bundle {folder}",
        "file of weights",
        "copy the folder again",
        why=lambda error: "it does not fit bundle.json",
    ):
        make = partial(build_head, record.strategy, dims, sizes, width=record.width, hidden=record.hidden)
        return filled(make, load(weights)).eval()


def _certainty(folder: Path, record: BundleRecord, head: FusionHead) -> Certainty:
    if record.certainty_sha256 is None:
        return Certainty(Calibration(record.temperatures))
    content = content_of(folder, CERTAINTY, record.certainty_sha256)
    dims = {modality: head.dims[modality] for modality in MODALITIES if modality in head.dims}
    with reading(f"{CERTAINTY} in bundle {folder}", "file of weights", "copy the folder again"):
        return unpack(load(content), head.tasks, dims, record.known or ())


def _encoder(folder: Path, record: BundleRecord, modality: Modality) -> Encoder:
    """The one that the head was trained with, from the bundle itself where it holds one."""
    entry = record.encoders[modality]
    if own := own_weights(entry.name):
        check_own(folder, own, record.files_sha256)
    with reading(f"The {modality} encoder of bundle {folder}", "encoder", AGAIN):
        encoder = load_encoder(name_in(folder, entry.name))
    if own and not (isinstance(encoder, TunableEncoder) and encoder.finetuned):
        raise UserError(f"{own} in bundle {folder} holds no encoder that fine-tuning wrote; copy the folder again.")
    if (encoder.modality, encoder.dim) != (modality, entry.dim) or not encoder.stands_for(entry.fingerprint):
        raise UserError(
            f"Bundle {folder} was trained with another version of the {modality} encoder {entry.name}; "
            "install the versions in requirements.txt, or train the bundle again."
        )
    return encoder


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
