"""What is stored of the sample whose pair is explained, and the patches that its segments own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import fiftyone as fo
from bson import ObjectId
from bson.errors import InvalidId

from fiftyone_capviz.curation.app.panel_focus import panel_focus
from fiftyone_capviz.curation.dataset.caption_fields import holds_text, text_fields
from fiftyone_capviz.curation.dataset.captions import is_there, root_of, stored_text
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import (
    Document,
    placed_masks,
)
from fiftyone_capviz.curation.dataset.runs import (
    active_caption,
    continued_options,
    list_runs,
    read_run,
)
from fiftyone_capviz.curation.dataset.schema import detections_fields
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import FloatArray
from fiftyone_capviz.segments import owned_shares
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.field_names import require_free_names


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


def choose_fields(dataset: fo.Dataset, asked: str | None) -> PairFieldsChosen:
    """The caption field asked for, in focus, described by the segments, or any text.

    Raises:
        InputError: a field is asked for that holds no text.
    """
    require_free_names(caption_field=asked)
    analysed = list_runs(dataset)
    known = tuple(dict.fromkeys([*analysed, *text_fields(dataset)]))
    known = tuple(one for one in known if is_there(dataset, one))
    if (
        asked is not None
        and asked not in known
        and not (is_there(dataset, asked) and holds_text(dataset, asked))
    ):
        listed = ", ".join(map(repr, known)) or "there is none yet"
        raise InputError(
            f"A caption field holds text; {asked!r} does not. Choose one of: {listed}."
        )
    chosen = asked or _usual(dataset, analysed, known)
    options = AnalysisOptions()
    captioner = None
    if chosen is not None and read_run(dataset, chosen) is not None:
        options = continued_options(dataset, chosen)
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
    dataset: fo.Dataset, asked: str | None, caption_index: int | None = None
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


def _usual(dataset: fo.Dataset, analysed: list[str], known: tuple[str, ...]) -> str | None:
    focus = panel_focus(dataset)
    wanted = [
        focus.caption_field if focus is not None else None,
        active_caption(dataset, "segments"),
        *analysed,
        *(("caption",) if "caption" in known else ()),
        *known,
    ]
    return next((one for one in wanted if one in known), None)


def read_sample(dataset: fo.Dataset, sample_id: str, chosen: PairFieldsChosen) -> PairSample:
    """Read one sample.

    Raises:
        InputError: there is no such sample.
    """
    wanted = {"filepath": 1}
    if chosen.caption_field is not None:
        wanted[root_of(chosen.caption_field)] = 1
    if chosen.segments_field is not None:
        wanted[f"{chosen.segments_field}.detections"] = 1
    try:
        key = ObjectId(sample_id)
    except (InvalidId, TypeError):
        key = None
    found = None if key is None else sample_documents(dataset).find_one({"_id": key}, wanted)
    if found is None:
        raise InputError(
            f"An explanation needs a sample of {dataset.name!r}; it has no {sample_id!r}. Open one "
            "that is in the dataset."
        )
    segments = found.get(chosen.segments_field or "") or {}
    text = stored_text(found, chosen.caption_field or "", chosen.caption_index)
    return PairSample(
        sample_id=str(sample_id),
        filepath=found["filepath"],
        caption=text,
        detections=tuple(segments.get("detections") or ()),
    )


@dataclass(frozen=True, eq=False)
class SegmentRegions:
    """One entry per segment, in the order of the sample's.

    Attributes:
        shares: how much of each patch it owns, 0..1, "segments rows columns"; those of segments
            that tile the image sum to 1 on every patch, so the parts of a score sum to the whole.
        problems: why it says nothing, such as its size; None where nothing is wrong.
    """

    shares: FloatArray
    problems: tuple[str | None, ...]


def segment_regions(sample: PairSample, transform: PixelTransform) -> SegmentRegions:
    """Where the segments are on the grid, by the rules of any region that a user draws."""
    from fiftyone_capviz.attribution.pairs.slices import patch_shares, region_problem

    masks = placed_masks(sample.detections, width=transform.width, height=transform.height)
    weights = owned_shares(masks, transform)
    problems = tuple(
        region_problem(transform, pixels=pixels, weights=own)
        for pixels, own in zip(masks.pixels.tolist(), weights, strict=True)
    )
    return SegmentRegions(patch_shares(weights, transform).clip(0, 1), problems)
