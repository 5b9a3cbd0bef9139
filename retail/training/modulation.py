"""On-the-fly gradient modulation: the input that learns fastest is held back, so that the others catch up.

In: a head, rows, the gradients of a step. Out: gradients of the modalities' trunks, scaled and with noise.
Peng et al., Balanced Multimodal Learning via On-the-fly Gradient Modulation (OGM-GE), 2022,
https://arxiv.org/abs/2203.15332.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from retail.fusion import FusionHead
from retail.fusion.layers import Trunk
from retail.training.rows import StandardRows
from retail.training.views import alone, answer_views


@torch.no_grad()
def single_scores(head: FusionHead, rows: StandardRows) -> dict[str, float]:
    """Per modality the mean probability that the head, shown it alone, gives to the right classes.

    What we changed: the paper reads this off its classifier's part for each modality, which only concatenation has,
    and sums over a batch; here inputs may be missing, so it is a mean over the known labels of the rows that have it.
    """
    answers = answer_views(head, rows, list(alone(rows.present).values()))
    scores = {}
    for (modality, mask), logits in zip(rows.present.items(), answers.logits, strict=True):
        right: list[Tensor] = []
        for task, target in rows.targets.items():
            known = mask & (target >= 0)
            probs = logits[task][known].softmax(-1)
            right.append(probs.gather(1, target[known][:, None]).flatten())
        found = torch.cat(right)
        if len(found):
            scores[modality] = float(found.mean())
    return scores


def coefficients(scores: Mapping[str, float], alpha: float) -> dict[str, float]:
    """1 - tanh(alpha * ratio) for a modality whose ratio to the mean score of the others is above 1, else 1.

    For two modalities this is the paper's equation 10; for more, the mean stands for "the other one".
    """
    found = {}
    for modality, score in scores.items():
        others = [value for other, value in scores.items() if other != modality]
        ratio = score * len(others) / max(sum(others), 1e-12) if others else 0.0
        found[modality] = 1 - math.tanh(alpha * ratio) if ratio > 1 else 1.0
    return found


@torch.no_grad()
def modulate(trunks: Mapping[str, Trunk], factors: Mapping[str, float]) -> None:
    """Scales the gradients of each modality's trunk, and adds noise as large as a matrix's gradients vary (GE).

    An optimiser that divides by the gradients' size, as ours does, feels a change of the factor, not its level.
    """
    for modality, trunk in trunks.items():
        for weight in trunk.parameters():
            if weight.grad is None:
                continue
            spread = float(weight.grad.std()) if weight.ndim > 1 else 0.0
            weight.grad.mul_(factors.get(modality, 1.0))
            if spread:
                weight.grad.add_(torch.randn_like(weight.grad), alpha=spread)
