"""Insertion and deletion where the score is known, so that the areas are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.faithfulness import (
    area_under,
    blank_patches,
    cut_words,
    measure_faithfulness,
    perturbation_curve,
)
from fiftyone_capviz.geometry import center_crop, squash
from fiftyone_capviz.text.words import caption_words


def test_the_best_goes_first() -> None:
    scores = np.array([[1.0, 4.0], [3.0, 2.0]])
    inserted = perturbation_curve(scores, insertion=True)
    assert inserted.fractions.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert inserted.kept.astype(int).tolist() == [
        [0, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 1, 1, 0],
        [0, 1, 1, 1],
        [1, 1, 1, 1],
    ]
    deleted = perturbation_curve(scores, insertion=False)
    assert (deleted.kept == ~inserted.kept).all()


@pytest.mark.parametrize("n", [1, 7, 10, 144])
def test_curves_run_from_nothing_to_all(n: int) -> None:
    curve = perturbation_curve(np.random.default_rng(n).random(n), insertion=True)
    assert (curve.kept.sum(axis=1) / n).tolist() == curve.fractions.tolist()
    assert curve.fractions[[0, -1]].tolist() == [0, 1]
    assert len(curve.fractions) <= 11


def test_the_area_of_an_additive_score_is_the_formula() -> None:
    """Score = sum of the items' worth: the area is a sum of cumulated worth."""
    worth = np.array([5.0, 3.0, 1.0, 1.0])
    for order, sign in ((worth, 1), (-worth, -1)):
        curve = perturbation_curve(order, insertion=True)
        ranked = np.sort(worth)[::-sign]
        cumulated = np.concatenate([[0], np.cumsum(ranked)])
        exact = (cumulated[:-1] + cumulated[1:]).sum() / 2 / 4
        assert area_under(curve, curve.kept @ worth) == pytest.approx(exact)


def test_right_attributions_beat_wrong_ones_on_both_sides() -> None:
    """A "model" that counts red patches and the word dog."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8, :8, 0] = 255
    image, text = Image.fromarray(pixels), "a dog in the park"
    words = caption_words(text)

    def scorer(images: Sequence[Image.Image], texts: Sequence[str]) -> np.ndarray:
        red = [np.asarray(one)[..., 0].max() == 255 for one in images]
        dog = ["dog" in one for one in texts]
        return np.array(red) * 1.0 + np.array(dog) * 1.0

    maps = np.zeros((2, 2, 2))
    maps[0, 0, 0] = 1.0
    options = {"words": words, "transform": squash(16, 16, 2), "scorer": scorer}
    right = measure_faithfulness(image, text, maps=maps, **options)  # type: ignore[arg-type]
    wrong = measure_faithfulness(image, text, maps=-maps, **options)  # type: ignore[arg-type]
    assert right["cii"] > wrong["cii"]
    assert right["cid"] < wrong["cid"]
    assert right["cti"] > wrong["cti"]
    assert right["ctd"] < wrong["ctd"]
    # Trapezoids over 4 patches: the score is 1 at first, 2 from the first patch on.
    assert right["cii"] == pytest.approx((1.5 + 2 + 2 + 2) / 4)
    assert right["cid"] == pytest.approx((1.5 + 1 + 1 + 1) / 4)
    assert right["cti"] == pytest.approx((1.5 + 2) / 2)


def test_blank_patches_show_the_mean_color() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    kept = np.zeros((3, 3), bool)
    kept[1, 2] = True
    shown = np.asarray(blank_patches(image, squash(12, 12, 3), kept))
    assert (shown[4:8, 8:12] == pixels[4:8, 8:12]).all()
    rest = np.ones((12, 12), bool)
    rest[4:8, 8:12] = False
    assert (shown[rest] == pixels.reshape(-1, 3).mean(axis=0).round()).all()
    assert (np.asarray(blank_patches(image, squash(12, 12, 3), kept | True)) == pixels).all()


def test_blank_patches_follow_the_crop() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 16, 3), dtype=np.uint8)
    kept = np.zeros((2, 2), bool)
    kept[0, 0] = True
    shown = np.asarray(blank_patches(Image.fromarray(pixels), center_crop(16, 8, 2), kept))
    assert (shown[:4, 4:8] == pixels[:4, 4:8]).all()
    assert len(np.unique(shown[:, 8:].reshape(-1, 3), axis=0)) == 1


def test_words_are_cut_out_wherever_they_stand() -> None:
    text = "A dog, and another dog with a hat."
    words = caption_words(text)
    keep_hat = np.array([word == "hat" for word in words.words])
    assert "dog" not in cut_words(text, words, keep_hat)
    assert cut_words(text, words, np.ones(len(words.words), bool)) == text
    assert "hat" not in cut_words(text, words, np.zeros(len(words.words), bool))


def test_a_curve_needs_numbers() -> None:
    with pytest.raises(InputError, match="finite"):
        perturbation_curve(np.array([np.nan]), insertion=True)
    with pytest.raises(InputError, match="0 items"):
        perturbation_curve(np.zeros(0), insertion=True)
