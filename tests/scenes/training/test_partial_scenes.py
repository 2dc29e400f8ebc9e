"""Parts of scenes show what their captions say, and facts tell true sentences from false ones."""

from __future__ import annotations

import numpy as np
import pytest

from fiftyone_capviz.scenes.architectures import MEAN
from fiftyone_capviz.scenes.grammar import complete_caption, full_caption
from fiftyone_capviz.scenes.swaps import swap_words
from fiftyone_capviz.scenes.training.data import SceneArrays, draw_scenes
from fiftyone_capviz.scenes.training.partial_scenes import Facts, show_ground, show_things

REFERENCE = round(255 * MEAN)
"""The even grey that second-order attribution starts from: no part is shown over it."""


@pytest.fixture(scope="module")
def data() -> SceneArrays:
    return draw_scenes(60, seed=5, accessories=True, workers=1)


def test_things_alone_keep_their_pixels_and_the_rest_tells_nothing(data: SceneArrays) -> None:
    rng = np.random.default_rng(0)
    for index in range(len(data.scenes)):
        shown = show_things(data, index, rng)
        if shown is None:
            continue
        kinds = [thing.kind for thing in data.scenes[index].things]
        kept = [kinds.index(kind) for kind in shown.scene.kinds]
        mine = np.isin(data.labels[index], kept)
        assert not (shown.image[~mine] == data.images[index][~mine]).all(axis=-1).mean() > 0.01
        assert (shown.image[~mine] == REFERENCE).all(axis=-1).mean() < 0.01
        assert (shown.image[mine] == data.images[index][mine]).all()
        assert not shown.on_ground
        assert Facts.of(shown.caption).background is None
        assert {kind for kind, _ in Facts.of(shown.caption).things} == shown.scene.kinds


def test_grounds_hide_what_the_caption_leaves_out(data: SceneArrays) -> None:
    rng = np.random.default_rng(1)
    for index in range(len(data.scenes)):
        shown = show_ground(data, index, rng)
        kept = shown.scene.kinds
        for k, thing in enumerate(data.scenes[index].things):
            own = data.labels[index] == k
            hidden = (shown.image[own] != data.images[index][own]).any(axis=-1)
            if thing.kind in kept:
                assert hidden.mean() <= 0.5
        assert Facts.of(shown.caption).background == data.scenes[index].background
        assert {kind for kind, _ in Facts.of(shown.caption).things} == kept


def test_parts_are_independent_of_the_data_they_come_from(data: SceneArrays) -> None:
    before = data.images.copy()
    for index in range(10):
        show_things(data, index, np.random.default_rng(index))
        show_ground(data, index, np.random.default_rng(index))
    assert (data.images == before).all()


def test_facts_hold_for_true_sentences_and_for_no_swapped_one(data: SceneArrays) -> None:
    rng = np.random.default_rng(2)
    for scene in data.scenes:
        for sentence in (complete_caption(scene), full_caption(scene, rng)):
            assert Facts.of(sentence).hold_for(scene, on_ground=True), sentence
            for swap in swap_words(sentence, scene, rng, 4):
                assert not Facts.of(swap.caption).hold_for(scene, on_ground=True), swap


def test_a_background_that_is_hidden_is_not_there(data: SceneArrays) -> None:
    scene = data.scenes[0]
    sentence = f"a picture of the {scene.background}"
    assert Facts.of(sentence).hold_for(scene, on_ground=True)
    assert not Facts.of(sentence).hold_for(scene, on_ground=False)
