"""Six drawn scenes, one evaluation of everything on them, and datasets to break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.demo import make_scenes, scenes_dataset
from fiftyone_capviz.curation.evaluation.forecast import default_options
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
from tests.worlds.evaluated_scenes import COUNT, FIRST_SEED
from tests.worlds.labelled_texts import Made, coco


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scenes")
    make_scenes(COUNT, seed=FIRST_SEED, folder=place)
    return place


@pytest.fixture(scope="session")
def evaluated(folder: Path) -> Iterator[tuple[Any, EvaluationReport]]:
    """Scenes with one evaluation of everything, on few images; no test changes them."""
    dataset = scenes_dataset("capviz-evaluated", folder)
    options = default_options(
        dataset,
        {
            "regions_field": "truth",
            "device": "cpu",
            "faithfulness_samples": 1,
            "swap_samples": 3,
            "sanity_samples": 3,
            "steering_samples": 4,
            "steering_weights": (2.0,),
            "bootstrap_samples": 200,
            "seed": 3,
        },
    )
    report = evaluate_attribution(dataset, options)
    yield dataset, report
    dataset.delete()


@pytest.fixture
def scenes(folder: Path) -> Iterator[Any]:
    """A dataset of the same scenes to break; named anew each time."""
    dataset = scenes_dataset("capviz-broken", folder)
    yield dataset
    dataset.delete()


@pytest.fixture
def coco_images(tmp_path: Path) -> Iterator[Any]:
    """Persons and couches, as COCO has them."""
    made = coco(tmp_path, 6)
    yield made
    made.delete()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Makes a dataset that is gone after the test."""
    datasets = []

    def make(maker: Callable[..., fo.Dataset], *rest: int) -> fo.Dataset:
        datasets.append(maker(tmp_path, *rest))
        return datasets[-1]

    yield make
    for dataset in datasets:
        dataset.delete()
