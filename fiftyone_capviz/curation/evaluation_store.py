"""Evaluations as custom runs of the dataset: stored, listed, loaded, deleted.

A run's configuration says what was measured and how; the whole report is in its results.
"""

from __future__ import annotations

import json
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.evaluation_names import RUN_PREFIX, EvaluationFields, evaluation_key
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_report import EvaluationReport
from fiftyone_capviz.errors import InputError

KIND = "evaluation"


def check_run_key(dataset: fo.Dataset, options: EvaluationOptions) -> None:
    """Refuse a key that another kind of run has.

    Raises:
        InputError: a caption field's analysis has it.
    """
    key = evaluation_key(options.caption_field, options.name)
    if dataset.has_run(key) and not _is_evaluation(dataset, key):
        raise InputError(
            f"The run {key!r} is no evaluation, and would be replaced. Give the evaluation a name."
        )


def save_evaluation(dataset: fo.Dataset, report: EvaluationReport) -> str:
    """Store a report instead of the earlier one of its caption field and name; returns the key."""
    key = evaluation_key(report.about["caption_field"], report.about["name"])
    config = dataset.init_run(kind=KIND, **report.about, counts=report.counts)
    if dataset.has_run(key):
        dataset.update_run_config(key, config)
    else:
        dataset.register_run(key, config)
    # As text: keys of the report are words and names, which may hold dots.
    results = dataset.init_run_results(key, report=json.dumps(report.to_dict(), default=str))
    dataset.save_run_results(key, results, overwrite=True, cache=False)
    return key


def load_evaluation(dataset: fo.Dataset, caption_field: str, name: str = "") -> EvaluationReport:
    """The stored report.

    Args:
        dataset: that was evaluated.
        caption_field: of the evaluation, or the key of its run.
        name: of the evaluation.

    Raises:
        InputError: there is none.
    """
    key = (
        caption_field
        if caption_field.startswith(RUN_PREFIX)
        else evaluation_key(caption_field, name)
    )
    if not dataset.has_run(key) or not _is_evaluation(dataset, key):
        known = ", ".join(list_evaluations(dataset)) or "none yet"
        raise InputError(f"{dataset.name!r} has no evaluation {key!r}. It has: {known}.")
    results = dataset.load_run_results(key, cache=False, load_view=False)
    stored = getattr(results, "report", None)
    if stored is None:
        raise InputError(f"The evaluation {key!r} has no results. Run it again.")
    return EvaluationReport.from_dict(json.loads(stored))


def list_evaluations(dataset: fo.Dataset, caption_field: str | None = None) -> list[str]:
    """Keys of the stored evaluations: all, or those of one caption field."""
    found = []
    for key in dataset.list_runs():
        if key.startswith(RUN_PREFIX) and _is_evaluation(dataset, key):
            config: Any = dataset.get_run_info(key).config
            if caption_field in (None, config.caption_field):
                found.append(key)
    return found


def delete_evaluations(dataset: fo.Dataset, caption_field: str) -> tuple[list[str], list[str]]:
    """Remove a caption field's evaluations and their view, not the fields.

    Returns:
        Keys of the deleted runs, and names of the deleted views.
    """
    runs = list_evaluations(dataset, caption_field)
    for key in runs:
        dataset.delete_run(key)
    view = EvaluationFields(caption_field).view
    views = [view] if dataset.has_saved_view(view) else []
    for name in views:
        dataset.delete_saved_view(name)
    return runs, views


def _is_evaluation(dataset: fo.Dataset, key: str) -> bool:
    config: Any = dataset.get_run_info(key).config
    return getattr(config, "kind", None) == KIND
