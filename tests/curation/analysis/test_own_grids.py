"""A model whose images have grids of their own, rows and columns, from analysis to steering."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.dataset.documents import deserialize_array, full_masks
from fiftyone_capviz.curation.gallery.cards import read_cards
from fiftyone_capviz.curation.gallery.methods import method_result
from fiftyone_capviz.curation.gallery.word_maps import KEPT_BYTES
from fiftyone_capviz.curation.inference.kept import RecentCache
from fiftyone_capviz.curation.segments.focus import write_heatmaps
from fiftyone_capviz.curation.steering.image import ImageRecipe, Selection, read_image
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.curation.steering.one import lay_out, steer_image, weights_on_image
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import squash
from fiftyone_capviz.models import registry
from fiftyone_capviz.models.cache import ModelCache
from fiftyone_capviz.models.registry import Entry
from fiftyone_capviz.segments import owned_shares, pool_scores
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.steering import Recipe
from fiftyone_capviz.settings.words import WordMethod
from panels.payloads.caption_steering import place_payload
from tests.worlds.random_world import draw_image, raw_sample
from tests.worlds.second_models import SecondCaptioner, SecondMatcher, locate_second

SIZES = ((40, 24), (16, 32), (48, 48))
GRIDS = ((3, 5), (4, 2), (6, 6))
FIELDS: Any = {"caption_field": "caption", "segments_field": "segments"}


def options(**changes: Any) -> AnalysisOptions:
    settings: dict[str, Any] = {
        "captioner": "second",
        "matcher": "second",
        "segmenter": "superpixels",
        "map_method": "none",
        "device": "cpu",
        "num_beams": 1,
        "max_new_tokens": 3,
    }
    return AnalysisOptions(**{**settings, **changes})


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> ModelCache:
    """The second models, found as any architecture is: by one entry each."""
    for entries, model in (
        (registry.CAPTIONERS, SecondCaptioner),
        (registry.MATCHERS, SecondMatcher),
    ):

        def load(checkpoint: Any, *, model: Any = model, **_: Any) -> Any:
            return model(checkpoint.spec)

        entry = Entry(load, (), ("second",), "second", "MIT", "another", locate=locate_second)
        monkeypatch.setitem(entries, "second", entry)
    return ModelCache()


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    made = fo.Dataset()
    paths = [draw_image(tmp_path / f"{i}.png", seed=i, size=size) for i, size in enumerate(SIZES)]
    made.add_samples([fo.Sample(filepath=str(path)) for path in paths])
    made.compute_metadata()
    made.set_values("caption", ["a dog sees two cars", "red car", "a wolf sees a dog"])
    yield made
    made.delete()


@pytest.mark.parametrize("source", ["itm", "lm"])
@pytest.mark.parametrize("method", ["gradcam", "cross_attention"])
def test_stored_maps_and_weights_have_the_grid_of_their_image(
    dataset: Any, cache: ModelCache, source: str, method: str
) -> None:
    chosen = options(source=source, method=method)
    report = analyze(dataset, chosen, stages=("match", "segment", "attribute"), cache=cache)
    assert not report.failures
    for index, (grid, (width, height)) in enumerate(zip(GRIDS, SIZES, strict=True)):
        document = raw_sample(dataset, index)
        sample = dataset[dataset.values("id")[index]]
        maps = sample.caption_attention.astype(np.float32)
        assert maps.shape == (len(sample.caption_words), *grid)
        detections = document["segments"]["detections"]
        masks = full_masks(detections, width=width, height=height)
        owned = owned_shares(masks, squash(width, height, *grid))
        stored = np.stack([deserialize_array(one["patch_weights"]) for one in detections])
        np.testing.assert_allclose(stored, owned, atol=1e-3)
        expected = pool_scores(owned, masks.mean(axis=(1, 2)), maps)
        np.testing.assert_allclose(sample.caption_scores, expected, rtol=0.05, atol=2e-3)
    again = analyze(dataset, chosen, stages=("match", "segment", "attribute"), cache=cache)
    assert not again.failures


@pytest.fixture
def analysed(dataset: Any, cache: ModelCache) -> Any:
    analyze(dataset, options(), stages=("match", "segment", "attribute"), cache=cache)
    return dataset


def test_a_whole_analysis_pools_embeddings_per_grid(dataset: Any, cache: ModelCache) -> None:
    made = options(map_method="tsne", caption_field="written")
    report = analyze(dataset, made, cache=cache)
    assert not report.failures
    for index, grid in enumerate(GRIDS):
        sample = dataset[dataset.values("id")[index]]
        assert sample.written_attention.shape[1:] == grid
        assert len(sample.segments.detections)


def test_readers_take_each_array_by_its_own_shape(analysed: Any, cache: ModelCache) -> None:
    asked = [(s.id, d.id) for s in analysed for d in s.segments.detections]
    found = method_result(
        analysed, asked, WordMethod(), **FIELDS, options=options(), cache=cache,
        maps=RecentCache(KEPT_BYTES),
    )  # fmt: skip
    assert not found.failures
    by_sample = dict(zip(analysed.values("id"), GRIDS, strict=True))
    for card in read_cards(analysed, asked, **FIELDS):
        assert card.reading is not None
        assert card.reading.maps.shape[1:] == by_sample[card.sample_id]
        assert found.readings[card.label_id].maps.shape == card.reading.maps.shape
        np.testing.assert_allclose(
            found.readings[card.label_id].scores, card.reading.scores, rtol=0.05, atol=2e-3
        )
    word = analysed.first().caption_words[0]
    assert write_heatmaps(analysed, word, None) >= 1
    height, width = analysed.first().word_heatmap.map.shape
    assert width / height == pytest.approx(40 / 24, abs=0.05)


def test_steering_goes_by_the_grid_of_the_image(analysed: Any, cache: ModelCache) -> None:
    chosen = options()
    for index, grid in enumerate(GRIDS):
        image = read_image(analysed, analysed.values("id")[index], chosen)
        place = lay_out(image, chosen, cache)
        assert place.grid == grid
        assert place.coverage.shape == (len(image.detections), *grid)
        last = (grid[0] - 1, grid[1] - 1)
        dials = ImageRecipe("two", "logits", (Selection(3.0, (), added=(last,)),))
        weights = weights_on_image(image, chosen, dials, cache)
        assert weights is not None
        assert weights.shape == grid
        assert (weights[last], weights.sum()) == (3, grid[0] * grid[1] + 2)
        attempt = steer_image(image, chosen, dials, cache=cache)
        assert attempt.caption.text.startswith("two")
        beyond = ImageRecipe(None, "logits", (Selection(3.0, (), added=((grid[0], 0),)),))
        with pytest.raises(InputError, match=f"from 0 to {grid[0] - 1}"):
            steer_image(image, chosen, beyond, cache=cache)


def test_a_recipe_steers_segments_of_every_grid(analysed: Any, cache: ModelCache) -> None:
    label = analysed.first().segments.detections[0].label
    recipe = Recipe(prompt="two", weight=4.0, segment_label=label)
    report = steer_captions(analysed, recipe, options=options(), cache=cache)
    assert not report.failures
    assert all(text.startswith("two") for text in analysed.values("caption_steered"))


def test_panels_say_that_they_draw_squares_only(analysed: Any, cache: ModelCache) -> None:
    chosen = options()
    for index, grid in enumerate(GRIDS):
        image = read_image(analysed, analysed.values("id")[index], chosen)
        place = lay_out(image, chosen, cache)
        if grid[0] == grid[1]:
            assert place_payload(image, place)["grid"] == grid[0]
        else:
            with pytest.raises(InputError, match="square patch grids"):
                place_payload(image, place)
