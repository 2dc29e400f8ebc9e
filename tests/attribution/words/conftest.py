"""A small random matcher and captioner."""

from __future__ import annotations

import pytest

from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from tests.worlds.blip_checkpoints import small_captioner, small_matcher


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> BlipMatcher:
    return small_matcher(tmp_path_factory.mktemp("matcher"))


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> BlipCaptioner:
    return small_captioner(tmp_path_factory.mktemp("captioner"))
