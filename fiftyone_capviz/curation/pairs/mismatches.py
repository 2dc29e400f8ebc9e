"""Words that speak against their own image: second-order attributions over a view.

    report = find_mismatches(view, PairSettings(encoder="scenes"))
    print(report.summary())          # 7 of 60 captions hold a word that speaks against ...
    mismatch_view(dataset, report.caption_field)

A word's total is the sum of its attributions over all patches and the image's CLS, hence its share
of the score that image and caption have together. Where it is negative, by more than the
attribution's completeness error, the word takes from the score: it often names what is not there.

Formulas: docs/methods.md, section 4.12.
"""

from __future__ import annotations

import time
from typing import Any, Unpack

import fiftyone as fo
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.app.workspace import MISMATCHED, MISMATCHED_TOLD, view_name
from fiftyone_capviz.curation.dataset.collection import dataset_of
from fiftyone_capviz.curation.dataset.job import Job, JobKeywords, long_run
from fiftyone_capviz.curation.dataset.ownership import refuse_theirs
from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.samples import image_samples, reload_samples, samples_of
from fiftyone_capviz.curation.dataset.saved import delete_our_view, save_our_view
from fiftyone_capviz.curation.dataset.store import clear_stop
from fiftyone_capviz.curation.inference.loaded_models import load_encoder, models_in_use
from fiftyone_capviz.curation.pairs.answer import require_layer, require_precision
from fiftyone_capviz.curation.pairs.fields import declare_pair_fields, pair_schema
from fiftyone_capviz.curation.pairs.mismatch_run import MismatchRun, PairWork
from fiftyone_capviz.curation.pairs.plan import plan_pairs, refuse_conflict, validated_existing
from fiftyone_capviz.curation.pairs.results import MismatchReport
from fiftyone_capviz.curation.pairs.runs import check_pair_run_key, pair_run, read_pair_run
from fiftyone_capviz.curation.pairs.sample import required_fields
from fiftyone_capviz.settings.pairs import PairSettings, default_encoder, require_signed


def find_mismatches(
    collection: SampleCollection,
    settings: PairSettings | None = None,
    *,
    caption_field: str | None = None,
    caption_index: int | None = None,
    existing: str = "error",
    **job: Unpack[JobKeywords],
) -> MismatchReport:
    """Explain every sample's own caption, and note the words that take from the score.

    Writes the fields of `PairFields`, one update per sample, and the run ``capviz_pairs_<caption>``
    that says where they came from. What was explained by the same settings is skipped, unless its
    caption changed; explanations of captions that went away are removed.

    Args:
        collection: a dataset or view of images.
        settings: default second-order attributions of the analysis' own family of encoders.
        caption_field: default the analysed one, else "caption".
        caption_index: which caption of a list; default the analysed one, else the first.
        existing: "skip", "replace" or "error": what happens where other settings explained samples
            of this dataset already.
        job: progress, stop, cache, as in ``analyze``.

    Raises:
        InputError: no captions, no images, an unknown layer, a method without a meaningful sign,
            or float16 on a CPU.
        ExistingResultsError: other settings explained samples, and `existing` is "error".
        ModelError: the encoder cannot be had, or failed on every pair.
        DatabaseError: MongoDB went away; what was stored stays.
    """
    started = time.perf_counter()
    kept = validated_existing(existing)
    runs: list[MismatchRun] = []
    with long_run(lambda: runs[0].stored_text() if runs else "No explanation is stored"):
        samples = image_samples(collection)
        dataset = samples.dataset
        chosen = required_fields(dataset, caption_field, caption_index)
        usual = PairSettings(encoder=default_encoder(chosen.captioner or ""))
        asked = require_signed((settings or usual).validated())
        names = caption_names(dataset, str(chosen.caption_field)).pairs
        check_pair_run_key(dataset, names.caption)
        refuse_theirs(dataset, pair_schema(names))
        clear_stop(dataset)
        following = Job(**job)
        with models_in_use(following.cache):
            encoder = load_encoder(asked, following.cache)
            require_layer(asked, encoder)
            require_precision(encoder)
        last = read_pair_run(dataset, names.caption)
        index = chosen.caption_index
        run = pair_run(asked, encoder, caption_field=names.caption, caption_index=index, last=last)
        plan = plan_pairs(dataset, samples.ids, names, run.hash, existing=kept, caption_index=index)
        refuse_conflict(plan, run.descriptions, kept)
        declare_pair_fields(dataset, names)
        runs.append(MismatchRun(dataset, names, plan, run, last=last))
        runs[0].execute(PairWork(asked, names, run, plan.repeated), following)
        reload_samples(dataset)
    report = runs[0].report
    report.seconds = time.perf_counter() - started
    return report


def mismatch_view(collection: SampleCollection, caption_field: str) -> Any:
    """The samples with a word that speaks against their image, lowest score first.

    Only what the last run's settings explained: results of others do not compare.
    """
    from fiftyone import ViewField

    names = caption_names(dataset_of(collection), caption_field).pairs
    run = read_pair_run(dataset_of(collection), caption_field)
    found = ViewField(names.mismatches).length() > 0
    if run is not None:
        found &= ViewField(names.hash) == run.hash
    return samples_of(collection).match(found).sort_by(names.score)


def save_mismatch_view(dataset: fo.Dataset, report: MismatchReport) -> str | None:
    """Keep these samples as a saved view, and remove an earlier one where there are none.

    Returns:
        The view's name; None where there are none.
    """
    name = view_name(MISMATCHED, report.caption_field)
    view = mismatch_view(dataset, report.caption_field)
    if not view.count():
        delete_our_view(dataset, name, description=MISMATCHED_TOLD)
        return None
    return save_our_view(dataset, name, view, description=MISMATCHED_TOLD)
