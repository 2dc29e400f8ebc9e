"""Explanations of pairs, their slices, the rivals, and factors of whole datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fiftyone_capviz.attribution.pairs.baselines import icam_factors, itsm_factors
from fiftyone_capviz.attribution.pairs.explain import (
    explain_images,
    explain_pair,
    explain_pairs,
    explain_texts,
)
from fiftyone_capviz.attribution.pairs.explanation import PairExplanation
from fiftyone_capviz.attribution.pairs.lime import bilinear_ridge, lime_matrix
from fiftyone_capviz.attribution.pairs.second_order import token_factors
from fiftyone_capviz.attribution.pairs.slices import (
    heatmap_of_words,
    indices_of_words,
    region_weights,
    segment_word_matrix,
    word_scores_of_region,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.segments import owned_shares
from fiftyone_capviz.settings.pairs import PAIR_METHODS
from tests.worlds.dual_encoders import GRID, load_small
from tests.worlds.pictures import picture

CAPTION = "a man and a woman with two dogs and a dog"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_small("clip", tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def wide(encoder: Any) -> PairExplanation:
    """Of a wide image: the model sees its centre."""
    return explain_pair(encoder, picture(1, width=64, height=32), CAPTION)


def test_words_gather_their_pieces_and_average_their_occurrences(wide: PairExplanation) -> None:
    assert wide.words.words == ("man", "woman", "two", "dog")
    assert [token.text for token in wide.tokens] == CAPTION.split()
    assert wide.word_maps.shape == (4, GRID, GRID)
    dogs = wide.token_maps[[7, 10]]
    assert np.allclose(wide.word_maps[3], dogs.mean(0), atol=1e-7)
    assert wide.matrix.shape == (len(wide.pieces), GRID, GRID)
    special = [span == (0, 0) for span in wide.pieces]
    rest = wide.matrix[np.array(special)].sum(0)
    assert np.allclose(wide.token_maps.sum(0) + rest, wide.matrix.sum(0), atol=1e-6)
    assert wide.relative_error < 1e-2
    assert wide.warnings == ()


def test_the_cls_and_what_belongs_to_no_word_make_up_the_total(
    encoder: Any, wide: PairExplanation
) -> None:
    image_side = encoder.image_side(encoder.preprocess([picture(1, width=64, height=32)]))[0]
    text_side = encoder.text_side(encoder.tokens([CAPTION]))[0]
    image, text = (token_factors(side, tolerance=1e-5) for side in (image_side, text_side))
    assert np.allclose(wide.cls, (text.vectors @ image.vectors[0]).numpy(), atol=1e-3)
    assert np.abs(wide.cls).max() > 1e-3
    special = np.array([span == (0, 0) for span in wide.pieces])
    rest = wide.matrix[special].sum() + wide.cls[special].sum()
    assert wide.rest == pytest.approx(rest, abs=1e-5)
    dogs = wide.token_cls[[7, 10]]
    assert wide.word_cls[3] == pytest.approx(dogs.mean(), abs=1e-6)


def test_a_caption_over_the_limit_is_cut_with_a_warning(encoder: Any) -> None:
    long = " ".join(["a dog"] * 10)
    found = explain_pair(encoder, picture(), long)
    assert "6 tokens longer than the 16" in found.warnings[0]
    assert np.abs(found.token_maps[:13]).sum(axis=(1, 2)).min() > 0
    assert np.isnan(found.token_maps[15:]).all()
    assert found.tokens_read.tolist() == [True] * 14 + [False] * 6
    assert found.unread == ()  # its other occurrences were read
    assert found.on_patches + found.on_cls + found.rest == pytest.approx(found.total, abs=1e-6)


def test_a_batch_is_its_pairs(encoder: Any) -> None:
    images, captions = [picture(s) for s in range(3)], [CAPTION, "a dog", "snow and a dog"]
    together = explain_pairs(encoder, images, captions)
    for image, caption, found in zip(images, captions, together, strict=True):
        alone = explain_pair(encoder, image, caption)
        assert np.allclose(alone.token_maps, found.token_maps, atol=1e-6)
        assert alone.score == pytest.approx(found.score, abs=1e-5)


def test_images_and_texts_among_themselves(encoder: Any) -> None:
    images, texts = (picture(0), picture(1)), ("a dog", CAPTION)
    patches = explain_images(encoder, *images)
    assert patches.matrix.shape == (GRID**2, GRID**2)
    assert torch.allclose(
        patches.matrix, explain_images(encoder, *images[::-1]).matrix.T, atol=1e-6
    )
    pieces = explain_texts(encoder, *texts)
    assert len(pieces.matrix) == 4
    assert pieces.relative_error < 1e-2


def test_slices_add_up(wide: PairExplanation) -> None:
    both = heatmap_of_words(wide, [1, 4])
    assert np.allclose(both, wide.token_maps[1] + wide.token_maps[4])
    whole = region_weights(wide.transform, box=(0, 0, 1, 1))
    assert np.allclose(
        word_scores_of_region(wide, whole), wide.token_maps.sum(axis=(1, 2)), atol=1e-5
    )
    left = region_weights(wide.transform, box=(0, 0, 0.5, 1))
    right = region_weights(wide.transform, box=(0.5, 0, 0.5, 1))
    parts = word_scores_of_region(wide, left) + word_scores_of_region(wide, right)
    assert np.allclose(parts, word_scores_of_region(wide, whole), atol=1e-5)


def test_the_segment_matrix_is_the_resized_sum(wide: PairExplanation) -> None:
    masks = np.zeros((2, 32, 64), dtype=bool)
    masks[0, 4:20, 20:40], masks[1, 8:30, 30:48] = True, True
    weights = owned_shares(masks, wide.transform, dtype=np.float64)
    vertical, horizontal = wide.transform.resize_matrices()
    resized = np.einsum("hp,wpq,xq->whx", vertical, wide.word_maps, horizontal)
    sums = np.einsum("shx,whx->sw", masks, resized) / masks[0].size
    areas = masks.mean(axis=(1, 2))
    found = segment_word_matrix(wide, weights, areas)
    assert np.allclose(found, sums / np.sqrt(areas)[:, None], atol=1e-9)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((-0.1, 0, 0.5, 0.5), "inside the image"),
        ((0.6, 0, 0.5, 0.5), "inside the image"),
        ((0.4, 0.4, 0, 0.2), "inside the image"),
        ((0.5, 0.5, 0.02, 0.02), "as large as a patch"),
        ((0.0, 0.0, 0.2, 1.0), "only the centre"),
    ],
)
def test_regions_that_cannot_be_explained_are_refused(
    wide: PairExplanation, box: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        region_weights(wide.transform, box=box)


def test_words_are_found_by_text(wide: PairExplanation) -> None:
    assert indices_of_words(wide, ["Dog"]) == [7, 10]  # normalised: dogs and dog
    assert indices_of_words(wide, ["dogs", "man"]) == [1, 7]
    with pytest.raises(InputError, match="'horse' is not in the caption"):
        indices_of_words(wide, ["horse"])
    with pytest.raises(InputError, match="Choose words by their place"):
        heatmap_of_words(wide, [11])
    with pytest.raises(InputError, match="patch grid"):
        word_scores_of_region(wide, np.ones((2, 2)))
    with pytest.raises(InputError, match="a box or a mask"):
        region_weights(wide.transform)


@pytest.mark.parametrize("caption", ["", "  ", None])
def test_an_empty_caption_is_refused(encoder: Any, caption: Any) -> None:
    with pytest.raises(InputError, match="not empty"):
        explain_pair(encoder, picture(), caption)


def test_an_unknown_method_is_refused(encoder: Any) -> None:
    with pytest.raises(InputError, match="method must be one of"):
        explain_pair(encoder, picture(), "a dog", method="magic")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="method must be one of"):
        explain_texts(encoder, "a dog", "a man", method="ilime")


def test_icam_is_gradient_times_input(encoder: Any) -> None:
    side = encoder.image_side(encoder.preprocess([picture()]))[0]
    at = side.hidden.clone().requires_grad_()
    rows = [
        (torch.autograd.grad(value, at, retain_graph=True)[0] * side.hidden).sum(-1)
        for value in side.tail(at[None])[0]
    ]
    expected = torch.stack(rows, 1) / side.norm
    found = icam_factors(side).vectors
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))


def test_itsm_compares_tokens_as_the_model_pools_them(encoder: Any) -> None:
    sides = [
        encoder.text_side(encoder.tokens([CAPTION]))[0],
        encoder.image_side(encoder.preprocess([picture()]))[0],
    ]
    for side in sides:
        output = itsm_factors(side, output=True).vectors
        assert torch.allclose(output.norm(dim=-1), torch.ones(len(output)), atol=1e-5)
        # The pooled token's own vector is the embedding.
        assert torch.allclose(output[side.pooled], side.embedding / side.norm, atol=1e-5)


def test_lime_finds_a_planted_interaction() -> None:
    rng = np.random.default_rng(0)
    planted = rng.normal(size=(4, 9))
    rows, columns = ((rng.random((600, n)) < 0.7).astype(float) for n in planted.shape)
    target = np.einsum("ni,ij,nj->n", rows, planted, columns) + 0.3
    weights = rng.uniform(0.5, 1, 600)
    found = bilinear_ridge(rows, columns, target, weights=weights, ridge=1e-9)
    assert np.allclose(found, planted, atol=1e-4)
    # The closed form in the weights' own space, with the free constant as one more column.
    design = np.hstack([np.einsum("ni,nj->nij", rows, columns).reshape(600, -1), np.ones((600, 1))])
    penalty = 600 * 0.1 * np.diag([1.0] * planted.size + [0.0])
    normal = design.T @ (weights[:, None] * design) + penalty
    slow = np.linalg.solve(normal, design.T @ (weights * target))[:-1].reshape(planted.shape)
    fast = bilinear_ridge(rows, columns, target, weights=weights, ridge=0.1)
    assert np.allclose(fast, slow, atol=1e-8)


def test_lime_leaves_special_tokens_alone_and_repeats_by_seed(encoder: Any) -> None:
    pixels, tokens = encoder.preprocess([picture()]), encoder.tokens(["a red dog"])
    first = lime_matrix(encoder, pixels, tokens, samples=60, seed=3)
    again = lime_matrix(encoder, pixels, tokens, samples=60, seed=3)
    assert first.shape == (5, GRID**2)
    assert np.array_equal(first, again)
    assert not first[[0, -1]].any()
    assert np.abs(first[1:-1]).min() > 0


def test_every_method_has_a_description_and_runs(
    encoder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lime_matrix, "__kwdefaults__", {"samples": 40, "seed": 0, "batch": 50})
    for method in PAIR_METHODS:
        found = explain_pair(encoder, picture(), "a dog", method=method)  # type: ignore[arg-type]
        assert found.method == method
        assert np.abs(found.word_maps).max() > 0


def test_tokens_after_the_end_change_nothing(tmp_path: Path) -> None:
    encoder = load_small("clip", tmp_path)
    tokens = encoder.tokens(["a dog", CAPTION])  # padded to the longer
    sides = encoder.text_side(tokens)
    assert [len(side.hidden) for side in sides] == [4, 13]
    alone = encoder.text_side(encoder.tokens(["a dog"]))[0]
    assert torch.allclose(sides[0].hidden, alone.hidden, atol=1e-6)
