"""Models that take turns, and the threads that they get."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fiftyone_capviz.curation.inference.turns import models_in_turn
from fiftyone_capviz.curation.steering.image import ImageRecipe, SteeredImage
from fiftyone_capviz.curation.steering.one import steer_image
from fiftyone_capviz.errors import ModelError
from tests.worlds.random_world import random_options


def test_models_that_are_busy_are_said_to_be(
    image: SteeredImage, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    monkeypatch.setattr("fiftyone_capviz.curation.inference.turns.WAIT_SECONDS", 0.05)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with cache.lock:
            held.set()
            free.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(10)
    try:
        with pytest.raises(ModelError, match="in use"):
            steer_image(image, random_options(), ImageRecipe(), cache=cache)
    finally:
        free.set()
        other.join()


@pytest.mark.usefixtures("two_threads")
def test_a_small_model_gets_one_thread_and_the_others_come_back(cache: Any) -> None:
    with models_in_turn(random_options(), cache):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
