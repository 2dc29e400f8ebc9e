"""Which samples a recipe is applied to, and which segments of theirs carry the weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.app.lasso import Lasso, last_lasso, user_lasso
from fiftyone_capviz.curation.app.panel_focus import PanelFocus, panel_focus
from fiftyone_capviz.curation.dataset.collection import is_patches, sample_documents
from fiftyone_capviz.curation.dataset.runs import caption_names
from fiftyone_capviz.curation.dataset.samples import sample_ids
from fiftyone_capviz.curation.steering.image import ImageRecipe, SteeredImage
from fiftyone_capviz.curation.steering.one import weights_on_image
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.steering import Recipe

Scope = Literal["selected", "lasso", "focus", "last_lasso", "view"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
SegmentSource = Literal["lasso", "focus", "last_lasso", "label", "patches", "none"]
SOURCES: tuple[SegmentSource, ...] = get_args(SegmentSource)


@dataclass(frozen=True)
class AppState:
    """What the App shows and what the user has marked in it.

    Attributes:
        view: the samples in the grid.
        selected: ids of the samples ticked in the grid.
        lasso: the user's selection in the Embeddings plot.
        focus: the words in focus.
        last_lasso: the lasso before, which the App forgot when a tab was opened.
    """

    dataset: fo.Dataset
    view: SampleCollection
    selected: tuple[str, ...] = ()
    lasso: Lasso | None = None
    focus: PanelFocus | None = None
    last_lasso: Lasso | None = None

    @classmethod
    def of(
        cls,
        dataset: fo.Dataset,
        view: SampleCollection,
        *,
        selected: Sequence[str],
        request_params: Mapping[str, Any],
    ) -> AppState:
        """From what the App sends with an event.

        In a view of patches, what is ticked are segments: they count like a lasso.
        """
        lasso, ticked = user_lasso(dataset, request_params), tuple(selected)
        if ticked and is_patches(view):
            lasso, ticked = Lasso(label_ids=ticked), ()
        last = last_lasso(dataset) if lasso is None else None
        return cls(dataset, view, ticked, lasso, panel_focus(dataset), last)

    def scopes(self, options: AnalysisOptions) -> dict[Scope, list[str]]:
        """Ids of the samples of each scope that there is, the likeliest first.

        One sample is ticked to look at it: what is marked besides goes first. The whole view never
        does while something is ticked or marked.
        """
        found: dict[Scope, list[str]] = {}
        if len(self.selected) > 1:
            found["selected"] = list(self.selected)
        if self.lasso is not None:
            found["lasso"] = self._lassoed(self.lasso, options)
        if self.focus is not None:
            found["focus"] = self._focused(options)
        if len(self.selected) == 1:
            found["selected"] = list(self.selected)
        if self.last_lasso is not None:
            found["last_lasso"] = self._lassoed(self.last_lasso, options)
        found["view"] = sample_ids(self.view)
        return {scope: ids for scope, ids in found.items() if ids or scope == "view"}

    def sources(self) -> list[SegmentSource]:
        """Where segments may come from, besides the image that is steered; the best one first."""
        found: list[SegmentSource] = []
        if self.lasso is not None and self.lasso.label_ids:
            found.append("lasso")
        if self.focus is not None:
            found.append("focus")
        if self.last_lasso is not None and self.last_lasso.label_ids:
            found.append("last_lasso")
        return found

    def segment_ids(
        self, source: SegmentSource, ids: Sequence[str], options: AnalysisOptions
    ) -> tuple[str, ...]:
        """Ids of the segments of a source: the lassoed ones, or those the focused words cover."""
        if source == "lasso" and self.lasso is not None:
            return self.lasso.label_ids
        if source == "last_lasso" and self.last_lasso is not None:
            return self.last_lasso.label_ids
        if source == "focus" and self.focus is not None:
            return _covered(self.dataset, self.focus.words, ids, options.segments_field)
        return ()

    def _lassoed(self, lasso: Lasso, options: AnalysisOptions) -> list[str]:
        if lasso.sample_ids:
            wanted = [ObjectId(one) for one in lasso.sample_ids]
            return _ids(self.dataset, {"_id": {"$in": wanted}})  # some may have been deleted
        labels = [ObjectId(one) for one in lasso.label_ids]
        path = f"{options.segments_field}.detections._id"
        return _ids(self.dataset, {path: {"$in": labels}})

    def _focused(self, options: AnalysisOptions) -> list[str]:
        focus = self.focus
        if focus is None or focus.caption_field != options.caption_field:
            return []
        if focus.sample_ids is not None:
            return list(focus.sample_ids)
        words = caption_names(self.dataset, focus.caption_field).words
        return _ids(self.dataset, {words: {"$all": list(focus.words)}})


def batch_recipe(
    around: AppState,
    ids: Sequence[str],
    *,
    image: SteeredImage,
    options: AnalysisOptions,
    dials: ImageRecipe,
    source: SegmentSource,
    turned: int = 0,
    label: str | None = None,
    word: str | None = None,
    automatic: bool = False,
) -> Recipe:
    """The recipe of the panel, for many images.

    Args:
        around: the App's view, lasso and focus.
        ids: the samples.
        image: the one that the dials were set on.
        options: models and fields.
        dials: prompt, method, and selections on that image.
        source: which segments carry the weight of the selection `turned`; "label" those named
            `label`, "patches" the same patches as on this image, "none" the prompt steers alone.
        turned: index of the selection whose weight is used.
        label: of the segments, for "label".
        word: the wanted word, by which success is counted.
        automatic: find the weight of each image for the wanted word.

    Raises:
        InputError: the parts do not fit together.
    """
    if source not in SOURCES:
        raise InputError(f"Segments come from one of {', '.join(SOURCES)}; got {source!r}.")
    if source == "none":  # no weight: no method either
        return Recipe(prompt=dials.prompt, word=word).validated()
    if source == "patches":
        if dials.method == "contrast":
            raise InputError(
                "'contrast' needs segments when it steers many images; these are patches. Click a "
                "segment, lasso segments in the plot, or choose another method."
            )
        weights = weights_on_image(image, options, dials)
        table = None if weights is None else tuple(tuple(map(float, row)) for row in weights)
        return Recipe(
            prompt=dials.prompt, word=word, method=dials.method, grid_weights=table
        ).validated()
    weight = dials.selections[turned].weight if turned < len(dials.selections) else 1.0
    return Recipe(
        prompt=dials.prompt,
        word=word,
        weight="auto" if automatic else weight,
        method=dials.method,
        segment_ids=around.segment_ids(source, ids, options),
        segment_label=label if source == "label" else None,
    ).validated()


def _covered(
    dataset: fo.Dataset, words: Sequence[str], ids: Sequence[str], segments_field: str
) -> tuple[str, ...]:
    path = f"{segments_field}.detections"
    stages: list[dict[str, Any]] = [
        {"$match": {"_id": {"$in": [ObjectId(one) for one in ids]}}},
        {"$project": {"found": {"$map": {
            "input": {"$filter": {
                "input": {"$ifNull": [f"${path}", []]},
                "as": "d",
                "cond": {"$gt": [{"$size": {"$setIntersection": [
                    {"$ifNull": ["$$d.covered_by", []]}, list(words)]}}, 0]},
            }},
            "as": "d",
            "in": "$$d._id",
        }}}},
    ]  # fmt: skip
    rows = sample_documents(dataset).aggregate(stages)
    return tuple(str(one) for row in rows for one in row["found"])


def _ids(dataset: fo.Dataset, query: Mapping[str, Any]) -> list[str]:
    return [str(row["_id"]) for row in sample_documents(dataset).find(query, {"_id": 1})]
