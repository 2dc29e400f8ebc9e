"""What an evaluation takes where nothing is said: the analysis's models, or the scenes' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fiftyone_capviz.curation.evaluation_options import EvaluationOptions
from fiftyone_capviz.curation.evaluation_planted import is_scenes, scenes_pairs
from fiftyone_capviz.curation.evaluation_samples import caption_fields
from fiftyone_capviz.curation.pair_settings import SCENES, default_encoder
from fiftyone_capviz.curation.runs import list_runs, read_run

MODELS = ("captioner", "matcher", "encoder")


def default_options(dataset: Any, given: Mapping[str, Any]) -> EvaluationOptions:
    """Options with everything that was given, and the rest from what the dataset is.

    The caption field is the analysed one, else `caption`, else the only field of text (of scenes,
    their true caption). Models are those of the caption field's analysis; scenes have the bundled
    ones, and their planted pairs of words.

    Args:
        dataset: to evaluate.
        given: options by name; `regions_field` is one of them.

    Raises:
        InputError: a value cannot be used.
    """
    chosen = dict(given)
    scenes = is_scenes(dataset)
    caption_field = chosen.setdefault("caption_field", default_caption_field(dataset))
    record = read_run(dataset, caption_field) if caption_field in list_runs(dataset) else None
    if record is not None:
        for name in ("captioner", "matcher", "caption_index"):
            stored = record.options.get(name)
            if stored is not None:
                chosen.setdefault(name, stored)
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


def default_caption_field(dataset: Any) -> str:
    """The analysed caption field, else `caption`, else the only one there is."""
    analysed, texts = list_runs(dataset), caption_fields(dataset)
    plain = EvaluationOptions.caption_field
    if plain in analysed or (plain in texts and not analysed):
        return plain
    if analysed:
        return analysed[0]
    named = [name for name in texts if "caption" in name]
    return named[0] if len(named) == 1 else texts[0] if len(texts) == 1 else plain
