"""The pictures of the README: every page gets one, and none is heavy."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def test_every_page_is_taken_in_every_look():
    spec = importlib.util.spec_from_file_location("screenshots", PROJECT / "docs" / "screenshots.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    pages = {path.stem for path in (PROJECT / "retail" / "pages").glob("[!_]*.py")}
    assert pages <= set(script.shots())
    assert {page for page, _ in script.shots().values()} == pages
    assert {(scheme, width) for scheme, width, _ in script.LOOKS.values()} == {
        ("light", 1280),
        ("dark", 1280),
        ("light", 390),
    }


def test_the_pictures_of_the_readme_exist_and_are_light():
    named = re.findall(r"\]\((docs/screenshots/[^)]+)\)", (PROJECT / "README.md").read_text(encoding="utf-8"))
    assert len(named) >= 2
    for path in [*(PROJECT / "docs" / "screenshots").glob("*.png"), *(PROJECT / name for name in named)]:
        assert path.stat().st_size < 150_000, path
