"""A small dataset and random models of the bundled architectures, for the operators."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.random_world import image_dataset, random_options

URI = "@capviz/capviz/"


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    """Three drawn images, not analysed."""
    made = image_dataset(tmp_path, 3)
    yield made
    made.delete()


@pytest.fixture
def params() -> dict[str, Any]:
    """Operator parameters that choose the random models."""
    from operators.frame.requests import params_from

    return params_from(random_options())
