"""Datasets as an analysis leaves them, made without any model: known words, scores and masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
from PIL import Image

from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.curation.dataset.documents import text_hash
from fiftyone_capviz.curation.dataset.names import UNATTRIBUTED, CaptionFields, SegmentFields
from fiftyone_capviz.curation.dataset.runs import RunRecord, read_run, set_active_caption, write_run
from fiftyone_capviz.curation.dataset.schema import declare_fields
from fiftyone_capviz.curation.segments.active import segment_values
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.text.words import caption_words

GRID = 4
SIDE = 48
CAPTIONS = (
    "a man holding a fish",
    "a woman in a red dress",
    "a wolf standing in the snow",
    "a dog on the grass",
    "a wolf in the snow",
)


def draw_images(folder: Path, n: int) -> list[Path]:
    """Small pictures with four quarters of different colors."""
    paths = []
    rng = np.random.default_rng(0)
    for i in range(n):
        pixels = np.repeat(
            np.repeat(rng.integers(0, 255, (2, 2, 3), np.uint8), SIDE // 2, 0), SIDE // 2, 1
        )
        path = folder / f"image_{i:04d}.png"
        Image.fromarray(pixels).save(path)
        paths.append(path)
    return paths


def analysed_dataset(
    folder: Path,
    *,
    captions: Sequence[str] = CAPTIONS,
    segments: int = 4,
    caption_field: str = "caption",
    segments_field: str = "segments",
    own_labels: Sequence[str] | None = None,
    seed: int = 0,
) -> Any:
    """A dataset with one image per caption, segmented in bands, scored at random."""
    dataset = fo.Dataset()
    paths = draw_images(folder, len(captions))
    samples = [
        fo.Sample(
            filepath=str(path), metadata=fo.ImageMetadata(width=SIDE, height=SIDE, num_channels=3)
        )
        for path in paths
    ]
    if own_labels is not None:
        for sample in samples:
            sample[segments_field] = fo.Detections(
                detections=[
                    fo.Detection(label=own_labels[i % len(own_labels)], **band(i, segments))
                    for i in range(segments)
                ]
            )
    dataset.add_samples(samples)
    add_captions(
        dataset,
        captions,
        segments=segments,
        caption_field=caption_field,
        segments_field=segments_field,
        seed=seed,
    )
    return dataset


def band(i: int, count: int) -> dict[str, Any]:
    """Box and mask of the i-th of some horizontal bands of the image."""
    height = SIDE // count
    return {
        "bounding_box": [0.0, i / count, 1.0, 1 / count],
        "mask": np.ones((height, SIDE), dtype=bool),
    }


def add_captions(
    dataset: Any,
    captions: Sequence[str],
    *,
    segments: int = 4,
    caption_field: str = "caption",
    segments_field: str = "segments",
    seed: int = 0,
) -> None:
    """Captions, words, maps and scores in the fields of an analysis; the segments follow them."""
    names, marks = CaptionFields(caption_field), SegmentFields(segments_field)
    had_segments = dataset.has_field(segments_field)
    declare_fields(dataset, names, marks)
    rng = np.random.default_rng(seed)
    for sample, text in zip(dataset, captions, strict=True):
        words = caption_words(text)
        scores = rng.normal(size=(segments, len(words.words))).astype(np.float32)
        if not had_segments:
            weights = np.zeros((segments, GRID, GRID), np.float16)
            for i in range(segments):
                weights[i, i * GRID // segments : (i + 1) * GRID // segments] = 1 / GRID**2
            sample[segments_field] = fo.Detections(
                detections=[
                    fo.Detection(
                        label=UNATTRIBUTED,
                        area=1 / segments,
                        predicted_iou=0.9,
                        patch_weights=weights[i],
                        **band(i, segments),
                    )
                    for i in range(segments)
                ]
            )
            sample[marks.stage] = "0" * 16
        sample[names.caption] = text
        sample[names.itm] = float(rng.random())
        sample[names.words] = list(words.words)
        sample[names.word_tags] = list(words.tags)
        sample[names.attention] = rng.normal(size=(len(words.words), GRID, GRID)).astype(np.float16)
        sample[names.scores] = scores
        sample[names.coverage] = float(measure_coverage(scores).share) if segments else None
        sample[names.stages] = {"caption": "c", "match": "m", "attribute": "a"} | {
            "text": text_hash(text),
            "written": text_hash(text),
        }
        found = sample[segments_field].detections if segments else []
        values, _share = segment_values(
            scores,
            words.words,
            segments_field=segments_field,
            labels=[one.label for one in found],
            top_words=[one["top_word"] if one.has_field("top_word") else None for one in found],
            ours=sample[marks.stage] is not None,
        )
        for path, value in values.items():
            _, _, index, name = path.split(".")
            found[int(index)][name] = value
        sample.save()
    options = AnalysisOptions(
        caption_field=caption_field,
        segments_field=segments_field,
        captioner="scenes",
        matcher="scenes",
        segmenter="scenes",
    )
    record = read_run(dataset, caption_field) or RunRecord(caption_field, segments_field)
    write_run(dataset, replace(record, options=options.to_dict(), state="done"))
    set_active_caption(dataset, segments_field, caption_field)
