"""Fields are declared up front, and raw documents are what FiftyOne itself would store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from bson import ObjectId
from PIL import Image

from fiftyone_capviz.curation.analysis.updates import compact
from fiftyone_capviz.curation.dataset.caption_fields import check_fields
from fiftyone_capviz.curation.dataset.documents import (
    crop_masks,
    deserialize_array,
    detection_documents,
    full_masks,
    segments_signature,
    serialize_array,
    stored_weights,
    text_hash,
)
from fiftyone_capviz.curation.dataset.names import (
    ERROR_FIELD,
    SIDEBAR_GROUP,
    CaptionFields,
    SegmentFields,
)
from fiftyone_capviz.curation.dataset.schema import (
    caption_schema,
    declare_fields,
    segments_schema,
)
from fiftyone_capviz.errors import ImageError, InputError
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.settings.analysis import STAGES, AnalysisOptions

NAMES, SEGMENTS = CaptionFields("caption"), SegmentFields("segments")


@pytest.fixture
def dataset() -> Iterator[fo.Dataset]:
    made = fo.Dataset()
    made.add_sample(fo.Sample(filepath="image.png"))
    yield made
    made.delete()


def test_all_fields_are_declared_and_declaring_is_idempotent(dataset: fo.Dataset) -> None:
    declare_fields(dataset, NAMES, SEGMENTS)
    schema = dataset.get_field_schema(flat=True)
    declare_fields(dataset, NAMES, SEGMENTS)

    for path, declared in {**caption_schema(NAMES), **segments_schema(SEGMENTS)}.items():
        assert isinstance(schema[path], declared.kind)
        assert schema[path].description == declared.description
    assert dataset.get_field_schema(flat=True).keys() == schema.keys()


def test_a_path_is_in_exactly_one_sidebar_group(dataset: fo.Dataset) -> None:
    declare_fields(dataset, NAMES, SEGMENTS)
    declare_fields(dataset, CaptionFields("caption_large"), SEGMENTS)

    groups = dataset.app_config.sidebar_groups
    paths = [path for group in groups for path in group.paths]
    ours = next(group for group in groups if group.name == SIDEBAR_GROUP)

    assert len(paths) == len(set(paths))
    assert {"caption", "caption_large_coverage", "segments", ERROR_FIELD} <= set(ours.paths)
    assert [group.name for group in groups].count(SIDEBAR_GROUP) == 1


def test_a_users_own_groups_and_segments_stay_where_they_are(dataset: fo.Dataset) -> None:
    dataset.add_sample_field("truth", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    dataset.app_config.sidebar_groups = [fo.SidebarGroupDocument(name="mine", paths=["truth"])]
    dataset.save()

    declare_fields(dataset, NAMES, SegmentFields("truth"))

    mine = next(g for g in dataset.app_config.sidebar_groups if g.name == "mine")
    assert mine.paths == ["truth"]


@pytest.mark.parametrize(
    ("path", "kind", "seen"),
    [
        ("caption", fo.IntField, "IntField"),
        ("caption_itm", fo.StringField, "StringField"),
        ("caption_words", fo.StringField, "StringField"),
        ("segments", fo.StringField, "StringField"),
        ("capviz_error", fo.IntField, "IntField"),
    ],
)
def test_a_field_of_another_type_is_refused(
    dataset: fo.Dataset, path: str, kind: type[fo.Field], seen: str
) -> None:
    dataset.add_sample_field(path, kind)
    before = dataset.get_field_schema(flat=True).keys()

    with pytest.raises(InputError, match=rf"{path}.*{seen}") as caught:
        check_fields(dataset, AnalysisOptions(), STAGES)

    assert "hoose another" in str(caught.value)
    assert dataset.get_field_schema(flat=True).keys() == before


def test_other_labels_cannot_stand_in_for_segments(dataset: fo.Dataset) -> None:
    dataset.add_sample_field(
        "segments", fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification
    )
    with pytest.raises(InputError, match=r"stored as Detections.*is a Classification"):
        check_fields(dataset, AnalysisOptions(), STAGES)


def test_a_missing_caption_field_is_answered_with_those_that_are_there(
    dataset: fo.Dataset,
) -> None:
    dataset.add_sample_field("blurb", fo.StringField)
    dataset.add_sample_field("blurbs", fo.ListField, subfield=fo.StringField)
    with pytest.raises(InputError, match=r"no caption field 'caption'.*'blurb', 'blurbs'"):
        check_fields(dataset, AnalysisOptions(), ("match",))


def test_captions_are_written_into_a_list_field_too(dataset: fo.Dataset) -> None:
    dataset.add_sample_field("caption", fo.ListField, subfield=fo.StringField)
    check_fields(dataset, AnalysisOptions(), ("match",))
    check_fields(dataset, AnalysisOptions(), ("caption",))


def test_raw_detections_are_fiftyones_own() -> None:
    masks = np.zeros((2, 20, 30), dtype=bool)
    masks[0, 3:9, 4:20] = True
    masks[1, 19, 29] = True
    cropped = crop_masks(masks)

    ours = detection_documents(cropped, ["a.b", "$c"])

    for document, box, crop, label in zip(
        ours, cropped.relative_boxes(), cropped.crops, ["a.b", "$c"], strict=True
    ):
        detection = fo.Detection(label=label, bounding_box=box, mask=crop)
        theirs = dict(detection.to_dict(extended=False))
        assert list(document) == list(theirs)
        document.pop("_id"), theirs.pop("_id")
        assert document == theirs


def test_detections_do_not_share_mutable_defaults() -> None:
    first, second = detection_documents(crop_masks(np.ones((2, 4, 4), dtype=bool)), ["a", "b"])
    assert first["tags"] is not second["tags"]
    assert first["attributes"] is not second["attributes"]


def test_cropping_is_undone_by_full_masks() -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((6, 37, 53)) > 0.97
    documents = detection_documents(crop_masks(masks), ["x"] * 6)

    np.testing.assert_array_equal(full_masks(documents, width=53, height=37), masks)


def test_a_box_stands_for_itself_and_a_mask_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    pixels = np.zeros((4, 4), dtype=np.uint8)
    pixels[:2] = 255
    Image.fromarray(pixels).save(path)
    documents: list[dict[str, Any]] = [
        {"_id": ObjectId(), "bounding_box": [0.25, 0.5, 0.5, 0.5]},
        {"_id": ObjectId(), "bounding_box": [0, 0, 1, 1], "mask_path": str(path)},
        {"_id": ObjectId(), "bounding_box": None},
    ]

    masks = full_masks(documents, width=8, height=8)

    assert masks[0].sum() == 16
    assert masks[0, 4:, 2:6].all()
    assert masks[1, :4].all()
    assert not masks[1, 4:].any()
    assert not masks[2].any()


def test_an_unreadable_mask_file_is_named(tmp_path: Path) -> None:
    document = {"_id": ObjectId(), "bounding_box": [0, 0, 1, 1], "mask_path": "/nowhere/m.png"}
    with pytest.raises(ImageError, match=r"/nowhere/m.png"):
        full_masks([document], width=8, height=8)


def test_arrays_survive_storage_in_fiftyones_format(dataset: fo.Dataset) -> None:
    array = np.random.default_rng(0).random((3, 4, 4)).astype(np.float16)
    declare_fields(dataset, NAMES, None)
    dataset._sample_collection.update_many({}, {"$set": {NAMES.attention: serialize_array(array)}})
    dataset.reload()

    np.testing.assert_array_equal(dataset.first()[NAMES.attention], array)
    np.testing.assert_array_equal(deserialize_array(serialize_array(array)), array)


def test_stored_weights_must_be_on_the_grid() -> None:
    weights = np.full((4, 4), 0.01, dtype=np.float16)
    with_them, without = {"patch_weights": serialize_array(weights)}, {"patch_weights": None}

    stored = stored_weights([with_them], Grid(4, 4))
    assert stored is not None
    assert stored.shape == (1, 4, 4)
    assert stored_weights([with_them], Grid(5, 5)) is None
    assert stored_weights([with_them, without], Grid(4, 4)) is None
    empty = stored_weights([], Grid(4, 4))
    assert empty is not None
    assert empty.shape == (0, 4, 4)


def test_text_hashes_take_any_text() -> None:
    texts = ["", "a", "é", "日本", "\ud800", "a.b$c", "<b>'\"😀"]
    hashes = {text_hash(text) for text in texts}
    assert len(hashes) == len(texts)
    assert text_hash(None) == text_hash("")


def test_signatures_notice_what_changes_scores() -> None:
    one = {"_id": ObjectId(), "bounding_box": [0, 0, 1, 1]}
    two = {"_id": ObjectId(), "bounding_box": [0, 0, 0.5, 1]}
    moved = {**one, "bounding_box": [0.1, 0, 0.5, 1]}
    own = [segments_signature(None, each) for each in ([], [one], [moved], [one, two], [two, one])]
    assert len(set(own)) == len(own)
    assert segments_signature("hash", [one, two]) != segments_signature("hash", [one])
    assert segments_signature("hash", [one]) != segments_signature("other", [one])


def test_maps_are_stored_small_unless_digits_would_be_lost() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 4, 4)).astype(np.float32)

    assert compact(maps).dtype == np.float16
    assert compact(np.zeros((0, 4, 4), dtype=np.float32)).dtype == np.float16
    for scale in (1e-8, 1e8):
        kept = compact(maps * np.float32(scale))
        assert kept.dtype == np.float32
        np.testing.assert_array_equal(kept, maps * np.float32(scale))
