"""`fiftyone_capviz.analyze`: captions, match scores, segments, word-to-segment scores, the map.

    report = analyze(dataset.view(), captioner="scenes", matcher="scenes")

A loader thread decodes and prepares the next images, this thread computes, and a writer thread
stores the batch before. A sample is stored by one update, together with the hashes of what made
it: whatever ends a run, the next one goes on where it ended, and computes nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import fiftyone as fo
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.analysis.plan import check_run, plan_of, refuse_conflicts
from fiftyone_capviz.curation.analysis.report import Report
from fiftyone_capviz.curation.analysis.run import AnalysisRun
from fiftyone_capviz.curation.dataset.job import Job, long_run
from fiftyone_capviz.curation.dataset.progress import ProgressBar, ProgressCallback, StopCallback
from fiftyone_capviz.curation.dataset.runs import with_prefix
from fiftyone_capviz.curation.dataset.samples import image_samples
from fiftyone_capviz.curation.inference.loaded_models import resolve_setting
from fiftyone_capviz.settings.analysis import (
    STAGES,
    AnalysisChanges,
    AnalysisOptions,
    Stage,
    validated_stages,
)

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache


def analyze(
    collection: SampleCollection,
    options: AnalysisOptions | None = None,
    *,
    stages: Sequence[str] = STAGES,
    progress: bool | ProgressCallback = True,
    stop: StopCallback | None = None,
    cache: ModelCache | None = None,
    **changes: Unpack[AnalysisChanges],
) -> Report:
    """Caption, match, segment, attribute and map the images of a dataset or view.

    What carries the same configuration already is not computed again.

    Args:
        collection: dataset or view of images; the active image slice of a grouped one.
        options: where the values come from that no keyword gives; default `AnalysisOptions()`.
        stages: which of "caption", "match", "segment", "attribute", "map" to run.
        progress: True draws a bar where FiftyOne draws bars; or a function that is called with
            each event.
        stop: asked between batches, beside the flag that *Stop analysis* sets; True ends the run
            after the batch at hand.
        cache: models are kept here; default one cache for the whole process.
        changes: options by name, in place of those of ``options``; `AnalysisOptions` says what
            each means. None means None, also where ``options`` has a value.

    Returns:
        What was done, skipped and failed, and the seconds per stage. After Ctrl-C, too
        (``stopped`` is True): what was finished is stored. A second Ctrl-C raises
        KeyboardInterrupt.

    Raises:
        InputError: options, fields or media that cannot be used; nothing has been changed.
        ExistingResultsError: results of another configuration are stored, and ``existing`` is
            "error"; nothing has been changed.
        ModelError: a model cannot be had.
        DatabaseError: MongoDB went away; what was stored stays.
    """
    chosen = replace(options or AnalysisOptions(), **changes).validated()
    asked = validated_stages(stages)
    if callable(progress):
        return _analyze(collection, chosen, asked, Job(progress, stop, cache))
    with ProgressBar(enabled=progress and bool(fo.config.show_progress_bars)) as bar:
        return _analyze(collection, chosen, asked, Job(bar, stop, cache))


def _analyze(
    collection: SampleCollection, options: AnalysisOptions, stages: tuple[Stage, ...], job: Job
) -> Report:
    run = AnalysisRun(options, stages, job)
    with long_run(run.stored):
        samples = image_samples(collection)
        options = run.options = with_prefix(samples.dataset, options)
        check_run(samples.dataset, options, stages)
        setting = resolve_setting(options, stages)
        plan = plan_of(samples, options, stages, setting)
        refuse_conflicts(plan, options, stages)
        return run.execute(samples, plan, setting)
