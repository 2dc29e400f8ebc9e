"""Which segments the gallery shows, and what it shows of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from fiftyone import ViewField as F

from fiftyone_capviz.curation.app.lasso import Lasso
from fiftyone_capviz.curation.app.panel_focus import panel_focus, set_panel_focus
from fiftyone_capviz.curation.gallery.cards import SegmentCard, read_cards
from fiftyone_capviz.curation.gallery.pool import (
    MAX_SHOWN,
    SegmentPool,
    gallery_fields,
    gallery_pool,
    segments_in_lasso,
    segments_in_view,
    segments_of_words,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.text.caption_pieces import caption_pieces
from tests.worlds.analysed import CAPTIONS, SIDE, add_captions, analysed_dataset

WORDS: Any = {"caption_field": "caption", "segments_field": "segments"}
TRICKY = ("$where", "a.b", "$$segment", "女人", "👩", "$segments")


def scored(collection: Any, *words: str) -> dict[str, int]:
    """The slow, obvious version: label id -> how many of the words cover it."""
    found = {}
    for sample in collection:
        for segment in sample.segments.detections:
            rows = dict(zip(sample.caption_words, segment.word_scores, strict=True))
            if any(rows.get(word, 0) > 0 for word in words):
                found[segment.id] = len(set(words) & set(segment.covered_by))
    return found


def all_ids(collection: Any) -> list[str]:
    return [one for row in collection.values("segments.detections.id") for one in row]


def test_all_segments_of_a_view_and_no_others(dataset: Any) -> None:
    pool = segments_in_view(dataset, "segments")
    assert list(pool.label_ids) == all_ids(dataset)
    assert pool.covered == 0
    view = dataset.limit(2)
    assert set(segments_in_view(view, "segments").label_ids) == set(all_ids(view))
    filtered = dataset.filter_labels("segments", F("coverage") > 0)
    assert set(segments_in_view(filtered, "segments").label_ids) == set(all_ids(filtered))
    assert len(segments_in_view(filtered, "segments")) < len(pool)


def test_a_view_of_patches_shows_its_patches(dataset: Any) -> None:
    patches = dataset.to_patches("segments").limit(3)
    pool = segments_in_view(patches, "segments")
    assert set(pool.label_ids) == set(patches.values("id"))
    found = segments_of_words(patches, ["wolf", "man"], **WORDS)
    assert set(found.label_ids) == set(patches.values("id")) & set(scored(dataset, "wolf", "man"))


@pytest.mark.parametrize("words", [("wolf",), ("wolf", "snow"), ("man", "dress"), ("zebra",)])
def test_the_segments_of_words_are_those_with_a_positive_score(
    dataset: Any, words: tuple[str, ...]
) -> None:
    pool = segments_of_words(dataset, words, **WORDS)
    expected = scored(dataset, *words)
    assert dict(zip(pool.label_ids, pool.ranks, strict=True)) == expected
    assert pool.covered == sum(rank > 0 for rank in expected.values())


def test_words_are_data(tmp_path: Path) -> None:
    made = analysed_dataset(tmp_path, captions=["a wolf"] * len(TRICKY))
    for sample, word in zip(made, TRICKY, strict=True):
        sample.caption_words = [word]
        for segment in sample.segments.detections:
            segment.word_scores, segment.covered_by = [0.5], [word]
        sample.save()
    for sample, word in zip(made, TRICKY, strict=True):
        pool = segments_of_words(made, [word], **WORDS)
        assert set(pool.sample_ids) == {sample.id}
        assert set(pool.ranks) == {1}
    made.delete()


def test_scores_that_are_no_numbers_count_as_none(dataset: Any) -> None:
    sample = dataset.first()
    word = sample.caption_words[0]
    for segment, scores in zip(
        sample.segments.detections,
        ([float("nan")] * 2, None, [], [1.0] * 2),
        strict=True,
    ):
        segment.word_scores = scores
    sample.save()
    pool = segments_of_words(dataset.limit(1), [word], **WORDS)
    assert pool.label_ids.tolist() == [sample.segments.detections[3].id]


def test_a_draw_is_random_seeded_and_covering_segments_come_first(tmp_path: Path) -> None:
    dataset = analysed_dataset(tmp_path, segments=12)
    pool = segments_of_words(dataset, ["wolf"], **WORDS)
    shown = pool.draw(len(pool), seed=3)
    assert shown == pool.draw(len(pool), seed=3)
    assert sorted(label for _, label in shown) == sorted(pool.label_ids)
    rank = dict(zip(pool.label_ids, pool.ranks, strict=True))
    ranks = [rank[label] for _, label in shown]
    assert ranks == sorted(ranks, reverse=True)
    assert 0 < pool.covered < len(pool)
    whole = segments_in_view(dataset, "segments")
    draws = [tuple(whole.draw(6, seed=seed)) for seed in range(5)]
    assert len(set(draws)) == 5
    owners = dict(zip(whole.label_ids, whole.sample_ids, strict=True))
    assert all(owners[label] == sample for sample, label in draws[0])
    dataset.delete()


def test_a_draw_has_a_limit() -> None:
    many = np.array([str(i) for i in range(5000)])
    none = np.array([], str)
    pool = SegmentPool(many, many, np.zeros(5000, int))
    assert len(pool.draw(10_000, seed=0)) == MAX_SHOWN
    assert pool.draw(0, seed=0) == []
    assert SegmentPool(none, none, np.zeros(0, int)).draw(5, seed=0) == []


def test_the_lasso_is_a_pool(dataset: Any) -> None:
    ids = all_ids(dataset)
    marked = Lasso(label_ids=(ids[0], ids[5], "f" * 24))
    assert set(segments_in_lasso(dataset, marked, "segments").label_ids) == {ids[0], ids[5]}
    assert segments_in_lasso(dataset.limit(1), marked, "segments").label_ids.tolist() == [ids[0]]
    samples = tuple(dataset.values("id")[:2])
    found = segments_in_lasso(dataset, Lasso(sample_ids=samples), "segments")
    assert set(found.sample_ids) == set(samples)


def test_a_lasso_goes_before_words_and_words_before_the_view(dataset: Any) -> None:
    fields = gallery_fields(dataset)
    assert fields is not None
    lasso = Lasso(label_ids=tuple(all_ids(dataset)[:1]))
    assert gallery_pool(dataset, fields, words=["wolf"], lasso=lasso)[0] == "lasso"
    assert gallery_pool(dataset, fields, words=["wolf"])[0] == "focus"
    scope, pool = gallery_pool(dataset, fields)
    assert scope == "view"
    assert len(pool) == len(all_ids(dataset))


def test_words_of_another_caption_than_the_active_one_are_refused(dataset: Any) -> None:
    add_captions(dataset, ["a cat"] * len(CAPTIONS), caption_field="other", seed=4)
    fields = gallery_fields(dataset)
    assert fields is not None
    assert fields.caption.caption == "other"
    focus = set_panel_focus(dataset, ["wolf"])
    assert panel_focus(dataset) == focus
    fields = gallery_fields(dataset, focus)
    assert fields is not None
    assert fields.caption.caption == "caption"
    with pytest.raises(InputError, match="activate_captions"):
        gallery_pool(dataset, fields, words=focus.words)


def test_nothing_was_analysed() -> None:
    dataset = fo.Dataset()
    assert gallery_fields(dataset) is None
    with pytest.raises(InputError, match="no field 'segments'"):
        segments_in_view(dataset, "segments")
    dataset.delete()


def cards_of(dataset: Any, count: int = 50) -> list[SegmentCard]:
    pool = segments_in_view(dataset, "segments")
    return read_cards(dataset, pool.draw(count, seed=0), **WORDS)


def test_a_card_says_what_is_stored(dataset: Any) -> None:
    cards = {card.label_id: card for card in cards_of(dataset)}
    assert len(cards) == len(all_ids(dataset))
    for sample in dataset:
        for row, segment in enumerate(sample.segments.detections):
            card = cards[segment.id]
            assert (card.sample_id, card.filepath) == (sample.id, sample.filepath)
            assert "".join(piece.text for piece in card.pieces) == sample.caption
            assert list(card.words) == sample.caption_words
            assert card.reading is not None
            assert [card.words[i] for i in card.reading.covered_by] == segment.covered_by
            assert card.reading.coverage == segment.coverage
            np.testing.assert_allclose(card.reading.scores, sample.caption_scores[row])
            np.testing.assert_allclose(card.reading.best, sample.caption_scores.max(axis=0))
            np.testing.assert_allclose(card.reading.maps, sample.caption_attention)
            assert card.reading.entropy == pytest.approx(segment.entropy)
            assert card.area == segment.area


def test_a_mask_is_cut_to_its_segment(dataset: Any) -> None:
    sample = dataset.first()
    mask = np.zeros((SIDE // 4, SIDE), bool)
    mask[:6, :12] = True  # half of the height, a quarter of the width of the box
    sample.segments.detections[1].mask = mask
    sample.segments.detections[2].mask = None
    sample.save()
    cards = {card.label_id: card for card in cards_of(dataset)}
    card = cards[sample.segments.detections[1].id]
    assert card.box == pytest.approx((0, 0.25, 0.25, 0.125))
    assert card.mask is not None
    assert card.mask.all()
    assert cards[sample.segments.detections[2].id].mask is None
    assert cards[sample.segments.detections[2].id].box == pytest.approx((0, 0.5, 1, 0.25))


def test_a_mask_file_that_is_gone_leaves_the_box(dataset: Any, tmp_path: Path) -> None:
    sample = dataset.first()
    segment = sample.segments.detections[0]
    segment.mask, segment.mask_path = None, str(tmp_path / "gone.png")
    sample.save()
    card = next(card for card in cards_of(dataset) if card.label_id == segment.id)
    assert card.mask is None
    assert card.box == pytest.approx((0, 0, 1, 0.25))


def test_an_edited_caption_shows_its_words_without_a_reading(dataset: Any) -> None:
    sample = dataset.first()
    sample.caption = "a zebra on the grass"
    sample.save()
    card = next(card for card in cards_of(dataset) if card.sample_id == sample.id)
    assert card.stale
    assert card.reading is None
    assert card.words == ("zebra", "grass")


def test_scores_that_do_not_fit_are_not_shown(dataset: Any) -> None:
    first, second, third = list(dataset.limit(3))
    first.caption_scores = None
    second.caption_scores = np.zeros((2, len(second.caption_words)), np.float32)
    third.caption, third.caption_words = None, None
    for sample in (first, second, third):
        sample.save()
    shown = {card.sample_id: card for card in cards_of(dataset)}
    assert all(shown[sample.id].reading is None for sample in (first, second, third))
    assert shown[third.id].pieces == ()


def test_segments_that_are_gone_are_left_out(dataset: Any) -> None:
    sample = dataset.first()
    chosen = [(sample.id, sample.segments.detections[0].id), (sample.id, "f" * 24), ("e" * 24,) * 2]
    assert [card.label_id for card in read_cards(dataset, chosen, **WORDS)] == [chosen[0][1]]


@pytest.mark.parametrize(
    "text",
    [
        "a man with a man's fish, a 👩‍🚀 and <img src=x onerror=alert(1)>",
        "女人 and the dog.",
        "the of and",
        "",
        "  dog  ",
    ],
)
def test_the_pieces_of_a_caption_are_the_caption(text: str) -> None:
    pieces = caption_pieces(text)
    assert "".join(piece.text for piece in pieces) == text


def test_pieces_name_their_words() -> None:
    pieces = caption_pieces("two dogs and a dog")
    assert [(piece.text, piece.word) for piece in pieces] == [
        ("two", 0),
        (" ", -1),
        ("dogs", 1),
        (" and a ", -1),
        ("dog", 1),
    ]
