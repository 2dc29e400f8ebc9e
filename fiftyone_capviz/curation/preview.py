"""What a run would do, for forms: no model is loaded and torch is not imported.

The run itself recognises stored results by the fingerprints of the checkpoints. A form takes the
fingerprints from the last run's record as long as the same models are named, so it is exact unless
a checkpoint was exchanged under the same name; then the run still refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.estimate import estimate_of
from fiftyone_capviz.curation.fields import check_fields
from fiftyone_capviz.curation.images_of import image_samples
from fiftyone_capviz.curation.options import MODEL_KINDS, AnalysisOptions, Stage
from fiftyone_capviz.curation.plan import SAMPLE_STAGES, make_plan
from fiftyone_capviz.curation.runs import RunRecord, read_run, what_differs

_UNKNOWN = "another"


@dataclass(frozen=True)
class Preview:
    """What a form says about a run before it starts.

    Attributes:
        to_do: samples with something to compute.
        conflict: what stored results would be replaced, in plain sentences; empty if none.
        estimate: how much there is to do and how long it may take.
    """

    to_do: int
    conflict: str
    estimate: str


def preview_run(
    collection: SampleCollection, options: AnalysisOptions, stages: Sequence[Stage]
) -> Preview:
    """Look at what is stored, and say what the run would compute and replace.

    Raises:
        InputError: the run would be refused: a field of another type, an empty view, videos.
    """
    samples = image_samples(collection)
    check_fields(samples.dataset, options, stages)
    asked = tuple(stage for stage in SAMPLE_STAGES if stage in stages)
    record = read_run(samples.dataset, options.caption_field)
    revisions = _revisions(record, options)
    precision = record.precision if record is not None else "float32"
    if options.dtype != "auto":
        precision = options.dtype
    hashes: dict[str, str] = {
        stage: options.stage_hash(stage, revisions, precision=precision)
        for stage in asked
        if not (stage == "segment" and options.own_segments)
    }
    plan = make_plan(
        samples.dataset,
        samples.ids,
        options,
        hashes,
        differences=what_differs(record, options, asked, revisions=revisions, precision=precision),
    )
    expected = estimate_of(plan, record, options)
    text = f"{expected.text} {samples.note}".strip() if asked else samples.note
    return Preview(expected.to_do, plan.existing.message(), text)


def _revisions(record: RunRecord | None, options: AnalysisOptions) -> dict[str, str]:
    """The recorded fingerprint of each model that is still the one named, else a placeholder."""
    asked = options.to_dict()
    found = {}
    for kind in MODEL_KINDS:
        same = record is not None and record.options.get(kind) == asked[kind]
        known = record.revisions.get(kind) if record is not None and same else None
        found[kind] = known or f"{_UNKNOWN} {asked[kind]}"
    return found
