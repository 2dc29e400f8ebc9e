"""An analysed dataset that a test may change, its first image, and models that are loaded once."""

from __future__ import annotations

from typing import Any

import pytest

from fiftyone_capviz.curation.steering.image import SteeredImage, read_image
from fiftyone_capviz.models.cache import ModelCache
from tests.worlds.random_world import random_options


@pytest.fixture(scope="session")
def cache() -> ModelCache:
    return ModelCache()


@pytest.fixture
def dataset(analysed_clone: Any) -> Any:
    return analysed_clone


@pytest.fixture
def image(dataset: Any) -> SteeredImage:
    return read_image(dataset, dataset.first().id, random_options())
