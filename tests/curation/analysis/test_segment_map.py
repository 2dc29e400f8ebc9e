"""The map of the segments as a brain run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.curation.analysis import segment_map
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.segment_map import compute_vectors, map_segments
from fiftyone_capviz.curation.dataset.job import Job
from fiftyone_capviz.curation.dataset.map_run import map_key, read_map, refresh_map, segment_ids
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.curation.inference.loaded_models import load_captioner
from fiftyone_capviz.errors import InputError, StoppedError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.segment_embeddings import crop_embeddings, pooled_embeddings
from fiftyone_capviz.segments import owned_shares
from fiftyone_capviz.settings.analysis import AnalysisOptions
from tests.worlds.analysed import SIDE, analysed_dataset
from tests.worlds.random_world import random_options

OPTIONS = AnalysisOptions(captioner="scenes", matcher="scenes", segmenter="scenes")


def vectors(dataset: Any, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    ids = [one for labels in dataset.values("segments.detections.id") for one in labels]
    return {one: rng.normal(size=8).astype(np.float32) for one in ids}


def test_the_run_holds_a_point_per_segment_for_the_embeddings_panel(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    events: list[Progress] = []
    report = map_segments(dataset, OPTIONS, embeddings=vectors(dataset), progress=events.append)
    assert report.brain_key == map_key("segments") == "segments_map"
    assert (report.segments, report.computed, report.skipped) == (20, 0, 0)
    config = dataset.get_brain_info("segments_map").config
    assert (config.patches_field, config.method, config.num_dims) == ("segments", "manual", 2)
    points = read_map(dataset)
    assert sorted(points) == sorted(vectors(dataset))
    assert np.isfinite(list(points.values())).all()
    assert events[-1].done == events[-1].total
    assert dataset._doc.brain_methods["segments_map"].view_stages is None


def test_the_same_seed_gives_the_same_map_and_a_rerun_overwrites(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    map_segments(dataset, OPTIONS, embeddings=vectors(dataset))
    first = read_map(dataset)
    map_segments(dataset, OPTIONS, embeddings=vectors(dataset))
    assert read_map(dataset) == first
    map_segments(dataset, OPTIONS, embeddings=vectors(dataset, seed=1))
    assert read_map(dataset) != first
    assert dataset.list_brain_runs() == ["segments_map"]


def test_a_view_maps_its_own_segments(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    view = dataset.limit(2)
    assert map_segments(view, OPTIONS, embeddings=vectors(dataset)).segments == 8
    assert set(read_map(dataset)) == {
        one for labels in segment_ids(view, "segments").values() for one in labels
    }


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_segments_say_so(tmp_path: Path, count: int) -> None:
    dataset = analysed_dataset(tmp_path, captions=["a dog"], segments=1)
    if not count:
        dataset.set_values("segments", [None])
    with pytest.raises(InputError, match=f"at least 2 segments; 'segments' holds {count}"):
        map_segments(dataset, OPTIONS, embeddings=vectors(dataset) if count else {})


def test_umap_without_its_package_is_refused_before_work_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = analysed_dataset(tmp_path)
    before = dataset.values("last_modified_at")
    monkeypatch.setattr(segment_map, "has_umap", lambda: False)
    asked = replace(OPTIONS, map_method="umap", existing="replace")
    for work in (
        lambda: map_segments(dataset, asked, embeddings=vectors(dataset)),
        lambda: analyze(dataset, asked),
    ):
        with pytest.raises(InputError, match=r"pip install 'fiftyone-capviz\[umap\]', or choose"):
            work()
    dataset.reload()
    assert dataset.values("last_modified_at") == before
    assert not dataset.list_brain_runs()
    assert map_segments(dataset, OPTIONS, embeddings=vectors(dataset)).method == "tsne"


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_segments_are_mapped(tmp_path: Path, count: int) -> None:
    dataset = analysed_dataset(tmp_path, captions=["a dog"], segments=count)
    assert map_segments(dataset, OPTIONS, embeddings=vectors(dataset)).segments == count


def test_vectors_that_are_not_numbers_are_left_out(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    broken = vectors(dataset)
    broken[next(iter(broken))][:] = np.nan
    report = map_segments(dataset, OPTIONS, embeddings=broken)
    assert (report.segments, report.skipped) == (19, 1)


def test_a_stopped_map_leaves_the_older_one(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    map_segments(dataset, OPTIONS, embeddings=vectors(dataset))
    before = read_map(dataset)
    with pytest.raises(StoppedError):
        map_segments(dataset, OPTIONS, embeddings=vectors(dataset, 1), stop=lambda: True)
    assert read_map(dataset) == before


def test_missing_field_and_method(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    with pytest.raises(InputError, match="segment_images"):
        map_segments(dataset, AnalysisOptions(segments_field="nothing"))
    with pytest.raises(InputError, match="tsne"):
        map_segments(dataset, AnalysisOptions(map_method="none"))


@pytest.mark.parametrize("kind", ["pooled", "crops"])
def test_vectors_that_were_not_handed_over_are_computed(tmp_path: Path, kind: str) -> None:
    dataset = analysed_dataset(tmp_path)
    options = random_options(map_method="tsne", embeddings=kind)
    some = compute_vectors(dataset, dataset.limit(3).values("id"), options, Job())
    assert len(some) == 12
    report = map_segments(dataset, options, embeddings=some)
    assert (report.segments, report.computed, report.skipped) == (20, 8, 0)
    captioner = load_captioner(options)
    image = open_image(Path(dataset.first().filepath))
    found = dataset.first().segments.detections
    masks = np.zeros((4, SIDE, SIDE), bool)
    for i in range(4):
        masks[i, i * SIDE // 4 : (i + 1) * SIDE // 4] = True
    if kind == "pooled":
        features = captioner.encode(captioner.preprocess([image]))[0].numpy()
        weights = owned_shares(masks, captioner.transform(SIDE, SIDE))
        expected = pooled_embeddings(features, weights)
    else:

        def encode(crops: Any) -> Any:
            return captioner.encode(captioner.preprocess(crops)).numpy()

        expected = crop_embeddings(image, masks, encode=encode)
    ours = np.stack([some[one.id] for one in found])
    np.testing.assert_allclose(ours, expected, atol=1e-3)


def test_images_that_are_gone_are_left_out(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    Path(dataset.first().filepath).unlink()
    report = map_segments(dataset, random_options(map_method="tsne"))
    assert (report.segments, report.computed, report.skipped) == (16, 16, 4)
    with pytest.raises(StoppedError):
        map_segments(dataset, random_options(map_method="tsne", batch_size=1), stop=lambda: True)


def test_clones_keep_the_map(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    map_segments(dataset, OPTIONS, embeddings=vectors(dataset))
    clone = dataset.clone()
    clone.name = f"{clone.name}-renamed"
    assert read_map(clone) == read_map(dataset)
    before = dataset.get_brain_info("segments_map").timestamp
    refresh_map(clone)
    dataset.reload()
    assert dataset.get_brain_info("segments_map").timestamp == before


def test_reading_without_a_map(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path)
    assert read_map(dataset) == {}
    refresh_map(dataset)
