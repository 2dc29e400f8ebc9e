"""Where explained pairs came from."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.dataset.runs import list_runs
from fiftyone_capviz.curation.pairs.runs import read_pair_run
from tests.worlds.mismatches import NAMES, find
from tests.worlds.pair_world import CAPTIONS, models


def test_the_run_says_where_the_results_came_from(dataset: Any) -> None:
    find(dataset.limit(3))
    run = read_pair_run(dataset, CAPTIONS)
    encoder = models().get("encoder", "scenes", device="cpu", dtype="float32")
    assert run is not None
    assert (run.encoder, run.revision) == ("scenes", encoder.revision)
    assert (run.method, run.layer, run.text_layer, run.nodes) == ("second_order", 1, 0, 8)
    assert (run.precision, run.device, run.state) == ("float32", "cpu", "done")
    assert (run.counts["explained"], run.counts["failed"]) == (3, 0)
    assert {"torch", "fiftyone-capviz"} <= set(run.versions)
    assert dataset.distinct(NAMES.hash) == [run.hash]
    assert list_runs(dataset) == []
