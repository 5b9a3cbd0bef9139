"""The FusionHead contract and the registry of strategies, found by their presence in this folder.

In: {modality: (B, D_m)} embeddings and {modality: (B,)} present masks. Out: {task: (B, C_t)} logits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from retail.fusion.layers import Trunk
from retail.plugins import plugins_in
from retail.schema import UserError

CLAMP = 8.0  # standard deviations beyond which a feature says no more
SMALLEST_SCALE = 1e-4  # a feature that never varies must not be blown up


class FusionHead(nn.Module, ABC):
    """Joins embeddings of whichever modalities are present and answers every task.

    Subclasses set the class attributes, build layers in `__init__(dims, tasks, width, dropout)` after
    `super().__init__(dims, tasks)`, and implement `fuse`. `forward` is final: it standardises each
    embedding with statistics of the training rows and replaces absent slots by exact zeros *before*
    `fuse`, so what stands in an absent slot (NaN included) cannot change anything.
    """

    name: ClassVar[str]  # registry key and command-line name
    title: ClassVar[str]  # for menus
    summary: ClassVar[str]  # one plain sentence
    level: ClassVar[Literal["feature", "decision"]]
    source: ClassVar[str]  # author, year, link
    compared: ClassVar[bool] = True  # whether a comparison of "all" strategies trains it

    hidden: tuple[int, ...] = ()  # widths of the layers that `DeepHead` puts in front

    def __init__(self, dims: Mapping[str, int], tasks: Mapping[str, int]) -> None:
        super().__init__()
        self.dims = dict(sorted(dims.items()))
        self.tasks = dict(tasks)
        for modality, dim in self.dims.items():
            self.register_buffer(f"mean_{modality}", torch.zeros(dim))
            self.register_buffer(f"scale_{modality}", torch.ones(dim))

    def fit_scaler(self, embeddings: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> None:
        """Takes mean and standard deviation per feature from the present training rows."""
        for modality in self.dims:
            rows, mask = embeddings[modality], present[modality]
            rows = rows if mask.all() else rows[mask]  # (N_present, D_m)
            if len(rows) > 1:
                self.scale_by(modality, rows.mean(0), rows.std(0))

    def scale_by(self, modality: str, mean: Tensor, deviation: Tensor) -> None:
        """Takes the (D_m,) mean and standard deviation of one modality's training rows."""
        self.get_buffer(f"mean_{modality}").copy_(mean)
        self.get_buffer(f"scale_{modality}").copy_(deviation.clamp_min(SMALLEST_SCALE))

    def forward(self, embeddings: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{modality: (B, D_m)}, {modality: (B,) bool} -> {task: (B, C_t)} logits."""
        shown = {modality: present[modality] for modality in self.dims}
        return self.fuse(self.standardise(embeddings, shown), shown)

    def standardise(self, embeddings: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{modality: (B, D_m)} in units of the training rows' deviations; zeros where absent."""
        clean = {}
        for modality in self.dims:
            standard = embeddings[modality] - self.get_buffer(f"mean_{modality}")
            standard = (standard / self.get_buffer(f"scale_{modality}")).clamp(-CLAMP, CLAMP)
            clean[modality] = torch.where(present[modality][:, None], standard, 0.0)  # (B, D_m)
        return clean

    def modality_trunks(self) -> dict[str, Trunk]:
        """The layers that see one modality alone, before anything is joined: those of `projections` or `trunks`.

        Training runs them once for several views of the same rows. A strategy may have none.
        """
        holder = getattr(self, "projections", None)
        found = getattr(self, "trunks", None) if holder is None else holder.layers
        return {} if found is None else {name: trunk for name, trunk in found.items() if isinstance(trunk, Trunk)}

    def learn(
        self,
        embeddings: Mapping[str, Tensor],
        present: Mapping[str, Tensor],
        targets: Mapping[str, Tensor],
        class_weights: Mapping[str, Tensor],
        generator: torch.Generator,
    ) -> bool:
        """For a strategy that is not learned by gradient descent: learns from all training rows and returns True.

        Called once, after `fit_scaler`. `targets` are {task: (N,)} with -1 for unknown; `class_weights` {task: (C_t,)}
        or empty. The answer False leaves learning to `fit`.
        """
        return False

    @abstractmethod
    def fuse(self, embeddings: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        """Standardised embeddings (zeros where absent) and masks -> {task: (B, C_t)} logits."""


@cache
def strategies() -> dict[str, type[FusionHead]]:
    """Every strategy by name: the FusionHead subclasses defined in this folder's files."""
    return plugins_in(__name__, FusionHead, "name")  # type: ignore[type-abstract]


def known_strategy(name: str) -> type[FusionHead]:
    """The registered strategy; raises UserError for an unknown name."""
    known = strategies()
    if name not in known:
        raise UserError(f"No fusion strategy is named {name[:80]!r}; choose from {', '.join(known)}.")
    return known[name]


def build_head(
    strategy: str,
    dims: Mapping[str, int],
    tasks: Mapping[str, int],
    width: int = 192,
    dropout: float = 0.0,
    hidden: Sequence[int] = (),
    hidden_dropout: float = 0.0,
) -> FusionHead:
    """A new head of a registered strategy, with hidden layers of these widths in front of it if any are named.

    Raises UserError for an unknown name.
    """
    seen = dict.fromkeys(dims, hidden[-1]) if hidden else dims
    head = known_strategy(strategy)(seen, tasks, width=width, dropout=dropout)  # type: ignore[call-arg]
    if not hidden:
        return head
    from retail.fusion.deep import DeepHead

    return DeepHead(dims, tasks, hidden, hidden_dropout, head)
