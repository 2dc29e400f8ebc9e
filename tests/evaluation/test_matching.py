"""Words of a caption and labels of regions."""

from __future__ import annotations

import pytest

from fiftyone_capviz.evaluation.matching import name_regions
from fiftyone_capviz.words import caption_words


def named(caption: str, labels: list[str], **synonyms: list[str]) -> list[list[str]]:
    words = caption_words(caption)
    found = name_regions(words, labels, synonyms=synonyms)
    return [[words.words[i] for i in row] for row in found.words]


def pairs(caption: str, labels: list[str], **synonyms: list[str]) -> list[str]:
    found = name_regions(caption_words(caption), labels, synonyms=synonyms)
    return [labels[region] for region, _ in found.pairs]


def test_both_sides_are_normalised() -> None:
    assert named("Two Dogs and a bus", ["dog", "Buses", "cat"]) == [["dog"], ["bus"], []]


@pytest.mark.parametrize("label", ["dining table", "dining_table", "Dining-Table"])
def test_a_name_of_two_words_needs_both(label: str) -> None:
    assert named("a dining table in a room", [label]) == [["dining", "table"]]
    assert named("a table in a room", [label]) == [[]]


def test_synonyms_are_tried_after_the_label() -> None:
    assert named("a man on a horse", ["person", "horse"], person=["man", "woman"]) == [
        ["man"],
        ["horse"],
    ]
    assert named("a person and a man", ["person"], person=["man"]) == [["person"]]
    assert named("a traffic light", ["stoplight"], stoplight=["traffic light"]) == [
        ["traffic", "light"]
    ]


def test_only_the_single_instance_of_a_label_counts() -> None:
    assert pairs("a dog and a cat", ["dog", "cat", "dogs"]) == ["cat"]


def test_a_word_for_two_labels_is_ambiguous() -> None:
    assert pairs(
        "a vehicle and a dog", ["car", "bus", "dog"], car=["vehicle"], bus=["vehicle"]
    ) == ["dog"]
    assert pairs("a car", ["car", "bus"], car=["vehicle"], bus=["vehicle"]) == ["car"]


def test_nothing_is_named_by_an_empty_caption() -> None:
    assert pairs("", ["dog"]) == []
    assert pairs("a dog", []) == []
