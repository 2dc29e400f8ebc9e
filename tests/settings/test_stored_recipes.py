"""Recipes as datasets hold them, whatever their parts are called in Python."""

from __future__ import annotations

from typing import Any

import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.steering import Recipe


def test_grid_weights_keep_their_stored_name() -> None:
    recipe = Recipe(prompt="a", grid_weights=((1.0, 2.0, 3.0), (0.0, 1.0, 1.0)))
    stored = recipe.validated().to_dict()
    assert stored["patch_weights"] == [[1.0, 2.0, 3.0], [0.0, 1.0, 1.0]]
    assert "grid_weights" not in stored
    assert Recipe.from_dict(stored) == recipe
    assert Recipe(prompt="a").to_dict()["patch_weights"] is None


def test_a_recipe_of_version_0_1_0_is_read() -> None:
    old = {"prompt": None, "method": "logits", "weight": None, "patch_weights": [[1.0], [2.0]]}
    assert Recipe.from_dict(old) == Recipe(method="logits", grid_weights=((1.0,), (2.0,)))


def test_a_prompt_with_a_field_is_stored_apart() -> None:
    recipe = Recipe(prompt="the {subject} in {{red}} is").validated()
    stored = recipe.to_dict()
    assert (stored["prompt"], stored["template"]) == (None, "the {subject} in {{red}} is")
    assert Recipe.from_dict(stored) == recipe


def test_plain_prompts_are_stored_as_captions_read_them() -> None:
    """So what was stored before there were fields keeps its meaning, braces and all."""
    plain = Recipe(prompt="the man is wearing")
    assert "template" not in plain.to_dict()
    braces = Recipe(prompt="a {{red}} hat")
    assert braces.to_dict()["prompt"] == "a {red} hat"
    assert Recipe.from_dict(braces.to_dict()) == braces
    assert Recipe.from_dict({"prompt": "a {subject}"}).prompt == "a {{subject}}"


def test_of_an_image_the_filled_prompt_is_read() -> None:
    stored = {"prompt": "the man is", "template": "the {subject} is", "subject": "man"}
    assert Recipe.from_dict(stored).prompt == "the man is"


@pytest.mark.parametrize("prompt", ["the {man} is", "a {", "a }", "{ subject }", "{{{", 3])
def test_prompts_that_cannot_be_filled(prompt: Any) -> None:
    with pytest.raises(InputError, match=r"prompt .*got .*(Write|Give)"):
        Recipe(prompt=prompt).validated()


def test_a_recipe_that_names_no_method_is_the_one_of_its_time() -> None:
    assert Recipe.from_dict({"prompt": "a"}).method == "scale"
    assert Recipe.from_dict(Recipe(prompt="a").to_dict()).method == Recipe().method
