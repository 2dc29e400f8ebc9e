"""One pair: parts that sum to the whole, words, what can be wrong, what is kept."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.curation.inference.kept import file_key
from fiftyone_capviz.curation.pairs.explain import explain_sample
from fiftyone_capviz.curation.pairs.relate import relate_captions, relate_images
from fiftyone_capviz.curation.pairs.sample import PairSample
from fiftyone_capviz.errors import ImageError, InputError, ModelError, StoppedError
from fiftyone_capviz.images import open_image
from fiftyone_capviz.settings.pairs import PAIR_METHODS
from tests.worlds.pair_world import SETTINGS, explain, models


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


@pytest.mark.parametrize("method", [name for name in PAIR_METHODS if name != "ilime"])
def test_every_method_reads_the_same_pair(samples: list[PairSample], method: str) -> None:
    reading = explain(samples[0], method=method)
    assert reading.maps.shape == (len(reading.words), 12, 12)
    assert np.isfinite(reading.maps).all()
    assert np.isfinite(reading.exact) == (method == "second_order")


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
    assert np.isnan(reading.maps[-1]).all()
    assert "left out" in " ".join(reading.notes)


@pytest.mark.usefixtures("two_threads")
def test_pytorchs_threads_are_as_before(samples: list[PairSample]) -> None:
    explain(samples[1], "a wolf")
    assert torch.get_num_threads() == 2
