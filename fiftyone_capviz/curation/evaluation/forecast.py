"""What an evaluation takes where nothing is said, and how long it will take, before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import fiftyone as fo
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.runs import last_options, list_evaluations, list_runs
from fiftyone_capviz.curation.evaluation.plan import caption_fields, plan_evaluation
from fiftyone_capviz.curation.evaluation.rows import is_scenes, scenes_pairs
from fiftyone_capviz.curation.evaluation.storage import load_evaluation
from fiftyone_capviz.settings.analysis import SECOND_ORDER
from fiftyone_capviz.settings.evaluation import SOURCES, EvaluationOptions
from fiftyone_capviz.settings.models import SCENES
from fiftyone_capviz.settings.pairs import default_encoder

MODELS = ("captioner", "matcher", "encoder")
ANALYSED = ("captioner", "matcher", "caption_index", "clamp")
"""Options that the analysis of the caption field has, too."""


def default_options(dataset: fo.Dataset, given: Mapping[str, Any]) -> EvaluationOptions:
    """Options with everything that was given, and the rest from what the dataset is.

    The caption field is the analysed one, else `caption`, else the only field of text (of scenes,
    their true caption). Models are those of the caption field's analysis, and what goes to the
    fields is its method, layer, head and clamp, where these are measured; scenes have the bundled
    models, and their planted pairs of words.

    Args:
        dataset: to evaluate.
        given: options by name; `regions_field` is one of them.

    Raises:
        InputError: a value cannot be used.
    """
    chosen = dict(given)
    scenes = is_scenes(dataset)
    caption_field = chosen.setdefault("caption_field", default_caption_field(dataset))
    analysed = last_options(dataset, caption_field) if caption_field in list_runs(dataset) else None
    if analysed is not None:
        for name in ANALYSED:
            chosen.setdefault(name, getattr(analysed, name))
        _show_as_analysed(chosen, analysed.to_dict())
    if scenes:
        for name in MODELS:
            chosen.setdefault(name, SCENES)
        together, apart = scenes_pairs()
        chosen.setdefault("planted", tuple(together))
        chosen.setdefault("apart", tuple(apart))
    captioner = chosen.get("captioner", EvaluationOptions.captioner)
    chosen.setdefault("encoder", default_encoder(captioner))
    sources = chosen.get("sources", EvaluationOptions.sources)
    chosen.setdefault("shown_source", sources[0])
    method = "second_order" if chosen["shown_source"] == "dual" else "gradcam"
    chosen.setdefault("shown_method", method)
    options = EvaluationOptions(regions_field=chosen.pop("regions_field"))
    return replace(options, **chosen).validated()


def _show_as_analysed(chosen: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Let the fields have the variant of the analysis, unless another one was chosen."""
    method = stored.get("method", EvaluationOptions.shown_method)
    source = "dual" if method == SECOND_ORDER else stored.get("source", "itm")
    methods = chosen.get("dual_methods", EvaluationOptions.dual_methods)
    if source not in chosen.get("sources", EvaluationOptions.sources) or (
        source == "dual" and method not in methods
    ):
        return
    of_analysis = {"shown_source": source, "shown_method": method}
    if any(chosen.get(name, value) != value for name, value in of_analysis.items()):
        return
    chosen.update(of_analysis)
    model = SOURCES[source]
    if stored.get(model) is not None:
        chosen.setdefault(model, stored[model])
    if chosen.get(model) != stored.get(model):  # layers of another model are others
        return
    measured = stored.get("head") is None or chosen.get("heads", True)
    if measured and not {"shown_layer", "shown_head"} & {*chosen}:
        chosen.update(shown_layer=stored.get("layer"), shown_head=stored.get("head"))


def default_caption_field(dataset: fo.Dataset) -> str:
    """The analysed caption field, else `caption`, else the only one there is.

    Of several it is the one that the names of the others begin with: captions, captions_2.
    """
    analysed, texts = list_runs(dataset), caption_fields(dataset)
    plain = EvaluationOptions.caption_field
    if plain in analysed or (plain in texts and not analysed):
        return plain
    if analysed:
        return analysed[0]
    named = [name for name in texts if "caption" in name] or texts
    first = min(named, key=len, default=plain)
    return first if all(name == first or name.startswith(f"{first}_") for name in named) else plain


SIZES = {
    "sanity": "sanity_samples",
    "discrimination": "swap_samples",
    "faithfulness": "faithfulness_samples",
    "steering": "steering_samples",
}


@dataclass(frozen=True)
class EvaluationEstimate:
    """What would be measured, and roughly how long it would take.

    Attributes:
        pairs: objects that a caption names.
        seconds: None where nothing was evaluated with these models on this device yet.
        text: for people.
    """

    images: int
    pairs: int
    seconds: float | None
    text: str


def estimate_evaluation(
    collection: SampleCollection, options: EvaluationOptions
) -> EvaluationEstimate:
    """Look at labels and captions, and at how long the last evaluation took per image.

    Raises:
        InputError: what the evaluation would be refused for.
    """
    plan = plan_evaluation(collection, options)
    counts = plan.counts
    work = _work(options, len(plan.samples), counts["captions_with_pair"])
    seconds = None
    for key in list_evaluations(plan.dataset):
        report = load_evaluation(plan.dataset, key)
        last = EvaluationOptions.from_dict(report.about["options"])
        if not _same_machinery(last, options):
            continue
        done = _work(last, report.counts["captions"], report.counts["captions_with_pair"])
        paces = {p: report.seconds[p] / done[p] for p in done if done[p] and p in report.seconds}
        if set(work) <= set(paces):
            seconds = report.seconds.get("models", 0.0) + sum(paces[p] * work[p] for p in work)
    several = options.all_captions or options.expressions
    total = f"{counts['captions']} texts" if several else f"{counts['images']} images"
    text = (
        f"{counts['pairs']} objects in {counts['captions_with_pair']} of {total} "
        f"are named; measuring {', '.join(work)} by {', '.join(options.sources)}"
    )
    text += f", about {seconds:.0f} s." if seconds is not None else "."
    return EvaluationEstimate(counts["images"], counts["pairs"], seconds, text)


def _work(options: EvaluationOptions, images: int, with_pair: int) -> dict[str, int]:
    """Part -> images that it looks at."""
    whole = images if "coverage" in options.measures else with_pair
    work = {"grounding": whole}
    for part, name in SIZES.items():
        if part in options.measures and getattr(options, name):
            work[part] = min(getattr(options, name), with_pair)
    return work


def _same_machinery(last: EvaluationOptions, options: EvaluationOptions) -> bool:
    names = ("captioner", "matcher", "encoder", "sources", "heads", "device", "dtype")
    return all(getattr(last, name) == getattr(options, name) for name in names)
