"""Low-rank adapters for transformers (LoRA, Hu et al. 2021, arxiv.org/abs/2106.09685), through `peft`.

In: a text or vision transformer. Out: the same network whose linear layers learn only a low-rank change, and the
plain network again once the change is merged into the weights.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from retail.encoders.tunable import NUMBERED
from retail.schema import UserError

SCALE = 2  # of the change: alpha / rank, so that the learning rate need not follow the rank
MARK = ".lora_"  # in the name of a parameter that was added


def add_lora(model: nn.Module, rank: int, name: str) -> nn.Module:
    """Adds adapters to every linear layer of the repeated blocks; raises UserError for what is no transformer."""
    from peft import LoraConfig, inject_adapter_in_model

    blocks = {path: module for path, module in model.named_modules() if NUMBERED.search(path + ".")}
    if not any("Attention" in type(module).__name__ for module in blocks.values()):
        raise UserError(
            f"LoRA adapts transformers, and {name!r} is none; leave out --lora-rank, or choose an encoder such as "
            "'timm:vit_small_patch16_224' or leave this input out of --tune."
        )
    linear = [path for path, module in blocks.items() if isinstance(module, nn.Linear)]
    return inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules=linear), model)


def merge_lora(model: nn.Module) -> nn.Module:
    """Adds the learned changes to the weights; the network has its own layers again."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted: list[tuple[str, Any]] = [
        (path, module) for path, module in model.named_modules() if isinstance(module, BaseTunerLayer)
    ]
    for path, layer in adapted:
        layer.merge()
        model.set_submodule(path, layer.get_base_layer())
    return model
