"""A small world without trained weights: drawn images, random checkpoints, countable models."""

from __future__ import annotations

import tempfile
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
from PIL import Image

from fiftyone_capviz.models.cache import ModelCache
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.architectures import save_random
from fiftyone_capviz.settings.analysis import AnalysisOptions

SIDE = 64


@lru_cache(maxsize=1)
def weights_folder() -> Path:
    """Random checkpoints in the layout of real ones; every process makes the same."""
    folder = Path(tempfile.mkdtemp(prefix="capviz-random-"))
    for kind in ("captioner", "matcher"):
        save_random(kind, folder / kind, seed=0)
    return folder


def random_options(folder: Path | None = None, **changes: Any) -> AnalysisOptions:
    """Options for the random models, short and quick."""
    place = folder or weights_folder()
    settings: dict[str, Any] = {
        "captioner": str(place / "captioner"),
        "matcher": str(place / "matcher"),
        "segmenter": "superpixels",
        "num_beams": 1,
        "max_new_tokens": 5,
        "map_method": "none",
        "device": "cpu",
        "batch_size": 3,
    }
    return AnalysisOptions(**{**settings, **changes})


def draw_image(path: Path, *, seed: int, size: tuple[int, int] = (SIDE, SIDE)) -> Path:
    """Large patches of random colors: something for superpixels to find."""
    tiles = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    Image.fromarray(tiles).resize(size, Image.Resampling.NEAREST).save(path)
    return path


def image_dataset(folder: Path, count: int, *, name: str | None = None) -> fo.Dataset:
    """A dataset of drawn images."""
    dataset = fo.Dataset(name)
    paths = [draw_image(folder / f"{i:04d}.png", seed=i) for i in range(count)]
    dataset.add_samples([fo.Sample(filepath=str(path)) for path in paths])
    return dataset


class Counted:
    """A model that counts the images it is given, per method."""

    METHODS = ("generate", "encode", "match_logits", "token_logits", "score", "segment")

    def __init__(self, model: Any, counts: Counter[str], kind: str) -> None:
        self._model = model
        self._counts = counts
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._model, name)
        if name not in self.METHODS:
            return value

        def counted(first: Any, *rest: Any, **named: Any) -> Any:
            self._counts[f"{self._kind}.{name}"] += 1 if name == "segment" else len(first)
            return value(first, *rest, **named)

        return counted


class CountingCache(ModelCache):
    """The real cache; its models count what they are given."""

    def __init__(self) -> None:
        super().__init__(load=self._load_counted)
        self.counts: Counter[str] = Counter()

    def _load_counted(self, kind: str, spec: str, *, device: Any, dtype: Any) -> Any:
        model = load_model(kind, spec, device=device, dtype=dtype)
        return Counted(model, self.counts, kind)


def raw_sample(dataset: fo.Dataset, index: int = 0) -> dict[str, Any]:
    """A sample's document as MongoDB holds it."""
    ids = dataset.values("_id")
    document: dict[str, Any] = dataset._sample_collection.find_one({"_id": ids[index]})
    return document
