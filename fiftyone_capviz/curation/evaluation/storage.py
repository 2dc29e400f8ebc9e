"""What becomes of an evaluation: a custom run of the dataset, fields of its samples and objects.

A run's configuration says what was measured and how; the whole report is in its results.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import fiftyone as fo
import fiftyone.core.utils as fou
import numpy as np
from bson import ObjectId
from fiftyone import ViewField as F
from pymongo import UpdateOne

from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.database import database_errors
from fiftyone_capviz.curation.dataset.names import EvaluationFields, evaluation_key
from fiftyone_capviz.curation.dataset.runs import (
    EVALUATION,
    _config,
    caption_names,
    is_of_kind,
    list_evaluations,
    written_paths,
)
from fiftyone_capviz.curation.dataset.samples import reload_samples
from fiftyone_capviz.curation.dataset.saved import delete_our_view, is_our_view
from fiftyone_capviz.curation.dataset.schema import (
    Declared,
    Schema,
    declare_schema,
    remove_from_sidebar,
)
from fiftyone_capviz.curation.evaluation.grounding import EvaluatedPair, GroundingRun
from fiftyone_capviz.curation.evaluation.report import EvaluationReport
from fiftyone_capviz.errors import ExistingResultsError, InputError
from fiftyone_capviz.evaluation.failures import FAILED_ENERGY
from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.settings.evaluation import EvaluationOptions, evaluation_name

VIEW_TOLD = "Samples with an object that its word's attribution misses"
"""The description of the view of misses, by which it is known as ours."""
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
    key = _key(dataset, options.caption_field, options.name)
    if key != stored and dataset.has_run(key):
        what = "another" if is_of_kind(dataset, key, EVALUATION) else "no"
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
    key = _key(dataset, about["caption_field"], about["name"])
    earlier = stored_key(dataset, about["caption_field"], about["name"])
    config = dataset.init_run(kind=EVALUATION, **report.about, counts=report.counts)
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


def _key(dataset: fo.Dataset, caption_field: str, name: str) -> str:
    return evaluation_key(caption_field, name, caption_names(dataset, caption_field).prefix)


def described(dataset: fo.Dataset, key: str) -> str:
    """A stored evaluation in a few words: state, images, and when it ended."""
    config = _config(dataset, key)
    state, counts = getattr(config, "state", "done"), getattr(config, "counts", {})
    ended = f" {config.finished}" if getattr(config, "finished", None) else ""
    return f"{counts.get('images', '?')} images, {state}{ended}"


@database_errors()
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


def delete_evaluations(dataset: fo.Dataset, caption_field: str) -> tuple[list[str], list[str]]:
    """Remove a caption field's evaluations and their views, not the fields.

    Returns:
        Keys of the deleted runs, and names of the deleted views.
    """
    runs = list_evaluations(dataset, caption_field)
    names = ["", *(getattr(_config(dataset, key), "name", "") for key in runs)]
    for key in runs:
        dataset.delete_run(key)
    names_of = caption_names(dataset, caption_field)
    known = dict.fromkeys(names_of.evaluation(name).view for name in names)
    views = [delete_our_view(dataset, view, description=VIEW_TOLD) for view in known]
    return runs, [name for each in views for name in each]


def _stopped(dataset: fo.Dataset, key: str) -> bool:
    return getattr(_config(dataset, key), "state", "done") == "stopped"


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
    view = caption_names(dataset, options.caption_field).evaluation(options.name).view
    if obsolete:
        delete_our_view(dataset, view, description=VIEW_TOLD)


def _obsolete(dataset: fo.Dataset, options: EvaluationOptions, paths: list[str]) -> set[str]:
    """What the replaced evaluation wrote, and neither this one nor another does."""
    replaced = stored_key(dataset, options.caption_field, options.name)
    if replaced is None:
        return set()
    others = [key for key in list_evaluations(dataset) if key != replaced]
    kept = {path for key in others for path in written_paths(dataset, key)}
    return written_paths(dataset, replaced) - kept - set(paths)


Values = dict[str, float | str | list[str]]


def evaluation_paths(dataset: fo.Dataset, options: EvaluationOptions) -> list[str]:
    """What an evaluation writes: fields, and attributes where its regions are Detections."""
    if not options.fields:
        return []
    names = caption_names(dataset, options.caption_field).evaluation(options.name)
    return [*names.paths, *_attributes(dataset, options)]


def check_evaluation_fields(dataset: fo.Dataset, options: EvaluationOptions) -> None:
    """Refuse names that something else has, before anything is measured.

    Raises:
        InputError: a field, attribute or saved view is there that no stored evaluation wrote.
    """
    ours = {p for key in list_evaluations(dataset) for p in written_paths(dataset, key)}
    for path in evaluation_paths(dataset, options):
        held = {path: {"$exists": True}}
        if path not in ours and (
            dataset.has_field(path)
            or ("." in path and sample_documents(dataset).find_one(held, {"_id": 1}))
        ):
            raise InputError(
                f"An evaluation writes {path!r}, which is there already and is no stored "
                "evaluation's. Rename or delete it, give the evaluation a name, or write no fields "
                "(fields=False, --no-fields)."
            )
    view = caption_names(dataset, options.caption_field).evaluation(options.name).view
    same = [one for one in dataset.list_saved_views() if fou.to_slug(one) == fou.to_slug(view)]
    known = [view] if is_our_view(dataset, view, description=VIEW_TOLD) else []
    if options.fields and same != known:
        raise InputError(
            f"An evaluation saves the view {view!r}; {same[0]!r}, which is not ours, has the same "
            "address in the App. Rename that one, or give the evaluation another name."
        )


def write_evaluation_fields(
    dataset: fo.Dataset, options: EvaluationOptions, run: GroundingRun, grounding: Grounding
) -> None:
    """Write the scores of the shown variant, and save the view of its misses.

    Raises:
        InputError: a field of another type has one of the names.
    """
    names = caption_names(dataset, options.caption_field).evaluation(options.name)
    attributes = _attributes(dataset, options)
    _declare(dataset, names, attributes)
    energy, hit = run.shown_energy(grounding), run.shown_hits(grounding)
    by_sample: dict[ObjectId, list[int]] = defaultdict(list)
    for i, pair in enumerate(run.pairs):
        if np.isfinite(energy[i]):
            by_sample[pair.sample.id].append(i)
    updates = []
    for one, places in by_sample.items():
        values = _values(names, run.pairs, places, energy, hit)
        updates.append(UpdateOne({"_id": one}, {"$set": values}))
        if attributes:
            updates.append(_marked(one, attributes, run.pairs, places, energy))
    if updates:
        sample_documents(dataset).bulk_write(updates, ordered=False)
    reload_samples(dataset)
    # MongoDB takes a missing value for less than any number.
    missed = (F(names.pge) != None) & (F(names.pge) < FAILED_ENERGY)  # noqa: E711
    dataset.save_view(
        names.view,
        dataset.match(missed).sort_by(names.pge),
        description=VIEW_TOLD,
        overwrite=True,
    )


def remove_evaluation_fields(dataset: fo.Dataset, paths: Iterable[str]) -> None:
    """Delete what a replaced evaluation wrote and its successor does not."""
    doomed = [path for path in paths if dataset.has_field(path)]
    if doomed:
        remove_from_sidebar(dataset, doomed)
        dataset.delete_sample_fields(doomed)


def _attributes(dataset: fo.Dataset, options: EvaluationOptions) -> tuple[str, ...]:
    """Paths of energy and groups on the objects; none where the regions are no Detections."""
    kind = getattr(dataset.get_field(options.regions_field), "document_type", None)
    names = caption_names(dataset, options.caption_field).evaluation(options.name)
    return names.attributes(options.regions_field) if kind is fo.Detections else ()


def _values(
    names: EvaluationFields,
    pairs: list[EvaluatedPair],
    places: list[int],
    energy: FloatArray,
    hit: FloatArray,
) -> Values:
    worst = min(places, key=lambda i: energy[i])
    return {
        names.pge: float(energy[worst]),
        names.pge_word: pairs[worst].word,
        names.pga: float(np.mean([hit[i] for i in places])),
        names.failures: _groups(pairs, places),
    }


def _marked(
    sample: ObjectId,
    attributes: tuple[str, ...],
    pairs: list[EvaluatedPair],
    places: list[int],
    energy: FloatArray,
) -> UpdateOne:
    """The objects of a sample, told apart by their ids: the lowest energy of each, its groups."""
    by_object: dict[ObjectId, list[int]] = defaultdict(list)
    for i in places:
        for one in pairs[i].sample.ids[pairs[i].region]:
            by_object[one].append(i)
    values: Values = {}
    inner = attributes[0].rpartition(".")[0]
    pge, failures = (path.rpartition(".")[2] for path in attributes)
    for k, mine in enumerate(by_object.values()):
        values[f"{inner}.$[o{k}].{pge}"] = float(min(energy[i] for i in mine))
        values[f"{inner}.$[o{k}].{failures}"] = _groups(pairs, mine)
    filters: list[Mapping[str, ObjectId]] = [{f"o{k}._id": one} for k, one in enumerate(by_object)]
    there = {"_id": sample, f"{inner}.0": {"$exists": True}}
    return UpdateOne(there, {"$set": values}, array_filters=filters)


def _groups(pairs: list[EvaluatedPair], places: list[int]) -> list[str]:
    return list(dict.fromkeys(group for i in places for group in pairs[i].groups))


def evaluation_schema(names: EvaluationFields) -> Schema:
    """Path and type of the fields of the samples."""
    return {
        names.pge: Declared(
            fo.FloatField, None, "Lowest energy of the sample's objects, 0 (all outside) to 1"
        ),
        names.pge_word: Declared(fo.StringField, None, "The word of that object"),
        names.pga: Declared(
            fo.FloatField, None, "Share of the sample's objects that the point game hits, 0 to 1"
        ),
        names.failures: Declared(
            fo.ListField, fo.StringField, "Suggested failure groups of its objects"
        ),
    }


def attributes_schema(attributes: Sequence[str]) -> Schema:
    """Path and type of the attributes of single objects; empty where there are none."""
    kinds = (
        Declared(fo.FloatField, None, "Energy of the object, the lowest of its words, 0 to 1"),
        Declared(fo.ListField, fo.StringField, "Suggested failure groups of the object"),
    )
    return dict(zip(attributes, kinds, strict=False))


def _declare(dataset: fo.Dataset, names: EvaluationFields, attributes: tuple[str, ...]) -> None:
    fields, marks = evaluation_schema(names), attributes_schema(attributes)
    declare_schema(dataset, fields | marks, shown=list(fields))
    # Scores of the evaluation that this one replaces must not stand beside its own.
    sample_documents(dataset).update_many({}, {"$set": dict.fromkeys(fields)})
    if attributes:
        inner = attributes[0].rpartition(".")[0]
        unset = {f"{inner}.$[].{path.rpartition('.')[2]}": "" for path in attributes}
        sample_documents(dataset).update_many({f"{inner}.0": {"$exists": True}}, {"$unset": unset})
