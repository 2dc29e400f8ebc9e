"""One batch through the models: captions, match scores, word maps, segments, pooled scores.

A batch that does not fit into memory is halved and goes on; what fails for one image alone is
recorded for that image.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from fiftyone_capviz.curation.analysis.results import SampleResult, SegmentResult
from fiftyone_capviz.curation.analysis.segment_scores import embed_segments, score_segments
from fiftyone_capviz.curation.dataset.documents import crop_masks
from fiftyone_capviz.curation.dataset.logs import get_logger, log_file
from fiftyone_capviz.curation.inference.batches import Item
from fiftyone_capviz.curation.inference.engines import Engines
from fiftyone_capviz.curation.inference.memory import free_memory, is_out_of_memory
from fiftyone_capviz.errors import CapvizError, ImageError, InputError, ModelError
from fiftyone_capviz.records import CaptionWords, FloatArray, Match
from fiftyone_capviz.segments import filter_segments
from fiftyone_capviz.settings.analysis import AnalysisOptions, Stage
from fiftyone_capviz.text.words import caption_words

if TYPE_CHECKING:
    import torch

NO_WORDS = CaptionWords((), (), ())
# So many images that the models fail on, and none that they do not: the run is given up.
HOPELESS = 3


class BatchComputer:
    """Runs the stages that each item asks for.

    Attributes:
        seconds: stage -> time spent in it.
        limit: largest batch that has fitted so far; None while all did.
    """

    def __init__(self, engines: Engines, options: AnalysisOptions, *, segment_hash: str) -> None:
        self._engines = engines
        self._options = options
        self._segment_hash = segment_hash
        self._any_success = False
        self._failures = 0
        self.seconds: dict[str, float] = defaultdict(float)
        self.limit: int | None = None

    def compute(self, items: Sequence[Item]) -> list[SampleResult]:
        """Results of all items, in order; never more images at a time than fit into memory.

        Raises:
            CapvizError: what every image would run into, such as a prompt that is too long.
            ModelError: the models failed on the first images, one after the other.
        """
        results: list[SampleResult] = []
        start = 0
        while start < len(items):
            chunk = items[start : start + (self.limit or len(items))]
            try:
                results += self._compute_chunk(chunk)
            except Exception as error:
                if isinstance(error, CapvizError) and not self._any_success:
                    raise
                if is_out_of_memory(error) and len(chunk) > 1:
                    self._halve(len(chunk))
                    continue
                results += self._one_by_one(chunk, error)
            start += len(chunk)
        return results

    def _halve(self, size: int) -> None:
        free_memory()
        self.limit = size // 2
        get_logger().warning("out of memory with %d images; halved", size)

    def _one_by_one(self, chunk: Sequence[Item], error: Exception) -> list[SampleResult]:
        """Each image alone, so that only those that cause the failure are lost."""
        get_logger().error("a batch of %d failed", len(chunk), exc_info=error)
        results = []
        for item in chunk:
            try:
                if len(chunk) == 1:
                    raise error
                results += self._compute_chunk([item])
            except Exception as own:
                results.append(self._failed(item, own))
        return results

    def _failed(self, item: Item, error: Exception) -> SampleResult:
        if is_out_of_memory(error):
            free_memory()
            message = "The image does not fit into memory alone. Use a smaller model or dtype."
        elif isinstance(error, CapvizError):
            message = str(error)
        else:
            get_logger().error("%s", item.task.sample.filepath, exc_info=error)
            message = f"The models failed on this image: {type(error).__name__}: {error}."
        self._failures += 1
        if not self._any_success and self._failures >= HOPELESS:
            raise ModelError(
                f"The first {self._failures} images all failed; the last one with: {message} "
                f"Details are in {log_file()}."
            ) from error
        return SampleResult(item.task, error=message)

    def _compute_chunk(self, items: Sequence[Item]) -> list[SampleResult]:
        results = [
            SampleResult(item.task, text=item.task.sample.text, error=item.error) for item in items
        ]
        pairs = [
            (item, result)
            for item, result in zip(items, results, strict=True)
            if item.error is None
        ]
        if not pairs:
            return results
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
            for (_, result), maps in zip(pairs, found.maps, strict=True):
                result.maps = maps
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
                result.error = self._failed(item, error).error
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
            item, result, encoder=model, segment_hash=self._segment_hash, top_k=self._options.top_k
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
