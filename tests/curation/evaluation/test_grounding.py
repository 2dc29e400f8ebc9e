"""What an evaluation's parts report, where maps, scores and captions are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest
import torch
from bson import ObjectId
from PIL import Image

from fiftyone_capviz.curation.evaluation.families import (
    Families,
    comparison_rows,
    default_variants,
    unsigned_methods,
)
from fiftyone_capviz.curation.evaluation.grounding import GroundingRun
from fiftyone_capviz.curation.evaluation.probes import FaithfulnessRun, SteeringRun, SwapRun
from fiftyone_capviz.curation.evaluation.rows import coverage_rows, pair_columns
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.statistics import Bootstrap
from fiftyone_capviz.evaluation.summaries import Variant, summarize_grounding
from fiftyone_capviz.geometry import PixelTransform, center_crop, squash
from fiftyone_capviz.records import Caption, FloatArray
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from tests.worlds.known_world import DOG, GRID, HAT, KnownSource, box_map, opened

ELSEWHERE = (5, 0, 6, 2)
DRAWS = {"samples": 50, "seed": 0}
OPTIONS = EvaluationOptions("boxes", bootstrap_samples=50)
GOOD, BAD = Variant("dual", "icam", 0), Variant("dual", "icam", 1)


def on_dog(word: str) -> FloatArray:
    return box_map(DOG)


def on_hat(word: str) -> FloatArray:
    return box_map(HAT)


def apart(word: str) -> FloatArray:
    return box_map(ELSEWHERE)


def own(word: str) -> FloatArray:
    """For the object, against the other one, twice as strongly where it is the hat."""
    signed = box_map(DOG) - box_map(HAT)
    return signed if word == "dog" else -2 * signed


def both(
    source: str, sample: ObjectId, *, families: Sequence[Variant] = (GOOD, BAD)
) -> Mapping[Variant, Variant]:
    return {each: each for each in families if each.source == source}


def named(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(row for row in rows if row["name"] == name)


class TestFaithfulness:
    """A quarter of the image is red; the score counts red and the word dog."""

    def image(self) -> Image.Image:
        pixels = np.zeros((60, 60, 3), np.uint8)
        pixels[:30, :30, 0] = 255
        return Image.fromarray(pixels)

    def source(self, name: str) -> KnownSource:
        def red(word: str) -> FloatArray:
            return box_map((0, 0, 1, 1), grid=2) * (word == "dog")

        def score(image: Image.Image, text: str) -> float:
            return float(np.asarray(image)[..., 0].max() == 255) + ("dog" in text)

        maps = {Variant(name, "icam", 0): red, Variant(name, "icam", 1): lambda word: -red(word)}
        return KnownSource(name, maps, score=score, grid=2)

    def rows(self, *names: str, chosen: Any, images: int = 2) -> list[dict[str, Any]]:
        run = FaithfulnessRun([self.source(name) for name in names], chosen, seed=0)
        for number in range(images):
            image = opened("a dog in the park", {"dog": (0, 0, 3, 3)}, image=self.image())
            run.take(run.measure(image, number))
        return run.rows(**DRAWS)

    def test_areas_are_those_of_the_curves(self) -> None:
        rows = self.rows("dual", chosen=both)
        good, bad = named(rows, GOOD.name), named(rows, BAD.name)
        first, last = (1.5 + 2 + 2 + 2) / 4, (1 + 1 + 1 + 1.5) / 4
        # Deletion of the best: 2 with nothing gone, 1 from the first patch on.
        assert good["cii"]["value"] == pytest.approx(first)
        assert good["cid"]["value"] == pytest.approx((1.5 + 1 + 1 + 1) / 4)
        assert bad["cii"]["value"] == pytest.approx(last)
        assert bad["cid"]["value"] == pytest.approx((2 + 2 + 2 + 1.5) / 4)
        assert good["cti"]["value"] == pytest.approx((1.5 + 2) / 2)
        assert good["ctd"]["value"] == pytest.approx((1.5 + 1) / 2)
        assert bad["cti"]["value"] == pytest.approx((1 + 1.5) / 2)
        assert bad["ctd"]["value"] == pytest.approx((2 + 1.5) / 2)
        assert all(good[key]["n"] == 2 for key in ("cii", "cid", "cti", "ctd"))
        assert good["score"] == "known"
        assert named(rows, "dual random")["cii"]["n"] == 2

    def test_each_sample_is_measured_by_what_is_chosen_for_it(self) -> None:
        family, turns = Variant("dual", "icam"), iter([GOOD, BAD])
        rows = self.rows("dual", chosen=lambda source, sample: {family: next(turns)})
        assert named(rows, "dual icam")["cii"]["value"] == pytest.approx((7.5 + 4.5) / 8)

    def test_a_captioner_has_no_text_side(self) -> None:
        one = Variant("lm", "icam", 0)
        rows = self.rows("lm", chosen=lambda source, sample: {one: one})
        for row in rows:
            assert row["cii"]["n"] == 2
            for key in ("cti", "ctd"):
                assert row[key] == {"value": None, "low": None, "high": None, "n": 0}


class TestSwaps:
    """The false caption scores 0.4 less; its word has a sixth of the true word's attribution."""

    def rows(self, *, score: float, false: float, true: float = 3.0) -> dict[str, Any]:
        def lessened(word: str) -> FloatArray:
            # Outside the dog's box everything is turned round: it must not count.
            return box_map(DOG) * (true if word == "dog" else false) - 99 * box_map(HAT) * (
                1 if word == "dog" else -1
            )

        source = KnownSource(
            "dual", {GOOD: lessened}, score=lambda image, text: 0.9 if "dog" in text else score
        )
        run = SwapRun(
            [source], lambda s, i: both(s, i, families=(GOOD,)), labels=["dog", "cat"], seed=0
        )
        for number in range(6):
            run.take(run.measure(opened("a dog in the park", {"dog": DOG}), number))
        assert run.examples[0] == {"true": "a dog in the park", "false": "a cat in the park"}
        (row,) = run.rows(**DRAWS)
        return row

    def test_what_falls_is_lower(self) -> None:
        row = self.rows(score=0.5, false=0.5)
        assert row["score_change"]["value"] == pytest.approx(-0.4)
        assert row["attribution_change"]["value"] == pytest.approx((0.5 - 3.0) * 9)
        assert (row["score_lower"]["value"], row["attribution_lower"]["value"]) == (1, 1)
        assert 0.5 < row["score_lower"]["low"] < 1  # six of six is no certainty
        assert row["attribution_lower"]["n"] == 6

    def test_what_rises_is_not(self) -> None:
        row = self.rows(score=1.0, false=4.0)
        assert row["score_change"]["value"] == pytest.approx(0.1)
        assert row["attribution_change"]["value"] == pytest.approx(9)
        assert (row["score_lower"]["value"], row["attribution_lower"]["value"]) == (0, 0)
        assert (self.rows(score=0.9, false=3.0)["score_lower"]["value"]) == 0

    def test_score_and_attribution_are_told_apart(self) -> None:
        row = self.rows(score=0.5, false=4.0)
        assert (row["score_lower"]["value"], row["attribution_lower"]["value"]) == (1, 0)


class KnownCaptioner:
    """Captions and likelihoods by method and largest weight."""

    default_prompt = ""

    def __init__(self, said: Mapping[tuple[str, float], tuple[str, float]]) -> None:
        self._said = said

    def transform(self, width: int, height: int) -> PixelTransform:
        return squash(width, height, GRID)

    def preprocess(self, images: Sequence[Image.Image]) -> torch.Tensor:
        return torch.zeros(len(images), 1)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels

    def generate(
        self, features: torch.Tensor, prompts: Sequence[str], *, steering: Any, **_: Any
    ) -> list[Caption]:
        captions = []
        for one in steering:
            key = ("plain", 1.0)
            if one is not None:
                largest = one.alpha + 1 if one.method == "contrast" else one.weights.max()
                key = (one.method, round(float(largest), 3))
                assert box_map(HAT).flat[one.weights.argmax()] == 1  # the largest unnamed
            text, likelihood = self._said[key]
            captions.append(Caption(text, text, "", likelihood))
        return captions


SAID = {
    ("plain", 1.0): ("a man on a boat", -1.0),
    ("scale", 2.0): ("a man in a hat on a boat", -1.4),
    ("scale", 8.0): ("hat hat on hat", -0.2),
    ("logits", 2.0): ("a man in a hat", -1.6),
    ("logits", 8.0): ("a hat", -1.0),
    ("contrast", 2.0): ("a man", -1.0),
    ("contrast", 8.0): ("the hat of a man", -1.0),
}
MATCHES = {"a man on a boat": 0.9, "the hat of a man": 0.8}


class TestSteering:
    """The plain caption leaves out the hat, which is the larger of two unnamed objects."""

    def rows(self, *, matcher: bool, images: int = 5) -> dict[tuple[str, float], dict[str, Any]]:
        options = EvaluationOptions("boxes", steering_weights=(2.0, 8.0))
        regions = {"man": (0, 0, 1, 2), "boat": (0, 3, 2, 5), "hat": HAT, "cap": (5, 0, 6, 2)}
        source = KnownSource("itm", {GOOD: on_hat}, score=lambda _, text: MATCHES.get(text, 0.87))
        run = SteeringRun(
            cast(Any, KnownCaptioner(SAID)),
            options,
            Vocabulary(regions),
            matcher=source if matcher else None,
        )
        for _ in range(images):
            run.take(run.measure(opened("a man on a boat", regions)))
        rows = run.rows(samples=50, seed=0)
        assert list(SAID) == [(row["method"], row["weight"]) for row in rows]
        return {(row["method"], row["weight"]): row for row in rows}

    def test_success_is_any_mention_and_acceptable_what_the_product_accepts(self) -> None:
        rows = self.rows(matcher=True)
        rates = {
            key: (row["rate"]["value"], row["acceptable"]["value"]) for key, row in rows.items()
        }
        assert rates == {
            ("plain", 1.0): (0, 0),
            ("scale", 2.0): (1, 1),
            ("scale", 8.0): (1, 0),  # a word twice in a row
            ("logits", 2.0): (1, 0),  # the likelihood fell by 0.6
            ("logits", 8.0): (1, 1),  # the match says that it fits
            ("contrast", 2.0): (0, 0),
            ("contrast", 8.0): (1, 0),  # the match fell by 0.1
        }
        assert {row["judge"] for row in rows.values()} == {"match, likelihood"}
        assert rows["scale", 2.0]["rate"]["n"] == 5

    def test_without_a_matcher_what_was_named_must_stay(self) -> None:
        rows = self.rows(matcher=False)
        accepted = {key for key, row in rows.items() if row["acceptable"]["value"] == 1}
        assert accepted == {("scale", 2.0)}
        assert {row["judge"] for row in rows.values()} == {"likelihood, names kept"}

    def test_nothing_left_out_is_nothing_measured(self) -> None:
        run = SteeringRun(
            cast(Any, KnownCaptioner(SAID)), OPTIONS, Vocabulary(["man"]), matcher=None
        )
        run.take(run.measure(opened("a man on a boat", {"man": (0, 0, 3, 3)})))
        assert run.rows(**DRAWS) == []


TEXT = "a dog in a hat"
BOTH = {"dog": DOG, "hat": HAT}


def evaluated(
    sources: Sequence[KnownSource], *, images: int = 8, text: str = TEXT
) -> tuple[GroundingRun, Bootstrap]:
    run = GroundingRun(cast(Any, sources), sources[0].variants[0], OPTIONS)
    run.add([opened(text, BOTH) for _ in range(images)])
    groups = [str(pair.sample.id) for pair in run.pairs]
    return run, Bootstrap(groups, samples=50, seed=0)


class TestGrounding:
    """Maps that lie in the dog, in the hat, or apart from both."""

    def test_figures_are_those_of_the_maps(self) -> None:
        maps = {GOOD: own, BAD: apart, Variant("dual", "cross_attention", 0): on_dog}
        run, bootstrap = evaluated([KnownSource("dual", maps)])
        labels = [pair.label for pair in run.pairs]
        good, bad, attention = summarize_grounding(
            run.variants, run.grounding(), labels, bootstrap, unsigned=unsigned_methods(OPTIONS)
        )
        for row, pga, pge, rank in ((good, 1, 1, 1), (bad, 0, 0, 0), (attention, 0.5, 0.5, 0.5)):
            figures = (row.pga.value, row.pge.value, row.ranking.value)
            assert figures == (pga, pge, rank)
            assert row.pga.n == 16
        assert (good.own_positive.value, good.cross_negative.value) == (1, 1)
        assert (bad.own_positive.value, bad.cross_negative.value) == (0, 0)
        assert (attention.own_positive.n, attention.cross_negative.n) == (0, 0)
        assert attention.by_label["dog"]["pga"] == 1
        assert attention.by_label["hat"]["pga"] == 0
        assert unsigned_methods(EvaluationOptions("boxes", clamp="grad")) == (
            "cross_attention", "gradcam",
        )  # fmt: skip

    def test_uncovered_is_what_no_map_lies_in(self) -> None:
        """The caption names the dog alone: the hat is unnamed, and uncovered by a right map."""
        blind = Variant("dual", "icam", 2)  # covers nothing: finds all, and half of it is wrong
        maps = {GOOD: on_dog, BAD: on_hat, blind: lambda word: box_map((0, 0, 0, 0))}
        run, _ = evaluated([KnownSource("dual", maps)], text="a dog")
        good, bad, nothing = coverage_rows(run)
        assert (nothing["precision"], nothing["recall"], nothing["uncovered"]) == (0.5, 1, 16)
        assert (good["name"], good["precision"], good["recall"]) == (GOOD.name, 1, 1)
        assert (bad["name"], bad["precision"], bad["recall"]) == (BAD.name, 0, 0)
        assert {row["chance"] for row in (good, bad)} == {0.5}
        assert {row["unnamed"] for row in (good, bad)} == {8}

    def test_chance_is_told_for_each_grid_on_the_same_objects(self) -> None:
        def cropped(width: int, height: int, grid: int) -> PixelTransform:
            return PixelTransform(width, height, (0, 0, 30, 60), grid)

        sources = [
            KnownSource("itm", {Variant("itm", "gradcam", 0): on_dog}),
            KnownSource("lm", {Variant("lm", "gradcam", 0): on_dog}),
            KnownSource("dual", {GOOD: on_dog}, transform=cropped),
        ]
        run, bootstrap = evaluated(sources)
        labels = [pair.label for pair in run.pairs]
        rows = summarize_grounding(*run.references(), labels, bootstrap)
        assert [row.variant.name for row in rows] == [
            "itm, lm uniform", "itm, lm centre", "dual uniform", "dual centre",
        ]  # fmt: skip
        uniform, _, halved, centre = rows
        assert uniform.pga.n == 16
        assert uniform.pga.value == pytest.approx((9 + 4) / 2 / 36)
        assert uniform.ranking.value == 0.5
        assert halved.pga.n == 8  # the crop shows no hat
        assert halved.pga.value == pytest.approx(18 / 36)
        assert centre.variant.source == "dual"

    def test_the_same_crop_is_the_same_grid(self) -> None:
        same = [
            KnownSource("itm", {Variant("itm", "gradcam", 0): on_dog}, transform=center_crop),
            KnownSource("lm", {Variant("lm", "gradcam", 0): on_dog}),
        ]
        run, _ = evaluated(same)  # of a square image
        assert len(run.references()[0]) == 2


class TestFamilies:
    """Layer 0 is right, layer 1 is not; the default of second_order is the wrong one."""

    def sources(self) -> list[KnownSource]:
        second = {
            Variant("dual", "second_order", 1): apart,
            Variant("dual", "second_order", 0): own,
        }
        return [
            KnownSource("itm", {Variant("itm", "gradcam", 0): on_dog}),
            KnownSource("dual", second | {BAD: apart, GOOD: own}),
        ]

    def families(self) -> tuple[Families, GroundingRun, Bootstrap, list[Variant]]:
        sources = self.sources()
        run, bootstrap = evaluated(sources)
        defaults = default_variants(cast(Any, sources))
        families = Families.of(run, run.grounding(), defaults, seed=0)
        return families, run, bootstrap, defaults

    def test_rows_are_the_best_of_each_method(self) -> None:
        families, run, bootstrap, _ = self.families()
        rows = families.rows([pair.label for pair in run.pairs], bootstrap, unsigned=())
        assert [(row["name"], row["pga"]["value"], row["candidates"]) for row in rows] == [
            ("itm gradcam", 0.5, 1), ("dual second_order", 1, 2), ("dual icam", 1, 2),
        ]  # fmt: skip
        assert rows[2]["chosen"] == [GOOD.name, GOOD.name]
        assert families.chosen("dual", run.pairs[0].sample.id)[Variant("dual", "icam")] == GOOD
        assert list(families.chosen("itm", ObjectId())) == [Variant("itm", "gradcam")]

    def test_comparisons_are_first_minus_second(self) -> None:
        families, run, bootstrap, defaults = self.families()
        rows = comparison_rows(
            families, run, run.grounding(), bootstrap, defaults=defaults, options=OPTIONS
        )
        found = {(row["first"], row["second"]): row for row in rows}
        fair = found["dual second_order layer 1", "dual icam"]
        assert rows[0] is fair
        assert (fair["pga"]["value"], fair["pge"]["value"], fair["epsilon"]) == (-1, -1, 1)
        assert found["dual second_order", "itm gradcam"]["pga"]["value"] == 0.5
        assert found["dual second_order", "itm gradcam"]["epsilon"] == 0
        default = found["itm gradcam layer 0", "dual second_order layer 1"]
        assert (default["pga"]["value"], default["pge"]["value"]) == (0.5, 0.5)
        assert len(rows) == len(found) == 5
        assert all(row["pga"]["n"] == 16 for row in rows)

    def test_values_of_families_and_defaults_are_kept(self) -> None:
        families, run, _, defaults = self.families()
        columns = pair_columns(run, run.grounding(), families, kept=defaults)
        assert set(columns["hit"]) == {
            "itm gradcam", "dual second_order", "dual icam", "itm gradcam layer 0",
            "dual second_order layer 1", "dual icam layer 1",
        }  # fmt: skip
        assert columns["hit"]["dual icam"] == [1] * 16
        assert columns["energy"]["dual icam layer 1"] == [0] * 16
        assert columns["label"] == ["dog", "hat"] * 8

    def test_hits_and_energies_are_kept_apart(self) -> None:
        """Twice as strong in the dog as in the hat: the dog is hit, the hat has 4 of 22."""
        one = Variant("itm", "gradcam", 0)
        source = KnownSource("itm", {one: lambda word: 2 * box_map(DOG) + box_map(HAT)})
        run, _ = evaluated([source], images=5)
        families = Families.of(run, run.grounding(), [one], seed=0)
        columns = pair_columns(run, run.grounding(), families, kept=[one])
        assert columns["hit"][one.name] == [1, 0] * 5
        assert columns["energy"][one.name] == pytest.approx([18 / 22, 4 / 22] * 5, abs=1e-4)
