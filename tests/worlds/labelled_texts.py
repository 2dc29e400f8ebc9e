"""Small datasets as users import them: RefCOCO, Flickr30k Entities, COCO with five captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np

from fiftyone_capviz.curation.evaluation.labelled import OpenedSample, open_samples
from fiftyone_capviz.curation.evaluation.plan import EvaluationPlan
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from tests.worlds.random_world import image_dataset, random_options

Box = tuple[float, float, float, float]

LEFT: Box = (0.0, 0.0, 0.5, 0.5)
RIGHT: Box = (0.5, 0.0, 0.5, 0.5)
BELOW: Box = (0.25, 0.5, 0.5, 0.5)
Made = Callable[..., fo.Dataset]


def refcoco(folder: Path) -> fo.Dataset:
    """Two persons and a dog per image; expressions as strings and as lists, one person without."""
    dataset = image_dataset(folder, 3)
    for number, sample in enumerate(dataset):
        sample["ground_truth"] = fo.Detections(
            detections=[
                fo.Detection(
                    label="person",
                    bounding_box=list(LEFT),
                    ref_exps=["man in a red shirt", "the left man"],
                ),
                fo.Detection(label="person", bounding_box=list(RIGHT)),
                fo.Detection(
                    label="dog",
                    bounding_box=list(BELOW),
                    ref_exps=["brown dog"],
                    sentence="brown dog" if number else "it",
                ),
            ]
        )
        sample.save()
    return dataset


def flickr(folder: Path, count: int = 2) -> fo.Dataset:
    """Five captions per image; two boxes of one phrase, and one of another."""
    dataset = image_dataset(folder, count)
    for sample in dataset:
        sample["captions"] = [
            "Two men walk beside a small dog",
            "Two men are outside",
            "A small dog runs",
            "",
            "People in a park",
        ]
        sample["phrases"] = fo.Detections(
            detections=[
                fo.Detection(label="Two men", bounding_box=list(LEFT)),
                fo.Detection(label="Two men", bounding_box=list(BELOW)),
                fo.Detection(label="a small dog", bounding_box=list(RIGHT)),
            ]
        )
        sample.save()
    return dataset


def coco(folder: Path, count: int) -> fo.Dataset:
    """Persons and couches that captions call by other names; every second image has two persons."""
    dataset = image_dataset(folder, count)
    for number, sample in enumerate(dataset):
        sample["captions"] = ["a man sits on a sofa", "a boy and a lamp"]
        boxes = [("person", LEFT), ("couch", RIGHT)] + [("person", BELOW)] * (number % 2)
        sample["ground_truth"] = fo.Detections(
            detections=[fo.Detection(label=label, bounding_box=list(box)) for label, box in boxes]
        )
        sample.save()
    return dataset


def quick(regions_field: str, **changes: Any) -> EvaluationOptions:
    """Options for the random matcher alone, as an evaluation takes them."""
    models = random_options()
    settings: dict[str, Any] = {
        "captioner": models.captioner,
        "matcher": models.matcher,
        "sources": ("itm",),
        "measures": ("grounding",),
        "heads": False,
        "device": "cpu",
        "bootstrap_samples": 20,
    }
    return EvaluationOptions(regions_field, **{**settings, **changes}).validated()


def opened_of(plan: EvaluationPlan, options: EvaluationOptions) -> list[OpenedSample]:
    """The samples of a plan with their images and masks; none may be broken."""
    found = list(open_samples(plan.dataset, plan.samples, options))
    assert all(isinstance(each, OpenedSample) for each in found), found
    return [each for each in found if isinstance(each, OpenedSample)]


def box_mask(box: tuple[float, float, float, float], side: int = 64) -> np.ndarray:
    """The pixels of a box, in a square image."""
    left, top, width, height = (round(v * side) for v in box)
    mask = np.zeros((side, side), bool)
    mask[top : top + height, left : left + width] = True
    return mask
