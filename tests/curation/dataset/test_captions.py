"""The one reader of captions, and where it says that a text stands: every shape, any reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_capviz.curation.dataset.captions import (
    CaptionPlaces,
    stored_text,
    stored_texts,
    stored_value,
)
from fiftyone_capviz.curation.dataset.names import CaptionFields, derived_prefix
from fiftyone_capviz.curation.export.files import export_captions
from fiftyone_capviz.curation.gallery.methods import _read_images
from fiftyone_capviz.curation.pairs.plan import estimate_pairs
from fiftyone_capviz.curation.pairs.sample import choose_fields, read_sample
from fiftyone_capviz.curation.steering.image import read_image
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.settings.pairs import PairSettings
from tests.worlds.own_captions import SHAPES, TEXTS, Shape, add_own_captions
from tests.worlds.random_world import image_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    made = image_dataset(tmp_path, 4)
    yield made
    made.delete()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_every_reader_reads_every_shape(dataset: Any, shape: Shape, tmp_path: Path) -> None:
    add_own_captions(dataset, shape)
    options = AnalysisOptions(caption_field=shape.path)
    chosen = choose_fields(dataset, shape.path)
    ids = dataset.values("id")
    for n, text in enumerate((*TEXTS, None)):
        assert (read_image(dataset, ids[n], options).caption or None) == text
        assert (read_sample(dataset, ids[n], chosen).caption or None) == text
    images = _read_images(dataset, [(one, "0" * 24) for one in ids], options)
    assert [image.text for image in images] == [*TEXTS, ""]
    pairs = estimate_pairs(
        dataset, PairSettings(encoder="scenes", device="cpu"), caption_field=shape.path
    )
    assert pairs.to_do == len(TEXTS)
    coco = export_captions(dataset, tmp_path / "c.json", caption_field=shape.path, format="coco")
    assert all(text in coco.read_text("utf-8") for text in TEXTS)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_a_place_is_where_the_text_is_read_from(dataset: Any, shape: Shape) -> None:
    add_own_captions(dataset, shape)
    places = CaptionPlaces.of_dataset(dataset, shape.path)
    collection = dataset._sample_collection
    for row in list(collection.find({})):
        place = places.of(row)
        assert place is not None
        collection.update_one({"_id": row["_id"]}, {"$set": {place.path: place.value("new")}})
        found = collection.find_one({"_id": row["_id"]})
        assert stored_text(found, shape.path) == "new"
        assert len(stored_texts(found, shape.path)) == max(1, len(stored_texts(row, shape.path)))
    dataset.reload()
    assert all(sample[shape.field] is not None for sample in dataset)  # FiftyOne can still read it


def test_the_index_chooses_and_the_first_stands_in() -> None:
    row = {"c": ["one", None, "three"]}
    assert [stored_text(row, "c", n) for n in (0, 1, 2, 9)] == ["one", None, "three", "one"]
    assert stored_value(row, "c") == ["one", "three"]
    assert stored_value({"c": "one"}, "c") == "one"
    assert stored_text({}, "c") is None
    assert stored_text({"c": 3}, "c") is None
    assert stored_texts({"c": {"text": "b", "response": "a"}}, "c") == ["a"]


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("caption", "caption"),
        ("blip2-caption", "blip2_caption"),
        ("my caption", "my_caption"),
        ("vlm.response", "vlm_response"),
        ("légende", "légende"),
    ],
)
def test_derived_names_begin_with_what_is_allowed(path: str, prefix: str) -> None:
    assert derived_prefix(path) == prefix
    names = CaptionFields(path)
    assert (names.words, names.run_key) == (f"{prefix}_words", f"capviz_{prefix}")
    assert names.run_key.isidentifier()
    chosen = CaptionFields(path, "mine")
    assert {chosen.itm, chosen.pairs.score, chosen.evaluation().pge, chosen.steered[0]} == {
        "mine_itm",
        "mine_pair_score",
        "mine_pge",
        "mine_steered",
    }


def test_a_filtered_view_is_read_as_it_shows(dataset: Any) -> None:
    from fiftyone_capviz.curation.words.dataset_graph import caption_values

    add_own_captions(dataset, SHAPES["classifications"], filled=2)
    view = dataset.filter_labels("labels", fo.ViewField("label") != "a sibling stays")
    assert caption_values(view, "labels") == [[TEXTS[0]], [TEXTS[1]]]
