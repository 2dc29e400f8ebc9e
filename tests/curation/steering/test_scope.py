"""Which samples a batch steers, and by which segments."""

from __future__ import annotations

from typing import Any

import pytest

from fiftyone_capviz.curation.app.lasso import Lasso, forget_lasso, note_lasso
from fiftyone_capviz.curation.app.panel_focus import clear_panel_focus, panel_focus, set_panel_focus
from fiftyone_capviz.curation.steering.image import ImageRecipe, Selection, SteeredImage
from fiftyone_capviz.curation.steering.scope import AppState, batch_recipe
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.steering import Recipe
from tests.worlds.random_world import random_options

PROMPT = "the man is wearing a hat"


def test_scopes_and_the_segments_that_belong_to_them(dataset: Any, image: SteeredImage) -> None:
    options, ids = random_options(), dataset.values("id")
    labels = [one.id for one in dataset.first().segments.detections[:1]]
    alone = AppState(dataset, dataset.view())
    assert alone.scopes(options) == {"view": ids}
    assert alone.sources() == []
    lassoed = AppState(dataset, dataset.view(), (ids[0],), Lasso(label_ids=tuple(labels)))
    expected_scopes = {"lasso": ids[:1], "selected": ids[:1], "view": ids}
    assert list(lassoed.scopes(options).items()) == list(expected_scopes.items())
    one = AppState(dataset, dataset.view(), (ids[0],))
    assert list(one.scopes(options)) == ["selected", "view"]
    recipe = batch_recipe(
        lassoed,
        ids,
        image=image,
        options=options,
        dials=ImageRecipe(PROMPT, "logits", (Selection(3.0), Selection(7.0))),
        source="lasso",
        turned=1,
        word="hat",
    )
    expected = Recipe(PROMPT, word="hat", weight=7.0, method="logits", segment_ids=tuple(labels))
    assert recipe == expected
    note_lasso(dataset, {"extended": {"fiftyone.core.stages.MatchLabels": {"ids": labels}}})
    later = AppState.of(dataset, dataset.view(), selected=(), request_params={})
    assert later.scopes(options) == {"last_lasso": ids[:1], "view": ids}
    assert later.sources() == ["last_lasso"]
    assert later.segment_ids("last_lasso", ids, options) == tuple(labels)
    forget_lasso(dataset)
    ticked = AppState(dataset, dataset.view(), tuple(ids[:2]))
    assert list(ticked.scopes(options)) == ["selected", "view"]


def test_the_focus_chooses_samples_and_segments(dataset: Any, image: SteeredImage) -> None:
    options = random_options()
    word = dataset.first().caption_words[0]
    set_panel_focus(dataset, [word], sample_ids=[image.sample_id])
    around = AppState(dataset, dataset.view(), focus=panel_focus(dataset))
    assert around.scopes(options)["focus"] == [image.sample_id]
    ids = around.segment_ids("focus", dataset.values("id"), options)
    covered = {
        one.id
        for sample in dataset
        for one in sample.segments.detections
        if word in (one.covered_by or [])
    }
    assert set(ids) == covered
    clear_panel_focus(dataset)


def test_recipes_of_patches_labels_and_prompt_alone(
    dataset: Any, image: SteeredImage, cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fiftyone_capviz.curation.inference.loaded_models.model_cache", lambda: cache
    )
    monkeypatch.setattr(
        "fiftyone_capviz.curation.inference.loaded_models.model_cache", lambda: cache
    )
    around = AppState(dataset, dataset.view())

    def recipe(source: Any, dials: ImageRecipe, **more: Any) -> Recipe:
        return batch_recipe(
            around, [], image=image, options=random_options(), dials=dials, source=source, **more
        )

    dials = ImageRecipe(PROMPT, "scale", (Selection(2.0, added=((0, 0),)),))
    grid = recipe("patches", dials).grid_weights
    assert grid is not None
    assert (grid[0][0], grid[0][1]) == (2.0, 1.0)
    labelled = recipe("label", dials, label="uncovered", word="hat", automatic=True)
    assert (labelled.segment_label, labelled.weight) == ("uncovered", "auto")
    assert recipe("none", dials) == Recipe(PROMPT)
    with pytest.raises(InputError, match="segments"):
        recipe("patches", ImageRecipe(method="contrast", selections=dials.selections))
    with pytest.raises(InputError, match="changes something"):
        recipe("none", ImageRecipe())
    with pytest.raises(InputError, match="one of"):
        recipe("everywhere", dials)
