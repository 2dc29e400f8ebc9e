"""The success rate on captions whose figures are known, among them those of the paper's size."""

from __future__ import annotations

import numpy as np
import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.steering_success import measure_success
from fiftyone_capviz.text.wanted_words import wanted_words

PROMPT = "the man is wearing"


def papers_captions() -> tuple[list[str], list[str]]:
    """214 captions before and after, 193 of which gain one of the wanted words."""
    before = [f"a man {doing} on a street" for doing in ("walking", "standing")] * 107
    worn = ["a hat", "a red cap", "two hats", "a suit and a beanie"]
    after = [f"{PROMPT} {worn[i % 4] if i < 193 else 'a suit'}" for i in range(214)]
    return before, after


def test_the_papers_rate() -> None:
    """193 of 214, as the seed paper's section 6 counts; the paper writes 90.19 %."""
    before, after = papers_captions()
    wanted = wanted_words("hat, cap, beanie")
    found = measure_success(before, after, wanted, prompts=[PROMPT] * 214)
    assert found.rate.value == pytest.approx(0.9019, abs=5e-5)
    assert (found.gained, found.rate.n, found.images, found.before) == (193, 214, 214, 0)
    assert found.overall == found.rate
    assert 0.84 < found.rate.low < found.rate.value < found.rate.high < 0.95
    assert found.to_dict()["rate"]["n"] == 214


def test_images_that_named_it_before_are_asked_and_gain_nothing() -> None:
    before, after = papers_captions()
    found = measure_success(
        [*before, "a man in a hat", "a cap", "a man"],
        [*after, "a man in a hat", "a man", None],
        wanted_words("hat, cap, beanie"),
    )
    assert (found.before, found.rate.n, found.gained) == (2, 214, 193)
    assert found.rate.value == pytest.approx(193 / 214)
    assert found.overall.n == found.images == 217
    assert found.overall.value == pytest.approx(194 / 217), "a failed image was asked, too"


def test_words_of_the_prompt_and_duplicates_do_not_count() -> None:
    prompts = ["the man is wearing a hat", "the man is wearing", None, None]
    after = ["the man is wearing a hat", "the man is wearing a hat", "a hat", "a hat"]
    found = measure_success(
        ["a man"] * 4, after, wanted_words("hat"), prompts=prompts, images=["a", "b", "c", "c"]
    )
    assert (found.images, found.duplicates, found.gained) == (3, 1, 2)
    assert np.isnan(found.rate.low), "three images allow no interval"


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="2, 1, 1 and 1"):
        measure_success(["a", "b"], ["a"], wanted_words("hat"))
