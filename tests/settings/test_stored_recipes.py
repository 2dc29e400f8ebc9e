"""Recipes as datasets hold them, whatever their parts are called in Python."""

from __future__ import annotations

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


def test_a_recipe_that_names_no_method_is_the_one_of_its_time() -> None:
    assert Recipe.from_dict({"prompt": "a"}).method == "scale"
    assert Recipe.from_dict(Recipe(prompt="a").to_dict()).method == Recipe().method
