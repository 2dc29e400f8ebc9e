"""Drawn scenes with their true captions and masks, in a dataset: what pairs are explained on."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from fiftyone_capviz.curation.demo import make_scenes, scenes_dataset
from fiftyone_capviz.curation.pairs.explain import PairAnswer, explain_sample
from fiftyone_capviz.curation.pairs.sample import PairSample
from fiftyone_capviz.models.cache import ModelCache
from fiftyone_capviz.settings.pairs import PairSettings

CAPTIONS, SEGMENTS = "truth_caption", "truth"
SETTINGS = PairSettings(encoder="scenes", device="cpu", dtype="float32")


@lru_cache(maxsize=1)
def models() -> ModelCache:
    """One cache for all tests of a process."""
    return ModelCache()


def pair_dataset(folder: Path, count: int, *, name: str, seed: int = 9_000) -> Any:
    """A dataset of scenes with their truth."""
    make_scenes(count, seed=seed, folder=folder)
    dataset = scenes_dataset(name, folder)
    dataset.persistent = False
    return dataset


def explain(sample: PairSample, caption: str | None = None, **changes: Any) -> PairAnswer:
    """A sample's own caption, or another one, with the image."""
    text = sample.caption if caption is None else caption
    return explain_sample(sample, text, replace(SETTINGS, **changes), cache=models())
