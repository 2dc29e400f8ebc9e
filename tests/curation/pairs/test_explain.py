"""One pair: parts that sum to the whole, regions, words, what can be wrong, what is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fiftyone_capviz.attribution.pairs.explain import explain_pair, explain_texts
from fiftyone_capviz.curation.inference.cancelled import REMEMBERED, cancel_request, cancelled
from fiftyone_capviz.curation.inference.kept import RecentCache, file_key
from fiftyone_capviz.curation.pairs.explain import PairReading, explain_sample
from fiftyone_capviz.curation.pairs.relate import relate_captions, relate_images
from fiftyone_capviz.curation.pairs.sample import (
    PairSample,
    choose_fields,
    read_sample,
    segment_regions,
)
from fiftyone_capviz.curation.pairs.waits import LongWaitError, pair_wait
from fiftyone_capviz.errors import ImageError, InputError, ModelError, StoppedError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.images import open_image
from fiftyone_capviz.settings.pairs import PAIR_METHODS, PairSettings, default_encoder
from fiftyone_capviz.text.caption_pieces import pair_words
from tests.worlds.pair_world import CAPTIONS, SEGMENTS, SETTINGS, models, pair_dataset


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
    assert reading.transform == encoder.transform(*open_image(sample.filepath).size)
    assert (reading.layer, reading.layers) == (encoder.default_layer, encoder.image_layers)
    assert reading.default_layer == reading.layer
    assert reading.text_layer == found.text_layer
    parts = reading.on_patches + reading.on_cls + reading.rest
    assert parts == pytest.approx(found.total, abs=1e-5)
    assert reading.on_patches == pytest.approx(reading.maps.sum(), abs=1e-5)
    last = encoder.image_layers - 1
    other = explain(sample, layer=last)
    assert (other.layer, other.default_layer) == (last, encoder.default_layer)
    assert not np.allclose(other.maps, reading.maps)


def test_shares_of_segments_that_tile_the_image_sum_to_one() -> None:
    place = PixelTransform(90, 60, (15, 0, 75, 60), 4)  # CLIP's crop of the middle
    boxes = [[0.0, 0.0, 0.4, 1.0], [0.4, 0.0, 0.6, 0.5], [0.4, 0.5, 0.6, 0.5]]
    tiles = PairSample("", "", None, tuple({"bounding_box": box} for box in boxes))
    shares = segment_regions(tiles, place).shares
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
    found = segment_regions(bare, explain(samples[0]).transform)
    assert (found.shares.shape, found.problems) == ((0, 12, 12), ())


def test_a_segment_that_says_nothing_says_why() -> None:
    place = PixelTransform(90, 60, (15, 0, 75, 60), 4)
    boxes = [[0.4, 0.4, 0.05, 0.05], [0.0, 0.0, 0.16, 1.0], [0.3, 0.0, 0.4, 1.0]]
    tiles = PairSample("", "", None, tuple({"bounding_box": box} for box in boxes))
    small, aside, whole = segment_regions(tiles, place).problems
    assert "as large as a patch (225 pixels); this one has" in str(small)
    assert "sees only the centre" in str(aside)
    assert whole is None
    everything = PixelTransform(90, 60, (0, 0, 90, 60), 4)  # a small one is not a matter of crops
    assert "centre" not in str(segment_regions(tiles, everything).problems[0])


@pytest.mark.parametrize("method", [name for name in PAIR_METHODS if name != "ilime"])
def test_every_method_reads_the_same_pair(samples: list[PairSample], method: str) -> None:
    reading = explain(samples[0], method=method)
    assert reading.maps.shape == (len(reading.words), 12, 12)
    assert np.isfinite(reading.maps).all()
    assert np.isfinite(reading.exact) == (method == "second_order")


def test_two_images_relate_both_ways(samples: list[PairSample]) -> None:
    first, second = samples[:2]
    there = relate_images(first, second, SETTINGS, cache=models())
    back = relate_images(second, first, SETTINGS, cache=models())
    assert there.matrix.shape == (12, 12, 12, 12)
    assert np.allclose(there.matrix, back.matrix.transpose(2, 3, 0, 1), atol=1e-6)
    assert there.relative_error < 1e-3
    assert there.inside + there.rest == pytest.approx(there.exact, abs=1e-3)
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    vectors = encoder.encode_images([open_image(one.filepath) for one in (first, second)])
    assert there.score == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    assert there.layer == encoder.image_layers - 1


def test_two_captions_relate_by_words(samples: list[PairSample]) -> None:
    texts = [one.caption or "" for one in samples[:2]]
    exact = replace(SETTINGS, nodes=32)
    there = relate_captions(texts[0], texts[1], exact, cache=models())
    back = relate_captions(texts[1], texts[0], exact, cache=models())
    words = [pair_words(text) for text in texts]
    assert there.matrix.shape == (len(words[0]), len(words[1]))
    assert np.allclose(there.matrix, back.matrix.T, atol=1e-5)
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    layer = explain(samples[0]).text_layer
    whole = explain_texts(encoder, *texts, nodes=32, layer=layer).matrix.numpy()
    # In this vocabulary a word is one piece: what is left out are the special tokens.
    assert np.allclose(there.matrix, whole[1:-1, 1:-1], atol=1e-6)
    assert there.layer == layer  # the same as with an image
    assert there.notes == ()
    assert there.inside + there.rest == pytest.approx(there.exact, abs=1e-3)
    assert there.inside == pytest.approx(there.matrix.sum(), abs=1e-5)
    long = relate_captions("a dog and a cat " * 40, texts[1], SETTINGS, cache=models())
    assert len(long.notes) == 1
    assert long.notes[0].startswith("First caption: ")
    assert "left out" in long.notes[0]


def test_what_is_kept_needs_neither_the_model_nor_its_turn(samples: list[PairSample]) -> None:
    first, second = samples[:2]
    texts = [one.caption or "" for one in samples[:2]]

    def answers() -> list[Any]:
        return [
            explain(first).maps,
            relate_images(first, second, SETTINGS, cache=models()).matrix,
            relate_captions(texts[0], texts[1], SETTINGS, cache=models()).matrix,
        ]

    before = answers()
    models().clear()
    held, done = Event(), Event()

    def analyse() -> None:
        with models().lock:
            held.set()
            done.wait(60)

    thread = Thread(target=analyse)
    thread.start()
    try:
        assert held.wait(10)
        started = time.perf_counter()
        after = answers()
        assert time.perf_counter() - started < 10  # a turn is waited for three times as long
    finally:
        done.set()
        thread.join()
    assert len(models()) == 0
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_layers_and_nodes_count_only_where_they_have_a_say(samples: list[PairSample]) -> None:
    plain = explain(samples[0], method="itsm_output")
    again = explain(samples[0], method="itsm_output", layer=99, nodes=3)
    assert again.seconds == 0
    assert np.array_equal(again.maps, plain.maps)
    assert explain(samples[0], method="itsm_hidden", layer=1, nodes=3).seconds > 0
    with pytest.raises(InputError, match="got layer=99"):
        explain(samples[0], method="itsm_hidden", layer=99)


def test_a_long_wait_is_refused_before_it_begins_but_not_what_is_kept(
    samples: list[PairSample],
) -> None:
    """At inner layers, and for ILIME; images at the last layer and plain cosines are quick."""
    first, second = samples[:2]
    last = models().get("encoder", "scenes", device="cpu", dtype="float32").image_layers - 1
    inner, outer = replace(SETTINGS, layer=0), replace(SETTINGS, layer=last)
    lime, quick = (replace(SETTINGS, method=name) for name in ("ilime", "itsm_output"))
    hurry: dict[str, Any] = {"longest": 1e-6, "cache": models()}
    text = "a dog near a man"
    for settings in (inner, lime):
        with pytest.raises(LongWaitError, match="this one takes about") as refused:
            explain_sample(first, text, settings, **hurry)
        assert refused.value.seconds > 1e-6
    with pytest.raises(LongWaitError):
        relate_images(first, second, inner, **hurry)
    with pytest.raises(LongWaitError):
        relate_captions(text, "a hat", inner, **hurry)
    assert relate_images(first, second, outer, **hurry).layer == last
    assert explain_sample(first, text, quick, **hurry).seconds > 0
    kept = explain_sample(first, text, inner, cache=models())
    assert explain_sample(first, text, inner, **hurry).seconds == 0
    # Worth asking for: within a wide margin, on a machine that others use, too.
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    assert pair_wait(encoder, text, inner) < 60 * kept.seconds
    assert pair_wait(encoder, text, inner) > kept.seconds / 60


@pytest.mark.parametrize("method", ["second_order", "ilime"])
def test_cancelling_ends_the_work_and_gives_the_models_back(
    samples: list[PairSample], method: str
) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2  # not before the work itself has begun

    settings = replace(SETTINGS, method=method, layer=0, nodes=7)
    with pytest.raises(StoppedError):
        explain_sample(samples[0], "a cat", settings, stop=stop, cache=models())
    assert asked == 3
    taken: list[bool] = []

    def take() -> None:
        taken.append(models().lock.acquire(timeout=5))
        models().lock.release()

    thread = Thread(target=take)
    thread.start()
    thread.join()
    assert taken == [True]


def test_a_request_is_cancelled_by_its_name_also_before_it_begins() -> None:
    assert cancelled(None) is None
    assert cancelled("") is None
    stop, other = cancelled("one"), cancelled("other")
    assert stop is not None
    assert other is not None
    assert not stop()
    cancel_request("one")
    assert stop()
    assert not other()
    for at in range(REMEMBERED):
        cancel_request(f"later {at}")
    assert not stop()  # long gone


def test_images_say_that_their_layer_is_not_the_pairs_default(samples: list[PairSample]) -> None:
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    last = encoder.image_layers - 1
    told = relate_images(samples[0], samples[1], SETTINGS, cache=models()).notes
    assert bool(told) == (encoder.default_layer != last)
    if told:
        assert f"default layer of an image and a caption, {encoder.default_layer}" in told[0]
    chosen = replace(SETTINGS, layer=last)
    assert relate_images(samples[0], samples[1], chosen, cache=models()).notes == ()


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
        ({"layer": 3}, None, "0 to 1; got layer=3"),
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
    here = base.result_hash("r", precision="float32", layer=1)
    assert here == replace(base, device="cuda").result_hash("r", precision="float32", layer=1)
    assert here == replace(base, layer=1).result_hash("r", precision="float32", layer=1)
    assert here != base.result_hash("r", precision="float32", layer=2)
    assert here != base.result_hash("r", precision="bfloat16", layer=1)
    assert here != base.result_hash("other", precision="float32", layer=1)
