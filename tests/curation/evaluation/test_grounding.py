"""Where maps lie: against known ones, a slow reference, and what is never read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fiftyone_capviz.attribution.words.methods import matcher_word_maps
from fiftyone_capviz.curation.evaluation.grounding import GroundingRun, _shape
from fiftyone_capviz.curation.evaluation.method_groups import unsigned_methods
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.curation.inference.loaded_models import load_matcher
from fiftyone_capviz.evaluation.failures import GROUPS
from fiftyone_capviz.evaluation.summaries import Variant, summarize_grounding
from fiftyone_capviz.geometry import PixelTransform, center_crop
from fiftyone_capviz.images import open_image
from fiftyone_capviz.models.interfaces import match_attention
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from fiftyone_capviz.settings.words import WordMethod
from fiftyone_capviz.text.words import caption_words
from tests.worlds.evaluated_scenes import variant_row
from tests.worlds.known_world import (
    BAD,
    DOG,
    GOOD,
    HAT,
    OPTIONS,
    KnownSource,
    apart,
    grounded,
    on_dog,
    opened,
    own,
    without,
)


class TestGrounding:
    """Maps that lie in the dog, in the hat, or apart from both."""

    def test_figures_are_those_of_the_maps(self) -> None:
        maps = {GOOD: own, BAD: apart, Variant("dual", "cross_attention", 0): on_dog}
        run, intervals = grounded([KnownSource("dual", maps)])
        labels = [pair.label for pair in run.pairs]
        good, bad, attention = summarize_grounding(
            run.variants, run.grounding(), labels, intervals, unsigned=unsigned_methods(OPTIONS)
        )
        for row, pga, pge, rank in ((good, 1, 1, 1), (bad, 0, 0, 0), (attention, 0.5, 0.5, 0.5)):
            figures = (row.pga.value, row.pge.value, row.ranking.value)
            # Energies are shares of float32 sums: a third of 36 patches may be 1 - 1e-7.
            assert figures == pytest.approx((pga, pge, rank), abs=1e-6)
            assert row.pga.n == 16
        assert (good.own_positive.value, good.cross_negative.value) == (1, 1)
        assert (bad.own_positive.value, bad.cross_negative.value) == (0, 0)
        assert (attention.own_positive.n, attention.cross_negative.n) == (0, 0)
        assert attention.by_label["dog"]["pga"] == 1
        assert attention.by_label["hat"]["pga"] == 0
        assert unsigned_methods(EvaluationOptions("boxes", clamp="grad")) == (
            "cross_attention", "gradcam",
        )  # fmt: skip

    def test_chance_is_told_for_each_grid_on_the_same_objects(self) -> None:
        def cropped(width: int, height: int, grid: int) -> PixelTransform:
            return PixelTransform(width, height, (0, 0, 30, 60), grid)

        sources = [
            KnownSource("itm", {Variant("itm", "gradcam", 0): on_dog}),
            KnownSource("lm", {Variant("lm", "gradcam", 0): on_dog}),
            KnownSource("dual", {GOOD: on_dog}, transform=cropped),
        ]
        run, intervals = grounded(sources)
        labels = [pair.label for pair in run.pairs]
        rows = summarize_grounding(*run.references(), labels, intervals)
        assert [row.variant.name for row in rows] == [
            "itm, lm random", "itm, lm centre", "dual random", "dual centre",
        ]  # fmt: skip
        random, _, halved, centre = rows
        assert random.pga.n == 16
        assert random.pga.value == pytest.approx((9 + 4) / 2 / 36)
        assert random.ranking.value == 0.5
        assert halved.pga.n == 8  # the crop shows no hat
        assert halved.pga.value == pytest.approx(18 / 36)
        assert centre.variant.source == "dual"

    def test_the_same_crop_is_the_same_grid(self) -> None:
        same = [
            KnownSource("itm", {Variant("itm", "gradcam", 0): on_dog}, transform=center_crop),
            KnownSource("lm", {Variant("lm", "gradcam", 0): on_dog}),
        ]
        run, _ = grounded(same)  # of a square image
        assert len(run.references()[0]) == 2


def test_figures_are_those_of_a_slow_reference(evaluated: tuple[Any, EvaluationReport]) -> None:
    """One image, one word, one layer and head at a time; masks as they were stored."""
    dataset, report = evaluated
    options = EvaluationOptions("truth", matcher="scenes").model_options()
    matcher = match_attention(load_matcher(options))
    layer, head = matcher.default_layer, 2
    hits, lenient, energies = [], [], []
    for sample in dataset:
        image = open_image(sample.filepath)
        words = caption_words(sample.truth_caption)
        features = matcher.encode(matcher.preprocess([image]))
        (found,), _ = matcher_word_maps(
            matcher, features, captions=[sample.truth_caption], words=[words],
            how=WordMethod(layer=layer, head=head),
        )  # fmt: skip
        for one in sample.truth.detections:
            mask = np.zeros(image.size[::-1])
            left, top = (round(v * image.width) for v in one.bounding_box[:2])
            mask[top : top + one.mask.shape[0], left : left + one.mask.shape[1]] = one.mask
            # Enlarged so much that a patch is whole pixels.
            grid = matcher.transform(*image.size).rows
            whole = mask.repeat(grid, axis=0).repeat(grid, axis=1)
            shares = whole.reshape(grid, image.height, grid, image.width).mean(axis=(1, 3))
            # What is under the middle of each patch; in the right, lower half where that is a line.
            middles = (np.arange(grid) * side + side // 2 for side in (image.height, image.width))
            centres = whole[np.ix_(*middles)] > 0
            if one.label not in words.words or shares.sum() <= 1 or not centres.any():
                continue
            values = found.maps[words.words.index(one.label)].astype(float)
            hits.append(centres.ravel()[values.argmax()])
            lenient.append(shares.ravel()[values.argmax()] >= 0.2)
            positive = values.clip(0)
            energies.append((positive * shares).sum() / positive.sum() if positive.any() else 0.0)
    measured = variant_row(report, f"itm gradcam layer {layer} head {head}")
    assert measured["pga"]["n"] == len(hits)
    assert measured["pga"]["value"] == pytest.approx(np.mean(hits))
    assert measured["pga_lenient"]["value"] == pytest.approx(np.mean(lenient))
    assert measured["pge"]["value"] == pytest.approx(np.median(energies), abs=1e-5)
    assert measured["high"]["value"] == pytest.approx(np.mean(np.array(energies) > 0.8))


def test_words_beyond_the_limit_count_neither_as_hits_nor_as_misses() -> None:
    source = KnownSource("dual", {GOOD: without("hat")})
    run = GroundingRun([source], GOOD, EvaluationOptions("boxes"))
    run.add([opened("a dog in a hat", {"dog": DOG, "hat": HAT})])
    found = run.grounding()
    assert found.hit[0, 0] == 1
    assert np.isnan(found.hit[0, 1])
    assert np.isnan(found.energy[0, 1])
    assert (run.counts["dual_pairs"], run.counts["dual_unread"]) == (1, 1)
    assert run.pairs[1].groups == []


def test_regions_named_beyond_the_limit_are_neither_covered_nor_overlooked() -> None:
    source = KnownSource("dual", {GOOD: without("hat")})
    run = GroundingRun([source], GOOD, EvaluationOptions("boxes"))
    run.add([opened("a dog in a hat", {"dog": DOG, "hat": HAT, "car": (0, 5, 1, 6)})])
    ((_, found),) = run.coverage()
    assert (found.true_positives, found.true_negatives) == (1, 1)  # the car, the dog
    assert (found.false_positives, found.false_negatives) == (0, 0)


class Forgetful(KnownSource):
    """Has no map for the words of one caption, so that comparing them breaks."""

    def maps(self, images: Any, texts: Any, words: Any) -> Any:
        return [
            replace(made, maps=made.maps[:, :0]) if "cat" in text else made
            for made, text in zip(super().maps(images, texts, words), texts, strict=True)
        ]


def test_a_batch_that_breaks_while_it_is_counted_is_not_counted() -> None:
    batch = [opened(f"a {name}", {name: DOG, "hat": HAT}) for name in ("dog", "cat", "bird")]
    broken = GroundingRun([Forgetful("dual", {GOOD: without("")})], GOOD,
                          EvaluationOptions("boxes"))  # fmt: skip
    with pytest.raises(IndexError):
        broken.add(batch)
    whole = GroundingRun([KnownSource("dual", {GOOD: without("")})], GOOD,
                         EvaluationOptions("boxes"))  # fmt: skip
    for run in (broken, whole):
        run.add(batch[:1])
        run.add(batch[2:])
    assert broken.counts == whole.counts
    assert [pair.word for pair in broken.pairs] == ["dog", "bird"]
    assert np.array_equal(broken.grounding().energy, whole.grounding().energy)
    assert broken.coverage() == whole.coverage()


def test_a_box_below_another_one_may_be_occluded() -> None:
    inside = opened("a dog in a hat", {"dog": (0, 0, 4, 4), "hat": (0, 0, 4, 3)})
    assert _shape(inside, 0).covered == pytest.approx(0.75)
    assert _shape(inside, 1).covered == 1
    masks = inside.masks.copy()
    masks[0, :20, :20] = False  # a mask with a hole: only what others own of its box hides it
    holed = type(inside)(inside.sample, inside.image, masks, inside.boxes, inside.flagged)
    assert _shape(holed, 0).covered == pytest.approx(0.25)


def test_groups_that_the_labels_cannot_tell_are_not_counted() -> None:
    def groups(*samples: Any) -> set[str]:
        run = GroundingRun([KnownSource("dual", {GOOD: without("")})], GOOD,
                           EvaluationOptions("boxes"))  # fmt: skip
        run.add(samples)
        return set(run.finish_groups(run.grounding())) - {"failed", "none_of_these"}

    alone, beside = opened("a dog", {"dog": DOG}), opened("a dog", {"dog": DOG, "hat": HAT})
    assert groups(alone) == {"correlated_scene", "exceeds_box"}
    assert groups(replace(alone, flagged=(True,))) == groups(alone) | {"occluded"}
    assert groups(beside) == groups(alone) | {"occluded", "misidentified"}
    assert groups(*[beside] * 20) == set(GROUPS)


def test_a_region_that_is_labelled_twice_does_not_hide_itself() -> None:
    twice = opened("a dog", {"dog": DOG, "puppy": DOG, "hat": HAT})
    assert _shape(twice, 0).covered == 0
