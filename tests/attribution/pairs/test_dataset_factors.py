"""Factors of a dataset: those of its pairs, as exact, computed once, within a bound of bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fiftyone_capviz.attribution.pairs.dataset_factors import (
    DatasetFactors,
    FactorCache,
    KeptFactors,
)
from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.attribution.pairs.second_order import Factors
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.registry import load_model
from fiftyone_capviz.scenes.architectures import CLIP_LAYERS
from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.world import sample_scene
from tests.worlds.dual_encoders import CPU, load_small
from tests.worlds.pictures import picture

CAPTION = "a man and a woman with two dogs and a dog"


@pytest.fixture
def encoder(tmp_path: Path) -> Any:
    return load_small("clip", tmp_path)


@pytest.mark.parametrize("kind", ["clip", "siglip", "blip"])
@pytest.mark.parametrize("method", ["second_order", "icam", "itsm_output", "itsm_hidden"])
@pytest.mark.parametrize("layer", [None, 0])
def test_factors_of_a_dataset_are_those_of_its_pairs(
    tmp_path: Path, kind: str, method: Any, layer: int | None
) -> None:
    encoder = load_small(kind, tmp_path)
    images, captions = [picture(s) for s in range(2)], ["a dog", CAPTION]
    factors = DatasetFactors(encoder, method=method, layer=layer)
    factors.image_factors(images, keys=["first", "second"])
    for key, image in zip(("first", "second"), images, strict=True):
        for caption in captions:
            found = factors.explain(key, caption)
            alone = explain_pair(encoder, image, caption, method=method, layer=layer)
            scale = np.abs(alone.matrix).max()
            assert np.allclose(found.matrix, alone.matrix, atol=2e-3 * scale + 1e-7)
            assert np.isnan(found.exact) == (method != "second_order")
            assert (found.layer, found.text_layer) == (alone.layer, alone.text_layer)


@pytest.mark.slow
@pytest.mark.parametrize("layer", range(CLIP_LAYERS))
def test_the_bundled_model_is_complete_at_every_layer(layer: int) -> None:
    """Its inner layers need more nodes than a random model's."""
    encoder = load_model("encoder", "scenes", device=CPU, dtype=torch.float32)
    images = [picture_of_scene(seed) for seed in range(2)]
    factors = DatasetFactors(encoder, layer=layer)
    factors.image_factors(images, keys=[0, 1])
    for key in (0, 1):
        for text in ("a man in a red hat with a dog", "two wolves in the snow", "sunglasses"):
            found = factors.explain(key, text)
            assert found.relative_error < 1e-3
            assert found.total == pytest.approx(
                found.token_maps.sum() + found.token_cls.sum() + found.rest, abs=1e-5
            )


def picture_of_scene(seed: int) -> Image.Image:
    return Image.fromarray(render(sample_scene(seed)).image)


def test_sixteen_bits_stay_far_below_the_tolerance(encoder: Any) -> None:
    stores = [DatasetFactors(encoder, bits=bits) for bits in (16, 32)]
    errors = []
    for seed in range(8):
        for store in stores:
            store.image_factors([picture(seed)], keys=[seed])
        half, single = (store.explain(seed, CAPTION) for store in stores)
        absolute = np.abs(single.matrix).sum() + np.abs(single.cls).sum()
        errors.append(abs(half.total - single.total) / absolute)
        assert np.abs(half.matrix - single.matrix).max() < 1e-4 * np.abs(single.matrix).max()
        assert half.score == pytest.approx(single.score, abs=1e-6)
    assert max(errors) < 3e-5
    half_bytes, single_bytes = (store.images.nbytes for store in stores)
    assert half_bytes < 0.65 * single_bytes


@pytest.mark.parametrize("size", [1e-7, 1.0, 1e5])
def test_sixteen_bits_keep_vectors_of_any_size(size: float) -> None:
    torch.manual_seed(0)
    made = Factors(size * torch.randn(5, 8), torch.randn(8), torch.randn(8), False)
    made.vectors[3] *= 1e-6  # a small token beside large ones
    found = KeptFactors.of(made, 16).restored()
    assert (found.vectors - made.vectors).abs().max() < 1e-4 * size
    assert (found.vectors - made.vectors)[3].abs().max() < 1e-10 * size
    nothing = Factors(torch.zeros(5, 8), torch.zeros(8), torch.randn(8), False)
    assert not KeptFactors.of(nothing, 16).restored().vectors.any()


def test_only_what_is_missing_is_computed(encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    factors = DatasetFactors(encoder)
    counts: dict[str, list[int]] = {"image": [], "text": []}
    stock = {name: getattr(type(encoder), f"{name}_side") for name in counts}

    def counted(name: str) -> Any:
        def side(self: Any, given: Any, **told: Any) -> Any:
            found = stock[name](self, given, **told)
            counts[name].append(len(found))
            return found

        return side

    for name in counts:
        monkeypatch.setattr(type(encoder), f"{name}_side", counted(name))
    first = factors.image_factors([picture(0), picture(1), picture(0)], keys=["a", "b", "a"])
    again = factors.image_factors([picture(0), picture(2), picture(1)], keys=["a", "c", "b"])
    assert counts["image"] == [2, 1]
    for place, kept in zip((0, 2), first, strict=False):
        assert torch.equal(again[place].vectors, kept.vectors)  # one stored result
    alone = factors.image_factors([picture(0)])[0].vectors
    # A batch of one sums in another order than a batch of two, and 16 bits have steps of 3e-5.
    assert torch.allclose(again[0].vectors, alone, atol=1e-4 * float(alone.abs().max()))
    factors.text_factors(["a dog", "a man", "a dog"])
    factors.text_factors(["a man", "a hat"])
    factors.explain("a", "a hat")
    assert counts["text"] == [2, 1]
    with pytest.raises(InputError, match="No image is kept under 'two'"):
        factors.explain("two", "a dog")


def test_more_images_than_there_is_room_for_are_refused(encoder: Any) -> None:
    one = DatasetFactors(encoder)
    one.image_factors([picture(0)], keys=[0])
    factors = DatasetFactors(encoder, max_bytes=2 * one.images.nbytes)
    with pytest.raises(InputError, match=r"3 images of \d+ bytes each do not fit into max_bytes"):
        factors.image_factors([picture(s) for s in range(3)], keys=[0, 1, 2])
    for seed in range(3):
        factors.image_factors([picture(seed)], keys=[seed])
    assert len(factors.images) == 2
    assert 0 not in factors.images


def test_what_was_used_last_stays() -> None:
    def kept(count: int) -> KeptFactors:
        vectors = torch.ones(count, 4)
        return KeptFactors.of(Factors(vectors, vectors[0], vectors[0], False), 16)

    room = 3 * kept(10).nbytes
    cache: FactorCache[str, int] = FactorCache(room)
    for index, key in enumerate("abc"):
        cache.put(key, kept(10), index)
    assert cache.get("a")[1] == 0  # used: now "b" is the longest unused
    cache.put("d", kept(10), 3)
    assert [key in cache for key in "abcd"] == [True, False, True, True]
    cache.put("d", kept(20), 4)  # replaced by a larger one
    assert cache.nbytes <= room
    assert "d" in cache
    assert cache.get("d")[1] == 4
    cache.put("huge", kept(1000), 5)  # never the one that was just asked for
    assert len(cache) == 1
    assert "huge" in cache
    with pytest.raises(InputError, match="max_bytes must be at least 1"):
        FactorCache(0)


def test_another_precision_is_refused(encoder: Any) -> None:
    with pytest.raises(InputError, match="bits must be 16 or 32"):
        DatasetFactors(encoder, bits=8)  # type: ignore[arg-type]
