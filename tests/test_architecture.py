"""The shape of the house: modules import only from their left, and Streamlit stays in the pages."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

RETAIL = Path(__file__).parents[1] / "retail"
ORDER = (
    "schema plugins wording escaping config system outside files media dataset inference encoders store cluster "
    "augmentation fusion metrics splits training finetuning frozen certainty recognizer audit evaluation "
    "comparison charts report build best estimator export catalogue review workspace serve components pages "
    "commands __main__"
).split()


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    froms = {node.module or "" for node in statements}
    froms |= {f"retail.{alias.name}" for node in statements if node.module == "retail" for alias in node.names}
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return froms | plain


def concept(path: Path) -> str:
    return path.relative_to(RETAIL).with_suffix("").parts[0]


# What Python has on POSIX alone; `retail/system.py` holds what differs between systems.
POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
POSIX_NAMES = {
    *(f"os.{name}" for name in "fork getgid getpgid getuid kill killpg mkfifo nice setpgid setsid".split()),
    *(f"os.{name}" for name in "getloadavg uname wait waitpid WNOHANG".split()),
    *(f"signal.{name}" for name in "SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGCHLD alarm".split()),
    *("start_new_session", "preexec_fn", "process_group"),
}


def posix_names(source: str) -> set[str]:
    """What a module names that Windows does not have."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & POSIX_MODULES
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & POSIX_NAMES) | ({str(node.module)} & POSIX_MODULES)
        elif isinstance(node, ast.Attribute):
            found |= {ast.unparse(node)} & POSIX_NAMES
        elif isinstance(node, ast.keyword):
            found |= {str(node.arg)} & POSIX_NAMES
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("/proc"):
            found.add("/proc")
    return found


MODULES = [path for path in RETAIL.rglob("*.py") if path != RETAIL / "__init__.py"]


def test_every_module_imports_only_from_its_left():
    crossing = 0
    for path in MODULES:
        for name in imports(path):
            if name.startswith("retail.") and "__" not in name and (other := name.split(".")[1]) != concept(path):
                crossing += 1
                assert ORDER.index(other) < ORDER.index(concept(path)), f"{path.name} imports {name}"
    assert crossing > 300, "there is nothing to check where the files should be"


def test_streamlit_appears_in_pages_and_components_only():
    users = {concept(path) for path in MODULES if any(name.split(".")[0] == "streamlit" for name in imports(path))}
    assert users == {"pages", "components"}


def test_fastapi_appears_where_it_is_served_only():
    packages = {"fastapi", "starlette", "uvicorn", "prometheus_client"}
    users = {concept(path) for path in MODULES if packages & {name.split(".")[0] for name in imports(path)}}
    assert users == {"serve"}


def test_commands_print_through_what_makes_text_of_names():
    written = {
        path.name for path in MODULES if concept(path) == "commands" and "typer.echo(" in path.read_text("utf-8")
    }
    assert written == {"shared.py"}


def test_fusion_knows_only_schema_config_and_torch():
    paths = [path for path in MODULES if concept(path) == "fusion"]
    assert len(paths) > 12
    for path in paths:
        ours = {name for name in imports(path) if name.startswith("retail.") and not name.startswith("retail.fusion")}
        assert ours <= {"retail.schema", "retail.plugins", "retail.config"}, path


def test_help_and_validation_need_no_torch():
    code = "import sys, retail.__main__, retail.dataset.manifest; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_only_one_module_names_what_windows_does_not_have():
    named = {concept(path): found for path in MODULES if (found := posix_names(path.read_text(encoding="utf-8")))}
    assert set(named) == {"system"}, named
    assert {"resource", "start_new_session"} <= named["system"]


@pytest.mark.parametrize(
    "source",
    [
        *("import fcntl", "def lock():\n    import fcntl", "from resource import getrusage", "from os import killpg"),
        *("import os\nos.kill(1, 9)", "import os\nos.waitpid(1, os.WNOHANG)", "os.getuid()", "signal.SIGKILL"),
        *("Popen([], start_new_session=True)", "open('/proc/1/stat')", "open(f'/proc/{pid}/stat')"),
    ],
)
def test_what_windows_does_not_have_is_noticed(source):
    assert posix_names(source)


def test_what_windows_has_is_not_noticed():
    assert not posix_names("import os, signal\nos.getpid(); os.environ; signal.SIGTERM; open('processes')")
