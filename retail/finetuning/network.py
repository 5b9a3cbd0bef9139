"""Encoders and head as one network: what learns in it, and how fast.

In: tunable encoders, a head and a `FinetuneConfig`. Out: a `Network` and its optimiser groups.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from retail.config import FinetuneConfig
from retail.encoders.tunable import TunableEncoder
from retail.encoders.weights import has_bfloat16
from retail.finetuning.contrast import Projector, fit_projector
from retail.finetuning.data import Inputs
from retail.finetuning.depthwise import quickened
from retail.finetuning.lora import MARK, add_lora
from retail.fusion import FusionHead
from retail.schema import Modality
from retail.store import EmbeddingBatch


class Network(nn.Module):
    """The tuned inputs and the other inputs' embeddings -> embeddings, and logits of every task.

    `projector` maps the embeddings into the common space where there is a contrastive loss.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        head: FusionHead,
        projector: Projector | None,
        adapt_statistics: bool,
    ) -> None:
        super().__init__()
        self.encoders, self.head, self.projector = nn.ModuleDict(encoders), head, projector
        self._adapt = adapt_statistics

    def train(self, mode: bool = True) -> Network:
        """Batch norms that do not learn, or are to keep the source's statistics, stay in evaluation mode."""
        super().train(mode)
        for module in self.encoders.modules():
            if mode and isinstance(module, _BatchNorm):
                module.train(self._adapt and module.weight.requires_grad)
        return self

    def embed(self, inputs: Inputs, batch: EmbeddingBatch) -> dict[str, Tensor]:
        """{modality: (B, D_m)}: computed for the tuned modalities, as cached for the others."""
        embeddings = dict(batch.embeddings)
        for modality, (places, items) in inputs.items():
            features = self._encode(self.encoders[modality], items, len(places))  # (P, D)
            absent = torch.zeros(len(batch), features.shape[1])
            embeddings[modality] = absent.index_copy(0, places, features)
        return embeddings

    def forward(self, inputs: Inputs, batch: EmbeddingBatch) -> dict[str, Tensor]:
        return self.head(self.embed(inputs, batch), batch.present)

    def _encode(self, encoder: nn.Module, items: Any, rows: int) -> Tensor:
        with (
            torch.autocast("cpu", torch.bfloat16, enabled=self.training and has_bfloat16()),
            _kept_statistics(encoder, rows < 2),
        ):
            return encoder(items).float()


@contextmanager
def _kept_statistics(encoder: nn.Module, needed: bool) -> Iterator[None]:
    """One row has no spread, so batch norms must not learn from it."""
    norms = [module for module in encoder.modules() if needed and isinstance(module, _BatchNorm) and module.training]
    for norm in norms:
        norm.eval()
    yield
    for norm in norms:
        norm.train()


def new_network(
    encoders: Mapping[Modality, TunableEncoder], head: FusionHead, train: EmbeddingBatch, config: FinetuneConfig
) -> Network:
    """Copies that may learn; from scratch encoders and head start from new random weights.

    A projector starts where it aligns the frozen embeddings of the training rows best.
    """
    projector = fit_projector(train.select(head.dims), config.temperature) if config.contrast else None
    models: dict[str, nn.Module] = {modality: _start(encoder, config) for modality, encoder in encoders.items()}
    head = _fresh(head, models) if config.start == "scratch" else copy.deepcopy(head)
    adapts = config.batch_norm == "adapt" or config.start == "scratch"  # random weights have no statistics yet
    return Network(models, head, projector, adapts)


def optimizer_groups(
    network: Network, encoders: Mapping[Modality, TunableEncoder], config: FinetuneConfig
) -> list[dict]:
    """One group per layer and kind: lower layers learn slower, only matrices decay."""
    groups: dict[tuple[float, float], dict] = {}
    rates = {"image": config.learning_rate, "text": config.text_learning_rate, "audio": config.audio_learning_rate}
    above = [*network.head.parameters(), *(network.projector.parameters() if network.projector else ())]
    named = [(weight, config.head_learning_rate) for weight in above]
    for modality, encoder in encoders.items():
        model = network.encoders[modality]
        for name, depth in encoder.depths(model).items():
            full = config.lora_learning_rate if MARK in name else rates[modality]
            named.append((model.get_parameter(name), full * config.layer_decay**depth))
    for weight, rate in named:
        if weight.requires_grad:
            decay = config.weight_decay if weight.ndim > 1 else 0.0
            group = groups.setdefault((rate, decay), {"params": [], "full_lr": rate, "lr": rate, "weight_decay": decay})
            group["params"].append(weight)
    return list(groups.values())


def _start(encoder: TunableEncoder, config: FinetuneConfig) -> nn.Module:
    model = quickened(encoder.blank_model() if config.start == "scratch" else encoder.new_model())
    if config.lora_rank:
        model = add_lora(model, config.lora_rank, encoder.name)
    model.requires_grad_(False)
    for name, depth in encoder.depths(model).items():
        within = not config.layers or depth < config.layers
        model.get_parameter(name).requires_grad_(within and (not config.lora_rank or MARK in name))
    return model


def _fresh(head: FusionHead, tuned: Mapping[str, nn.Module]) -> FusionHead:
    """The same head with new random weights, and without the scale of embeddings that are no longer there."""
    head = copy.deepcopy(head)
    for module in head.modules():
        if callable(reset := getattr(module, "reset_parameters", None)):
            reset()
    for modality in tuned:
        head.get_buffer(f"mean_{modality}").zero_()
        head.get_buffer(f"scale_{modality}").fill_(1.0)
    return head
