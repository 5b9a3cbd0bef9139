"""A text encoder that fine-tuning wrote into a folder, which may come from anywhere: looked at before it is loaded.

In: the folder. Out: its settings, checked, so that loading reads these files alone, runs nothing of theirs and takes no
more memory than the weights say. The library transformers would follow what such files name: other checkpoints, files
of this machine, code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from pydantic import JsonValue, TypeAdapter

from retail.outside import reading
from retail.outside.limits import MAX_SETTINGS_BYTES, MAX_TOKENIZER_BYTES, MAX_WEIGHTS_BYTES

FINETUNED = "finetuned.json"  # in a folder that fine-tuning wrote
WEIGHTS, SETTINGS, TOKENIZER_SETTINGS = "model.safetensors", "config.json", "tokenizer_config.json"
# What `save_pretrained` of a network and its tokenizer writes, and the most that each may have. An adapter's settings
# are not among them: they name another checkpoint.
FILES = {
    FINETUNED: MAX_SETTINGS_BYTES,
    SETTINGS: MAX_SETTINGS_BYTES,
    TOKENIZER_SETTINGS: MAX_TOKENIZER_BYTES,  # each added token has a line in it
    WEIGHTS: MAX_WEIGHTS_BYTES,
    "special_tokens_map.json": MAX_SETTINGS_BYTES,
    **dict.fromkeys(("added_tokens.json", "chat_template.jinja", "generation_config.json"), MAX_SETTINGS_BYTES),
    **dict.fromkeys(("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"), MAX_TOKENIZER_BYTES),
    **dict.fromkeys(("spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "spm.model"), MAX_TOKENIZER_BYTES),
}
# Keys of settings that lead elsewhere: code, kernels and quantisers that would be fetched, files by their paths.
LEADING = ("auto_map", "attn_implementation", "experts_implementation", "quantization_config", "custom_pipelines")
LAYERS = ("layer", "block", "group", "expert", "stage", "depth")  # in the names of numbers of modules
FEWEST = 4096  # sizes that no network is refused for
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


def checked_settings(folder: Path) -> Any:
    """The network's settings as transformers has them; raises UserError for a folder that is not to be loaded."""
    with reading(f"The text encoder in {folder}", "text encoder", "copy it or train it again"):
        _check_files(folder)
        _check_keys(_object(folder / TOKENIZER_SETTINGS))
        values = _object(folder / SETTINGS)
        _check_keys(values)
        shapes = _shapes(folder / WEIGHTS)
        _check_sizes(values, shapes)
        return _sized(values, shapes)


def _check_files(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name not in FILES or not path.is_file():
            raise ValueError(f"it holds {path.name!r}, which no text encoder of ours has")
        if path.stat().st_size > FILES[path.name]:
            raise ValueError(f"{path.name} has more than {FILES[path.name] >> 20} MiB")


def _object(path: Path) -> dict[str, JsonValue]:
    found = _JSON.validate_json(path.read_bytes()) if path.is_file() else {}
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} is no object")
    return found


def _check_keys(values: dict[str, JsonValue]) -> None:
    for key, value in _entries(values):
        leads = key.endswith("_file") or any(word in key for word in LEADING)
        if leads and isinstance(value, str | list | dict):
            raise ValueError(f"its settings name {key!r}, which leads outside the folder")


def _check_sizes(values: dict[str, JsonValue], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """No size beyond the largest that the weights have, no more layers than there are tensors."""
    largest = max([FEWEST, *(size for shape in shapes.values() for size in shape)])
    for key, value in _entries(values):
        most = len(shapes) if any(word in key for word in LAYERS) else largest
        if isinstance(value, int) and abs(value) > max(most, 1) and "theta" not in key:
            raise ValueError(f"its settings say {key} = {value:,}, which does not fit its weights")


def _entries(values: JsonValue, key: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Everything that stands under a key, with the key; what stands in a list has that of the list."""
    inside = values.items() if isinstance(values, dict) else ((key, value) for value in values)  # type: ignore
    for name, value in inside:
        yield name, value
        if isinstance(value, dict | list):
            yield from _entries(value, name)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    with safetensors.safe_open(path, framework="pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def _sized(values: Mapping[str, JsonValue], shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """The settings, of a network that is no larger than its weights: compared before it takes memory."""
    from transformers import AutoModel
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = values.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ValueError("transformers knows no network of its kind")
    config = CONFIG_MAPPING[kind].from_dict(dict(values))
    with torch.device("meta"):
        network = AutoModel.from_config(config)
    if (wanted := sum(part.numel() for part in network.parameters())) > (given := sum(map(math.prod, shapes.values()))):
        raise ValueError(f"its settings ask for {wanted:,} numbers, and its weights have {given:,}")
    return config
