"""Nothing of ours runs code that comes as data: no pickles, eval, unsafe YAML, shells or foreign code of models."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
FOLDERS = ("retail", "recipes", "benchmarks", "docs", ".ci")  # tests check that what is ours can be pickled
# What is allowed all the same, with the reason.
ALLOWED = {
    ("retail/cluster/on_ray.py", "pickle.loads"): "of its own workers: Ray itself sends work and answers as pickles",
    ("benchmarks/kills.py", "pickle.loads"): "of what its own killed processes have just written",
    ("benchmarks/peers/script.py", "pickle.loads"): "of what it has just written, as the script of many would",
}
# Calls that may run what they are given.
CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput"),
    *("subprocess.getstatusoutput", "marshal.load", "marshal.loads", "shelve.open", "joblib.load", "dill.load"),
    *("dill.loads", "cloudpickle.load", "cloudpickle.loads", "pickle.load", "pickle.loads", "pickle.Unpickler"),
    *("pandas.read_pickle", "pd.read_pickle", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "torch.hub.load"),
}
LOADS = {"torch.load": "weights_only", "torch.jit.load": ""}  # -> the keyword that makes it safe
TRUE = {"shell", "trust_remote_code", "allow_pickle"}  # keywords that nobody sets


def forbidden(source: str) -> Iterator[tuple[int, str]]:
    """(line, what) of each call that may run what it reads."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if name in CALLS or (name in LOADS and given.get(LOADS[name]) != "True"):
            yield node.lineno, name
        yield from ((node.lineno, key) for key in TRUE & given.keys() if given[key] != "False")


def sources() -> list[Path]:
    found = [PROJECT / "streamlit_app.py"]
    return found + [path for folder in FOLDERS for path in sorted((PROJECT / folder).rglob("*.py"))]


def test_nothing_of_ours_runs_what_it_reads():
    found = {
        (path.relative_to(PROJECT).as_posix(), what)
        for path in sources()
        for _, what in forbidden(path.read_text(encoding="utf-8"))
    }
    assert len(sources()) > 400
    assert found <= ALLOWED.keys(), found - ALLOWED.keys()
    assert found == ALLOWED.keys(), "what is not there any more needs no permission"


@pytest.mark.parametrize(
    "source",
    [
        *("import pickle\npickle.loads(data)", "pickle.Unpickler(file).load()", "eval('1')", "exec(code)"),
        *("yaml.load(text)", "yaml.load(text, Loader=yaml.SafeLoader)", "run('ls', shell=True)", "os.system('ls')"),
        *("torch.load(path)", "torch.load(path, weights_only=False)", "torch.load(path, weights_only=safe)"),
        *("AutoModel.from_pretrained(name, trust_remote_code=True)", "np.load(path, allow_pickle=True)"),
        *("joblib.load(path)", "pd.read_pickle(path)", "run('ls', shell=use_shell)"),
    ],
)
def test_what_may_run_code_is_noticed(source):
    assert list(forbidden(source))


@pytest.mark.parametrize(
    "source",
    [
        *("torch.load(path, weights_only=True)", "json.loads(text)", "np.load(path)", "run(['ls'], shell=False)"),
        *("model.eval()", "re.compile('a')", "hashlib.sha256(pickle.dumps(value))", "yaml.safe_load(text)"),
    ],
)
def test_what_only_reads_is_not(source):
    assert not list(forbidden(source))
