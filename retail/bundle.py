"""Save and load a Recognizer as one checked folder: `bundle.json`, `head.safetensors` and fine-tuned encoders.

In: a `Recognizer` or a folder. Out: the folder or the `Recognizer`. Nothing in a bundle can run code.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from safetensors.torch import load, save

from retail.encoders import Encoder, load_encoder
from retail.encoders.tunable import TunableEncoder
from retail.files import DEMO_BUNDLE, or_demo, whole_file, whole_folder
from retail.fusion import build_head
from retail.recognizer import Recognizer
from retail.schema import UserError, Vocabulary

FORMAT = "retail-bundle/1"
HERE = "{bundle}"  # stands for the bundle's folder in an encoder's name


def save_bundle(recognizer: Recognizer, folder: Path) -> Path:
    """Writes the files; the JSON, written last, holds the checksum of the head's weights."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = save({name: value.contiguous() for name, value in recognizer.head.state_dict().items()})
    (folder / "head.safetensors").write_bytes(weights)
    description = {
        "format": FORMAT,
        "strategy": recognizer.strategy,
        "width": recognizer.width,
        "hidden": list(recognizer.head.hidden),
        "encoders": {
            modality: {
                "name": _portable_name(encoder, folder),
                "fingerprint": encoder.fingerprint,
                "dim": recognizer.head.dims[modality],
            }
            for modality, encoder in recognizer.encoders.items()
            if modality in recognizer.head.dims
        },
        "tasks": {task: list(vocabulary.classes) for task, vocabulary in recognizer.vocabularies.items()},
        "temperatures": recognizer.temperatures,
        "head_sha256": hashlib.sha256(weights).hexdigest(),
        "info": recognizer.info,
    }
    with whole_file(folder / "bundle.json") as partial:
        partial.write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def load_bundle(folder: str | Path) -> Recognizer:
    """Reads a bundle, `demo` for the one that ships.

    Raises UserError when a file is missing, damaged, or an encoder differs from training.
    """
    folder = or_demo(folder, DEMO_BUNDLE)
    description = _read_description(folder)
    try:
        weights = (folder / "head.safetensors").read_bytes()
    except OSError:
        raise UserError(f"Bundle {folder} lacks head.safetensors; export or copy the whole folder again.") from None
    if hashlib.sha256(weights).hexdigest() != description["head_sha256"]:
        raise UserError(f"The weights in bundle {folder} do not match their checksum; copy the folder again.")
    encoders = {
        modality: load_encoder(entry["name"].replace(HERE, str(folder)))
        for modality, entry in description["encoders"].items()
    }
    for modality, entry in description["encoders"].items():
        if encoders[modality].fingerprint != entry["fingerprint"]:
            raise UserError(
                f"Bundle {folder} was trained with another version of the {modality} encoder {entry['name']}; "
                "install the versions in requirements.txt, or train the bundle again."
            )
    dims = {modality: entry["dim"] for modality, entry in description["encoders"].items()}
    vocabularies = {task: Vocabulary(tuple(classes)) for task, classes in description["tasks"].items()}
    sizes = {task: len(vocabulary) for task, vocabulary in vocabularies.items()}
    hidden = description.get("hidden", ())  # bundles of earlier versions have none
    head = build_head(description["strategy"], dims, sizes, width=description["width"], hidden=hidden)
    head.load_state_dict(load(weights))
    head.eval()
    return Recognizer(
        encoders=encoders,
        head=head,
        strategy=description["strategy"],
        vocabularies=vocabularies,
        temperatures=description["temperatures"],
        width=description["width"],
        info=description["info"],
    )


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


def _read_description(folder: Path) -> dict:
    try:
        description = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"{folder} is no bundle: it has no bundle.json. Name a folder made by 'train --out'.") from None
    except ValueError:
        raise UserError(f"{folder}/bundle.json is damaged; copy or train the bundle again.") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        found = description.get("format") if isinstance(description, dict) else None
        raise UserError(f"{folder} holds format {found!r}, but this version reads {FORMAT!r}; train the bundle again.")
    return description
