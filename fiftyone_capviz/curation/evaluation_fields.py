"""Scores of an evaluation as fields of the samples and of the single objects, and the view of those
that it missed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import fiftyone as fo
import fiftyone.core.utils as fou
import numpy as np
from bson import ObjectId
from fiftyone import ViewField as F
from pymongo import UpdateOne

from fiftyone_capviz.curation.evaluation_grounding import EvaluatedPair, GroundingRun
from fiftyone_capviz.curation.evaluation_names import EvaluationFields
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_store import list_evaluations, written_paths
from fiftyone_capviz.curation.fields import Schema, declare_schema, remove_from_sidebar
from fiftyone_capviz.curation.sample_ids import reload_samples
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.evaluation.failures import FAILED_ENERGY
from fiftyone_capviz.evaluation.grounding import Grounding
from fiftyone_capviz.records import FloatArray

Values = dict[str, float | str | list[str]]


def evaluation_paths(dataset: fo.Dataset, options: EvaluationOptions) -> list[str]:
    """What an evaluation writes: fields, and attributes where its regions are Detections."""
    if not options.fields:
        return []
    names = EvaluationFields(options.caption_field, options.name)
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
            or ("." in path and dataset._sample_collection.find_one(held, {"_id": 1}))
        ):
            raise InputError(
                f"An evaluation writes {path!r}, which is there already and is no stored "
                "evaluation's. Rename or delete it, give the evaluation a name, or write no fields "
                "(fields=False, --no-fields)."
            )
    view = EvaluationFields(options.caption_field, options.name).view
    same = [one for one in dataset.list_saved_views() if fou.to_slug(one) == fou.to_slug(view)]
    if options.fields and same not in ([], [view]):
        raise InputError(
            f"An evaluation saves the view {view!r}; {same[0]!r} has the same address in the App. "
            "Rename that one, or give the evaluation another name."
        )


def write_evaluation_fields(
    dataset: fo.Dataset, options: EvaluationOptions, run: GroundingRun, grounding: Grounding
) -> None:
    """Write the scores of the shown variant, and save the view of its misses.

    Raises:
        InputError: a field of another type has one of the names.
    """
    names = EvaluationFields(options.caption_field, options.name)
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
        dataset._sample_collection.bulk_write(updates, ordered=False)
    reload_samples(dataset)
    # MongoDB takes a missing value for less than any number.
    missed = (F(names.pge) != None) & (F(names.pge) < FAILED_ENERGY)  # noqa: E711
    dataset.save_view(
        names.view,
        dataset.match(missed).sort_by(names.pge),
        description="Samples with an object that its word's attribution misses",
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
    names = EvaluationFields(options.caption_field, options.name)
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


def _declare(dataset: fo.Dataset, names: EvaluationFields, attributes: tuple[str, ...]) -> None:
    fields: Schema = {
        names.pge: (fo.FloatField, None),
        names.pge_word: (fo.StringField, None),
        names.pga: (fo.FloatField, None),
        names.failures: (fo.ListField, fo.StringField),
    }
    kinds = ((fo.FloatField, None), (fo.ListField, fo.StringField))
    marks: Schema = dict(zip(attributes, kinds, strict=False))
    declare_schema(dataset, fields | marks, shown=list(fields))
    # Scores of the evaluation that this one replaces must not stand beside its own.
    dataset._sample_collection.update_many({}, {"$set": dict.fromkeys(fields)})
    if attributes:
        inner = attributes[0].rpartition(".")[0]
        unset = {f"{inner}.$[].{path.rpartition('.')[2]}": "" for path in attributes}
        dataset._sample_collection.update_many({f"{inner}.0": {"$exists": True}}, {"$unset": unset})
