"""The image that is steered, and the dials as the component sends them."""

from __future__ import annotations

from typing import Any

import pytest

from fiftyone_capviz.curation.steering.image import ImageRecipe, Selection, read_image
from fiftyone_capviz.errors import InputError
from tests.worlds.random_world import random_options


def test_dials_come_from_the_component() -> None:
    sent = {
        "prompt": " a man ",
        "method": "contrast",
        "selections": [{"weight": 2, "segments": ["x"], "added": [[1, 2]], "removed": []}],
    }
    expected = ImageRecipe("a man", "contrast", (Selection(2.0, ("x",), ((1, 2),)),))
    assert ImageRecipe.from_dict(sent) == expected
    assert ImageRecipe.from_dict({}) == ImageRecipe()
    with pytest.raises(InputError, match="selection"):
        ImageRecipe.from_dict({"selections": [{"weight": "much"}]})


def test_a_sample_that_is_not_there(dataset: Any) -> None:
    with pytest.raises(InputError, match="Steering needs a sample"):
        read_image(dataset, "0" * 24, random_options())
