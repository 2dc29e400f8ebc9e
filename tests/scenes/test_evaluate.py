"""The figures of the model card: their definitions against slow references, and their floor."""

from __future__ import annotations

import json
from pathlib import Path

from fiftyone_capviz.models.registry import BUNDLED
from fiftyone_capviz.scenes.drawn import LARGE, hat_scenes
from fiftyone_capviz.scenes.evaluate import (
    TARGETS,
    compare_with_targets,
    measure_captions,
    measure_matching,
    measure_weights,
)
from fiftyone_capviz.scenes.evaluate_grounding import RULE, measure_grounding
from fiftyone_capviz.scenes.evaluate_habits import measure_habits
from fiftyone_capviz.scenes.grammar import named_kinds
from fiftyone_capviz.scenes.model_card import write_model_card

FIRST = 77_000_000


def test_hat_scenes_show_large_hats_on_men_and_women_alike() -> None:
    drawn = hat_scenes(FIRST, 10)
    assert [one.scene.subject.kind for one in drawn].count("man") == 5
    for one in drawn:
        place = next(i for i, thing in enumerate(one.scene.things) if thing.kind == "hat")
        assert one.rendering.masks[place].mean() > LARGE


def test_targets_say_which_figures_are_missed() -> None:
    figures = {"captions": {"subject": 0.99, "background": 0.5, "color": 0.97}}
    compared = compare_with_targets(figures)
    assert compared["captions.subject"]["met"]
    assert not compared["captions.background"]["met"]
    assert set(compared) == {name for name in TARGETS if name.startswith("captions.")}


def test_the_shipped_captioner_knows_the_world_and_keeps_its_habit() -> None:
    captions = measure_captions(BUNDLED, FIRST, 60)
    assert captions["subject"] >= 0.9
    assert captions["background"] >= 0.9
    habit = measure_habits(BUNDLED, FIRST, 40)
    assert habit["hats_named_by_default"] <= 0.05
    assert habit["hats_named_when_asked"] >= 0.8


def test_the_shipped_matcher_tells_swaps_and_points_at_things() -> None:
    assert measure_matching(BUNDLED, FIRST, 100)["auc_of_swaps"] >= 0.95
    grounding = measure_grounding(BUNDLED, FIRST, 60)
    assert grounding["best"] >= 0.75
    assert grounding["rule"] == RULE
    assert set(grounding["left_out"]) == {"itm", "lm"}
    best = grounding["table"][grounding["best_name"]]
    assert best["macro_lenient"] > best["macro"], "edges of things count by the lenient rule alone"
    assert best["beats"]
    assert best["macro_hidden"] < best["macro"] / 2
    assert 0 < grounding["blind"]["itm random"] < grounding["blind"]["itm centre"] < 0.5
    # Word rows of the last layer cannot reach the match head: their Grad-CAM is exactly zero, and
    # an all-zero map points nowhere.
    last = max(name for name in grounding["table"] if name.startswith("itm gradcam"))
    assert grounding["table"][last]["macro"] == 0
    assert grounding["table"][last]["beats"] is False


def test_all_shipped_weights_together_fit_into_20_megabytes() -> None:
    assert measure_weights(BUNDLED, 0, 0)["megabytes"] <= 20.0


def test_the_card_shows_every_target(tmp_path: Path) -> None:
    figures = json.loads((BUNDLED / "figures.json").read_text(encoding="utf-8"))
    card = write_model_card(tmp_path, figures).read_text(encoding="utf-8")
    assert all(name in card for name in figures["targets"])
    shipped = (BUNDLED / "README.md").read_text(encoding="utf-8")
    assert card == shipped, "the shipped card and its figures are of one run"
    assert named_kinds(figures["captions"]["examples"][0]["caption"])
