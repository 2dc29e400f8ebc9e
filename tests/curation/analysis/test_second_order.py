"""An analysis whose words are attributed by a dual encoder: its own grid and crop, and coverage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from PIL import Image

import fiftyone_capviz as capviz
from fiftyone_capviz.attribution.pairs.explain import explain_pair
from fiftyone_capviz.attribution.pairs.slices import heatmap_of_words, indices_of_words
from fiftyone_capviz.coverage import measure_coverage
from fiftyone_capviz.curation.dataset.names import NOT_SEEN, UNCOVERED
from fiftyone_capviz.curation.dataset.runs import read_run
from fiftyone_capviz.curation.export.files import export_captions
from fiftyone_capviz.curation.export.report import html_report
from fiftyone_capviz.curation.export.summary import least_covered
from fiftyone_capviz.curation.gallery.cards import read_cards
from fiftyone_capviz.curation.gallery.methods import method_result
from fiftyone_capviz.curation.pairs.results import PairTotals
from fiftyone_capviz.curation.pairs.view_relations import relate_view
from fiftyone_capviz.curation.segments.active import activate_captions, segment_values
from fiftyone_capviz.curation.segments.focus import focus_word
from fiftyone_capviz.errors import ExistingResultsError, InputError
from fiftyone_capviz.models.cache import ModelCache
from fiftyone_capviz.placed_masks import masks_from_boxes
from fiftyone_capviz.segments import seen_segments
from fiftyone_capviz.settings.words import WordMethod
from tests.worlds.blip_checkpoints import save_small
from tests.worlds.dual_encoders import save_clip

CAPTIONS = ("a man in a red shirt", "a gray wolf and a dog", "two dogs")
CACHE = ModelCache()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    save_clip(made / "clip", seed=1)
    save_small("matcher", made / "matcher")
    rng = np.random.default_rng(0)
    for index, (width, height) in enumerate(((64, 32), (40, 60), (48, 48))):
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(made / f"{index}.png")
    return made


@pytest.fixture
def dataset(folder: Path) -> Iterator[Any]:
    made = fo.Dataset()
    boxes = ([0.1, 0.1, 0.5, 0.6], [0.4, 0.2, 0.6, 0.8], [0.0, 0.5, 0.3, 0.5])
    for index, caption in enumerate(CAPTIONS):
        labels = [fo.Detection(label=f"part {i}", bounding_box=b) for i, b in enumerate(boxes)]
        made.add_sample(
            fo.Sample(
                filepath=str(folder / f"{index}.png"),
                said=caption,
                parts=fo.Detections(detections=labels),
            )
        )
    yield made
    made.delete()


def attribute(dataset: Any, folder: Path, **told: Any) -> Any:
    settings = {
        "caption_field": "said",
        "segments_field": "parts",
        "own_segments": True,
        "matcher": str(folder / "matcher"),
        "encoder": str(folder / "clip"),
        "method": "second_order",
        "stages": ("attribute",),
        "map_method": "none",
        "device": "cpu",
        "dtype": "float32",
        "progress": False,
        "cache": CACHE,
    }
    report = capviz.analyze(dataset, **{**settings, **told})
    dataset.reload()
    return report


def test_maps_scores_and_coverage_are_those_of_the_pairs(dataset: Any, folder: Path) -> None:
    report = attribute(dataset, folder)
    assert report.counts["attributed"] == len(CAPTIONS)
    assert not report.failures
    encoder = CACHE.get("encoder", str(folder / "clip"), device="cpu", dtype="float32")
    for sample in dataset:
        found = explain_pair(encoder, Image.open(sample.filepath), sample.said)
        scale = np.abs(found.word_maps).max()
        assert sample.said_words == list(found.words.words)
        assert np.allclose(sample.said_attention, found.word_maps, atol=2e-3 * scale)
        # Each word's resized map, summed over the pixels of each box, as DESIGN has it.
        vertical, horizontal = found.transform.resize_matrices()
        resized = np.einsum("hp,wpq,xq->whx", vertical, found.word_maps, horizontal)
        width, height = frame = (found.transform.width, found.transform.height)
        boxes = [label.bounding_box for label in sample.parts.detections]
        masks = masks_from_boxes(boxes, height=height, width=width)
        sums = [resized[:, mask].sum(1) / mask.size / np.sqrt(mask.mean()) for mask in masks]
        expected = np.stack(sums)
        seen = seen_segments(masks, found.transform)
        expected[~seen] = np.nan
        near = 5e-3 * np.nanmax(np.abs(expected))
        assert np.allclose(sample.said_scores, expected, atol=near, equal_nan=True)
        told = measure_coverage(sample.said_scores, top_k=3, seen=seen)
        assert sample.said_coverage == told.share
        whole = found.transform.crop == (0, 0, *frame)
        for label in sample.parts.detections:
            stored = label.get_field("patch_weights") if label.has_field("patch_weights") else None
            assert (stored is not None) == whole  # what is stored is of the whole image
            assert label.label.startswith("part")


def test_the_run_tells_what_it_came_from_and_is_not_repeated(dataset: Any, folder: Path) -> None:
    attribute(dataset, folder)
    record = read_run(dataset, "said")
    assert record is not None
    assert record.options["method"] == "second_order"
    assert record.options["encoder"] == str(folder / "clip")
    assert record.layer == 2
    assert set(record.revisions) == {"encoder"}
    assert attribute(dataset, folder).skipped == len(CAPTIONS)
    with pytest.raises(ExistingResultsError, match="method"):
        attribute(dataset, folder, method="gradcam")
    before = dataset.first().said_scores
    attribute(dataset, folder, method="gradcam", existing="replace")
    assert not np.allclose(before, dataset.first().said_scores)


def test_match_scores_come_beside_it(dataset: Any, folder: Path) -> None:
    report = attribute(dataset, folder, stages=("match", "attribute"))
    assert report.counts["matches"] == report.counts["attributed"] == len(CAPTIONS)
    assert all(0 <= value <= 1 for value in dataset.values("said_itm"))
    record = read_run(dataset, "said")
    assert record is not None
    assert set(record.revisions) == {"matcher", "encoder"}


def test_segments_outside_the_crop_are_not_seen(dataset: Any, folder: Path, tmp_path: Path) -> None:
    """Of an image of 64 x 32 pixels CLIP sees the 32 columns in the middle."""
    boxes = {
        "inside": [0.3, 0.2, 0.4, 0.6],
        "half": [0.125, 0, 0.25, 0.5],  # 8 to 24, of which 16 to 24 are inside
        "less": [0.109375, 0, 0.25, 0.5],  # one column further out
        "outside": [0.8, 0.1, 0.15, 0.8],
    }
    labels = [fo.Detection(label=name, bounding_box=box) for name, box in boxes.items()]
    sample = dataset.first()
    sample.parts = fo.Detections(detections=labels)
    sample.save()
    view = dataset.limit(1)
    report = attribute(view, folder)
    assert report.counts["segments_not_seen"] == 2
    assert any("2 segments lie with more than half" in note for note in report.notes)
    record = read_run(dataset, "said")
    assert record is not None
    assert record.notes == report.notes
    sample.reload()
    stored = sample.parts.detections
    hidden = [False, False, True, True]
    assert np.isnan(sample.said_scores).all(axis=1).tolist() == hidden
    assert [one.coverage is None for one in stored] == hidden
    assert [one.top_word for one in stored if one.coverage is None] == [None, None]
    assert [one.label for one in stored] == list(boxes)  # a user's own stay
    seen = [one.coverage for one in stored if one.coverage is not None]
    assert sample.said_coverage == np.mean([count > 0 for count in seen])
    # Two compete, so that a word covers one: ceil(2 / 3).
    assert sum(len(one.covered_by) for one in stored) <= len(sample.said_words)
    _exports_and_gallery_tell_it(dataset, sample, hidden, tmp_path)
    focus_word(view, sample.said_words[0], caption_field="said", segments_field="parts")
    sample.reload()
    assert [one.attention is None for one in sample.parts.detections] == hidden
    before = [(one.coverage, one.covered_by, one.word_scores) for one in stored]
    activate_captions(dataset, "said", segments_field="parts")
    sample.reload()
    after = [(one.coverage, one.covered_by, one.word_scores) for one in sample.parts.detections]
    assert after == before


def _exports_and_gallery_tell_it(
    dataset: Any, sample: Any, hidden: list[bool], tmp_path: Path
) -> None:
    fields: Any = {"caption_field": "said", "segments_field": "parts"}
    made = json.loads(export_captions(dataset, tmp_path / "c.json", **fields).read_text("utf-8"))
    listed = made["samples"][0]["segments"]
    assert ["seen" in one and not one["seen"] for one in listed] == hidden
    assert [one["coverage"] is None for one in listed] == hidden
    cards = read_cards(dataset, [(sample.id, one.id) for one in sample.parts.detections], **fields)
    assert [not one.reading.seen for one in cards if one.reading] == hidden
    assert [one.reading.coverage is None for one in cards if one.reading] == hidden
    (worst,) = [one for one in least_covered(dataset, **fields) if one.sample_id == sample.id]
    assert worst.segments == 2
    page = html_report(dataset, tmp_path / "r.html", **fields).read_text("utf-8")
    assert "2 not seen" in page
    assert "segments not seen, which do not count" in page


def test_our_own_segments_say_that_they_are_not_seen(folder: Path) -> None:
    scores = np.array([[0.5, np.nan], [np.nan, np.nan], [-1.0, np.nan]], np.float32)
    values, share = segment_values(
        scores, ["dog", "hat"], segments_field="s", labels=["segment"] * 3,
        top_words=[None] * 3, ours=True,
    )  # fmt: skip
    labels = [values[f"s.detections.{i}.label"] for i in range(3)]
    assert labels == ["dog", NOT_SEEN, UNCOVERED]
    assert [values[f"s.detections.{i}.coverage"] for i in range(3)] == [1, None, 0]
    assert values["s.detections.1.word_scores"] == [None, None]
    assert share == 0.5
    # Where no word was read nothing is said of any segment.
    values, _ = segment_values(
        np.full((2, 2), np.nan), ["dog", "hat"], segments_field="s", labels=[NOT_SEEN, "mine"],
        top_words=[None] * 2, ours=True,
    )  # fmt: skip
    assert values["s.detections.0.label"] == "segment"
    assert "s.detections.1.label" not in values
    assert values["s.detections.0.coverage"] is None
    assert values["s.detections.0.word_scores"] is None


def test_words_beyond_the_encoders_limit_are_unread(dataset: Any, folder: Path) -> None:
    """The small CLIP reads 16 tokens, of which two are special."""
    dataset.set_values("said", ["a red car and " * 5 + "a wolf", "a dog", "two dogs"])
    report = attribute(dataset, folder)
    assert report.counts["words_unread"] == 1
    assert dataset.values("said_unread") == [["wolf"], [], []]
    sample = dataset.first()
    assert np.isnan(sample.said_attention[-1]).all()
    encoder = CACHE.get("encoder", str(folder / "clip"), device="cpu", dtype="float32")
    found = explain_pair(encoder, Image.open(sample.filepath), sample.said)
    assert found.unread == ("wolf",)
    assert found.on_patches + found.on_cls + found.rest == pytest.approx(found.total)
    totals = PairTotals.of(found)
    assert np.isnan(totals.totals).tolist() == [False, False, True]
    with pytest.raises(InputError, match="'wolf' lies beyond"):
        heatmap_of_words(found, indices_of_words(found, ["wolf"]))
    relations = relate_view(dataset, caption_field="said", encoder=str(folder / "clip"))
    assert list(relations.cut) == [sample.said]
    assert relations.notes[0].startswith("1 of 3 captions are longer")
    table = relations.segment_words(sample.id)
    assert table.unread == ("wolf",)
    assert np.isnan(table.matrix[:, -1]).all()
    assert (np.isnan(table.matrix[:, :-1]).all(axis=1) == ~table.seen).all()


def test_what_cannot_be_attributed_is_refused(dataset: Any, folder: Path) -> None:
    with pytest.raises(InputError, match="has 3 layers, 0 to 2; got layer=3"):
        attribute(dataset, folder, layer=3)
    with pytest.raises(InputError, match="head belongs to"):
        attribute(dataset, folder, head=0)
    attribute(dataset, folder)
    sample = dataset.first()
    with pytest.raises(InputError, match="shown as they are stored"):
        method_result(
            dataset,
            [(sample.id, sample.parts.detections[0].id)],
            WordMethod("itm", "second_order"),
            caption_field="said",
            segments_field="parts",
            cache=CACHE,
        )
