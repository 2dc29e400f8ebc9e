"""What is stored of the sample whose pair is explained; no model needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId

from fiftyone_capviz.curation.accept import stored_options
from fiftyone_capviz.curation.documents import Document, chosen_text
from fiftyone_capviz.curation.fields import detections_fields, text_fields
from fiftyone_capviz.curation.options import AnalysisOptions
from fiftyone_capviz.curation.panel_focus import panel_focus
from fiftyone_capviz.curation.runs import active_caption, list_runs, read_run
from fiftyone_capviz.errors import InputError


@dataclass(frozen=True)
class PairSample:
    """One sample.

    Attributes:
        caption: as stored; None without one.
        detections: the segments' raw documents.
    """

    sample_id: str
    filepath: str
    caption: str | None
    detections: tuple[Document, ...] = ()


@dataclass(frozen=True)
class PairFieldsChosen:
    """Where captions and segments of the pairs are.

    Attributes:
        caption_field: None where the dataset holds no text; then captions are typed.
        caption_fields: all that can be chosen, analysed ones first.
        segments_field: None without labels.
        captioner: of the analysis; None without one.
    """

    caption_field: str | None
    caption_fields: tuple[str, ...]
    segments_field: str | None
    caption_index: int = 0
    captioner: str | None = None


def choose_fields(dataset: Any, asked: str | None) -> PairFieldsChosen:
    """The caption field asked for, in focus, described by the segments, or any text.

    Raises:
        InputError: a field is asked for that holds no text.
    """
    analysed = list_runs(dataset)
    known = tuple(dict.fromkeys([*analysed, *text_fields(dataset)]))
    known = tuple(one for one in known if dataset.has_field(one))
    if asked is not None and asked not in known:
        listed = ", ".join(map(repr, known)) or "there is none yet"
        raise InputError(
            f"A caption field holds text; {asked!r} does not. Choose one of: {listed}."
        )
    chosen = asked or _usual(dataset, analysed, known)
    options = AnalysisOptions()
    captioner = None
    if chosen is not None and read_run(dataset, chosen) is not None:
        options = stored_options(dataset, chosen, None)
        captioner = options.captioner
    labels = detections_fields(dataset)
    segments = options.segments_field if options.segments_field in labels else None
    return PairFieldsChosen(
        caption_field=chosen,
        caption_fields=known,
        segments_field=segments or (labels[0] if labels else None),
        caption_index=options.caption_index,
        captioner=captioner,
    )


def required_fields(
    dataset: Any, asked: str | None, caption_index: int | None = None
) -> PairFieldsChosen:
    """`choose_fields`, where captions are needed.

    Args:
        asked: caption field; None for the usual one.
        caption_index: which caption of a list; None for the one that was analysed, else the first.

    Raises:
        InputError: there are none, the field asked for holds no text, or no such index.
    """
    chosen = choose_fields(dataset, asked)
    if chosen.caption_field is None:
        raise InputError(
            "Pairs need captions; the dataset has no field with text. Run 'Caption images' first."
        )
    if caption_index is None:
        return chosen
    if isinstance(caption_index, bool) or caption_index < 0:
        raise InputError(f"caption_index must be 0, the first, or more; got {caption_index!r}.")
    return replace(chosen, caption_index=caption_index)


def _usual(dataset: Any, analysed: list[str], known: tuple[str, ...]) -> str | None:
    focus = panel_focus(dataset)
    wanted = [
        focus.caption_field if focus is not None else None,
        active_caption(dataset, "segments"),
        *analysed,
        *(("caption",) if "caption" in known else ()),
        *known,
    ]
    return next((one for one in wanted if one in known), None)


def read_sample(dataset: Any, sample_id: str, chosen: PairFieldsChosen) -> PairSample:
    """Read one sample.

    Raises:
        InputError: there is no such sample.
    """
    wanted = {"filepath": 1}
    if chosen.caption_field is not None:
        wanted[chosen.caption_field] = 1
    if chosen.segments_field is not None:
        wanted[f"{chosen.segments_field}.detections"] = 1
    try:
        key = ObjectId(sample_id)
    except (InvalidId, TypeError):
        key = None
    found = None if key is None else dataset._sample_collection.find_one({"_id": key}, wanted)
    if found is None:
        raise InputError(
            f"An explanation needs a sample of {dataset.name!r}; it has no {sample_id!r}. Open one "
            "that is in the dataset."
        )
    segments = found.get(chosen.segments_field or "") or {}
    text = found.get(chosen.caption_field or "")
    return PairSample(
        sample_id=str(sample_id),
        filepath=found["filepath"],
        caption=chosen_text(text, chosen.caption_index),
        detections=tuple(segments.get("detections") or ()),
    )
