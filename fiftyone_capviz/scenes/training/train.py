"""Trains the bundled models from nothing, one model (or BLIP's pair) a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.devices import choose_device
from fiftyone_capviz.scenes.evaluate import evaluate
from fiftyone_capviz.scenes.habits import Habits
from fiftyone_capviz.scenes.model_card import write_model_card
from fiftyone_capviz.scenes.training.blip import train_blip
from fiftyone_capviz.scenes.training.clip import train_clip
from fiftyone_capviz.scenes.training.sam import train_sam

EVALUATION_SEED = 1
TRAININGS: dict[str, Callable[..., None]] = {
    "blip": train_blip,
    "sam": train_sam,
    "clip": train_clip,
}


def train(
    model: str,
    out: Path,
    *,
    device: str = "auto",
    seed: int = 0,
    steps: int | None = None,
    habits: Habits | None = None,
    start: Path | None = None,
    measured_on: int = 1000,
    log: Callable[[str], None] | None = None,
) -> None:
    """Train one bundled model, save its folders in ``out``, measure, write the model card.

    A training that was stopped, in whatever way, is carried on with from its last 200 steps, and
    ends with the same weights where it runs on the same device with as many threads.

    Args:
        model: "blip" (captioner and matcher in one run), "sam" or "clip".
        out: folder that receives ``captioner`` and ``matcher``, ``sam``, or ``clip``.
        device: "auto" or a torch device.
        seed: seeds weights, scenes and order.
        steps: optimiser steps; None trains as long as the shipped weights were trained.
        habits: of the captioner; None leaves out hats and suns, as the shipped one does.
        start: folder with captioner and matcher to begin with; None: from nothing. Of "blip" only.
        measured_on: unseen scenes for the card's figures, of every model in ``out``.
        log: receives a line of progress every 100 steps; None prints nothing.

    Raises:
        InputError: no such model; habits or start for another model than "blip"; ``out`` holds a
            training with other settings.
    """
    if model not in TRAININGS:
        known = ", ".join(TRAININGS)
        raise InputError(f"The bundled models are {known}; got {model!r}. Choose one of them.")
    options: dict[str, object] = {"device": str(choose_device(device)), "seed": seed}
    if steps is not None:
        options["steps"] = steps
    for name, value in (("habits", habits), ("start", start)):
        if value is None:
            continue
        if model != "blip":
            raise InputError(f"{name} is of the captioner; got it for {model!r}. Train blip.")
        options[name] = value
    TRAININGS[model](out, log=log or (lambda line: None), **options)
    write_model_card(out, evaluate(measured_on, EVALUATION_SEED, out))
