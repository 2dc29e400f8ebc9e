"""Faithfulness, swaps and steering, where maps, scores and captions are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest
import torch
from bson import ObjectId
from PIL import Image

from fiftyone_capviz.curation.evaluation.probes import FaithfulnessRun, SteeringRun, SwapRun
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.summaries import Variant
from fiftyone_capviz.geometry import PixelTransform, squash
from fiftyone_capviz.records import Caption, FloatArray
from fiftyone_capviz.settings.evaluation import EvaluationOptions
from tests.worlds.known_world import (
    BAD,
    DOG,
    GOOD,
    GRID,
    HAT,
    OPTIONS,
    KnownSource,
    box_map,
    on_hat,
    opened,
    without,
)

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
        return run.rows()

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
        (row,) = run.rows()
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
        rows = run.rows()
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
        assert run.rows() == []


@pytest.mark.parametrize("unread", ["dog", "cat"])
def test_a_swap_that_the_model_never_saw_is_not_measured(unread: str) -> None:
    source = KnownSource("dual", {GOOD: without(unread)})
    run = SwapRun([source], lambda *_: {GOOD: GOOD}, labels=["cat"], seed=0)
    run.take(run.measure(opened("a dog", {"dog": DOG}), 0))
    assert run.rows() == []


def test_a_swap_of_which_one_source_breaks_leaves_nothing_behind() -> None:
    def broken(image: Any, text: str) -> float:
        raise RuntimeError("shapes do not match")

    other = Variant("itm", "icam", 0)
    sources = [
        KnownSource("dual", {GOOD: without("")}),
        KnownSource("itm", {other: without("")}, score=broken),
    ]
    chosen = {"dual": {GOOD: GOOD}, "itm": {other: other}}
    swaps = SwapRun(sources, lambda name, _: chosen[name], labels=["cat"], seed=0)
    faithfulness = FaithfulnessRun(sources, lambda name, _: chosen[name], seed=0)
    for run in (swaps, faithfulness):
        with pytest.raises(RuntimeError):
            run.take(run.measure(opened("a dog", {"dog": DOG}), 0))  # type: ignore[arg-type]
        assert run.rows() == []
    assert swaps.examples == []
