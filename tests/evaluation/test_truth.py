"""Swapped words, uncovered regions, planted pairs, failure groups, steering, on made-up truth."""

from __future__ import annotations

import numpy as np
import pytest

from fiftyone_capviz.evaluation.discrimination import swap_object
from fiftyone_capviz.evaluation.failures import ObjectShape, failure_groups, unusual_shapes
from fiftyone_capviz.evaluation.matching import Vocabulary
from fiftyone_capviz.evaluation.regions import GridRegions
from fiftyone_capviz.evaluation.steering_success import keeps_names, names_object, repeats_word
from fiftyone_capviz.evaluation.truth import Detection, rank_planted, uncovered_regions
from fiftyone_capviz.geometry import squash
from fiftyone_capviz.graph.association import AssociationTable
from fiftyone_capviz.graph.word_graph import build_graph
from fiftyone_capviz.text.words import caption_words


def swapped(text: str, word: str, labels: list[str], there: list[str], seed: int = 0) -> str | None:
    words = caption_words(text)
    rng = np.random.default_rng(seed)
    index = words.words.index(word)
    found = swap_object(text, words, index, labels=labels, absent_from=there, rng=rng)
    return None if found is None else found.text


def test_a_swap_replaces_every_occurrence_and_minds_the_article() -> None:
    assert swapped("A dog and another dog", "dog", ["umbrella"], ["dog"]) == (
        "An umbrella and another umbrella"
    )
    assert swapped("an owl near a tree", "owl", ["cat"], ["owl"]) == "a cat near a tree"
    assert swapped("the dogs run", "dog", ["traffic light"], []) == "the traffic light run"


def test_a_swap_is_false() -> None:
    """Nothing of the image and nothing the caption says is put in."""
    labels = ["dog", "cat", "bus", "Trees", "hat"]
    seen = {swapped("a dog by a tree", "dog", labels, ["dog", "cat"], seed) for seed in range(30)}
    assert seen == {"a bus by a tree", "a hat by a tree"}
    assert swapped("a dog by a tree", "dog", ["dog", "tree", "cats"], ["cat"]) is None


def test_seeds_choose_the_swap() -> None:
    labels = [f"thing{i}" for i in range(50)]
    first, again, other = (swapped("a dog", "dog", labels, [], seed) for seed in (1, 1, 2))
    assert first == again != other


def test_precision_and_recall_of_uncovered() -> None:
    uncovered = np.array([True, True, False, False, True])
    unnamed = np.array([True, False, True, False, True])
    found = Detection.of(uncovered, unnamed)
    assert (found.precision, found.recall, found.chance) == (2 / 3, 2 / 3, 3 / 5)
    nothing = Detection.of(np.zeros(3, bool), np.zeros(3, bool))
    assert np.isnan(nothing.precision)
    assert np.isnan(nothing.recall)


def test_regions_that_no_word_attends_to_are_uncovered() -> None:
    masks = np.zeros((4, 16, 16), bool)
    for i in range(4):
        masks[i, i // 2 * 8 : i // 2 * 8 + 8, i % 2 * 8 : i % 2 * 8 + 8] = True
    regions = GridRegions.of(masks, squash(16, 16, 8))
    maps = -np.ones((2, 1, 8, 8))
    maps[0, 0, :4, :4] = 1  # the first variant sees region 0, the second region 3
    maps[1, 0, 4:, 4:] = 1
    found = uncovered_regions(maps, regions)
    assert found.tolist() == [[False, True, True, True], [True, True, True, False]]


def table() -> AssociationTable:
    """Wolves with snow nearly always, cats and cars never, the rest by chance."""
    rng = np.random.default_rng(0)
    documents = []
    for _ in range(600):
        wolf, cat = rng.random() < 0.3, rng.random() < 0.3
        words = ["wolf"] * wolf + ["cat"] * cat
        words += ["snow"] * (rng.random() < (0.9 if wolf else 0.2))
        words += ["car"] * (not cat and rng.random() < 0.5)
        words += [w for w in ("tree", "man", "sun") if rng.random() < 0.4]
        documents.append(words)
    return build_graph(documents).associations()


def test_planted_pairs_rank_first() -> None:
    (together,) = rank_planted(table(), [("wolf", "snow")])
    assert (together.rank, together.pairs) == (1, 21)
    assert together.log_odds == pytest.approx(np.log(0.9 * 0.8 / (0.1 * 0.2)), abs=0.6)
    (apart,) = rank_planted(table(), [("car", "cat")], apart=True)
    assert apart.rank == 1
    (unknown,) = rank_planted(table(), [("wolf", "submarine")])
    assert unknown.rank is None


# Two objects side by side on a 6 x 6 grid; the rest of the image has no label.
SHARES = np.zeros((2, 6, 6))
SHARES[0, 1:3, 0:2] = 1
SHARES[1, 1:3, 4:6] = 1


def groups(*patches: tuple[int, int], covered: float = 0.0, unusual: bool = False) -> list[str]:
    weights = np.full((6, 6), -1.0)
    for patch in patches:
        weights[patch] = 1.0
    return failure_groups(weights, SHARES, 0, covered=covered, unusual=unusual)


def test_each_group_where_it_was_planted() -> None:
    assert groups((1, 0), (5, 5)) == []
    assert groups((5, 5), (5, 4)) == ["correlated_scene"]
    assert groups((3, 0), (3, 1), (0, 0)) == ["correlated_scene", "exceeds_box"]
    assert groups((1, 4), (2, 5)) == ["misidentified"]
    assert groups((1, 4), (2, 5), covered=0.6) == ["occluded", "misidentified"]
    assert groups((5, 5), unusual=True) == ["correlated_scene", "unusual"]
    assert groups(covered=0.6, unusual=False) == ["occluded"]
    assert groups() == []


def test_energy_on_another_region_of_the_same_name_is_no_other_object() -> None:
    weights = np.zeros((6, 6))
    weights[1, 4] = 1
    named = failure_groups(weights, SHARES, 0, covered=0, unusual=False, same_label=(1,))
    assert named == []


def test_rare_shapes_are_those_in_the_tails_of_their_label() -> None:
    rng = np.random.default_rng(1)
    shapes = [ObjectShape(float(rng.normal(0.2, 0.01)), 1.0, 0.0) for _ in range(60)]
    shapes[7] = ObjectShape(0.9, 1.0, 0.0)
    found = unusual_shapes(["dog"] * 60, shapes)
    assert found[7]
    assert found.sum() <= 4
    few = [f"label{i // 10}" for i in range(60)]
    assert not unusual_shapes(few, shapes).any()


def test_a_name_is_a_word_in_any_number_or_a_synonym() -> None:
    known = Vocabulary(["hat", "dog", "person"], {"person": ["gentleman"]})
    assert names_object("two dogs", "dog", known)
    assert names_object("a gentleman", "person", known)
    assert not names_object("a hatch", "hat", known)


@pytest.mark.parametrize(
    ("text", "stammers"),
    [
        ("on on on boat on on on", True),
        ("a dog and a dog", False),
        ("a hat, a Hat", False),
        ("the The hat", True),
        ("hat - hat", True),
        ("a hat", False),
        ("", False),
    ],
)
def test_a_stammer_is_the_same_word_twice_in_a_row(text: str, stammers: bool) -> None:
    assert repeats_word(text) == stammers


def test_names_that_the_plain_caption_has_must_stay() -> None:
    labels = ["man", "boat", "hat"]
    known = Vocabulary(labels)
    plain = "a man on a boat"
    assert keeps_names("men in hats on boats", plain, labels, known)
    assert not keeps_names("a man in a hat", plain, labels, known)
    assert keeps_names("a hat", "nothing of it", labels, known)
