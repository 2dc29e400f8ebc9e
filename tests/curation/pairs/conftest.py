"""Eighteen drawn scenes that all tests of the folder share, and a copy to change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fiftyone_capviz.curation.pairs.sample import PairSample, choose_fields, read_sample
from tests.worlds.mismatches import COUNT
from tests.worlds.pair_world import CAPTIONS, pair_dataset


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """No test changes it."""
    made = pair_dataset(tmp_path_factory.mktemp("scenes"), COUNT, name="pairs-many")
    yield made
    made.delete()


@pytest.fixture
def dataset(scenes: Any) -> Iterator[Any]:
    clone = scenes.clone()
    yield clone
    clone.delete()


@pytest.fixture(scope="session")
def samples(scenes: Any) -> list[PairSample]:
    """The first three scenes, as one pair is explained."""
    chosen = choose_fields(scenes, CAPTIONS)
    return [read_sample(scenes, one, chosen) for one in scenes.limit(3).values("id")]
