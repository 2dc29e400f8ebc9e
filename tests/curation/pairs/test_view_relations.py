"""Every image of a view with every caption of it, from factors that are computed once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest

import fiftyone_capviz as capviz
from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.curation.dataset.store import request_stop
from fiftyone_capviz.curation.pairs.relation_run import RelationWorker
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.images import open_image
from tests.worlds.pair_world import CAPTIONS, SEGMENTS, models, pair_dataset

COUNT, LAST = 5, 1


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = pair_dataset(tmp_path_factory.mktemp("scenes"), COUNT, name="test-relations")
    yield made
    made.delete()


def relate(collection: Any, **told: Any) -> Any:
    settings = {
        "caption_field": CAPTIONS,
        "encoder": "scenes",
        "layer": LAST,
        "device": "cpu",
        "dtype": "float32",
        "cache": models(),
    }
    return capviz.relate_view(collection, **{**settings, **told})


def encoder() -> Any:
    return models().get("encoder", "scenes", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def relations(dataset: Any) -> Any:
    return relate(dataset)


def test_the_scores_are_the_models_cosines(dataset: Any, relations: Any) -> None:
    captions = list(dict.fromkeys(dataset.values(CAPTIONS)))
    assert relations.captions == tuple(captions)
    assert relations.sample_ids == tuple(dataset.values("id"))
    images = [open_image(Path(path)) for path in dataset.values("filepath")]
    expected = encoder().encode_images(images) @ encoder().encode_texts(captions).T
    assert np.allclose(relations.scores, expected.numpy(), atol=1e-5)
    assert not relations.stopped
    assert not relations.failures


def test_any_image_is_explained_with_any_caption(dataset: Any, relations: Any) -> None:
    for sample in dataset.limit(2):
        for caption in (None, relations.captions[-1], "a wolf in the snow"):
            found = relations.explain(sample.id, caption)
            alone = explain_pair(
                encoder(), open_image(Path(sample.filepath)), caption or sample[CAPTIONS],
                layer=LAST,
            )  # fmt: skip
            scale = np.abs(alone.matrix).max()
            assert np.allclose(found.matrix, alone.matrix, atol=1e-3 * scale)
            assert found.relative_error < 1e-3
    with pytest.raises(InputError, match="must be one of the 5"):
        relations.explain("0" * 24)


def test_segments_by_words_are_sums_over_their_pixels(dataset: Any, relations: Any) -> None:
    sample = dataset.first()
    found = relations.segment_words(sample.id)
    explained = relations.explain(sample.id)
    assert found.words == explained.words.words
    assert list(found.segment_ids) == [one.id for one in sample[SEGMENTS].detections]
    transform = explained.transform
    vertical, horizontal = transform.resize_matrices()
    resized = np.einsum("hp,wpq,xq->whx", vertical, explained.word_maps, horizontal)
    for row, detection in zip(found.matrix, sample[SEGMENTS].detections, strict=True):
        size = (transform.width, transform.height)
        mask = detection.to_segmentation(frame_size=size).mask > 0
        expected = resized[:, mask].sum(axis=1) / mask.size / np.sqrt(mask.mean())
        assert np.allclose(row, expected, atol=2e-3 * np.abs(found.matrix).max())


def test_images_that_do_not_fit_are_explained_when_asked_for(
    dataset: Any, relations: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RelationWorker, "batch_size", 1)
    one = relations._factors.images.nbytes // COUNT
    tight = relate(dataset, max_bytes=2 * one + 100)
    assert np.allclose(tight.scores, relations.scores, atol=1e-5)
    assert len(tight._factors.images) == 2
    for key in tight.sample_ids:
        expected = relations.explain(key).token_maps
        assert np.allclose(tight.explain(key).token_maps, expected, atol=1e-6)


def test_a_broken_image_is_told_and_left_out(dataset: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    sample = fo.Sample(filepath=str(broken), **{CAPTIONS: "a dog"})
    key = dataset.add_sample(sample)
    try:
        found = relate(dataset)
    finally:
        dataset.delete_samples([key])
    assert [failure.sample_id for failure in found.failures] == [key]
    assert len(found.sample_ids) == COUNT == len(found.scores)
    assert found.captions[-1] == "a dog"


def test_progress_is_told_and_a_stop_keeps_what_is_whole(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RelationWorker, "batch_size", 2)
    seen: list[tuple[str, int, int]] = []

    def progress(step: Any) -> None:
        seen.append((step.stage, step.done, step.total))
        if step.stage == "images" and step.done == 2:
            request_stop(dataset)

    found = relate(dataset, progress=progress)
    assert found.stopped
    assert len(found.sample_ids) == 2
    assert found.scores.shape == (2, len(found.captions))
    assert seen[-1] == ("images", 2, COUNT)
    assert not relate(dataset.limit(1)).stopped  # an earlier request is forgotten


def test_what_cannot_be_related_is_refused(dataset: Any) -> None:
    with pytest.raises(InputError, match="layer"):
        relate(dataset, layer=7)
    with pytest.raises(InputError, match="method"):
        relate(dataset, method="ilime")
    with pytest.raises(InputError, match="holds text"):
        relate(dataset, caption_field="nothing")
    bare = fo.Dataset()
    bare.add_sample(fo.Sample(filepath=dataset.first().filepath))
    try:
        with pytest.raises(InputError, match="Pairs need captions"):
            relate(bare, caption_field=None)
        bare.add_sample_field("said", fo.StringField)
        bare.set_values("said", ["a dog"])
        found = relate(bare, caption_field="said")
        with pytest.raises(InputError, match="Segments need a field"):
            found.segment_words(found.sample_ids[0])
    finally:
        bare.delete()
