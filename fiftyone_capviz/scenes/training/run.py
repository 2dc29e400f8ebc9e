"""A training that can be killed and carried on with, to the same weights.

Nothing in a step depends on the steps before it but the weights and the optimiser: scenes are drawn
from the seed, the batch of a step and its draws from the seed and the step's number. So what is on
disk is weights, optimiser and the number of the step, and a run that was stopped ends with what it
would have ended with, on the same device with as many threads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.scenes.training.descent import Descent

STATES = "training"
"""Folder beside the weights with the state of each training."""
SAVED_EVERY = 200
"""Steps that a kill can cost at most."""
TOLD_EVERY = 100

Loss = Callable[[int, np.random.Generator], Mapping[str, torch.Tensor]]
"""Of a step's number (from 0) and its draws: the losses by name, whose sum is gone down."""


@dataclass(frozen=True)
class Phase:
    """One cosine of the learning rate.

    Attributes:
        number: of the phase in its training, from 0.
        steps: optimiser steps.
        learning_rate: at its highest.
        weight_decay: of AdamW.
    """

    number: int
    steps: int
    learning_rate: float
    weight_decay: float


class TrainingRun:
    """The state of one training, in memory and in a file.

    Life cycle: made with its modules as they are initialised (or as the file has them), then
    `descend` phase by phase, then `finish`.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        modules: Mapping[str, nn.Module],
        *,
        seed: int,
        log: Callable[[str], None],
    ) -> None:
        """Take up what the file holds, or start.

        Args:
            path: of the file; its folder is made.
            settings: all that the result hangs on; a file of other settings is refused.
            modules: what is trained, by name; changed in place.
            seed: of the batches and of every step's draws.
            log: receives a line of progress every 100 steps.

        Raises:
            InputError: the file is that of a training with other settings, or cannot be read.
        """
        self._path, self._settings, self._modules = path, dict(settings), dict(modules)
        self._seed, self._log = seed, log
        self._phase, self._step = 0, 0
        self._optimizer: dict[str, Any] | None = None
        self.is_finished = False
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._take_up(_read(path))

    def _take_up(self, stored: dict[str, Any]) -> None:
        if stored["settings"] != self._settings:
            changed = ", ".join(
                f"{name} {stored['settings'].get(name)!r} there, {value!r} asked"
                for name, value in self._settings.items()
                if stored["settings"].get(name) != value
            )
            raise InputError(
                f"{self._path} is that of another training: {changed}. "
                "Choose another --out, or delete the file to start anew."
            )
        self.is_finished = stored["is_finished"]
        if self.is_finished:
            return
        self._phase, self._step = stored["phase"], stored["step"]
        self._optimizer = stored["optimizer"]
        for name, module in self._modules.items():
            module.load_state_dict(stored["modules"][name])
        self._log(f"carried on from step {self._step} of phase {self._phase + 1}")

    def is_done(self, number: int) -> bool:
        """Whether the phase of that number has been gone through."""
        return self.is_finished or self._phase > number

    def descend(self, phase: Phase, loss: Loss, *, unclipped: Iterable[nn.Parameter] = ()) -> None:
        """Go through one phase, from where the file left it.

        Args:
            phase: which, and how long.
            loss: of a step.
            unclipped: parameters of the modules whose gradient is taken as it is.
        """
        free = {id(parameter) for parameter in unclipped}
        own = {id(p): p for module in self._modules.values() for p in module.parameters()}
        descent = Descent(
            [p for key, p in own.items() if key not in free],
            steps=phase.steps,
            learning_rate=phase.learning_rate,
            weight_decay=phase.weight_decay,
            free=[p for key, p in own.items() if key in free],
        )
        if self._optimizer is not None:
            descent.take_up(self._optimizer, self._step)
        totals: dict[str, float] = {}
        started, first = time.time(), self._step
        for step in range(first, phase.steps):
            losses = loss(step, np.random.default_rng([self._seed, phase.number, step]))
            descent.step(torch.stack(list(losses.values())).sum())
            for name, value in losses.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach())
            if (step + 1) % TOLD_EVERY == 0:
                text = "  ".join(
                    f"{name} {value / TOLD_EVERY:.3f}" for name, value in totals.items()
                )
                left = (time.time() - started) / (step + 1 - first) * (phase.steps - step - 1)
                self._log(f"step {step + 1}/{phase.steps}  {text}  {left / 60:.0f} min left")
                totals.clear()
            if (step + 1) % SAVED_EVERY == 0:
                self._step, self._optimizer = step + 1, descent.state()
                self._write()
        self._phase, self._step, self._optimizer = phase.number + 1, 0, None
        self._write()

    def finish(self) -> None:
        """Note that the weights have been saved; the file no longer holds them."""
        self.is_finished = True
        self._modules, self._optimizer = {}, None
        self._write()

    def _write(self) -> None:
        """Whole or not at all, also where the machine stops."""
        state = {
            "settings": self._settings,
            "is_finished": self.is_finished,
            "phase": self._phase,
            "step": self._step,
            "optimizer": self._optimizer,
            "modules": {name: module.state_dict() for name, module in self._modules.items()},
        }
        beside = self._path.with_suffix(".part")
        with beside.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)


def _read(path: Path) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a truncated or foreign file fails in many ways
        raise InputError(
            f"{path} cannot be read as a training's state ({type(error).__name__}: {error}). "
            "Delete it to start anew."
        ) from error
    return stored


def batch_of(count: int, size: int, step: int, seed: int) -> NDArray[np.intp]:
    """The indices of a step's batch: every epoch is a shuffle of its own.

    Args:
        count: of what there is.
        size: of a batch, at most `count`.
        step: from 0.
        seed: of the shuffles.
    """
    epoch, place = divmod(step, count // size)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return order[place * size : (place + 1) * size]


def fast_arithmetic(device: str | torch.device) -> torch.autocast:
    """Of a training: bfloat16 on GPUs, float32 on CPUs, of which many only emulate the other."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=kind != "cpu")
