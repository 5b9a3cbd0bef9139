"""The least of a smooth loss over a few weights with bounds.

In: a loss in torch. Out: the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def minimized(
    loss: Callable[[Tensor], Tensor], start: Tensor, bounds: Sequence[tuple[float | None, float | None]]
) -> Tensor:
    """(W,) float32, by L-BFGS-B from `start`."""
    from scipy.optimize import minimize

    def value(at: np.ndarray) -> tuple[float, np.ndarray]:
        weights = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        found = loss(weights)
        (slope,) = torch.autograd.grad(found, weights)
        return float(found.detach()), slope.numpy()

    found = minimize(value, start.double().numpy(), jac=True, bounds=bounds, method="L-BFGS-B")
    return torch.tensor(found.x, dtype=torch.float32)
