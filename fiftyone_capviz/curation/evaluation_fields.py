"""Scores of an evaluation as fields of the samples, and the view of those that missed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F
from pymongo import UpdateOne

from fiftyone_capviz.curation.evaluation_grounding import EvaluatedPair, GroundingRun
from fiftyone_capviz.curation.evaluation_names import EvaluationFields
from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.fields import Schema, declare_schema
from fiftyone_capviz.curation.sample_ids import reload_samples
from fiftyone_capviz.evaluation.failures import FAILED_ENERGY
from fiftyone_capviz.evaluation.grounding import Grounding


def write_evaluation_fields(
    dataset: fo.Dataset, options: EvaluationOptions, run: GroundingRun, grounding: Grounding
) -> None:
    """Write the scores of the shown variant, and save the view of its misses.

    Raises:
        InputError: a field of another type has one of the names.
    """
    names = EvaluationFields(options.caption_field)
    _declare(dataset, names)
    energy = run.shown_energy(grounding)
    by_sample: dict[Any, list[int]] = defaultdict(list)
    for i, pair in enumerate(run.pairs):
        if np.isfinite(energy[i]):
            by_sample[pair.sample.id].append(i)
    hit = run.shown_hits(grounding)
    updates = [
        UpdateOne({"_id": one}, {"$set": _values(names, run.pairs, places, energy, hit)})
        for one, places in by_sample.items()
    ]
    if updates:
        dataset._sample_collection.bulk_write(updates, ordered=False)
    reload_samples(dataset)
    view = dataset.match(F(names.pge) < FAILED_ENERGY).sort_by(names.pge)
    dataset.save_view(
        names.view,
        view,
        description="Samples with an object that its word's attribution misses",
        overwrite=True,
    )


def _values(
    names: EvaluationFields,
    pairs: list[EvaluatedPair],
    places: list[int],
    energy: Any,
    hit: Any,
) -> dict[str, Any]:
    worst = min(places, key=lambda i: energy[i])
    groups = dict.fromkeys(group for i in places for group in pairs[i].groups)
    return {
        names.pge: float(energy[worst]),
        names.pge_word: pairs[worst].word,
        names.pga: float(np.mean([hit[i] for i in places])),
        names.failures: list(groups),
    }


def _declare(dataset: fo.Dataset, names: EvaluationFields) -> None:
    wanted: Schema = {
        names.pge: (fo.FloatField, None),
        names.pge_word: (fo.StringField, None),
        names.pga: (fo.FloatField, None),
        names.failures: (fo.ListField, fo.StringField),
    }
    declare_schema(dataset, wanted, shown=list(wanted))
    # Scores of an earlier evaluation must not stand beside those of this one.
    blank = dict.fromkeys(wanted)
    dataset._sample_collection.update_many({}, {"$set": blank})
