"""`fiftyone_capviz.analyze`: the whole analysis, with its options as keyword arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import fiftyone as fo

from fiftyone_capviz.curation import pipeline
from fiftyone_capviz.curation.options import STAGES, AnalysisOptions
from fiftyone_capviz.curation.pipeline import Progress, Report
from fiftyone_capviz.progress_bar import ProgressBar

if TYPE_CHECKING:
    from fiftyone_capviz.models.cache import ModelCache


def analyze(
    collection: fo.core.collections.SampleCollection,
    options: AnalysisOptions | None = None,
    *,
    caption_field: str | None = None,
    segments_field: str | None = None,
    own_segments: bool | None = None,
    captioner: str | None = None,
    matcher: str | None = None,
    segmenter: str | None = None,
    encoder: str | None = None,
    prompt: str | None = None,
    num_beams: int | None = None,
    max_new_tokens: int | None = None,
    min_new_tokens: int | None = None,
    source: str | None = None,
    method: str | None = None,
    layer: int | None = None,
    head: int | None = None,
    clamp: str | None = None,
    use_enc: bool | None = None,
    min_area: float | None = None,
    max_overlap: float | None = None,
    points_per_side: int | None = None,
    pred_iou_thresh: float | None = None,
    stability_score_thresh: float | None = None,
    top_k: int | None = None,
    embeddings: str | None = None,
    map_method: str | None = None,
    map_seed: int | None = None,
    existing: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    batch_size: int | None = None,
    caption_index: int | None = None,
    stages: Sequence[str] = STAGES,
    progress: bool | Callable[[Progress], None] = True,
    stop: Callable[[], bool] | None = None,
    cache: ModelCache | None = None,
) -> Report:
    """Caption, match, segment, attribute and map the images of a dataset or view.

    Every keyword that is given replaces the one in ``options``; `AnalysisOptions` says what each
    means. What carries the same configuration already is not computed again.

    Args:
        collection: dataset or view of images.
        options: where the values come from that no keyword gives; default `AnalysisOptions()`.
        stages: which of "caption", "match", "segment", "attribute", "map" to run.
        progress: True draws a bar where FiftyOne draws bars; or a function that is called with
            each event.
        stop: asked between batches; True ends the run after the batch at hand.
        cache: models are kept here; default one cache for the whole process.

    Returns:
        What was done, skipped and failed, and the seconds per stage.

    Raises:
        CapvizError: an option, field, view or model cannot be used; nothing was changed.
    """
    given: dict[str, str | int | float | bool | None] = {
        "caption_field": caption_field,
        "segments_field": segments_field,
        "own_segments": own_segments,
        "captioner": captioner,
        "matcher": matcher,
        "segmenter": segmenter,
        "encoder": encoder,
        "prompt": prompt,
        "num_beams": num_beams,
        "max_new_tokens": max_new_tokens,
        "min_new_tokens": min_new_tokens,
        "source": source,
        "method": method,
        "layer": layer,
        "head": head,
        "clamp": clamp,
        "use_enc": use_enc,
        "min_area": min_area,
        "max_overlap": max_overlap,
        "points_per_side": points_per_side,
        "pred_iou_thresh": pred_iou_thresh,
        "stability_score_thresh": stability_score_thresh,
        "top_k": top_k,
        "embeddings": embeddings,
        "map_method": map_method,
        "map_seed": map_seed,
        "existing": existing,
        "device": device,
        "dtype": dtype,
        "batch_size": batch_size,
        "caption_index": caption_index,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    merged = replace(options or AnalysisOptions(), **chosen)  # type: ignore[arg-type]
    if callable(progress):
        return pipeline.analyze(
            collection, merged, stages=stages, progress=progress, stop=stop, cache=cache
        )
    with ProgressBar(enabled=progress and bool(fo.config.show_progress_bars)) as bar:
        return pipeline.analyze(
            collection, merged, stages=stages, progress=bar, stop=stop, cache=cache
        )
