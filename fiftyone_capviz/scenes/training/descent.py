"""How the bundled models are trained: AdamW, a warm-up, then a cosine to nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

WARM_UP = 200
"""Steps in which the learning rate rises from nothing."""


class Descent:
    """The optimiser of one training run.

    Life cycle: made for a number of steps, then `step` with the loss of each.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        steps: int,
        learning_rate: float,
        weight_decay: float,
        free: Iterable[nn.Parameter] = (),
    ) -> None:
        """Prepare.

        Args:
            parameters: trained; the norm of their gradient is cut to 1.
            steps: of the whole run.
            learning_rate: the largest, after the warm-up.
            weight_decay: of AdamW.
            free: trained as well, their gradients as they are.
        """
        self._steps = steps
        self._clipped = list(parameters)
        self._optimizer = torch.optim.AdamW(
            [*self._clipped, *free], lr=learning_rate, weight_decay=weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: rate(step, steps)
        )

    def step(self, loss: torch.Tensor) -> None:
        """Go down the gradient of a loss once."""
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._clipped, 1.0)
        self._optimizer.step()
        self._schedule.step()

    def state(self) -> dict[str, Any]:
        """Of the optimiser, as `take_up` wants it back."""
        return dict(self._optimizer.state_dict())

    def take_up(self, state: dict[str, Any], step: int) -> None:
        """Carry on where another descent of the same parameters stood after `step` steps."""
        self._optimizer.load_state_dict(state)
        self._schedule.last_epoch = step
        for group, base in zip(self._optimizer.param_groups, self._schedule.base_lrs, strict=True):
            group["lr"] = base * rate(step, self._steps)


def rate(step: int, steps: int) -> float:
    """The share of the largest learning rate at a zero-based step, 0..1."""
    warm = min(1.0, (step + 1) / WARM_UP)
    return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
