"""An analysis whose words are attributed by a dual encoder: its own grid and crop, and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

import fiftyone_capviz as capviz
from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.curation.gallery.methods import method_result
from fiftyone_capviz.errors import ExistingResultsError, InputError
from fiftyone_capviz.models.cache import ModelCache
from fiftyone_capviz.segments import masks_from_boxes
from fiftyone_capviz.settings.words import WordMethod
from tests.worlds.blip_checkpoints import save_small
from tests.worlds.dual_encoders import save_clip

CAPTIONS = ("a man in a red shirt", "a gray wolf and a dog", "two dogs")
CACHE = ModelCache()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    save_clip(made / "clip", seed=1)
    save_small("matcher", made / "matcher")
    rng = np.random.default_rng(0)
    for index, (width, height) in enumerate(((64, 32), (40, 60), (48, 48))):
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(made / f"{index}.png")
    return made


@pytest.fixture
def dataset(folder: Path) -> Iterator[Any]:
    made = fo.Dataset()
    boxes = ([0.1, 0.1, 0.5, 0.6], [0.4, 0.2, 0.6, 0.8], [0.0, 0.5, 0.3, 0.5])
    for index, caption in enumerate(CAPTIONS):
        labels = [fo.Detection(label=f"part {i}", bounding_box=b) for i, b in enumerate(boxes)]
        made.add_sample(
            fo.Sample(
                filepath=str(folder / f"{index}.png"),
                said=caption,
                parts=fo.Detections(detections=labels),
            )
        )
    yield made
    made.delete()


def attribute(dataset: Any, folder: Path, **told: Any) -> Any:
    settings = {
        "caption_field": "said",
        "segments_field": "parts",
        "own_segments": True,
        "matcher": str(folder / "matcher"),
        "encoder": str(folder / "clip"),
        "method": "second_order",
        "stages": ("attribute",),
        "map_method": "none",
        "device": "cpu",
        "dtype": "float32",
        "progress": False,
        "cache": CACHE,
    }
    report = capviz.analyze(dataset, **{**settings, **told})
    dataset.reload()
    return report


def test_maps_scores_and_coverage_are_those_of_the_pairs(dataset: Any, folder: Path) -> None:
    report = attribute(dataset, folder)
    assert report.counts["attributed"] == len(CAPTIONS)
    assert not report.failures
    encoder = CACHE.get("encoder", str(folder / "clip"), device="cpu", dtype="float32")
    for sample in dataset:
        found = explain_pair(encoder, Image.open(sample.filepath), sample.said)
        scale = np.abs(found.word_maps).max()
        assert sample.said_words == list(found.words.words)
        assert np.allclose(sample.said_attention, found.word_maps, atol=2e-3 * scale)
        # Each word's resized map, summed over the pixels of each box, as DESIGN has it.
        vertical, horizontal = found.transform.resize_matrices()
        resized = np.einsum("hp,wpq,xq->whx", vertical, found.word_maps, horizontal)
        width, height = frame = (found.transform.width, found.transform.height)
        boxes = [label.bounding_box for label in sample.parts.detections]
        masks = masks_from_boxes(boxes, height=height, width=width)
        sums = [resized[:, mask].sum(1) / mask.size / np.sqrt(mask.mean()) for mask in masks]
        expected = np.stack(sums)
        assert np.allclose(sample.said_scores, expected, atol=5e-3 * np.abs(expected).max())
        assert sample.said_coverage == measure_coverage(sample.said_scores, top_k=3).share
        whole = found.transform.crop == (0, 0, *frame)
        for label in sample.parts.detections:
            stored = label.get_field("patch_weights") if label.has_field("patch_weights") else None
            assert (stored is not None) == whole  # what is stored is of the whole image
            assert label.label.startswith("part")


def test_the_run_tells_what_it_came_from_and_is_not_repeated(dataset: Any, folder: Path) -> None:
    attribute(dataset, folder)
    record = read_run(dataset, "said")
    assert record is not None
    assert record.options["method"] == "second_order"
    assert record.options["encoder"] == str(folder / "clip")
    assert record.layer == 2
    assert set(record.revisions) == {"encoder"}
    assert attribute(dataset, folder).skipped == len(CAPTIONS)
    with pytest.raises(ExistingResultsError, match="method"):
        attribute(dataset, folder, method="gradcam")
    before = dataset.first().said_scores
    attribute(dataset, folder, method="gradcam", existing="replace")
    assert not np.allclose(before, dataset.first().said_scores)


def test_match_scores_come_beside_it(dataset: Any, folder: Path) -> None:
    report = attribute(dataset, folder, stages=("match", "attribute"))
    assert report.counts["matches"] == report.counts["attributed"] == len(CAPTIONS)
    assert all(0 <= value <= 1 for value in dataset.values("said_itm"))
    record = read_run(dataset, "said")
    assert record is not None
    assert set(record.revisions) == {"matcher", "encoder"}


def test_what_cannot_be_attributed_is_refused(dataset: Any, folder: Path) -> None:
    with pytest.raises(InputError, match="has 3 layers, 0 to 2; got layer=3"):
        attribute(dataset, folder, layer=3)
    with pytest.raises(InputError, match="head belongs to"):
        attribute(dataset, folder, head=0)
    attribute(dataset, folder)
    sample = dataset.first()
    with pytest.raises(InputError, match="shown as they are stored"):
        method_result(
            dataset,
            [(sample.id, sample.parts.detections[0].id)],
            WordMethod("itm", "second_order"),
            caption_field="said",
            segments_field="parts",
            cache=CACHE,
        )
