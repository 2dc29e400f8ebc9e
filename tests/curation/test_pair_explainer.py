"""One pair: parts that sum to the whole, regions, words, what can be wrong, what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fiftyone_capviz.attribution.pair_attribution import explain_pair, explain_texts
from fiftyone_capviz.curation.pair_explainer import (
    PairReading,
    explain_sample,
    relate_captions,
    relate_images,
    segment_shares,
)
from fiftyone_capviz.curation.pair_sample import PairSample, choose_fields, read_sample
from fiftyone_capviz.curation.pair_settings import METHODS, PairSettings, default_encoder
from fiftyone_capviz.curation.pair_words import pair_words
from fiftyone_capviz.curation.recent import RecentCache, file_key
from fiftyone_capviz.errors import ImageError, InputError, ModelError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.images import open_image
from tests.curation.pair_world import CAPTIONS, SEGMENTS, SETTINGS, models, pair_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = pair_dataset(tmp_path_factory.mktemp("scenes"), 3, name="pairs-one")
    yield made
    made.delete()


@pytest.fixture(scope="module")
def samples(dataset: Any) -> list[PairSample]:
    chosen = choose_fields(dataset, CAPTIONS)
    return [read_sample(dataset, one, chosen) for one in dataset.values("id")]


def explain(sample: PairSample, caption: str | None = None, **changes: Any) -> PairReading:
    text = sample.caption if caption is None else caption
    return explain_sample(sample, text, replace(SETTINGS, **changes), cache=models())


def test_fields_are_chosen_and_a_wrong_one_is_refused(dataset: Any) -> None:
    chosen = choose_fields(dataset, None)
    assert chosen.caption_field in chosen.caption_fields
    assert CAPTIONS in chosen.caption_fields
    assert chosen.segments_field == SEGMENTS
    assert chosen.captioner is None
    with pytest.raises(InputError, match="holds text; 'nothing' does not"):
        choose_fields(dataset, "nothing")
    for wrong in ("0" * 24, "no id"):
        with pytest.raises(InputError, match="needs a sample"):
            read_sample(dataset, wrong, chosen)


def test_words_are_those_of_the_caption_in_order() -> None:
    caption = "A dog, the dog's ball & a dog"
    words = pair_words(caption)
    assert [caption[one.start : one.end] for one in words] == [one.text for one in words]
    assert [one.text for one in words if one.content] == ["dog", "dog", "ball", "dog"]
    assert pair_words(" … ") == ()


def test_a_reading_is_the_encoders_own_explanation(samples: list[PairSample]) -> None:
    sample = samples[0]
    reading = explain(sample)
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    found = explain_pair(encoder, open_image(sample.filepath), sample.caption or "")
    assert np.allclose(reading.maps, found.token_maps, atol=1e-6)
    assert [one.text for one in reading.words] == [one.text for one in found.tokens]
    assert reading.score == pytest.approx(found.score, abs=1e-6)
    assert reading.completeness_error == pytest.approx(abs(found.total - reading.exact), abs=1e-6)
    assert list(reading.crop) == [0, 0, 1, 1]
    assert (reading.layer, reading.layers) == (encoder.default_layer, encoder.image_layers)
    other = explain(sample, layer=0)
    assert other.layer == 0
    assert not np.allclose(other.maps, reading.maps)


def test_shares_of_segments_that_tile_the_image_sum_to_one() -> None:
    place = PixelTransform(90, 60, (15, 0, 75, 60), 4)  # CLIP's crop of the middle
    boxes = [[0.0, 0.0, 0.4, 1.0], [0.4, 0.0, 0.6, 0.5], [0.4, 0.5, 0.6, 0.5]]
    tiles = PairSample("", "", None, tuple({"bounding_box": box} for box in boxes))
    shares = segment_shares(tiles, place)
    assert np.allclose(shares.sum(axis=0), 1, atol=1e-5)
    assert shares.min() >= 0
    # A segment's part of the score is its pixels' part of the resized map.
    heat = np.random.default_rng(0).normal(size=(4, 4))
    rows, columns = place.resize_matrices()
    mask = np.zeros((60, 90))
    mask[:, :36] = 1
    pixels_of_patch = 60 * 60 / 16
    slow = (rows @ heat @ columns.T * mask).sum() / pixels_of_patch
    assert (shares[0] * heat).sum() == pytest.approx(slow, abs=1e-5)


def test_no_segments_no_shares(samples: list[PairSample]) -> None:
    bare = replace(samples[0], detections=())
    assert segment_shares(bare, explain(samples[0]).transform).shape == (0, 12, 12)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "ilime"])
def test_every_method_reads_the_same_pair(samples: list[PairSample], method: str) -> None:
    reading = explain(samples[0], method=method)
    assert reading.maps.shape == (len(reading.words), 12, 12)
    assert np.isfinite(reading.maps).all()
    assert np.isfinite(reading.exact) == (method == "second_order")


def test_two_images_relate_both_ways(samples: list[PairSample]) -> None:
    first, second = samples[:2]
    there = relate_images(first, second, SETTINGS, cache=models())
    back = relate_images(second, first, SETTINGS, cache=models())
    assert there.shape == (12, 12, 12, 12)
    assert np.allclose(there, back.transpose(2, 3, 0, 1), atol=1e-6)


def test_two_captions_relate_by_words(samples: list[PairSample]) -> None:
    texts = [one.caption or "" for one in samples[:2]]
    exact = replace(SETTINGS, nodes=32)
    there = relate_captions(texts[0], texts[1], exact, cache=models())
    back = relate_captions(texts[1], texts[0], exact, cache=models())
    words = [pair_words(text) for text in texts]
    assert there.shape == (len(words[0]), len(words[1]))
    assert np.allclose(there, back.T, atol=1e-5)
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    whole = explain_texts(encoder, *texts, nodes=32).matrix.numpy()
    # In this vocabulary a word is one piece: what is left out are the special tokens.
    assert np.allclose(there, whole[1:-1, 1:-1], atol=1e-6)


def test_what_was_explained_is_kept_until_the_file_changes(
    samples: list[PairSample], tmp_path: Path
) -> None:
    path = tmp_path / "copy.png"
    open_image(samples[0].filepath).save(path)
    sample = replace(samples[0], filepath=str(path))
    assert explain(sample).seconds > 0
    assert explain(sample).seconds == 0
    assert explain(sample, "a dog").seconds > 0
    before = file_key(str(path))
    Image.new("RGB", (96, 96), "red").save(path)
    assert file_key(str(path)) != before
    changed = explain(sample)
    assert changed.seconds > 0
    assert not np.allclose(changed.maps, explain(samples[0]).maps)


def test_the_cache_forgets_what_was_used_least() -> None:
    cache: RecentCache[str] = RecentCache(max_bytes=100)
    for name in "abc":
        cache.keep((name,), name, 40)
    assert (cache.get(("a",)), cache.get(("b",))) == (None, "b")
    cache.keep(("d",), "d", 40)
    assert (cache.get(("c",)), cache.get(("b",))) == (None, "b")
    cache.keep(("large",), "large", 1000)
    assert (len(cache), cache.get(("large",))) == (1, "large")


@pytest.mark.parametrize(
    ("changes", "caption", "message"),
    [
        ({}, "", "needs a caption with a word"),
        ({}, " ... ", "needs a caption with a word"),
        ({"layer": 3}, None, "0 to 2; got layer=3"),
        ({"layer": -1}, None, "layer must be a whole number"),
        ({"method": "guess"}, None, "method must be one of"),
        ({"nodes": 0}, None, "nodes must be a whole number"),
        ({"encoder": " "}, None, "encoder must be a hub name"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    samples: list[PairSample], changes: dict[str, Any], caption: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        explain(samples[0], caption, **changes)


def test_a_missing_caption_file_or_model_is_refused(samples: list[PairSample]) -> None:
    with pytest.raises(InputError, match="needs a caption"):
        explain_sample(samples[0], None, SETTINGS, cache=models())
    with pytest.raises(ImageError, match="exist"):
        explain(replace(samples[0], filepath="/nowhere.png"))
    with pytest.raises(ModelError):
        explain(samples[0], encoder="/no/such/folder")
    with pytest.raises(InputError, match="method must be one of"):
        relate_images(samples[0], samples[1], replace(SETTINGS, method="ilime"), cache=models())


def test_a_caption_over_the_limit_says_what_is_left_out(samples: list[PairSample]) -> None:
    reading = explain(samples[0], "a dog and a cat " * 40)
    assert len(reading.words) == 200
    assert not reading.maps[-1].any()
    assert "left out" in " ".join(reading.notes)


def test_pytorchs_threads_are_as_before(samples: list[PairSample]) -> None:
    threads = torch.get_num_threads()
    explain(samples[1], "a wolf")
    assert torch.get_num_threads() == threads


def test_settings_from_a_form_and_the_encoder_of_a_family() -> None:
    base = PairSettings(encoder="scenes")
    assert PairSettings.from_dict({"encoder": "", "layer": None, "x": 1}, base=base) == base
    assert PairSettings.from_dict({"layer": 1}, base=base).layer == 1
    assert default_encoder("scenes") == "scenes"
    assert default_encoder("Salesforce/blip-image-captioning-base").startswith("openai/clip")
    here = base.result_hash("r", "a dog")
    assert here == replace(base, device="cuda").result_hash("r", "a dog")
    assert here != base.result_hash("r", "a cat")
    assert here != replace(base, layer=1).result_hash("r", "a dog")
    assert here != base.result_hash("other", "a dog")
