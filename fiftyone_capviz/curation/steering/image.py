"""What is known of the one image that is steered, and what a user asks of it; no model needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
from bson import ObjectId

from fiftyone_capviz.curation.dataset.captions import root_of, stored_text
from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import Document
from fiftyone_capviz.curation.dataset.names import CaptionFields
from fiftyone_capviz.curation.dataset.ownership import refuse_theirs
from fiftyone_capviz.curation.dataset.samples import reload_samples
from fiftyone_capviz.curation.dataset.schema import declare_candidates
from fiftyone_capviz.curation.dataset.states import is_theirs
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.records import Caption, FloatArray, SteeringMethod
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.steering import DEFAULT_STEERING_METHOD, SUBJECT, TEMPLATE
from fiftyone_capviz.text.prompt_template import asks_subject, fill_prompt, require_template

Cell = tuple[int, int]
"""Row and column of a patch."""


@dataclass(frozen=True)
class SteeredImage:
    """What is stored of the sample that is steered.

    Attributes:
        caption: its present caption.
        prompt: what that caption went on from, where a recipe wrote it; else None.
        match: its stored match score.
        detections: the segments' raw documents.
        replaced: how many earlier captions are kept for undo.
        pixel_range: how its pixels are read, as of `AnalysisOptions`.
        theirs: the caption is not ours: accepting another writes over it.
    """

    sample_id: str
    filepath: str
    caption: str | None
    prompt: str | None = None
    match: float | None = None
    detections: tuple[Document, ...] = ()
    replaced: int = 0
    pixel_range: str = "file"
    theirs: bool = False


@dataclass(frozen=True)
class Selection:
    """One selection as a user makes it.

    Attributes:
        weight: at least 0; 1 changes nothing.
        segment_ids: segments whose patches are meant, to the degree they cover them.
        added: patches meant in full, whatever the segments say.
        removed: patches not meant, whatever the segments say.
    """

    weight: float = 1.0
    segment_ids: tuple[str, ...] = ()
    added: tuple[Cell, ...] = ()
    removed: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class ImageRecipe:
    """All that one image is steered by.

    Attributes:
        prompt: what the caption goes on from, with or without ``{subject}``, see `Recipe`; None is
            the captioner's own.
        method: how weights act.
        selections: each with its own weight.
    """

    prompt: str | None = None
    method: SteeringMethod = DEFAULT_STEERING_METHOD
    selections: tuple[Selection, ...] = ()

    @classmethod
    def from_dict(cls, sent: Mapping[str, Any]) -> ImageRecipe:
        """The dials as a panel's component sends them.

        Raises:
            InputError: what no component of ours sends, or a prompt that cannot be filled.
        """
        try:
            selections = tuple(
                Selection(
                    weight=float(one["weight"]),
                    segment_ids=tuple(str(each) for each in one.get("segments") or ()),
                    added=tuple((int(row), int(column)) for row, column in one.get("added") or ()),
                    removed=tuple(
                        (int(row), int(column)) for row, column in one.get("removed") or ()
                    ),
                )
                for one in sent.get("selections") or ()
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"A selection has a weight and lists of segments and patches; got {sent!r}."
            ) from error
        prompt = str(sent.get("prompt") or "").strip()
        require_template(prompt)
        return cls(prompt or None, sent.get("method") or DEFAULT_STEERING_METHOD, selections)


@dataclass(frozen=True, eq=False)
class Attempt:
    """A caption that steering gave.

    Attributes:
        match: probability that it fits the image, 0..1.
        weights: the combined patch weights "rows columns"; None where only the prompt steered.
        seconds: from the call to the answer.
    """

    caption: Caption
    match: float
    dials: ImageRecipe
    weights: FloatArray | None = None
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class ImageGrid:
    """The image on the captioner's grid.

    Attributes:
        grid: rows and columns of its patches.
        crop: left, top, width, height of what the grid shows, as shares of the image.
        coverage: how much of each patch each segment covers, 0..1, "segments rows columns".
        default_prompt: the captioner's own.
        match: of the present caption; None without one.
        log_likelihood: of the present caption; None without one.
        streams: the captioner is so large that its words should be shown as they come.
    """

    grid: Grid
    crop: tuple[float, float, float, float]
    coverage: FloatArray
    default_prompt: str
    match: float | None
    log_likelihood: float | None
    streams: bool


def read_image(dataset: fo.Dataset, sample_id: str, options: AnalysisOptions) -> SteeredImage:
    """Read one sample; no model is needed.

    Raises:
        InputError: there is no such sample, or this is no id of one.
    """
    if not ObjectId.is_valid(sample_id):
        raise InputError(
            f"A sample is named by 24 hexadecimal digits; got {sample_id[:40]!r}. Open one."
        )
    names = CaptionFields.of(options)
    path = f"{options.segments_field}.detections"
    found = sample_documents(dataset).find_one(
        {"_id": ObjectId(sample_id)},
        {
            "filepath": 1,
            root_of(names.caption): 1,
            names.itm: 1,
            names.previous: 1,
            names.stages: 1,
            path: 1,
        },
    )
    if found is None:
        raise InputError(f"Steering needs a sample of {dataset.name!r}; it has no {sample_id!r}.")
    text = stored_text(found, names.caption, options.caption_index)
    earlier = found.get(names.previous) or []
    segments = found.get(options.segments_field) or {}
    return SteeredImage(
        sample_id=sample_id,
        filepath=found["filepath"],
        caption=text,
        prompt=earlier[-1].get("prompt") if earlier else None,
        match=found.get(names.itm),
        detections=tuple(segments.get("detections") or ()),
        replaced=len(earlier),
        pixel_range=options.pixel_range,
        theirs=is_theirs(text, found.get(names.stages) or {}),
    )


def keep_candidate(
    dataset: fo.Dataset, image: SteeredImage, options: AnalysisOptions, attempt: Attempt
) -> None:
    """Store an attempt as the sample's candidate, for ``accept_captions``."""
    names = CaptionFields.of(options)
    refuse_theirs(dataset, names.steered)
    declare_candidates(dataset, names)
    text_field, itm_field, recipe_field = names.steered
    dials = attempt.dials
    recipe = {
        "prompt": fill_prompt(dials.prompt, None).text,
        "method": dials.method,
        "weight": None,
        "patch_weights": None if attempt.weights is None else attempt.weights.tolist(),
    }
    if asks_subject(dials.prompt):
        subject = fill_prompt(dials.prompt, image.caption).subject
        recipe |= {"prompt": attempt.caption.prompt, TEMPLATE: dials.prompt, SUBJECT: subject}
    values = {text_field: attempt.caption.text, itm_field: attempt.match, recipe_field: recipe}
    sample_documents(dataset).update_one({"_id": ObjectId(image.sample_id)}, {"$set": values})
    reload_samples(dataset)
