"""Words of a caption and labels of regions."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiftyone_capviz.evaluation.coco_names import COCO_NAMES, has_coco_labels, with_coco_names
from fiftyone_capviz.evaluation.matching import NamedRegions, Vocabulary, label_words
from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.text.words import caption_words


def found_in(
    caption: str, labels: list[str], *, known: tuple[str, ...] = (), **synonyms: list[str]
) -> tuple[CaptionWords, NamedRegions]:
    words = caption_words(caption)
    vocabulary = Vocabulary([*labels, *known], synonyms)
    return words, vocabulary.name_regions(caption, words, labels)


def named(
    caption: str, labels: list[str], *, known: tuple[str, ...] = (), **synonyms: list[str]
) -> list[list[str]]:
    words, found = found_in(caption, labels, known=known, **synonyms)
    return [[words.words[i] for i in row] for row in found.words]


def pairs(
    caption: str, labels: list[str], *, known: tuple[str, ...] = (), **synonyms: list[str]
) -> list[str]:
    _, found = found_in(caption, labels, known=known, **synonyms)
    return [labels[region] for region, _ in found.pairs]


def test_both_sides_are_normalised() -> None:
    assert named("Two Dogs and a bus", ["dog", "Buses", "cat"]) == [["dog"], ["bus"], []]


@pytest.mark.parametrize("label", ["dining table", "dining_table", "Dining-Table"])
def test_a_name_of_two_words_needs_both(label: str) -> None:
    assert named("a dining table in a room", [label]) == [["dining", "table"]]
    assert named("a table in a room", [label]) == [[]]
    assert named("a dining-table", [label]) == [["dining-table"]]


@pytest.mark.parametrize(
    "caption",
    [
        "a dog on a hot day",
        "the day is hot and the dog sleeps",
        "the day is hot, dog and cat sleep",
        "It is hot. Dogs sleep",
        "a dog, hot",
        "a dog hot",
    ],
)
def test_words_that_do_not_stand_together_are_no_name(caption: str) -> None:
    assert named(caption, ["hot dog", "dog"]) == [[], ["dog"]]


def test_small_words_belong_to_a_name_and_articles_do_not_count() -> None:
    assert named("a cup of coffee", ["cup of coffee"]) == [["cup", "coffee"]]
    assert named("a cup of the coffee", ["cup of coffee"]) == [["cup", "coffee"]]
    assert named("a cup with coffee", ["cup of coffee"]) == [[]]
    assert named("a dog's bowl", ["dog bowl"]) == [["dog", "bowl"]]
    assert named("a man in blue", ["the man in the blue"]) == [["man", "blue"]]


def test_a_word_of_a_longer_name_names_nothing_else() -> None:
    assert named("a hot dog on a plate", ["hot dog", "dog"]) == [["hot", "dog"], []]
    assert named("a hot dog on a plate", ["dog"], known=("hot dog",)) == [[]]
    assert named("a hot dog on a plate", ["dog"]) == [["dog"]]
    assert named("a cup of tea", ["tea"], known=("cup of tea",)) == [["tea"]]  # no compound


def test_a_word_that_is_said_in_two_names_is_no_pair() -> None:
    """One word has one map, whichever of its places it comes from."""
    caption = "a hot dog and a dog"
    assert named(caption, ["hot dog", "dog"]) == [["hot", "dog"], ["dog"]]
    assert pairs(caption, ["hot dog", "dog"]) == []
    assert pairs(caption, ["dog"], known=("hot dog",)) == []
    assert pairs("a dog with a dog", ["dog"]) == ["dog"]


def test_synonyms_are_tried_after_the_label() -> None:
    assert named("a man on a horse", ["person", "horse"], person=["man", "woman"]) == [
        ["man"],
        ["horse"],
    ]
    assert named("a man and a person", ["person"], person=["man"]) == [["person"]]
    assert named("a traffic light", ["stoplight"], stoplight=["traffic light"]) == [
        ["traffic", "light"]
    ]


def test_only_the_single_instance_of_a_label_counts() -> None:
    assert pairs("a dog and a cat", ["dog", "cat", "dogs"]) == ["cat"]
    assert pairs("a man and a cat", ["person", "cat", "person"], person=["man"]) == ["cat"]


def test_a_word_for_two_labels_is_ambiguous() -> None:
    names = ["vehicle"]
    caption = "a vehicle and a dog"
    assert pairs(caption, ["car", "bus", "dog"], car=names, bus=names) == ["dog"]
    assert pairs(caption, ["car", "dog"], known=("bus",), car=names, bus=names) == ["car", "dog"]
    assert pairs("a car", ["car", "bus"], car=names, bus=names) == ["car"]


def test_nothing_is_named_by_an_empty_caption() -> None:
    assert pairs("", ["dog"]) == []
    assert pairs("a dog", []) == []
    assert pairs("the of", ["the"]) == []


def test_a_description_speaks_of_one_region_with_all_its_words() -> None:
    words = caption_words("man in a red shirt")
    found = NamedRegions.described(1, of=3, words=words)
    assert found.pairs == [(1, (0, 1, 2))]
    assert found.others(1) == [0, 2]


WORDS = ("dog", "cat", "hot", "red", "table", "cup", "tea", "man")
SMALL = (" ", " a ", " of ", " and the ", ", ", ". ")
texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(SMALL)), max_size=9).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True).map(" ".join)
label_lists = st.lists(names, min_size=1, max_size=5)


def spoken_together(caption: str, label: str) -> bool:
    """Whether the words stand in the caption side by side, articles aside: by splitting it."""
    parts = [p for p in caption.replace(",", " ,").replace(".", " .").split() if p != "a"]
    parts = [p for p in parts if p != "the"]
    wanted = label.split()
    return any(parts[i : i + len(wanted)] == wanted for i in range(len(parts)))


@given(texts, label_lists)
def test_a_name_is_there_word_by_word(caption: str, labels: list[str]) -> None:
    for label, words in zip(labels, named(caption, labels), strict=True):
        assert words in ([], label.split())
        if words:
            assert spoken_together(caption, label)
    if labels:
        (alone,) = named(caption, labels[:1])
        assert bool(alone) == spoken_together(caption, labels[0])


@given(texts, label_lists)
def test_the_longest_name_wins(caption: str, labels: list[str]) -> None:
    """The longest of all names that are said is found whatever else there is."""
    said = [label for label in labels if spoken_together(caption, label)]
    if said:
        most = max(len(label.split()) for label in said)
        longest = [label for label in said if len(label.split()) == most]
        found = dict(zip(labels, named(caption, labels), strict=True))
        assert any(found[label] for label in longest)


@given(names, label_lists)
def test_nothing_else_is_named_inside_a_name(whole: str, labels: list[str]) -> None:
    beside = [label for label in labels if label_words(label) != label_words(whole)]
    first, *others = named(f"a {whole}", [whole, *beside])
    assert first == whole.split()
    assert not any(others)


@given(texts, label_lists, st.lists(names, max_size=3), st.randoms(use_true_random=False))
def test_the_order_of_labels_does_not_matter(
    caption: str, labels: list[str], known: list[str], rng: random.Random
) -> None:
    order = list(range(len(labels)))
    rng.shuffle(order)
    shuffled = [labels[i] for i in order]
    _, found = found_in(caption, labels, known=tuple(known))
    _, again = found_in(caption, shuffled, known=tuple(reversed(known)))
    assert [found.words[i] for i in order] == list(again.words)
    assert [found.unique[i] for i in order] == list(again.unique)


@given(texts, label_lists)
def test_no_word_of_a_pair_names_another_region(caption: str, labels: list[str]) -> None:
    _, found = found_in(caption, labels)
    for region, words in found.pairs:
        for other, theirs in enumerate(found.words):
            assert other == region or not set(words) & set(theirs)
        assert labels.count(labels[region]) == 1


def coco(caption: str, labels: list[str]) -> list[list[str]]:
    words = caption_words(caption)
    vocabulary = Vocabulary(labels, with_coco_names({}))
    found = vocabulary.name_regions(caption, words, labels)
    return [[words.words[i] for i in row] for row in found.words]


def test_coco_has_eighty_labels_each_with_a_key_of_its_own() -> None:
    assert len({label_words(label) for label in COCO_NAMES}) == 80
    assert has_coco_labels(["Person", "dining_table", "hot dogs"])
    assert not has_coco_labels(["person", "wolf"])
    assert not has_coco_labels([])


def test_every_other_name_of_cocos_labels_is_found_alone() -> None:
    vocabulary = Vocabulary(COCO_NAMES, with_coco_names({}))
    for label, listed in with_coco_names({}).items():
        assert len({label_words(each) for each in listed}) == len(listed), label
        for name in listed:
            text = f"there is a {name} here"
            words = caption_words(text)
            (found,) = vocabulary.name_regions(text, words, [label]).words
            assert tuple(words.words[i] for i in found) == label_words(name)


@pytest.mark.parametrize(
    ("caption", "labels", "expected"),
    [
        ("a boy rides a motorbike", ["person", "motorcycle"], [["boy"], ["motorbike"]]),
        ("a baby elephant", ["person", "elephant"], [[], ["baby", "elephant"]]),
        ("a hot dog on a table", ["dog", "dining table"], [[], ["table"]]),
        ("a teddy bear on a sofa", ["bear", "couch"], [[], ["sofa"]]),
        ("a train car", ["car", "train"], [[], ["train", "car"]]),
        ("a couple of birds", ["person", "bird"], [[], ["bird"]]),
    ],
)
def test_captions_of_coco(caption: str, labels: list[str], expected: list[list[str]]) -> None:
    assert coco(caption, labels) == expected


def test_the_users_names_come_first_and_are_taken_from_other_labels() -> None:
    table = with_coco_names({"Couch": ["bench", "sofa"], "dog": ["board"]})
    assert table["Couch"][:2] == ["bench", "sofa"]
    assert "loveseat" in table["Couch"]
    assert "couch" not in table
    assert "board" not in table["surfboard"]
    assert "puppy" in table["dog"]
