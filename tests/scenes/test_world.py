"""The bundled world keeps its promises: determinism, planted biases, sensible scenes."""

from __future__ import annotations

import pytest

from fiftyone_capviz.scenes.scene import Scene
from fiftyone_capviz.scenes.tables import (
    ACCESSORIES,
    BACKGROUNDS,
    HIDING_COLORS,
    KIND_COLORS,
    KINDS,
    NEVER_TOGETHER,
    PERSONS,
    PLANTED_BIASES,
    SENSIBLE,
    SHOWN_BY_BACKGROUND,
    SUBJECTS,
    Bias,
)
from fiftyone_capviz.scenes.world import sample_scene, sample_with

COUNT = 4000


@pytest.fixture(scope="module")
def biased() -> list[Scene]:
    return [sample_scene(seed) for seed in range(COUNT)]


@pytest.fixture(scope="module")
def flat() -> list[Scene]:
    return [sample_scene(seed, biased=False) for seed in range(COUNT)]


def holds(scene: Scene, word: str) -> bool:
    if word == "held fish":
        return any(thing.kind == "fish" and thing.owner is not None for thing in scene.things)
    return word in scene.kinds or word == scene.background


def test_the_seed_determines_the_scene() -> None:
    for seed in range(30):
        assert sample_scene(seed) == sample_scene(seed)
        assert sample_scene(seed, biased=False) == sample_scene(seed, biased=False)
        assert sample_with(seed, "hat") == sample_with(seed, "hat")
    assert len({sample_scene(seed) for seed in range(30)}) == 30


@pytest.mark.parametrize("bias", PLANTED_BIASES, ids=lambda bias: f"{bias.given}-{bias.then}")
def test_a_planted_bias_is_in_the_counts(biased: list[Scene], bias: Bias) -> None:
    given = [scene for scene in biased if holds(scene, bias.given)]
    share = sum(holds(scene, bias.then) for scene in given) / len(given)
    deviation = (bias.share * (1 - bias.share) / len(given)) ** 0.5
    assert abs(share - bias.share) <= bias.tolerance + 2 * deviation


def test_the_flat_world_has_no_such_biases(flat: list[Scene]) -> None:
    wolves = [scene for scene in flat if scene.subject.kind == "wolf"]
    assert sum(scene.background == "snow" for scene in wolves) / len(wolves) < 0.3
    ties = [scene for scene in flat if "tie" in scene.kinds]
    assert 0.4 < sum(scene.subject.kind == "woman" for scene in ties) / len(ties) < 0.6
    assert any(set(pair) <= scene.kinds for pair in NEVER_TOGETHER for scene in flat)
    seen = {(scene.subject.kind, scene.background) for scene in flat}
    assert seen == {(kind, place) for kind in SUBJECTS for place in SENSIBLE[kind]}


def test_pairs_that_never_occur_never_occur(biased: list[Scene]) -> None:
    assert not any(set(pair) <= scene.kinds for pair in NEVER_TOGETHER for scene in biased)


def test_scenes_are_well_formed(biased: list[Scene], flat: list[Scene]) -> None:
    for scene in biased + flat:
        kinds = [thing.kind for thing in scene.things]
        assert scene.background in BACKGROUNDS
        assert kinds[0] in SUBJECTS
        assert set(kinds) <= {*KINDS, *ACCESSORIES}
        assert len(kinds) == len(set(kinds))
        assert not set(kinds) & set(SHOWN_BY_BACKGROUND.get(scene.background, ()))
        for thing in scene.things:
            if thing.owner is not None:
                assert scene.things[thing.owner].kind in PERSONS
            assert (thing.kind in ACCESSORIES) <= (thing.owner == 0)
            assert (thing.color is None) == (thing.kind not in KIND_COLORS)
            if thing.color is not None:
                assert thing.color in KIND_COLORS[thing.kind]
                assert thing.color not in HIDING_COLORS[scene.background]


def test_persons_are_half_of_all_scenes(biased: list[Scene]) -> None:
    persons = [scene for scene in biased if scene.subject.kind in PERSONS]
    assert 0.45 < len(persons) / len(biased) < 0.55


@pytest.mark.parametrize("kind", KINDS + ACCESSORIES)
def test_scenes_with_a_kind(kind: str) -> None:
    scenes = [sample_with(seed, kind) for seed in range(60)]
    assert all(kind in scene.kinds for scene in scenes)
    if kind in ACCESSORIES:
        women = sum(scene.subject.kind == "woman" for scene in scenes)
        assert 15 <= women <= 45


def test_an_unknown_kind_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"must be one of man.*got 'unicorn'"):
        sample_with(0, "unicorn")
