"""Answers and features that are kept: what was used least goes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fiftyone_capviz.curation.inference.kept import FeatureCache, RecentCache
from fiftyone_capviz.curation.inference.loaded_models import load_captioner
from fiftyone_capviz.errors import ImageError
from tests.worlds.random_world import random_options


def test_the_cache_forgets_what_was_used_least() -> None:
    cache: RecentCache[str] = RecentCache(max_bytes=100)
    for name in "abc":
        cache.keep((name,), name, 40)
    assert (cache.get(("a",)), cache.get(("b",))) == (None, "b")
    cache.keep(("d",), "d", 40)
    assert (cache.get(("c",)), cache.get(("b",))) == (None, "b")
    cache.keep(("large",), "large", 1000)
    assert (len(cache), cache.get(("large",))) == (1, "large")


def test_features_leave_when_there_are_too_many(analysed_clone: Any, cache: Any) -> None:
    captioner = load_captioner(random_options(), cache)
    small = FeatureCache(max_bytes=1)
    paths = analysed_clone.values("filepath")
    first = small.features(captioner, paths[0])
    assert small.features(captioner, paths[0]) is first
    small.features(captioner, paths[1])
    assert len(small) == 1
    Path(paths[1]).touch()  # a file that changed is read again
    with pytest.raises(ImageError):
        small.features(captioner, paths[0] + ".gone")
