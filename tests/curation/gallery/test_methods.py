"""Words on stored segments by other methods, layers and heads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.attribution.words.methods import captioner_word_maps, matcher_word_maps
from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.gallery.cards import read_cards
from fiftyone_capviz.curation.gallery.methods import method_result, stored_method
from fiftyone_capviz.curation.gallery.word_maps import KEPT_BYTES, CaptionMaps
from fiftyone_capviz.curation.inference.kept import RecentCache
from fiftyone_capviz.curation.inference.loaded_models import load_captioner, load_matcher
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import squash
from fiftyone_capviz.images import open_image
from fiftyone_capviz.models.attention_shape import attention_shape
from fiftyone_capviz.settings.words import WordMethod
from fiftyone_capviz.text.words import caption_words
from tests.worlds.random_world import CountingCache, image_dataset, random_options, weights_folder

FIELDS: Any = {"caption_field": "caption", "segments_field": "segments"}
TEXT = "a man with a red hat on the grass"


@pytest.fixture(scope="module")
def cache() -> CountingCache:
    return CountingCache()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, cache: CountingCache) -> Iterator[Any]:
    """Three images with one caption each, matched, segmented and attributed."""
    made = image_dataset(tmp_path_factory.mktemp("images"), 3)
    made.set_values("caption", [TEXT, "a dog", "snow on a red house"])
    analyze(made, random_options(), stages=("match", "segment", "attribute"), cache=cache)
    yield made
    made.delete()


def chosen(dataset: Any, count: int = 2) -> list[tuple[str, str]]:
    return [
        (sample.id, segment.id) for sample in dataset for segment in sample.segments.detections
    ][:count]


def no_maps() -> RecentCache[CaptionMaps]:
    return RecentCache(KEPT_BYTES)


def test_the_stored_method_gives_the_stored_reading(dataset: Any, cache: CountingCache) -> None:
    stored = stored_method(dataset, "caption")
    assert (stored.method.source, stored.method.method) == ("itm", "gradcam")
    asked = chosen(dataset, 99)
    found = method_result(dataset, asked, stored.method, **FIELDS, cache=cache, maps=no_maps())
    assert found.layer == stored.method.layer
    assert not found.failures
    for card in read_cards(dataset, asked, **FIELDS):
        reading = found.readings[card.label_id]
        assert card.reading is not None
        assert reading.covered_by == card.reading.covered_by
        np.testing.assert_allclose(reading.scores, card.reading.scores, rtol=1e-4, atol=1e-9)
        tolerance = float(np.abs(card.reading.maps).max()) * 2e-3  # stored as float16
        np.testing.assert_allclose(reading.maps, card.reading.maps, atol=tolerance)


@pytest.mark.parametrize("method", ["gradcam", "cross_attention"])
@pytest.mark.parametrize("source", ["itm", "lm"])
@pytest.mark.parametrize(("layer", "head"), [(None, None), (0, None), (1, 1)])
def test_every_choice_equals_the_method_itself(
    dataset: Any,
    cache: CountingCache,
    source: str,
    method: str,
    layer: int | None,
    head: int | None,
) -> None:
    asked = chosen(dataset, 1)
    made = method_result(
        dataset,
        asked,
        WordMethod(source, method, layer, head),
        **FIELDS,
        cache=cache,
        maps=no_maps(),
    )
    options = random_options()
    model: Any = (load_matcher if source == "itm" else load_captioner)(options, cache)
    features = model.encode(model.preprocess([open_image(dataset.first().filepath)]))
    settings: dict[str, Any] = {"method": method, "layer": layer, "head": head}
    words = [caption_words(TEXT)]
    if source == "itm":
        maps, _ = matcher_word_maps(
            model, features, captions=[TEXT], words=words, how=WordMethod(**settings)
        )
    else:
        maps = captioner_word_maps(
            model, features, captions=[TEXT], words=words, how=WordMethod("lm", **settings)
        )
    (reading,) = made.readings.values()
    np.testing.assert_allclose(reading.maps, maps[0].maps, rtol=1e-3, atol=1e-8)
    assert made.layer == (model.default_layer if layer is None else layer)
    assert made.shape == attention_shape(
        "matcher" if source == "itm" else "captioner",
        options.matcher if source == "itm" else options.captioner,
    )


def test_another_layer_or_head_needs_no_model(dataset: Any, cache: CountingCache) -> None:
    kept, asked = no_maps(), chosen(dataset, 99)
    method_result(dataset, asked, WordMethod(), **FIELDS, cache=cache, maps=kept)
    cache.counts.clear()
    for layer, head in ((0, None), (1, 0), (None, 1)):
        method_result(
            dataset, asked, WordMethod(layer=layer, head=head), **FIELDS, cache=cache, maps=kept
        )
    assert not cache.counts
    assert len(kept) == 3


def test_segments_are_not_computed_again(dataset: Any, cache: CountingCache) -> None:
    before = dataset.values("segments.detections.id")
    cache.counts.clear()
    method_result(dataset, chosen(dataset), WordMethod("lm"), **FIELDS, cache=cache, maps=no_maps())
    assert cache.counts["segmenter.segment"] == 0
    assert dataset.values("segments.detections.id") == before


@pytest.mark.parametrize(
    "choice", [WordMethod(layer=99), WordMethod(head=99), WordMethod(layer=-1)]
)
def test_a_layer_or_head_that_is_not_there(
    dataset: Any, cache: CountingCache, choice: WordMethod
) -> None:
    with pytest.raises(InputError, match="from 0 to"):
        method_result(dataset, chosen(dataset), choice, **FIELDS, cache=cache)


def test_an_unknown_method(dataset: Any, cache: CountingCache) -> None:
    with pytest.raises(InputError, match="method must be one of"):
        method_result(dataset, chosen(dataset), WordMethod("itm", "magic"), **FIELDS, cache=cache)


def test_one_image_that_cannot_be_read(tmp_path: Path, dataset: Any, cache: CountingCache) -> None:
    copy = dataset.clone()
    sample = copy.first()
    sample.filepath = str(tmp_path / "gone.png")
    sample.save()
    asked = chosen(copy, 99)
    found = method_result(copy, asked, WordMethod(), **FIELDS, cache=cache, maps=no_maps())
    lost = {label for sample_id, label in asked if sample_id == sample.id}
    assert set(found.failures) == lost
    assert set(found.readings) == {label for _, label in asked} - lost
    assert all("gone.png" in message for message in found.failures.values())
    copy.delete()


def test_the_cache_of_maps_has_a_bound() -> None:
    transform = squash(8, 8, 2)
    each = CaptionMaps(("a",), np.zeros((1, 1, 1, 2, 2), np.float32), transform)
    kept: RecentCache[CaptionMaps] = RecentCache(max_bytes=2 * each.maps.nbytes)
    for name in ("a", "b", "c"):
        kept.keep((name,), each, each.maps.nbytes)
    assert kept.get(("a",)) is None
    assert kept.get(("c",)) is not None
    assert len(kept) == 2


def test_the_shape_of_a_checkpoint_without_torch() -> None:
    import subprocess

    folder = weights_folder()
    code = (
        "import sys; from fiftyone_capviz.models.attention_shape import attention_shape as a;"
        f"print(a('matcher', {str(folder / 'matcher')!r}), a('captioner', 'scenes'));"
        "assert 'torch' not in sys.modules"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.count("AttentionShape") == 2


@pytest.mark.parametrize("kind", ["captioner", "matcher"])
def test_the_shape_is_that_of_the_loaded_model(kind: str, cache: CountingCache) -> None:
    options = replace(random_options(), captioner="scenes", matcher="scenes")
    model: Any = (load_captioner if kind == "captioner" else load_matcher)(options, cache)
    shape = attention_shape(kind, "scenes")
    assert shape is not None
    assert (shape.layers, shape.heads) == (model.layer_count, model.head_count)
    assert shape.default_layer == model.default_layer


def test_a_shape_that_cannot_be_known(tmp_path: Path) -> None:
    assert attention_shape("matcher", "nobody/such-model") is None
    assert attention_shape("matcher", "no name") is None
    (tmp_path / "config.json").write_text('{"text_config": {}}')
    assert attention_shape("matcher", str(tmp_path)) is None
    (tmp_path / "config.json").write_text("no json")
    assert attention_shape("matcher", str(tmp_path)) is None
