"""What a caption speaks of first."""

from __future__ import annotations

import pytest

from fiftyone_capviz.scenes.grammar import default_caption, subject_of
from fiftyone_capviz.scenes.world import sample_scene
from fiftyone_capviz.text.subject import caption_subject


@pytest.mark.parametrize(
    ("caption", "subject"),
    [
        ("a man riding a wave on top of a surfboard", "man"),
        ("Two young men playing frisbee", "man"),
        ("an old lady with glasses", "lady"),
        ("people play soccer", "person"),
        # how much, or that it is a picture
        ("a group of people standing around a table", "person"),
        ("a black and white photo of a train", "train"),
        ("a close up of a cat laying on a couch", "cat"),
        ("an image of two zebras", "zebra"),
        ("a picture on a wall", "picture"),
        # what belongs to somebody
        ("a man's hat on a table", "hat"),
        ("the boys\u2019 ball", "ball"),
        # nouns that belong together, and verbs that look like plurals
        ("a red fire truck parked on the street", "fire truck"),
        ("two fire trucks parked in front of a house", "fire truck"),
        ("A boy rides a bike", "boy"),
        ("The dog jumps over a log", "dog"),
        ("a man, woman and dog", "man"),
        # nothing to name
        ("it is raining", None),
        ("", None),
        (None, None),
    ],
)
def test_the_first_noun_is_the_subject(caption: str | None, subject: str | None) -> None:
    assert caption_subject(caption) == subject


def test_it_is_what_the_bundled_world_planted() -> None:
    captions = [default_caption(sample_scene(seed)) for seed in range(300)]
    assert [caption_subject(text) for text in captions] == [subject_of(text) for text in captions]
