"""The analysis of one batch: captions, match scores, word maps, segments, pooled scores."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import fiftyone as fo
import numpy as np
from pymongo import UpdateOne

from fiftyone_capviz.curation.analysis.results import SampleResult, SegmentResult
from fiftyone_capviz.curation.analysis.segment_scores import embed_segments, score_segments
from fiftyone_capviz.curation.analysis.updates import SampleUpdates
from fiftyone_capviz.curation.dataset.documents import crop_masks
from fiftyone_capviz.curation.dataset.names import CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.states import Task
from fiftyone_capviz.curation.dataset.stop_words import own_stop_words
from fiftyone_capviz.curation.inference.batch_loop import Work, Worker, failure_message
from fiftyone_capviz.curation.inference.batches import Item, ItemLoader, Preparer
from fiftyone_capviz.curation.inference.loaded_models import (
    LoadedModels,
    load_models,
    share_preprocessing,
)
from fiftyone_capviz.errors import CapvizError, ImageError, InputError
from fiftyone_capviz.records import CaptionWords, FloatArray, Match
from fiftyone_capviz.segments import filter_segments
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage
from fiftyone_capviz.text.words import caption_words

if TYPE_CHECKING:
    import torch

    from fiftyone_capviz.models.cache import ModelCache

NO_WORDS = CaptionWords((), (), ())


class StageComputer:
    """Runs the stages that each item asks for, on one batch.

    Attributes:
        seconds: stage -> time spent in it.
    """

    def __init__(
        self,
        engines: LoadedModels,
        options: AnalysisOptions,
        *,
        segment_hash: str,
        stop: Container[str] = (),
    ) -> None:
        self._engines = engines
        self._options = options
        self._segment_hash = segment_hash
        self._stop = stop
        self._any_success = False
        self.seconds: dict[str, float] = defaultdict(float)

    def compute(self, items: Sequence[Item]) -> list[SampleResult]:
        """Results of readable items, in order."""
        results = [SampleResult(item.task, text=item.task.sample.text) for item in items]
        pairs = list(zip(items, results, strict=True))
        features = self._caption(pairs)
        self._words(pairs)
        self._match_and_attribute(pairs, features)
        for item, result in pairs:  # one by one: masks at full size are large
            self._segment(item, result)
            self._pool(item, result, features.get(id(item)))
        self._any_success = self._any_success or any(result.error is None for result in results)
        return results

    def _caption(self, pairs: Pairs) -> dict[int, torch.Tensor]:
        """Write captions; returns the captioner's features by the item's identity."""
        captioner, options = self._engines.captioner, self._options
        if captioner is None:
            return {}
        lm = options.stage_model("attribute") == "captioner"
        chosen = [
            pair
            for pair in pairs
            if "caption" in stages(pair) or (lm and "attribute" in stages(pair))
        ]
        if not chosen:
            return {}
        with self._timed("caption"):
            encoded = captioner.encode(stack_pixels(chosen, "captioner"))
            features = {id(item): row for (item, _), row in zip(chosen, encoded, strict=True)}
            asked = [index for index, pair in enumerate(chosen) if "caption" in stages(pair)]
            if asked:
                prompt = options.prompt if options.prompt is not None else captioner.default_prompt
                captions = captioner.generate(
                    encoded if len(asked) == len(chosen) else encoded[asked],
                    [prompt] * len(asked),
                    num_beams=options.num_beams,
                    max_new_tokens=options.max_new_tokens,
                    min_new_tokens=options.min_new_tokens,
                )
                for index, caption in zip(asked, captions, strict=True):
                    result = chosen[index][1]
                    result.caption, result.text = caption, caption.text
        return features

    def _words(self, pairs: Pairs) -> None:
        with self._timed("words"):
            for pair in pairs:
                if stages(pair) & {"caption", "match", "attribute"}:
                    pair[1].words = caption_words(pair[1].text)

    def _match_and_attribute(self, pairs: Pairs, features: dict[int, torch.Tensor]) -> None:
        """Match scores, and word maps from the same pass where the matcher makes both."""
        itm = self._options.stage_model("attribute") == "matcher"
        mapped = [p for p in pairs if "attribute" in stages(p) and (p[1].words or NO_WORDS).words]
        # The probability is always that of [ENC], whatever the attribution begins with.
        free = itm and self._options.use_enc
        matched = {id(item) for item, _ in mapped} if free else set()
        scored = [
            pair
            for pair in pairs
            if "match" in stages(pair)
            and (pair[1].text or "").strip()
            and id(pair[0]) not in matched
        ]
        for pair in pairs:
            if "attribute" in stages(pair):
                pair[1].maps = self._no_maps(pair[0])
        if mapped:
            self._attribute(mapped, features)
        if scored and self._engines.matcher is not None:
            with self._timed("match"):
                encoded = self._engines.matcher.encode(stack_pixels(scored, "matcher"))
                found = self._engines.matcher.score(encoded, [r.text or "" for _, r in scored])
                _set_matches(scored, found)

    def _no_maps(self, item: Item) -> FloatArray | None:
        """Maps of an image without words: "0 rows columns"; None without a model or an image."""
        model = self._engines.attributing(self._options)
        if model is None or item.image is None:
            return None
        return np.zeros((0, *model.transform(*item.image.size).grid), dtype=np.float32)

    def _attribute(self, pairs: Pairs, features: dict[int, torch.Tensor]) -> None:
        from fiftyone_capviz.attribution.attribute import AttributionBatch, attribute

        model = self._engines.attributing(self._options)
        if model is None:
            return
        with self._timed("attribute"):
            batch = AttributionBatch(
                images=[item.image for item, _ in pairs if item.image is not None],
                texts=[result.text or "" for _, result in pairs],
                words=[result.words or NO_WORDS for _, result in pairs],
                features=self._features(pairs, features),
            )
            found = attribute(model, batch, self._options)
            for (_, result), maps, unread, silent in zip(
                pairs, found.maps, found.unread, found.silent, strict=True
            ):
                result.maps, result.unread, result.silent = maps, unread, silent
            if found.matches:
                _set_matches(pairs, found.matches)

    def _features(self, pairs: Pairs, features: dict[int, torch.Tensor]) -> Sequence[torch.Tensor]:
        """What the attributing model sees: the captioner has encoded its images already."""
        kind = self._options.stage_model("attribute")
        if kind == "captioner":
            return [features[id(item)] for item, _ in pairs]
        if kind == "matcher" and self._engines.matcher is not None:
            return list(self._engines.matcher.encode(stack_pixels(pairs, "matcher")))
        return ()

    def _segment(self, item: Item, result: SampleResult) -> None:
        segmenter, options = self._engines.segmenter, self._options
        if segmenter is None or item.image is None or "segment" not in item.task.stages:
            return
        with self._timed("segment"):
            try:
                found, _ = filter_segments(
                    segmenter.segment(item.image),
                    min_area=options.min_area,
                    max_overlap=options.max_overlap,
                )
            except Exception as error:
                if isinstance(error, CapvizError) and not self._any_success:
                    raise
                result.error, result.models_failed = failure_message(error), True
                return
            item.masks = found.masks
            masks = crop_masks(found.masks)
            result.segments = SegmentResult(found.areas, found.predicted_iou, masks=masks)

    def _pool(self, item: Item, result: SampleResult, features: torch.Tensor | None) -> None:
        if result.error is not None:
            return
        with self._timed("pool"):
            try:
                if "attribute" in item.task.stages:
                    self._score(item, result, features)
            except (ImageError, InputError) as error:  # a stored mask or box that is no good
                result.error = str(error)
            item.masks = None

    def _score(self, item: Item, result: SampleResult, features: torch.Tensor | None) -> None:
        model, captioner = self._engines.attributing(self._options), self._engines.captioner
        if model is None:
            return
        score_segments(
            item,
            result,
            encoder=model,
            segment_hash=self._segment_hash,
            top_k=self._options.top_k,
            stop=self._stop,
        )
        if features is None or captioner is None or item.image is None:
            return
        if captioner.transform(*item.image.size).grid == model.transform(*item.image.size).grid:
            embed_segments(result, features)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start


Pair = tuple[Item, SampleResult]
Pairs = Sequence[Pair]


def stages(pair: Pair) -> frozenset[Stage]:
    """What to do for this item."""
    return pair[0].task.stages


def stack_pixels(pairs: Pairs, kind: str) -> torch.Tensor:
    """The model's input "images 3 size size"."""
    import torch

    return torch.stack([item.pixels[kind] for item, _ in pairs])


def _set_matches(pairs: Pairs, found: Sequence[Match]) -> None:
    for (_, result), match in zip(pairs, found, strict=True):
        result.match = match


@dataclass(frozen=True)
class AnalysisWork(Work[Task, Item, SampleResult]):
    """The stages that are stored sample by sample.

    Attributes:
        dataset: its name.
        options: models and settings.
        stages: those that some sample needs, in order.
        hashes: stage -> what its results are recognised by.
    """

    dataset: str
    options: AnalysisOptions
    stages: tuple[Stage, ...]
    hashes: Mapping[str, str]
    stage = "samples"
    noun = "samples"

    def open(self, cache: ModelCache | None) -> AnalysisWorker:
        """Load what the stages need."""
        engines = load_models(self.options, self.stages, cache)
        return AnalysisWorker(fo.load_dataset(self.dataset), engines, self.options, self.hashes)


class AnalysisWorker(Worker[Task, Item, SampleResult]):
    """Computes batches of tasks and makes their updates.

    Args:
        dataset: of the tasks.
        engines: the models.
        options: settings.
        hashes: as of `AnalysisWork`.
    """

    def __init__(
        self,
        dataset: fo.Dataset,
        engines: LoadedModels,
        options: AnalysisOptions,
        hashes: Mapping[str, str],
    ) -> None:
        self.engines, self.batch_size = engines, engines.batch_size
        self.computer = StageComputer(
            engines,
            options,
            segment_hash=hashes.get("segment", ""),
            stop=frozenset(own_stop_words(dataset)),
        )
        segments = SegmentFields(options.segments_field)
        self.updates = SampleUpdates(CaptionFields.of(options), segments, hashes, options)
        shared = _shared(engines)
        self._loader = ItemLoader(
            dataset,
            batch_size=self.batch_size,
            segments=segments,
            preparers=_preparers(engines, shared),
            shared=shared,
            pixel_range=options.pixel_range,
        )

    def prepare(self, units: Sequence[Task]) -> list[Item]:
        return self._loader.prepare(units)

    def compute(self, items: Sequence[Item]) -> list[SampleResult]:
        return self.computer.compute(items)

    def failed(self, item: Item, message: str) -> SampleResult:
        return SampleResult(item.task, text=item.task.sample.text, error=message)

    def update(self, result: SampleResult) -> UpdateOne | None:
        return self.updates.of(result)

    def models_failed(self, result: SampleResult) -> bool:
        return result.models_failed

    def close(self) -> None:
        self._loader.close()


def _preparers(engines: LoadedModels, shared: Mapping[str, str]) -> dict[str, Preparer]:
    kinds = {"captioner": engines.captioner, "matcher": engines.matcher}
    return {k: m.preprocess for k, m in kinds.items() if m is not None and k not in shared}


def _shared(engines: LoadedModels) -> dict[str, str]:
    if engines.captioner is None or engines.matcher is None:
        return {}
    same = share_preprocessing(engines.captioner, engines.matcher)
    return {"matcher": "captioner"} if same else {}
