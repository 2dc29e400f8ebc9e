"""What becomes of an evaluation's results: run, fields, and those of the one that it replaces."""

from __future__ import annotations

import fiftyone as fo

from fiftyone_capviz.curation.evaluation_fields import (
    evaluation_paths,
    remove_evaluation_fields,
    write_evaluation_fields,
)
from fiftyone_capviz.curation.evaluation_grounding import GroundingRun
from fiftyone_capviz.curation.evaluation_names import EvaluationFields
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_report import EvaluationReport
from fiftyone_capviz.curation.evaluation_store import (
    keeps_finished,
    list_evaluations,
    save_evaluation,
    stored_key,
    written_paths,
)
from fiftyone_capviz.evaluation.grounding import Grounding

NOT_STORED = (
    "Stopped, so it does not replace the finished evaluation that is stored, and is not stored "
    "itself. Give it another name to keep a stopped one too."
)


def store_results(
    dataset: fo.Dataset,
    options: EvaluationOptions,
    report: EvaluationReport,
    *,
    run: GroundingRun,
    grounding: Grounding,
) -> None:
    """Store the run and write the fields, in place of those of the same name.

    A stopped evaluation leaves a finished one as it is; a note of the report says so.

    Raises:
        InputError: a field of another type has one of the names.
    """
    if keeps_finished(dataset, report):
        report.notes.append(NOT_STORED)
        return
    paths = evaluation_paths(dataset, options)
    obsolete = _obsolete(dataset, options, paths)
    report.about["fields"] = paths
    save_evaluation(dataset, report)  # first, so that the fields are never without a run
    remove_evaluation_fields(dataset, obsolete)
    if options.fields:
        write_evaluation_fields(dataset, options, run, grounding)
        return
    view = EvaluationFields(options.caption_field, options.name).view
    if obsolete and dataset.has_saved_view(view):
        dataset.delete_saved_view(view)


def _obsolete(dataset: fo.Dataset, options: EvaluationOptions, paths: list[str]) -> set[str]:
    """What the replaced evaluation wrote, and neither this one nor another does."""
    replaced = stored_key(dataset, options.caption_field, options.name)
    if replaced is None:
        return set()
    others = [key for key in list_evaluations(dataset) if key != replaced]
    kept = {path for key in others for path in written_paths(dataset, key)}
    return written_paths(dataset, replaced) - kept - set(paths)
