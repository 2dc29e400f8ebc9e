"""Pairs end to end in each architecture: words, crops, sums, and towers of different depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fiftyone_capviz.attribution.pairs.explain import explain_images, explain_pair, explain_texts
from fiftyone_capviz.attribution.pairs.layer_pairs import paired_layer, side_layers
from fiftyone_capviz.attribution.pairs.quadrature import quadrature_rule
from fiftyone_capviz.attribution.pairs.slices import (
    heatmap_of_words,
    region_weights,
    word_scores_of_region,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.registry import load_model
from tests.worlds.dual_encoders import CPU, GRID, KINDS, load_small, save_clip, save_siglip
from tests.worlds.pictures import picture

CAPTION = "a man and a woman with two dogs and a dog"


def changed_edge(image: Image.Image) -> Image.Image:
    """The same picture with another left edge, which a centre crop does not show."""
    pixels = np.asarray(image).copy()
    pixels[:, :10] = 255 - pixels[:, :10]
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", [None, 0])
def test_the_words_of_a_pair_make_up_its_sum(tmp_path: Path, kind: str, layer: int | None) -> None:
    encoder = load_small(kind, tmp_path)
    image = picture(1, width=64, height=32)
    found = explain_pair(encoder, image, CAPTION, layer=layer)
    assert found.words.words == ("man", "woman", "two", "dog")
    assert found.relative_error < 1e-3
    assert (np.abs(found.token_maps).sum(axis=(1, 2)) > 0).all()
    parts = found.token_maps.sum() + found.token_cls.sum() + found.rest
    assert parts == pytest.approx(found.total, abs=1e-4)
    # SigLIP has no CLS; before the first block no image has changed it yet.
    assert bool(found.cls.any()) == (kind != "siglip" and layer is None)
    units = encoder.encode_images([image])[0], encoder.encode_texts([CAPTION])[0]
    assert found.score == pytest.approx(float(units[0] @ units[1]), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_on_a_patch_is_its_second_difference(tmp_path: Path, kind: str) -> None:
    """Along the way from the reference, by finite differences of whole towers."""
    encoder = load_small(kind, tmp_path, dtype=torch.float64)
    image = picture(1)
    found = explain_pair(encoder, image, CAPTION, nodes=4)
    text = encoder.text_side(encoder.tokens([CAPTION]), layer=found.text_layer)[0]
    seen = encoder.image_side(encoder.preprocess([image]), layer=found.layer)[0]
    points, weights = quadrature_rule(12)

    def moved(side: Any, token: int, step: float = 1e-5) -> torch.Tensor:
        total: Any = 0
        for point, weight in zip(points, weights, strict=True):
            delta = side.hidden - side.reference
            at = side.reference + float(point) * delta
            ends = torch.stack([at, at])
            ends[0, token] += step * delta[token]
            ends[1, token] -= step * delta[token]
            out = side.tail(ends)
            total = total + float(weight) * (out[0] - out[1]) / (2 * step)
        return total / side.norm

    place = next(i for i, span in enumerate(found.pieces) if span == (6, 9) or span == (2, 5))
    for patch in (0, 6, 15):
        expected = float(moved(text, place) @ moved(seen, patch + int(seen.has_cls)))
        got = found.matrix.reshape(len(found.pieces), -1)[place, patch]
        assert got == pytest.approx(expected, abs=2e-3 * float(np.abs(found.matrix).max()))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_processor_cuts_off_has_no_say(tmp_path: Path, kind: str) -> None:
    encoder = load_small(kind, tmp_path)
    image = picture(1, width=64, height=32)
    found, other = (explain_pair(encoder, i, CAPTION) for i in (image, changed_edge(image)))
    crop = list(found.transform.crop)
    if kind == "clip":
        assert crop == [16, 0, 48, 32]
        assert np.allclose(found.matrix, other.matrix, atol=1e-6)
        with pytest.raises(InputError, match="only the centre"):
            region_weights(found.transform, box=(0, 0, 0.2, 1))
        return
    assert crop == [0, 0, 64, 32]
    assert not np.allclose(found.matrix, other.matrix, atol=1e-6)
    edge = region_weights(found.transform, box=(0, 0, 0.25, 1))
    scores = word_scores_of_region(found, edge)
    assert scores == pytest.approx(found.token_maps[:, :, 0].sum(axis=1), rel=0.35, abs=0.05)
    assert heatmap_of_words(found, [1]).shape == (GRID, GRID)


@pytest.mark.parametrize("kind", KINDS)
def test_images_and_texts_among_themselves(tmp_path: Path, kind: str) -> None:
    encoder = load_small(kind, tmp_path)
    for pair in (
        explain_images(encoder, picture(0), picture(1)),
        explain_texts(encoder, "a dog", CAPTION),
    ):
        assert pair.relative_error < 1e-3
        assert float(pair.matrix.abs().sum()) > 0


@pytest.mark.parametrize(("blocks", "texts"), [(4, 2), (2, 4)])
def test_towers_of_different_depth_are_cut_at_their_pairs(
    tmp_path: Path, blocks: int, texts: int
) -> None:
    save_clip(tmp_path, blocks=blocks, num_hidden_layers=texts)
    encoder = load_model("encoder", str(tmp_path), device=CPU, dtype=torch.float64)
    expected = {(4, 2): [0, 0, 1, 1], (2, 4): [0, 3]}[blocks, texts]
    assert [side_layers(encoder, i, None)[1] for i in range(blocks)] == expected
    assert side_layers(encoder, None, None) == (blocks - 1, texts - 1)
    for layer in range(blocks):
        found = explain_pair(encoder, picture(), CAPTION, layer=layer)
        assert (found.layer, found.text_layer) == (layer, expected[layer])
        assert found.relative_error < 1e-3
    own = explain_pair(encoder, picture(), CAPTION, layer=0, text_layer=texts - 1)
    assert (own.layer, own.text_layer) == (0, texts - 1)


def test_a_pooling_head_pairs_with_the_last_text_block(tmp_path: Path) -> None:
    save_siglip(tmp_path)
    encoder = load_model("encoder", str(tmp_path), device=CPU, dtype=torch.float32)
    pairs = [side_layers(encoder, layer, None)[1] for layer in range(encoder.image_layers)]
    assert pairs == [0, 1, 1, 2]
    for layer in (2, 3):
        assert explain_pair(encoder, picture(), CAPTION, layer=layer).relative_error < 1e-3


@pytest.mark.parametrize(("count", "other"), [(12, 12), (24, 12), (13, 12), (2, 4), (5, 1), (1, 5)])
def test_pairs_go_up_and_meet_at_both_ends(count: int, other: int) -> None:
    found = [paired_layer(layer, count, other) for layer in range(count)]
    assert found == sorted(found)
    assert found[-1] == other - 1
    if count > 1:
        assert found[0] == 0
    if count == other:
        assert found == list(range(count))
    away = [abs(i / max(1, count - 1) - j / max(1, other - 1)) for i, j in enumerate(found)]
    assert count == 1 or other == 1 or max(away) <= 0.5 / (other - 1) + 1e-9
