"""Plural or verb: words in s that can be both, in sentences whose reading is known."""

from __future__ import annotations

import re

import pytest

from fiftyone_capviz.text.noun_or_verb import can_be_both, verbs_among
from fiftyone_capviz.text.words import caption_words, tokenize

# Every word that can be both carries its reading: N a plural, V a verb.
SENTENCES = """
A man waves/V at the crowd.
He surfs/V the waves/N.
The ocean waves/N crash on the shore.
A dog leaves/V the house.
Yellow leaves/N on the ground
A woman watches/V two watches/N.
A man in red jumps/V over a log.
The man rides/V a horse.
A red sports/N car
A boy climbs/V rocks/N.
A boy does flips/N in the air.
A girl plays/V with blocks/N and smiles/V.
A dog that is wet shakes/V off water.
The boy who plays/V drums/N looks/V happy.
A man wearing tights walks/V down the stairs.
A herd of sheep watches/V the dog.
The woman sits on rocks/N near the waves/N.
A black dog jumps/V and catches/V a ball.
A girl in a pink dress poses/V.
Girl smiles/V. Dog runs/V through grass.
Flowers/N and rocks/N.
Three faces/N painted on a wall
A man faces/V the camera.
A child in a yellow coat walks/V past shops/N.
The player in white kicks/V the ball.
One man stands/V while another walks/V by.
A man with tattoos/N smokes/V.
A woman stands/V in front of food stands/N.
Trucks/N in traffic lights/N
A girl swings/V between two swings/N.
There are cracks/N in the wall.
The train passes/V shops/N.
A mountain biker with two drinks/N rests/V.
A bathroom with two sinks/N and mirrors/N
A man drinks/V from a bottle.
Several signs/N are on the pole.
A table topped with plates/N, forks/N and a hat
A plane flies/V over houses/N.
The sun sets/V behind the hills.
A man runs/V and a woman walks/V.
A baby crawls/V on the floor.
A smiling girl slides/V down a purple slide.
Man lighting candles/N
""".strip().splitlines()


@pytest.mark.parametrize("marked", SENTENCES)
def test_readings(marked: str) -> None:
    text = re.sub(r"/[NV]", "", marked)
    expected = [one == "V" for one in re.findall(r"/([NV])", marked)]
    tokens = tokenize(text)
    forms = [token.text.lower() for token in tokens]
    ends = [0, *(token.end for token in tokens)]
    gaps = [text[end : token.start] for end, token in zip(ends, tokens, strict=False)]
    verbs = verbs_among(forms, gaps)
    both = [place for place, form in enumerate(forms) if can_be_both(form)]
    marked_forms = re.findall(r"(\w+)/", marked.lower())
    assert [forms[place] for place in both] == marked_forms
    assert [place in verbs for place in both] == expected


def test_a_verb_keeps_its_form_and_is_tagged() -> None:
    found = caption_words("A man waves at the waves")
    assert dict(zip(found.words, found.tags, strict=True)) == {
        "man": "noun", "waves": "verb", "wave": "noun",
    }  # fmt: skip
    assert found.spans[1] == ((6, 11),)
    assert found.spans[2] == ((19, 24),)


def test_a_word_alone_is_a_noun() -> None:
    assert caption_words("watches").words == ("watch",)


@pytest.mark.parametrize("form", ["wears", "dogs'", "grass", "", "s", "7s", "中", "t-shirts"])
def test_what_is_one_of_both_only(form: str) -> None:
    assert not can_be_both(form)
