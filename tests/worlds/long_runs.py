"""The seven long runs of the product, each in a small world, and faults to put into them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.analysis.analyze import analyze
from fiftyone_capviz.curation.analysis.compute import AnalysisWork
from fiftyone_capviz.curation.analysis.segment_map import VectorWork, map_segments
from fiftyone_capviz.curation.evaluation.run import evaluate_attribution
from fiftyone_capviz.curation.evaluation.work import GroundingWork
from fiftyone_capviz.curation.pairs.mismatch_run import PairWork
from fiftyone_capviz.curation.pairs.mismatches import find_mismatches
from fiftyone_capviz.curation.pairs.relation_run import RelationWork
from fiftyone_capviz.curation.pairs.view_relations import relate_view
from fiftyone_capviz.curation.steering.accept import accept_captions
from fiftyone_capviz.curation.steering.candidates import SteeringWork
from fiftyone_capviz.curation.steering.many import steer_captions
from fiftyone_capviz.curation.steering.rewriting import RewritingWork
from fiftyone_capviz.errors import StoppedError
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.steering import Recipe
from tests.worlds.labelled_texts import BELOW, LEFT, RIGHT, quick
from tests.worlds.pair_world import SETTINGS
from tests.worlds.random_world import image_dataset, random_options

COUNT, BATCH = 6, 2
"""Images, and how many of them are a batch in every run."""
CAPTIONS = "told"
"""Field of captions that name the labelled regions; every one is another text."""
LAST_LAYER = replace(SETTINGS, layer=1)
"""The last of the bundled encoder, whose derivatives are in closed form: quick."""
PLACES = ("sofa", "chair", "bench", "boat", "car", "bus")


@dataclass(frozen=True)
class LongRun:
    """One of the product's long runs.

    Attributes:
        name: of the run.
        work: its class of work.
        start: (dataset or view, **job) -> what it reports.
        fresh: begins on images that were not analysed.
    """

    name: str
    work: type[Any]
    start: Callable[..., Any]
    fresh: bool = False


@dataclass(frozen=True)
class StoppedMap:
    """What stands for the report of a map that was stopped: the call raises."""

    stopped: bool = True


def options(**changes: Any) -> AnalysisOptions:
    """Options of all these runs."""
    return random_options(**{"batch_size": BATCH, "min_new_tokens": 2, **changes})


def _map(collection: Any, **job: Any) -> Any:
    try:
        return map_segments(collection, options(map_method="tsne"), **job)
    except StoppedError:
        return StoppedMap()


def _evaluate(collection: Any, **job: Any) -> Any:
    return evaluate_attribution(
        collection, quick("ground_truth", caption_field=CAPTIONS, batch_size=BATCH), **job
    )


RUNS = (
    LongRun(
        "analysis",
        AnalysisWork,
        lambda c, **job: analyze(c, options(), stages=("caption", "match"), **job),
        fresh=True,
    ),
    LongRun(
        "steering",
        SteeringWork,
        lambda c, **job: steer_captions(c, Recipe(prompt="a man with"), options(), **job),
    ),
    LongRun("rewriting", RewritingWork, lambda c, **job: accept_captions(c, **job)),
    LongRun("segment vectors", VectorWork, _map),
    LongRun("evaluation", GroundingWork, _evaluate),
    LongRun(
        "mismatches",
        PairWork,
        lambda c, **job: find_mismatches(c, LAST_LAYER, caption_field=CAPTIONS, **job),
    ),
    LongRun(
        "relations",
        RelationWork,
        lambda c, **job: relate_view(
            c,
            caption_field=CAPTIONS,
            encoder="scenes",
            layer=LAST_LAYER.layer,
            device="cpu",
            dtype="float32",
            **job,
        ),
    ),
)


def labelled_images(folder: Path) -> fo.Dataset:
    """Images with labelled regions, and captions that name them."""
    dataset = image_dataset(folder, COUNT)
    for sample, place in zip(dataset, PLACES, strict=True):
        sample[CAPTIONS] = f"a man and a dog on a {place}"
        sample["ground_truth"] = fo.Detections(
            detections=[
                fo.Detection(label=label, bounding_box=list(box))
                for label, box in (("man", LEFT), ("dog", RIGHT), (place, BELOW))
            ]
        )
        sample.save()
    return dataset


def analysed_images(folder: Path) -> fo.Dataset:
    """The same, analysed, with a candidate for every caption."""
    dataset = labelled_images(folder)
    analyze(dataset, options())
    steer_captions(dataset, Recipe(prompt="a woman with"), options())
    return dataset


@dataclass
class Watched:
    """A run whose work is watched, and broken where a test says so.

    Attributes:
        before: called with the items of a batch before they are computed; may raise.
        computed: how many items the models have been given.
    """

    before: Callable[[Sequence[Any]], None] = lambda items: None
    computed: int = 0
    sizes: list[int] = field(default_factory=list)

    def watch(self, monkeypatch: pytest.MonkeyPatch, run: LongRun) -> Watched:
        """Let every worker of this run tell; each is opened from a pickled copy of its work."""
        opened = run.work.open

        def watched_open(work: Any, cache: Any) -> Any:
            worker = opened(pickle.loads(pickle.dumps(work)), cache)
            worker.batch_size = BATCH
            compute = worker.compute

            def watched_compute(items: Sequence[Any]) -> Any:
                self.before(items)
                found = compute(items)
                self.sizes.append(len(items))
                self.computed += len(items)
                return found

            worker.compute = watched_compute
            return worker

        monkeypatch.setattr(run.work, "open", watched_open)
        return self


def failures_of(report: Any) -> int:
    """How many units a report says could not be used."""
    if hasattr(report, "skipped") and hasattr(report, "brain_key"):  # a map: by segments
        return int(report.skipped > 0)
    if hasattr(report, "counts") and "failed" in report.counts:
        return int(report.counts["failed"])
    return len(report.failures)


def documents(dataset: fo.Dataset) -> list[dict[str, Any]]:
    """What is stored of every sample, but for the time of the last change."""
    rows = list(dataset._sample_collection.find({}).sort("_id", 1))
    for row in rows:
        row.pop("last_modified_at", None)
    return rows
