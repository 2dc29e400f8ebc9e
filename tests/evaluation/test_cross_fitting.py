"""The best of many layers: flattered where it is just picked, not where it is cross-fitted."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fiftyone_capviz.evaluation.cross_fitting import choose_variants, cross_fit, first_half
from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.evaluation.summaries import Variant

LAYERS = 12
VARIANTS = [Variant("itm", "gradcam", layer) for layer in range(LAYERS)]


def grounding(hits: NDArray[np.float64]) -> Grounding:
    """Hits, and the other figures as the hits plus a number each."""
    return Grounding(*(hits + k for k in range(7)))


def fitted(hits: NDArray[np.float64], images: NDArray[np.int_], seed: int = 0) -> Grounding:
    half = first_half(images, seed=seed)
    return cross_fit(choose_variants(VARIANTS, hits, half), VARIANTS, grounding(hits), half)


def test_the_best_of_layers_of_noise_is_at_chance() -> None:
    """Every layer hits one object in ten: the highest of twelve looks better, cross-fitted not."""
    rng = np.random.default_rng(0)
    images = np.repeat(np.arange(60), 3)
    highest, honest = [], []
    for seed in range(200):
        hits = (rng.random((LAYERS, len(images))) < 0.1).astype(float)
        highest.append(hits.mean(axis=1).max())
        honest.append(fitted(hits, images, seed).hit.mean())
    spread = np.std(honest) / np.sqrt(len(honest))
    assert np.mean(honest) == pytest.approx(0.1, abs=4 * spread)
    assert np.mean(highest) > 0.1 + 10 * spread


def test_a_layer_that_is_better_is_found_and_loses_nothing() -> None:
    rng = np.random.default_rng(1)
    images = np.arange(200)
    hits = (rng.random((LAYERS, 200)) < 0.1).astype(float)
    hits[7] = rng.random(200) < 0.9
    half = first_half(images, seed=0)
    (choice,) = choose_variants(VARIANTS, hits, half)
    assert (choice.first, choice.second) == (VARIANTS[7], VARIANTS[7])
    assert choice.candidates == LAYERS
    found = cross_fit([choice], VARIANTS, grounding(hits), half)
    for k, each in enumerate(fields(Grounding)):
        assert (getattr(found, each.name)[0] == hits[7] + k).all()


@given(seed=st.integers(0, 10_000), images=st.integers(2, 20), objects=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_each_half_is_measured_by_what_is_best_on_the_other(
    seed: int, images: int, objects: int
) -> None:
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(images), objects)
    hits = rng.integers(0, 2, (LAYERS, len(owners))).astype(float)
    hits[rng.random(hits.shape) < 0.2] = np.nan
    half = first_half(owners, seed=seed)
    assert abs(int(half[::objects].sum()) * 2 - images) <= 1
    assert all(len(set(half[owners == image])) == 1 for image in range(images))
    (choice,) = choose_variants(VARIANTS, hits, half)
    found = cross_fit([choice], VARIANTS, grounding(hits), half).hit[0]
    for here, variant in ((half, choice.first), (~half, choice.second)):
        row = VARIANTS.index(variant)
        np.testing.assert_array_equal(found[here], hits[row, here])
        scores = [np.nanmean(each) if np.isfinite(each).any() else 0 for each in hits[:, ~here]]
        assert scores[row] == max(scores)


def test_the_other_half_alone_decides() -> None:
    """What a half holds changes nothing about the variant that it is measured by."""
    rng = np.random.default_rng(2)
    hits = rng.random((LAYERS, 40)).round()
    half = first_half(np.arange(40), seed=0)
    (before,) = choose_variants(VARIANTS, hits, half)
    changed = hits.copy()
    changed[:, half] = rng.random((LAYERS, int(half.sum()))).round()
    (after,) = choose_variants(VARIANTS, changed, half)
    assert after.first == before.first


def test_defaults_win_ties_and_stand_in_where_nothing_is_known() -> None:
    default = VARIANTS[5]
    half = first_half([3, 3, 3], seed=0)  # one image: the other half is empty
    (choice,) = choose_variants(VARIANTS, np.eye(LAYERS)[:, :3], half, defaults=[default])
    assert half.all()
    assert choice.first == default
    (choice,) = choose_variants(VARIANTS, np.ones((LAYERS, 3)), half, defaults=[default])
    assert (choice.first, choice.second) == (default, default)


def test_families_are_chosen_apart_and_heads_are_no_candidates() -> None:
    variants = [
        Variant("itm", "gradcam", 0),
        Variant("itm", "gradcam", 0, 1),
        Variant("lm", "gradcam", 0),
        Variant("dual", "itsm_output"),
    ]
    hits = np.array([[0.0] * 4, [1.0] * 4, [0.5] * 4, [0.2] * 4])
    half = first_half(range(4), seed=0)
    choices = choose_variants(variants, hits, half)
    assert [choice.first for choice in choices] == [variants[0], variants[2], variants[3]]
    assert [choice.variant.name for choice in choices] == [
        "itm gradcam", "lm gradcam", "dual itsm_output",
    ]  # fmt: skip
