"""The shape of the house: modules import only from their left, and Streamlit stays in the pages."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

RETAIL = Path(__file__).parents[1] / "retail"
ORDER = (
    "schema wording config system files media dataset encoders store augmentation fusion metrics splits training "
    "finetuning frozen recognizer bundle audit evaluation comparison charts report build catalogue workspace "
    "components pages commands __main__"
).split()
ONE_ROOM = {"bundle", "recognizer"}  # a recogniser loads and saves itself, and its folder is made of a recogniser


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    froms = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return froms | plain


def concept(path: Path) -> str:
    return path.relative_to(RETAIL).with_suffix("").parts[0]


MODULES = [path for path in RETAIL.rglob("*.py") if path != RETAIL / "__init__.py"]


def test_every_module_imports_only_from_its_left():
    for path in MODULES:
        for name in imports(path):
            if name.startswith("retail.") and (other := name.split(".")[1]) != concept(path):
                assert {other, concept(path)} == ONE_ROOM or ORDER.index(other) < ORDER.index(concept(path)), (
                    f"{path.name} imports {name}"
                )


def test_streamlit_appears_in_pages_and_components_only():
    for path in MODULES:
        if concept(path) not in ("pages", "components"):
            assert not any(name.split(".")[0] == "streamlit" for name in imports(path)), path


def test_fusion_knows_only_schema_config_and_torch():
    for path in (RETAIL / "fusion").glob("*.py"):
        ours = {name for name in imports(path) if name.startswith("retail.") and not name.startswith("retail.fusion")}
        assert ours <= {"retail.schema", "retail.config"}, path


def test_help_and_validation_need_no_torch():
    code = "import sys, retail.__main__, retail.dataset.manifest; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
