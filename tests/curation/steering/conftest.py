"""An analysed dataset that a test may change, and models that are loaded once."""

from __future__ import annotations

from typing import Any

import pytest

from fiftyone_capviz.models.cache import ModelCache


@pytest.fixture(scope="session")
def cache() -> ModelCache:
    return ModelCache()


@pytest.fixture
def dataset(analysed_clone: Any) -> Any:
    return analysed_clone
