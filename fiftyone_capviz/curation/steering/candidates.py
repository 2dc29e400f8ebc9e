"""Candidates: images captioned by a recipe, batch by batch, and those that are there already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import numpy as np
from bson import ObjectId
from pymongo import UpdateOne

from fiftyone_capviz.curation.dataset.collection import sample_documents
from fiftyone_capviz.curation.dataset.documents import Document
from fiftyone_capviz.curation.dataset.names import SegmentFields, steered_fields
from fiftyone_capviz.curation.dataset.states import SampleState, Task
from fiftyone_capviz.curation.inference.batch_loop import Work, Worker
from fiftyone_capviz.curation.inference.batches import Item, ItemLoader
from fiftyone_capviz.curation.inference.loaded_models import (
    load_captioner,
    load_matcher,
    resolve_setting,
)
from fiftyone_capviz.curation.inference.segment_weights import weights_of
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import Caption, FloatArray
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.steering import AUTO, Recipe
from fiftyone_capviz.steering.weighting import coverage_of_segments

if TYPE_CHECKING:
    import torch

    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import Captioner, Matcher
    from fiftyone_capviz.records import Steering

DEFAULT_BATCH = 16
HASH_KEY = "by"
"""In a candidate's recipe: what made it, so that a rerun does only what is missing."""


@dataclass(frozen=True)
class Steered:
    """One image's candidate.

    Attributes:
        sample: as it was read.
        text, match: the new caption and its match probability.
        recipe: as used on this image.
        unweighted: segments were chosen, and it has none of them.
        error: why there is none.
    """

    sample: SampleState
    text: str = ""
    match: float = 0.0
    recipe: Mapping[str, Any] = field(default_factory=dict)
    unweighted: bool = False
    error: str | None = None


@dataclass(frozen=True)
class SteeringWork(Work[Task, Item, Steered]):
    """Captions images by a recipe.

    Attributes:
        dataset: its name.
        recipe, options: how, and by which models.
        hash: what a candidate is recognised by.
    """

    dataset: str
    recipe: Recipe
    options: AnalysisOptions
    hash: str
    stage = "steer"
    noun = "captions"

    def open(self, cache: ModelCache | None) -> SteeringWorker:
        """Load captioner and matcher."""
        captioner, matcher = load_captioner(self.options, cache), load_matcher(self.options, cache)
        return SteeringWorker(self, fo.load_dataset(self.dataset), captioner, matcher)


class SteeringWorker(Worker[Task, Item, Steered]):
    """Captions batches of images by a recipe."""

    def __init__(
        self, work: SteeringWork, dataset: fo.Dataset, captioner: Captioner, matcher: Matcher
    ) -> None:
        self._work, self._captioner, self._matcher = work, captioner, matcher
        self._segment_ids = frozenset(work.recipe.segment_ids)
        self.batch_size = work.options.batch_size or DEFAULT_BATCH
        self._loader = ItemLoader(
            dataset,
            batch_size=self.batch_size,
            segments=SegmentFields(work.options.segments_field),
            preparers={"captioner": captioner.preprocess, "matcher": matcher.preprocess},
        )

    def prepare(self, units: Sequence[Task]) -> list[Item]:
        return self._loader.prepare(units)

    def close(self) -> None:
        self._loader.close()

    def failed(self, item: Item, message: str) -> Steered:
        return Steered(item.task.sample, error=message)

    def compute(self, items: Sequence[Item]) -> list[Steered]:
        import torch

        recipe = self._work.recipe
        features = self._captioner.encode(torch.stack([i.pixels["captioner"] for i in items]))
        seen = self._matcher.encode(torch.stack([i.pixels["matcher"] for i in items]))
        coverages = [self._coverage(item) for item in items]
        found: dict[int, tuple[Caption, float | None]] = {}
        if recipe.weight == AUTO:
            for n, coverage in enumerate(coverages):
                if coverage is not None:
                    rows = slice(n, n + 1)
                    found[n] = self._search(features[rows], seen[rows], coverage)
        rest = [n for n in range(len(items)) if n not in found]
        if rest:
            found |= self._captions(features, coverages, rest)
        matches = self._matcher.score(seen, [found[n][0].text for n in range(len(items))])
        return [
            Steered(
                item.task.sample,
                found[n][0].text,
                float(matches[n].probability),
                self._used(item, *found[n]),
                unweighted=recipe.chooses_segments and coverages[n] is None,
            )
            for n, item in enumerate(items)
        ]

    def update(self, result: Steered) -> UpdateOne | None:
        if result.error is not None:
            return None
        names = steered_fields(self._work.options.caption_field)
        values = dict(zip(names, (result.text, result.match, result.recipe), strict=True))
        return UpdateOne({"_id": result.sample.id}, {"$set": values})

    def _used(self, item: Item, caption: Caption, weight: float | None) -> dict[str, Any]:
        """The recipe as used on an image, and by what it is recognised."""
        used = {**self._work.recipe.to_dict(), "prompt": caption.prompt, "weight": weight}
        if self._segment_ids:  # those of this image: the recipe may name those of all
            ids = [str(one["_id"]) for one in item.detections]
            used["segment_ids"] = [one for one in ids if one in self._segment_ids]
        return {**used, HASH_KEY: self._work.hash}

    def _captions(
        self, features: torch.Tensor, coverages: Sequence[FloatArray | None], places: Sequence[int]
    ) -> dict[int, tuple[Caption, float | None]]:
        """Captions by the recipe's weight, and that weight where there is something to weigh."""
        from fiftyone_capviz.steering.recaption import recaption

        recipe, options = self._work.recipe, self._work.options
        captions = recaption(
            self._captioner,
            features[list(places)],
            steerings=[self._steering(coverages[n]) for n in places],
            prompt=recipe.prompt,
            num_beams=options.num_beams,
            max_new_tokens=options.max_new_tokens,
            min_new_tokens=options.min_new_tokens,
        )
        weight = float(recipe.weight) if isinstance(recipe.weight, int | float) else None
        return {
            n: (caption, weight if coverages[n] is not None else None)
            for n, caption in zip(places, captions, strict=True)
        }

    def _steering(self, coverage: FloatArray | None) -> Steering | None:
        from fiftyone_capviz.records import Steering
        from fiftyone_capviz.steering.recaption import steer_patches

        recipe = self._work.recipe
        if recipe.grid_weights is not None:
            weights = np.asarray(recipe.grid_weights, float)
            grid = self._captioner.grid
            if grid is not None and weights.shape != grid:
                raise InputError(
                    f"Patch weights must fit the captioner's grid of {grid.rows} x "
                    f"{grid.columns}; got {weights.shape[0]} x {weights.shape[1]}."
                )
            return Steering(recipe.prompt, weights, recipe.method)
        if coverage is None or not isinstance(recipe.weight, int | float):
            return Steering(recipe.prompt)
        return steer_patches(coverage, recipe.weight, method=recipe.method, prompt=recipe.prompt)

    def _search(
        self, features: Any, seen: Any, coverage: FloatArray
    ) -> tuple[Caption, float | None]:
        from fiftyone_capviz.steering.recaption import find_weight

        search = find_weight(
            self._captioner,
            features,
            coverage=coverage,
            wanted_word=self._work.recipe.word or "",
            matcher=self._matcher,
            match_features=seen,
            prompt=self._work.recipe.prompt,
            method=self._work.recipe.method,
            num_beams=self._work.options.num_beams,
            max_new_tokens=self._work.options.max_new_tokens,
        )
        trial = search.trials[search.best or 0]
        return trial.caption, trial.weight

    def _coverage(self, item: Item) -> FloatArray | None:
        """How much of each patch the chosen segments cover; None where there is none."""
        if not self._work.recipe.chooses_segments or item.image is None:
            return None
        chosen = [one for one in item.detections if self._is_chosen(one)]
        if not chosen:
            return None
        weights = weights_of(self._captioner, replace(item, detections=chosen))
        if weights is None:
            return None
        return coverage_of_segments(weights)

    def _is_chosen(self, detection: Document) -> bool:
        label = self._work.recipe.segment_label
        named = label is not None and label in (detection.get("label"), detection.get("top_word"))
        return named or str(detection["_id"]) in self._segment_ids


def steering_hash(recipe: Recipe, options: AnalysisOptions) -> str:
    """What a candidate is recognised by: recipe, decoding, models."""
    setting = resolve_setting(options, ("caption", "match"))
    hashes = [
        options.stage_hash(stage, setting.revisions, precision=setting.precision)
        for stage in ("caption", "match")
    ]
    text = json.dumps([recipe.to_dict(), hashes, options.segments_field], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def stored_candidates(
    dataset: fo.Dataset, caption_field: str, ids: Sequence[ObjectId], asked: str
) -> dict[ObjectId, tuple[str, str | None]]:
    """Candidates that the same recipe, models and decoding have made already, and their prompts."""
    text_field, _, recipe_field = steered_fields(caption_field)
    query = {"_id": {"$in": list(ids)}, f"{recipe_field}.{HASH_KEY}": asked}
    rows = sample_documents(dataset).find(query, {text_field: 1, f"{recipe_field}.prompt": 1})
    return {
        row["_id"]: (row[text_field], row[recipe_field].get("prompt"))
        for row in rows
        if row.get(text_field) is not None
    }
