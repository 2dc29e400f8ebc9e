"""Captions anew by a recipe: candidates beside the captions, until they are accepted.

report = steer_captions(view, Recipe(prompt="the man is wearing", word="hat"))
print(report.summary())          # 193 of 214 now say 'hat' (2 did before), ...
accept_captions(view)            # or discard_candidates(view); later undo_captions(view)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from bson import ObjectId
from pymongo import UpdateOne

from fiftyone_capviz.curation.dataset.documents import Document
from fiftyone_capviz.curation.dataset.logs import get_logger
from fiftyone_capviz.curation.dataset.names import SegmentFields, steered_fields
from fiftyone_capviz.curation.dataset.progress import Failure, Progress, ProgressCallback
from fiftyone_capviz.curation.dataset.runs import read_run, stored_options, write_run
from fiftyone_capviz.curation.dataset.samples import reload_samples, sample_ids
from fiftyone_capviz.curation.dataset.schema import declare_candidates
from fiftyone_capviz.curation.dataset.states import Task, read_states
from fiftyone_capviz.curation.dataset.store import clear_stop, stop_requested
from fiftyone_capviz.curation.inference.batches import Item, PreparedBatches
from fiftyone_capviz.curation.inference.engines import load_captioner, load_matcher, models_in_use
from fiftyone_capviz.curation.inference.memory import free_memory, is_out_of_memory
from fiftyone_capviz.curation.inference.segment_weights import weights_of
from fiftyone_capviz.curation.steering.accept import (
    accept_captions,
    discard_candidates,
    undo_captions,
)
from fiftyone_capviz.curation.steering.reports import AcceptReport, SteerReport
from fiftyone_capviz.errors import CapvizError, InputError, ModelError
from fiftyone_capviz.records import Caption, FloatArray
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.steering import AUTO, Recipe
from fiftyone_capviz.steering.weighting import coverage_of_segments
from fiftyone_capviz.text.words import caption_words

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.records import Steering

__all__ = [
    "AcceptReport",
    "Recipe",
    "SteerReport",
    "accept_captions",
    "discard_candidates",
    "steer_captions",
    "undo_captions",
]
DEFAULT_BATCH = 16


def steer_captions(
    collection: Any,
    recipe: Recipe,
    options: AnalysisOptions | None = None,
    *,
    caption_field: str | None = None,
    progress: ProgressCallback | None = None,
    stop: Callable[[], bool] | None = None,
    cache: ModelCache | None = None,
) -> SteerReport:
    """Caption the samples of a view by a recipe; store the results as candidates.

    Candidates go to ``<caption>_steered``, their match to ``<caption>_steered_itm``, the recipe
    as used on each image to ``<caption>_steered_recipe``. The captions stay as they are.

    Args:
        collection: a dataset or view.
        recipe: how to steer.
        options: models, fields and decoding; default those of the last analysis.
        caption_field: default the options'.
        progress, stop, cache: as in ``analyze``.

    Raises:
        InputError: a recipe, field or view that cannot be used.
        ModelError: a model cannot be had, or failed on every image.
    """
    started = time.perf_counter()
    dataset, recipe = collection._root_dataset, recipe.validated()
    chosen = stored_options(dataset, caption_field, options)
    ids = [ObjectId(one) for one in sample_ids(collection)]
    if not ids:
        raise InputError("Steering needs at least one sample; the view is empty.")
    if recipe.chooses_segments and not dataset.has_field(chosen.segments_field):
        raise InputError(
            f"The recipe chooses segments, and there is no field {chosen.segments_field!r}. Run "
            "segment_images first, or steer by the prompt alone."
        )
    states = list(read_states(dataset, ids, chosen))
    stages = frozenset({"attribute"}) if recipe.chooses_segments else frozenset()
    tasks = [Task(state, stages) for state in states]  # type: ignore[arg-type]
    declare_candidates(dataset, chosen.caption_field)
    clear_stop(dataset)
    with models_in_use(cache):
        run = _Steering(
            dataset, recipe, chosen, load_captioner(chosen, cache), load_matcher(chosen, cache)
        )
        batches = PreparedBatches(
            tasks,
            dataset,
            batch_size=chosen.batch_size or DEFAULT_BATCH,
            segments=SegmentFields(chosen.segments_field),
            preparers={"captioner": run.captioner.preprocess, "matcher": run.matcher.preprocess},
        )
        with batches:
            done = 0
            for items in batches:
                run.steer(items)
                done += len(items)
                if progress is not None:
                    label = f"{done} of {len(tasks)} captions"
                    progress(Progress("steer", done, len(tasks), label))
                if done < len(tasks) and ((stop and stop()) or stop_requested(dataset)):
                    run.stopped = True
                    break
    _note(dataset, chosen.caption_field, recipe)
    reload_samples(dataset)
    if run.failures and not run.stored:
        raise ModelError(f"No image could be captioned: {run.failures[0].message}")
    return run.report(time.perf_counter() - started)


@dataclass
class _Steering:
    """One call of :func:`steer_captions`, and what it has found so far."""

    dataset: Any
    recipe: Recipe
    options: AnalysisOptions
    captioner: Any
    matcher: Any
    stored: int = 0
    changed: int = 0
    before: int = 0
    misses: list[str] = field(default_factory=list)
    unweighted: int = 0
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False

    def steer(self, items: Sequence[Item]) -> None:
        """Caption a batch and store its candidates; halved while it does not fit into memory."""
        readable = [item for item in items if item.error is None]
        for item in items:
            if item.error is not None:
                self._fail(item, item.error)
        if not readable:
            return
        try:
            self._store(readable, self._captions(readable))
        except Exception as error:
            fatal = not is_out_of_memory(error) and isinstance(error, CapvizError)
            if fatal or (len(readable) == 1 and not is_out_of_memory(error) and not self.stored):
                raise
            free_memory()
            if len(readable) == 1:
                get_logger().exception("steering %s", readable[0].task.sample.filepath)
                self._fail(readable[0], f"The models failed on this image: {error}.")
                return
            half = len(readable) // 2
            self.steer(readable[:half])
            self.steer(readable[half:])

    def report(self, seconds: float) -> SteerReport:
        """What was done."""
        wanted = self.recipe.word
        return SteerReport(
            samples=self.stored,
            changed=self.changed,
            word=wanted,
            hits=self.stored - len(self.misses) if wanted else None,
            before=self.before if wanted else None,
            misses=self.misses,
            unweighted=self.unweighted,
            failures=self.failures,
            stopped=self.stopped,
            seconds=seconds,
        )

    def _captions(self, items: Sequence[Item]) -> list[tuple[Caption, float | None, float]]:
        """Caption, weight and match probability of each item."""
        import torch

        from fiftyone_capviz.steering.recaption import recaption

        recipe, options = self.recipe, self.options
        features = self.captioner.encode(torch.stack([i.pixels["captioner"] for i in items]))
        seen = self.matcher.encode(torch.stack([i.pixels["matcher"] for i in items]))
        coverages = [self._coverage(item) for item in items]
        found: dict[int, tuple[Caption, float | None]] = {}
        if recipe.weight == AUTO:
            for n, coverage in enumerate(coverages):
                if coverage is not None:
                    rows = slice(n, n + 1)
                    found[n] = self._search(features[rows], seen[rows], coverage)
        rest = [n for n in range(len(items)) if n not in found]
        if rest:
            captions = recaption(
                self.captioner,
                features[rest],
                steerings=[self._steering(coverages[n]) for n in rest],
                prompt=recipe.prompt,
                num_beams=options.num_beams,
                max_new_tokens=options.max_new_tokens,
                min_new_tokens=options.min_new_tokens,
            )
            for n, caption in zip(rest, captions, strict=True):
                weighted = isinstance(recipe.weight, int | float) and coverages[n] is not None
                found[n] = (caption, float(recipe.weight) if weighted else None)  # type: ignore[arg-type]
        if recipe.chooses_segments:
            self.unweighted += sum(coverage is None for coverage in coverages)
        matches = self.matcher.score(seen, [found[n][0].text for n in range(len(items))])
        return [(*found[n], float(matches[n].probability)) for n in range(len(items))]

    def _steering(self, coverage: FloatArray | None) -> Steering | None:
        from fiftyone_capviz.records import Steering
        from fiftyone_capviz.steering.recaption import steer_patches

        recipe = self.recipe
        if recipe.grid_weights is not None:
            weights = np.asarray(recipe.grid_weights, float)
            grid = self.captioner.grid
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
            self.captioner,
            features,
            coverage=coverage,
            wanted_word=self.recipe.word or "",
            matcher=self.matcher,
            match_features=seen,
            prompt=self.recipe.prompt,
            method=self.recipe.method,
            num_beams=self.options.num_beams,
            max_new_tokens=self.options.max_new_tokens,
        )
        trial = search.trials[search.best or 0]
        return trial.caption, trial.weight

    def _coverage(self, item: Item) -> FloatArray | None:
        """How much of each patch the chosen segments cover; None where there is none."""
        if not self.recipe.chooses_segments or item.image is None:
            return None
        chosen = [one for one in item.detections if self._is_chosen(one)]
        if not chosen:
            return None
        weights = weights_of(self.captioner, replace(item, detections=chosen))
        if weights is None:
            return None
        return coverage_of_segments(weights)

    def _is_chosen(self, detection: Document) -> bool:
        label = self.recipe.segment_label
        named = label is not None and label in (detection.get("label"), detection.get("top_word"))
        return named or str(detection["_id"]) in self._segment_ids

    @cached_property
    def _segment_ids(self) -> frozenset[str]:
        return frozenset(self.recipe.segment_ids)

    def _store(
        self, items: Sequence[Item], found: Sequence[tuple[Caption, float | None, float]]
    ) -> None:
        text_field, itm_field, recipe_field = steered_fields(self.options.caption_field)
        recipe = self.recipe.to_dict()
        updates = []
        for item, (caption, weight, match) in zip(items, found, strict=True):
            used = {**recipe, "prompt": caption.prompt, "weight": weight}
            if self._segment_ids:  # those of this image: the recipe may name those of all
                ids = [str(one["_id"]) for one in item.detections]
                used["segment_ids"] = [one for one in ids if one in self._segment_ids]
            values = {text_field: caption.text, itm_field: float(match), recipe_field: used}
            updates.append(UpdateOne({"_id": item.task.sample.id}, {"$set": values}))
            self._count(item, caption.text)
        self.dataset._sample_collection.bulk_write(updates, ordered=False)

    def _count(self, item: Item, text: str) -> None:
        self.stored += 1
        old = item.task.sample.text
        self.changed += text != old
        if self.recipe.word:
            wanted = set(caption_words(self.recipe.word).words) or {self.recipe.word}
            self.before += wanted <= set(caption_words(old).words)
            if not wanted <= set(caption_words(text).words):
                self.misses.append(str(item.task.sample.id))

    def _fail(self, item: Item, message: str) -> None:
        sample = item.task.sample
        self.failures.append(Failure(str(sample.id), sample.filepath, message))


def _note(dataset: Any, caption_field: str, recipe: Recipe) -> None:
    record = read_run(dataset, caption_field)
    if record is not None:
        write_run(dataset, replace(record, extra={**record.extra, "recipe": recipe.to_dict()}))
