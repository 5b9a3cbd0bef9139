"""What a bundle may load beside itself: the encoders of the installed packages, and others once somebody agrees.

In: a bundle and the names of its encoders. Out: nothing, or an `Untrusted` that names what the bundle asks for. Who
trains with an encoder has agreed to it on this machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from retail.encoders import PRESETS
from retail.encoders.audio import LOG_MEL
from retail.files import home, whole_file
from retail.schema import UserError
from retail.wording import joined, shortened

HERE = "{bundle}"  # stands for the bundle's folder in an encoder's name
# An encoder whose weights lie in the bundle, as `save_bundle` names it: no other family, and no path that leads out.
OWN = re.compile(r"((?:timm:\w[\w.]*|torchaudio:spoken-word)@|hf:)\{bundle\}[/\\](\w[\w.-]*)(#.*)?")
# Of installed packages, or without weights.
INSTALLED = {*PRESETS["bundled"].values(), f"torchaudio:{LOG_MEL}"}
MOST_LETTERS = 120  # of a name in a sentence


class Untrusted(UserError):
    """A bundle from elsewhere asks for these encoders, which are neither in it nor in an installed package."""

    def __init__(self, bundle: Path, names: Iterable[str]) -> None:
        self.bundle, self.names = bundle, tuple(names)
        asked = joined([f"'{shortened(name, MOST_LETTERS)}'" for name in self.names])
        super().__init__(
            f"Bundle {bundle} was not made here and asks for {asked}, from the model hub or this machine; if you trust "
            "whoever made it, agree on Recognise, with --trust, or with trust=True in Python."
        )


def check_trusted(bundle: Path, encoders: Iterable[str]) -> None:
    """Raises `Untrusted` where an encoder leads elsewhere and nobody agreed to it."""
    if _made_in_a_run(bundle):
        return
    if names := [name for name in elsewhere(encoders) if not _place(name).is_file()]:
        raise Untrusted(bundle, names)


def agree(encoders: Iterable[str]) -> None:
    """From now on this home loads these of the encoders that lead elsewhere; raises OSError where it cannot be kept."""
    for name in elsewhere(encoders):
        with whole_file(_place(name)) as partial:
            partial.write_text(f"{name}\n", encoding="utf-8")


def note_own(encoders: Iterable[str]) -> None:
    """The encoders of a bundle that was made here; where the home cannot be written, who loads it will be asked."""
    with contextlib.suppress(OSError):
        agree(encoders)


def elsewhere(encoders: Iterable[str]) -> tuple[str, ...]:
    """Those of these names that stand for weights of the hub, or of a path of this machine."""
    return tuple(name for name in encoders if not OWN.fullmatch(name) and name.partition("#")[0] not in INSTALLED)


def own_weights(encoder: str) -> str:
    """The file or folder of a bundle that has this encoder's weights, "" for none.

    Raises UserError for a name that would lead out of the bundle, or to a kind of file that it never holds.
    """
    if HERE not in encoder:
        return ""
    own = OWN.fullmatch(encoder)
    if own is None or (own[1] != "hf:" and not own[2].endswith(".safetensors")):
        raise UserError(
            f"'{shortened(encoder, MOST_LETTERS)}' is no encoder that a bundle can hold; train the bundle again."
        )
    return own[2]


def name_in(folder: Path, encoder: str) -> str:
    """The name under which an encoder of a bundle in this folder is loaded."""
    own = OWN.fullmatch(encoder)
    return f"{own[1]}{folder / own[2]}{own[3] or ''}" if own else encoder


def _made_in_a_run(bundle: Path) -> bool:
    """Nothing from elsewhere ever lands among the runs."""
    return bundle.resolve().is_relative_to((home() / "runs").resolve())


def _place(name: str) -> Path:
    """A file an encoder, so that two processes that agree never write over one another."""
    return home() / "agreed" / f"{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:32]}.txt"
