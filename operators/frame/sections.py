"""Groups of fields that several forms have."""

from __future__ import annotations

import fiftyone as fo

from fiftyone_capviz.curation.analysis.segment_map import has_umap
from fiftyone_capviz.curation.dataset.caption_fields import (
    caption_problem,
    check_derived_names,
    holds_several,
    text_fields,
)
from fiftyone_capviz.curation.dataset.captions import is_there
from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.runs import list_runs
from fiftyone_capviz.curation.dataset.schema import detections_fields
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import SECOND_ORDER

from .form import Form


def caption_target(form: Form) -> str:
    """The field that captions are written to, or that holds captions already."""
    path = form.field(
        "caption_field",
        "Caption field",
        text_fields(form.ctx.dataset),
        new=True,
        description="Derived fields begin with its name; another name keeps another captioner's",
        problem=_new_problem,
    )
    _prefix(form, path)
    return path


def caption_source(form: Form) -> str:
    """An existing field of text."""
    dataset = form.ctx.dataset
    path = form.field(
        "caption_field", "Caption field", known_captions(form), new=False, problem=caption_problem
    )
    if holds_several(dataset, path):
        form.number("caption_index", "Which caption", description="0 is the first of the list")
    return path


def known_captions(form: Form) -> list[str]:
    """The paths that can be chosen as captions, and the one that was, if captions are there."""
    dataset, asked = form.ctx.dataset, form.ctx.params.get("caption_field")
    known = text_fields(dataset)
    if asked and asked not in known and caption_problem(dataset, asked) is None:
        known.append(asked)
    return known


def _new_problem(dataset: fo.Dataset, path: str) -> str | None:
    """What is wrong with a new field's name; one that is there is looked at with the whole run."""
    return None if is_there(dataset, path) else caption_problem(dataset, path, writes=True)


def _prefix(form: Form, path: str) -> None:
    """How derived names begin, where another beginning is needed or wanted."""
    dataset, asked = form.ctx.dataset, str(form.value("derived_prefix") or "")
    clash = None
    try:
        check_derived_names(dataset, CaptionFields(path, asked))
    except InputError as error:
        clash = str(error)
    if clash is None and not asked and not form.ctx.params.get("more"):
        return
    form.text(
        "derived_prefix",
        "Derived fields begin with",
        description="Empty: the caption field's name",
        problem=clash,
    )


def segments_target(form: Form, *, own: bool) -> None:
    """The field that segments are written to, or the user's own labels."""
    if own:
        form.switch(
            "own_segments",
            "Use labels that are there already",
            description="Your masks or boxes stand in for the segmenter's and keep their labels",
        )
    given = bool(form.ctx.params.get("own_segments")) and own
    form.field(
        "segments_field",
        "Segments field",
        detections_fields(form.ctx.dataset),
        new=not given,
    )


def captioning(form: Form) -> None:
    """Captioner, prompt and decoding."""
    form.model("captioner", "Captioner")
    form.text("prompt", "Prompt", description="Captions begin with it; empty: the captioner's own")
    if form.ctx.params.get("more"):
        form.number("num_beams", "Beams", description="1 is greedy")
        form.number("max_new_tokens", "Longest, in tokens")
        form.number("min_new_tokens", "Shortest, in tokens")


def segmenting(form: Form) -> None:
    """Segmenter and filters."""
    form.model("segmenter", "Segmenter")
    if form.ctx.params.get("more"):
        form.number("min_area", "Smallest segment", description="share of the image", whole=False)
        form.number(
            "max_overlap", "Largest overlap", description="IoU of two that both stay", whole=False
        )
        form.number("points_per_side", "Points per side", description="Empty: the segmenter's own")
        form.number(
            "pred_iou_thresh", "Least predicted IoU", description="Empty: the segmenter's own",
            whole=False,
        )  # fmt: skip
        form.number(
            "stability_score_thresh", "Least stability", description="Empty: the segmenter's own",
            whole=False,
        )  # fmt: skip


def attributing(form: Form) -> None:
    """Method, layer, head."""
    if form.ctx.params.get("more"):
        form.choice("source", "Attribution from")
        if form.choice("method", "Method") == SECOND_ORDER:
            form.model("encoder", "Dual encoder")
            form.number("layer", "Layer", description="From 0; empty: the model's own default")
            if form.value("head") is not None:
                form.number("head", "Head", description="Must be empty for this method")
            form.number("top_k", "A word covers at most", description="segments")
            return
        form.number("layer", "Layer", description="From 0; empty: the model's own default")
        form.number("head", "Head", description="Empty: the mean of all")
        form.choice("clamp", "Cut negative values of")
        form.switch("use_enc", "Use the [ENC] token", default=True)
        form.number("top_k", "A word covers at most", description="segments")


def mapping(form: Form) -> None:
    """The 2-D map."""
    form.choice(
        "map_method",
        "Map of all segments",
        description="" if has_umap() else "UMAP needs the package umap-learn, not installed here",
    )
    if form.ctx.params.get("more"):
        form.choice("embeddings", "Embeddings")
        form.number("map_seed", "Seed")


def analysed_captions(form: Form) -> str:
    """A caption field that was analysed; refused where there is none."""
    return form.field("caption_field", "Caption field", list_runs(form.ctx.dataset), new=False)


def analysed_segments(form: Form) -> str:
    """A segments field that carries our attributes."""
    dataset = form.ctx.dataset
    known = [
        path
        for path in detections_fields(dataset)
        if dataset.has_field(SegmentFields(path).attribute("word_scores"))
    ]
    return form.field("segments_field", "Segments field", known, new=False)
