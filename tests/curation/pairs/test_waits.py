"""How long an explanation will take, told before it begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiftyone_capviz.curation.pairs.explain import explain_sample
from fiftyone_capviz.curation.pairs.relate import relate_captions, relate_images
from fiftyone_capviz.curation.pairs.sample import PairSample
from fiftyone_capviz.curation.pairs.waits import LongWaitError, pair_wait
from tests.worlds.pair_world import SETTINGS, models


def test_a_long_wait_is_refused_before_it_begins_but_not_what_is_kept(
    samples: list[PairSample],
) -> None:
    """At inner layers, and for ILIME; images at the last layer and plain cosines are quick."""
    first, second = samples[:2]
    last = models().get("encoder", "scenes", device="cpu", dtype="float32").image_layers - 1
    inner, outer = replace(SETTINGS, layer=0), replace(SETTINGS, layer=last)
    lime, quick = (replace(SETTINGS, method=name) for name in ("ilime", "itsm_output"))
    hurry: dict[str, Any] = {"longest": 1e-6, "cache": models()}
    text = "a dog near a man"
    for settings in (inner, lime):
        with pytest.raises(LongWaitError, match="this one takes about") as refused:
            explain_sample(first, text, settings, **hurry)
        assert refused.value.seconds > 1e-6
    with pytest.raises(LongWaitError):
        relate_images(first, second, inner, **hurry)
    with pytest.raises(LongWaitError):
        relate_captions(text, "a hat", inner, **hurry)
    assert relate_images(first, second, outer, **hurry).layer == last
    assert explain_sample(first, text, quick, **hurry).seconds > 0
    kept = explain_sample(first, text, inner, cache=models())
    assert explain_sample(first, text, inner, **hurry).seconds == 0
    # Worth asking for: within a wide margin, on a machine that others use, too.
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    assert pair_wait(encoder, text, inner) < 60 * kept.seconds
    assert pair_wait(encoder, text, inner) > kept.seconds / 60
