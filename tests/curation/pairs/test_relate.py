"""Two images, or two captions: both ways round, and what they say of their layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiftyone_capviz.attribution.pairs.explain import explain_texts
from fiftyone_capviz.curation.pairs.relate import relate_captions, relate_images
from fiftyone_capviz.curation.pairs.sample import PairSample
from fiftyone_capviz.images import open_image
from fiftyone_capviz.text.caption_pieces import pair_words
from tests.worlds.pair_world import SETTINGS, explain, models


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


def test_images_say_that_their_layer_is_not_the_pairs_default(samples: list[PairSample]) -> None:
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    last = encoder.image_layers - 1
    told = relate_images(samples[0], samples[1], SETTINGS, cache=models()).notes
    assert bool(told) == (encoder.default_layer != last)
    if told:
        assert f"default layer of an image and a caption, {encoder.default_layer}" in told[0]
    chosen = replace(SETTINGS, layer=last)
    assert relate_images(samples[0], samples[1], chosen, cache=models()).notes == ()
