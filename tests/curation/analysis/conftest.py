"""Models that are loaded once, and five images before and after their analysis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from tests.worlds.five_images import COUNT
from tests.worlds.random_world import CountingCache, image_dataset, random_options


@pytest.fixture(scope="session")
def loaded_models() -> CountingCache:
    """One cache for all tests of the folder."""
    return CountingCache()


@pytest.fixture
def cache(loaded_models: CountingCache) -> CountingCache:
    """The loaded models; the counts are what the test itself adds."""
    loaded_models.counts.clear()
    return loaded_models


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[fo.Dataset]:
    made = image_dataset(tmp_path, COUNT)
    yield made
    if not made.deleted:
        made.delete()


@pytest.fixture(scope="session")
def analysed(
    tmp_path_factory: pytest.TempPathFactory, loaded_models: CountingCache
) -> Iterator[fo.Dataset]:
    """An analysed dataset that tests clone, and never change."""
    made = image_dataset(tmp_path_factory.mktemp("images"), COUNT)
    analyze(made, random_options(), cache=loaded_models)
    yield made
    made.delete()


@pytest.fixture
def analysed_copy(analysed: fo.Dataset) -> Iterator[fo.Dataset]:
    made = analysed.clone()
    yield made
    if not made.deleted:
        made.delete()
