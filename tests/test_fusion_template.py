"""The strategy in docs/how-to/extend.md: one file is found, and keeps the contract as it stands."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import torch

from retail import fusion
from retail.comparison.plans import plan_models
from retail.config import CompareConfig
from retail.schema import MODALITIES
from tests import test_fusion

GUIDE = Path(__file__).parents[1] / "docs" / "how-to" / "extend.md"
NAME = "largest"


def contract() -> list[str]:
    """Every test of the contract: those that run over all strategies."""
    return [name for name, test in vars(test_fusion).items() if "strategy" in dict(_parameters(test))]


def _parameters(test) -> Iterator[tuple[str, list]]:
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            yield mark.args[0], mark.args[1]


@pytest.fixture(scope="module", autouse=True)
def _template_in_the_registry(tmp_path_factory):
    block = GUIDE.read_text(encoding="utf-8").split("<!-- strategy-template -->")[1].split("<!-- end -->")[0]
    folder = tmp_path_factory.mktemp("strategies")
    (folder / "my_strategy.py").write_text(block.strip().removeprefix("```python").removesuffix("```"))
    fusion.__path__.append(str(folder))
    importlib.invalidate_caches()
    fusion.strategies.cache_clear()
    yield
    fusion.__path__.remove(str(folder))
    fusion.strategies.cache_clear()
    sys.modules.pop("retail.fusion.my_strategy", None)


def test_one_file_is_enough_to_be_found_and_compared():
    assert fusion.strategies()[NAME].title == "Largest features"
    assert NAME in {plan.model for plan in plan_models(CompareConfig(seeds=1), ["a"], MODALITIES)}


@pytest.mark.parametrize("name", contract())
def test_the_template_keeps_the_contract(name: str):
    test = getattr(test_fusion, name)
    others = {key: values for key, values in _parameters(test) if key != "strategy"}
    for values in product(*others.values()):
        torch.set_num_threads(1)
        torch.manual_seed(0)
        test(strategy=NAME, **dict(zip(others, values, strict=True)))


def test_the_contract_is_found():
    assert len(contract()) >= 10


def test_largest_features_by_hand():
    head = fusion.build_head(NAME, {"image": 2, "text": 2}, {"t": 2}, width=2).eval()
    for modality in ("image", "text"):
        head.projections.layers[modality] = torch.nn.Identity()
    torch.nn.init.eye_(head.heads.layers[0].weight)
    torch.nn.init.zeros_(head.heads.layers[0].bias)
    embeddings = {"image": torch.tensor([[-1.0, -2.0]]), "text": torch.tensor([[-3.0, 4.0]])}
    both, photo = torch.ones(1).bool(), {"image": torch.ones(1).bool(), "text": torch.zeros(1).bool()}
    assert head(embeddings, {"image": both, "text": both})["t"].tolist() == [[-1.0, 4.0]]
    assert head(embeddings, photo)["t"].tolist() == [[-1.0, -2.0]]
