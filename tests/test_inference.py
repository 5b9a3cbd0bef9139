"""Networks as graphs: made where that pays, compared with PyTorch, kept, and never in the way."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from retail import inference
from retail.inference import Network, Plan, kept
from retail.schema import UserError

pytestmark = pytest.mark.usefixtures("empty_home")


class Doubled(nn.Module):
    """Counts how often it was made; (B, T) -> (B, T)"""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        self.weight = nn.Parameter(torch.tensor([2.0]))

    def forward(self, rows: Tensor) -> Tensor:
        return rows * self.weight


class NoGraph(Doubled):
    """What the exporter does not know."""

    def forward(self, rows: Tensor) -> Tensor:
        return torch.linalg.lstsq(rows.T @ rows + torch.eye(rows.shape[1]), rows.T).solution.T


def plan_of(module: type[nn.Module] = Doubled) -> Plan:
    def probes() -> list[tuple[Tensor, ...]]:
        return [(torch.rand(2, 3),), (torch.rand(1, 5),)]

    return Plan(("rows",), ("doubled",), module, probes, free=(1,))


@pytest.fixture
def quickly_made(monkeypatch):
    """A graph pays as soon as a second announced row is to come."""
    monkeypatch.setattr(inference, "MAKING_SECONDS", 0.0)
    monkeypatch.setattr(inference, "MAKING_SECONDS_PER_MIB", 0.0)


def graphs(home: Path) -> list[Path]:
    return sorted((home / "graphs").glob("*"))


@pytest.fixture
def home(tmp_path) -> Path:
    return tmp_path / "home"


def test_a_graph_answers_as_pytorch_for_any_batch_and_length_and_is_found_again_without_the_network(home):
    network = Network("one", plan_of())
    before = network(torch.tensor([[1.0, 2.0]]))[0]
    assert not network.has_graph and not graphs(home)
    network.make_ready()
    assert network.has_graph and [path.name for path in graphs(home)] == ["one.json", "one.onnx"]
    assert torch.equal(network(torch.tensor([[1.0, 2.0]]))[0], before)
    made = Doubled.made
    again = Network("one", plan_of())
    for shape in ((1, 1), (7, 4)):
        assert torch.equal(again(torch.ones(shape))[0], torch.full(shape, 2.0))
    assert Doubled.made == made and 0 < again.mebibytes < 0.01


def test_only_much_announced_work_makes_a_graph(home, quickly_made):
    network = Network("one", plan_of())
    for _ in range(40):
        network(torch.ones(1, 2))
    assert not graphs(home), "single ones, however many, never wait for a graph"
    network.expect(100)
    network(torch.ones(4, 2))
    assert not graphs(home), "the first batch tells what a row takes"
    network(torch.ones(4, 2))
    assert network.has_graph and len(graphs(home)) == 2


def test_little_work_makes_no_graph(home):
    network = Network("one", plan_of())
    network.expect(100)
    for _ in range(25):
        network(torch.ones(4, 2))
    assert not graphs(home), "it takes milliseconds"


def test_a_graph_that_answers_otherwise_is_not_kept_and_the_log_says_so_once(home, caplog):
    class Restless(Doubled):
        def forward(self, rows: Tensor) -> Tensor:
            return rows + torch.rand_like(rows)

    for _ in range(2):
        network = Network("one", plan_of(Restless))
        network.make_ready()
        assert not network.has_graph and network.is_ready
        assert network(torch.zeros(1, 2))[0].max() <= 1
    assert [path.name for path in graphs(home)] == ["one.json"]
    (line,) = caplog.messages
    assert "its numbers differ by up to" in line and "PyTorch does, which is slower" in line


def test_a_network_without_a_graph_runs_in_pytorch(home, caplog):
    network = Network("one", plan_of(NoGraph))
    network.make_ready()
    assert not network.has_graph and network(torch.eye(2))[0].shape == (2, 2)
    assert "cannot be written as an ONNX graph" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no graph", None])
def test_a_damaged_graph_is_made_again(home, caplog, content):
    Network("one", plan_of()).make_ready()
    graph = home / "graphs" / "one.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(bytes(len(whole)) if content is None else content)
    network = Network("one", plan_of())
    assert network(torch.ones(1, 2))[0].tolist() == [[2.0, 2.0]]
    assert not network.has_graph and ("will be made again" in caplog.text) == (content is None)
    network.make_ready()
    assert network.has_graph and graph.read_bytes() == whole


def test_a_graph_with_another_byte_in_its_weights_is_made_again(home, caplog):
    Network("one", plan_of()).make_ready()
    graph = home / "graphs" / "one.onnx"
    whole, two = graph.read_bytes(), struct.pack("<f", 2.0)
    assert whole.count(two) == 1  # the weight, which would double no more
    graph.write_bytes(whole.replace(two, struct.pack("<f", 3.0)))
    network = Network("one", plan_of())
    assert network(torch.ones(1, 2))[0].tolist() == [[2.0, 2.0]]
    assert not network.has_graph and "its bytes have changed" in caplog.text


def test_another_version_of_the_runtime_compares_again(home, monkeypatch):
    Network("one", plan_of()).make_ready()
    monkeypatch.setattr(kept, "_version", lambda: "0.0.1")
    network = Network("one", plan_of())
    assert not network.has_graph
    network.make_ready()
    assert network.has_graph and '"0.0.1"' in (home / "graphs" / "one.json").read_text()


def test_a_home_that_cannot_be_written_leaves_pytorch(home, caplog):
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    network = Network("one", plan_of())
    network.make_ready()
    assert network(torch.ones(1, 1))[0].item() == 2.0
    assert "could not be kept" in caplog.text


def test_the_environment_chooses_what_runs_the_networks(home, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("RETAIL_RUNTIME", "pytorch")
    network = Network("one", plan_of())
    network.make_ready()
    assert network.is_ready and not network.has_graph and not graphs(home)
    monkeypatch.setenv("RETAIL_RUNTIME", "onnxruntime")
    network = Network("one", plan_of())
    network(torch.ones(1, 1))
    assert network.has_graph, "with the first item, whether it pays or not"
    monkeypatch.setenv("RETAIL_RUNTIME", "magic")
    with pytest.raises(UserError, match="RETAIL_RUNTIME is 'auto' or 'onnxruntime' or 'pytorch' or .*, not 'magic'"):
        Network("two", plan_of())
