"""What people read: code blocks run, links lead somewhere, named files exist, and the README stays short.

Blocks marked python, bash or console run in a folder with a small part of the demo data, in the order of the page.
Of a block that is `<!-- not run: reason -->` the commands are still parsed.
"""

from __future__ import annotations

import csv
import fnmatch
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from retail.__main__ import app
from retail.export.parity import as_wav
from retail.files import DATA_DIR, DEMO_BUNDLE, DEMO_DIR, DEMO_RESULTS

PROJECT = Path(__file__).parents[1]
RUN_PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
OTHER_PAGES = [
    PROJECT / "CHANGELOG.md",
    PROJECT / "SECURITY.md",
    *sorted(PROJECT.glob("data/**/*.md")),
    *sorted(PROJECT.glob("benchmarks/**/*.md")),
]
BLOCK = re.compile(
    r"^(<!-- not run: (?P<reason>.+?) -->\n)?```(?P<kind>python|bash|console)\n(?P<code>.*?)^```$", re.M | re.S
)
NAMES = ("retail", "python -m retail")
PRODUCTS, ROWS = 4, {"train": 4, "val": 2, "test": 2}  # of each of these products


@dataclass(frozen=True)
class Block:
    """One code block of a page."""

    page: Path
    line: int
    kind: str
    code: str
    reason: str

    def commands(self) -> Iterator[tuple[list[str], list[str]]]:
        """(arguments of `retail`, the lines of output that are shown below it)."""
        code = self.code.replace("\\\n", " ")
        calls: list[tuple[str, list[str]]] = []
        for line in filter(None, code.splitlines()):
            if self.kind == "bash" or line.startswith("$ "):
                calls.append((line.removeprefix("$ "), []))
            else:
                calls[-1][1].append(line)
        for call, shown in calls:
            words = shlex.split(call, comments=True)
            name = next((name for name in NAMES if words[: len(name.split())] == name.split()), None)
            assert name or not words, f"{call!r} is no call of retail; mark the block as not run"
            if name:
                yield words[len(name.split()) :], shown


def blocks() -> list[Block]:
    found = []
    for page in RUN_PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(page, line, match["kind"], match["code"], match["reason"] or ""))
    return found


def _id(block: Block) -> str:
    return f"{block.page.relative_to(PROJECT)}:{block.line}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What the pages name: data/ as it ships, products of one's own, a bundle, results, a photo."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "data").symlink_to(DATA_DIR)
    products = folder / "my_products"
    _write_part_of_the_demo(products)
    shutil.make_archive(str(products), "zip", products)
    shutil.copytree(DEMO_BUNDLE, folder / "my_bundle")
    shutil.copy(DEMO_RESULTS, folder / "results.json")
    shutil.copy(next((products / "images").glob("*.jpg")), folder / "front.jpg")
    (folder / "name.wav").write_bytes(as_wav(next((products / "audio").iterdir())))
    return folder


def _write_part_of_the_demo(target: Path) -> None:
    with (DEMO_DIR / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = list(dict.fromkeys(row["product"] for row in rows))[:: 24 // PRODUCTS][:PRODUCTS]
    files = ("image_file_name", "audio_file_name")
    whole = [row for row in rows if row["text"] and all(row[name] for name in files)]
    chosen = [
        row
        for name in names
        for split, count in ROWS.items()
        for row in [row for row in whole if (row["product"], row["split"]) == (name, split)][:count]
    ]
    for row in chosen:
        for name in ";".join(row[column] for column in files).split(";"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(DEMO_DIR / name, target / name)
    with (target / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(chosen)


@pytest.mark.usefixtures("spawning")
@pytest.mark.parametrize("block", blocks(), ids=_id)
def test_blocks_run(block: Block, folder: Path, monkeypatch):
    monkeypatch.chdir(folder)
    if block.kind == "python":
        if not block.reason:
            exec(compile(block.code, _id(block), "exec"), {"__name__": "docs"})
        return
    calls = list(block.commands())
    assert calls
    for arguments, shown in calls:
        if block.reason:
            get_command(app).commands[arguments[0]].make_context(arguments[0], arguments[1:])
            continue
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output + repr(result.exception)
        printed = result.stdout.splitlines()
        for line in shown:
            assert any(_fits(line, own) for own in printed), f"{line!r} is not in:\n{result.stdout}"


def _fits(shown: str, printed: str) -> bool:
    """Whether a line is the one that is shown; `...` stands for anything."""
    pattern = "*".join(re.sub(r"([*?[])", r"[\1]", part) for part in shown.split("..."))
    return fnmatch.fnmatchcase(printed.rstrip(), pattern.rstrip())


def test_there_are_blocks_of_every_kind_and_most_run():
    found = blocks()
    assert {block.kind for block in found} == {"python", "bash", "console"}
    assert sum(bool(block.reason) for block in found) <= len(found) * 2 / 5


def _prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*RUN_PAGES, *OTHER_PAGES], ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        found = page.parent / name if name else page
        assert found.exists(), f"{target} in {page.name} leads nowhere"
        assert not anchor or anchor in _anchors(found), f"{name or page.name} has no heading for #{anchor}"


# CHANGELOG tells of files as they were then.
@pytest.mark.parametrize(
    "page", [page for page in [*RUN_PAGES, *OTHER_PAGES] if page.name != "CHANGELOG.md"], ids=lambda page: page.name
)
def test_named_files_and_modules_exist(page: Path):
    for name in re.findall(r"`((?:retail|recipes|benchmarks|tests|docs|data|\.ci)/[^`\s]*)`", _prose(page)):
        assert list(PROJECT.glob(name.rstrip("/"))), f"{name} in {page.name} does not exist"
    for module in re.findall(r"python -m ((?:recipes|benchmarks)\.\w+)", page.read_text(encoding="utf-8")):
        path = PROJECT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    for script in re.findall(r"python ((?:\w+/)+\w+\.py)", page.read_text(encoding="utf-8")):
        assert (PROJECT / script).is_file(), f"{script} in {page.name} does not exist"


def test_the_readme_is_short_and_leads_to_every_page():
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) < 150
    for page in (PROJECT / "docs").rglob("*.md"):
        assert f"({page.relative_to(PROJECT).as_posix()})" in readme, f"README does not link {page.name}"


def test_the_tests_that_hold_the_trials_findings_exist():
    page = (PROJECT / "docs" / "explanation" / "dashboard.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page)
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| page |")]
    assert len(named) == len(rows) > 20, "each row names its test"
    for file, test in named:
        assert f"def {test}(" in (PROJECT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{test}"
