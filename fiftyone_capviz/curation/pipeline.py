"""The analysis of a view: captions, match scores, segments, word-to-segment scores, the map.

    report = analyze(dataset.view(), AnalysisOptions(captioner="scenes", ...))

A loader thread decodes and prepares the next images, this thread computes, and a writer thread
stores the batch before. A sample is stored by one update, together with the hashes of what made
it: whatever ends a run, the next one goes on where it ended, and computes nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.analysis_run import AnalysisRun, StopCallback
from fiftyone_capviz.curation.engines import resolve_setting
from fiftyone_capviz.curation.fields import check_fields
from fiftyone_capviz.curation.images_of import image_samples
from fiftyone_capviz.curation.options import STAGES, AnalysisOptions, validated_stages
from fiftyone_capviz.curation.preflight import existing_results, plan_of, refuse_conflicts
from fiftyone_capviz.curation.report import Progress, ProgressCallback, Report

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache

__all__ = ["Progress", "ProgressCallback", "Report", "StopCallback", "analyze", "existing_results"]


def analyze(
    collection: SampleCollection,
    options: AnalysisOptions | None = None,
    *,
    stages: Sequence[str] = STAGES,
    progress: ProgressCallback | None = None,
    stop: StopCallback | None = None,
    cache: ModelCache | None = None,
) -> Report:
    """Caption, match, segment, attribute and map the images of a dataset or view.

    Args:
        collection: dataset or view; the active image slice of a grouped one.
        options: what to do; the defaults if None.
        stages: which of "caption", "match", "segment", "attribute", "map" to run.
        progress: called after each batch.
        stop: asked between batches, beside the flag of :func:`~.stop.request_stop`.
        cache: where models are kept; the process's own if None.

    Returns:
        What was done. After Ctrl-C, too (``stopped`` is True): what was finished is stored. A
        second Ctrl-C raises KeyboardInterrupt.

    Raises:
        InputError: options, fields or media that cannot be used; nothing has been changed.
        ExistingResultsError: results of another configuration are stored, and ``existing`` is
            "error"; nothing has been changed.
        ModelError: a model cannot be had.
        DatabaseError: MongoDB went away; what was stored stays.
    """
    chosen = (options or AnalysisOptions()).validated()
    asked = validated_stages(stages)
    run = AnalysisRun(chosen, asked, progress=progress, stop=stop, cache=cache)
    with run.database_errors():
        samples = image_samples(collection)
        check_fields(samples.dataset, chosen, asked)
        setting = resolve_setting(chosen, asked)
        plan = plan_of(samples, chosen, asked, setting)
        refuse_conflicts(plan, chosen, asked)
        return run.execute(samples, plan, setting)
