"""Evaluations as custom runs of the dataset: stored, listed, loaded, deleted.

A run's configuration says what was measured and how; the whole report is in its results.
"""

from __future__ import annotations

import json
from typing import Any

import fiftyone as fo

from fiftyone_capviz.curation.evaluation_names import (
    EvaluationFields,
    evaluation_key,
    evaluation_name,
)
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_report import EvaluationReport
from fiftyone_capviz.errors import ExistingResultsError, InputError

KIND = "evaluation"
REMEDY = (
    "Pass existing='replace' (--existing replace) to replace it, or give this evaluation another "
    "name to keep both."
)


def check_stored(dataset: fo.Dataset, options: EvaluationOptions) -> None:
    """Refuse an evaluation that would replace what it was not told to.

    Raises:
        ExistingResultsError: one of this name is stored, and `existing` is "error".
        InputError: another run has the key.
    """
    stored = stored_key(dataset, options.caption_field, options.name)
    if stored is not None and options.existing == "error":
        raise ExistingResultsError(
            f"The evaluation {stored!r} is stored already ({described(dataset, stored)}). {REMEDY}"
        )
    key = evaluation_key(options.caption_field, options.name)
    if key != stored and dataset.has_run(key):
        what = "another" if _is_evaluation(dataset, key) else "no"
        raise InputError(
            f"The run {key!r} is {what} evaluation, and would be replaced. Give this evaluation "
            "another name."
        )


def keeps_finished(dataset: fo.Dataset, report: EvaluationReport) -> bool:
    """Whether a finished evaluation is stored that this stopped one must not replace."""
    stored = stored_key(dataset, report.about["caption_field"], report.about["name"])
    return report.stopped and stored is not None and not _stopped(dataset, stored)


def save_evaluation(dataset: fo.Dataset, report: EvaluationReport) -> str:
    """Store a report instead of the earlier one of its caption field and name; returns the key."""
    about = report.about
    key = evaluation_key(about["caption_field"], about["name"])
    earlier = stored_key(dataset, about["caption_field"], about["name"])
    config = dataset.init_run(kind=KIND, **report.about, counts=report.counts)
    if dataset.has_run(key):
        dataset.update_run_config(key, config)
    else:
        dataset.register_run(key, config)
    # As text: keys of the report are words and names, which may hold dots.
    results = dataset.init_run_results(key, report=json.dumps(report.to_dict(), default=str))
    dataset.save_run_results(key, results, overwrite=True, cache=False)
    if earlier not in (None, key):  # an earlier version's key
        dataset.delete_run(earlier)
    return key


def stored_key(dataset: fo.Dataset, caption_field: str, name: str = "") -> str | None:
    """The key under which an evaluation is stored, by an earlier version perhaps; None if not."""
    for key in list_evaluations(dataset, caption_field):
        if evaluation_name(getattr(_config(dataset, key), "name", "")) == evaluation_name(name):
            return key
    return None


def described(dataset: fo.Dataset, key: str) -> str:
    """A stored evaluation in a few words: state, images, and when it ended."""
    config = _config(dataset, key)
    state, counts = getattr(config, "state", "done"), getattr(config, "counts", {})
    ended = f" {config.finished}" if getattr(config, "finished", None) else ""
    return f"{counts.get('images', '?')} images, {state}{ended}"


def load_evaluation(dataset: fo.Dataset, caption_field: str, name: str = "") -> EvaluationReport:
    """The stored report.

    Args:
        dataset: that was evaluated.
        caption_field: of the evaluation, or the key of its run.
        name: of the evaluation.

    Raises:
        InputError: there is none.
    """
    known = list_evaluations(dataset)
    key = caption_field if caption_field in known and not name else None
    key = key or stored_key(dataset, caption_field, name)
    if key is None:
        asked = f"{name!r} of {caption_field!r}" if name else repr(caption_field)
        listed = ", ".join(known) or "none yet"
        raise InputError(f"{dataset.name!r} has no evaluation {asked}. It has: {listed}.")
    results = dataset.load_run_results(key, cache=False, load_view=False)
    stored = getattr(results, "report", None)
    if stored is None:
        raise InputError(f"The evaluation {key!r} has no results. Run it again.")
    return EvaluationReport.from_dict(json.loads(stored))


def list_evaluations(dataset: fo.Dataset, caption_field: str | None = None) -> list[str]:
    """Keys of the stored evaluations: all, or those of one caption field."""
    found = []
    for key in dataset.list_runs():
        if _is_evaluation(dataset, key) and caption_field in (
            None,
            _config(dataset, key).caption_field,
        ):
            found.append(key)
    return found


def written_paths(dataset: fo.Dataset, key: str) -> set[str]:
    """Fields of samples and attributes of regions that a stored evaluation wrote."""
    config = _config(dataset, key)
    plain = EvaluationFields(config.caption_field).paths  # an earlier version's, whatever the name
    return set(getattr(config, "fields", plain))


def delete_evaluations(dataset: fo.Dataset, caption_field: str) -> tuple[list[str], list[str]]:
    """Remove a caption field's evaluations and their views, not the fields.

    Returns:
        Keys of the deleted runs, and names of the deleted views.
    """
    runs = list_evaluations(dataset, caption_field)
    names = ["", *(getattr(_config(dataset, key), "name", "") for key in runs)]
    for key in runs:
        dataset.delete_run(key)
    known = dict.fromkeys(EvaluationFields(caption_field, name).view for name in names)
    views = [view for view in known if dataset.has_saved_view(view)]
    for name in views:
        dataset.delete_saved_view(name)
    return runs, views


def _is_evaluation(dataset: fo.Dataset, key: str) -> bool:
    return getattr(_config(dataset, key), "kind", None) == KIND


def _stopped(dataset: fo.Dataset, key: str) -> bool:
    return getattr(_config(dataset, key), "state", "done") == "stopped"


def _config(dataset: fo.Dataset, key: str) -> Any:
    return dataset.get_run_info(key).config
