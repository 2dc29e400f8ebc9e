"""How long a run would take: told without any model, from the run before."""

from __future__ import annotations

import fiftyone as fo

from fiftyone_capviz.curation.analysis.forecast import estimate
from tests.worlds.five_images import COUNT
from tests.worlds.random_world import CountingCache, random_options


def test_an_estimate_before_and_after_a_run(
    dataset: fo.Dataset, analysed_copy: fo.Dataset, cache: CountingCache
) -> None:
    first = estimate(dataset, random_options())
    assert (first.samples, first.to_do, first.seconds) == (COUNT, COUNT, None)
    assert "after the first batch" in first.text

    nothing = estimate(analysed_copy, random_options())
    assert (nothing.to_do, nothing.seconds) == (0, 0.0)
    layer = estimate(analysed_copy, random_options(layer=1))
    everything = estimate(analysed_copy, random_options(layer=1, max_new_tokens=4, min_area=0.1))
    assert layer.seconds is not None
    assert everything.seconds is not None
    assert layer.to_do == everything.to_do == COUNT
    assert 0 < layer.seconds < everything.seconds
    assert estimate(analysed_copy, random_options(num_beams=3)).seconds is None
    assert not cache.counts
