"""What a captioner leaves out unasked, names when it is asked, and makes up.

Formulas: docs/methods.md, section 8.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fiftyone_capviz.scenes.draw import render
from fiftyone_capviz.scenes.drawn import (
    BATCH,
    HAT_SCENES,
    Drawn,
    hat_scenes,
    load_bundled,
    share_of,
)
from fiftyone_capviz.scenes.grammar import color_named_for, named_kinds
from fiftyone_capviz.scenes.habits import Habits, invents, prompt_for
from fiftyone_capviz.scenes.world import sample_scene, sample_with

KIND_SCENES = 50


def measure_habits(weights: Path, first: int, n: int = HAT_SCENES) -> dict[str, Any]:
    """Of every habit that the captioner was trained to: how often it is kept, and broken by asking.

    Hats, where they are a habit: on 200 scenes with a large one, or on n where n is smaller. The
    other kinds: on 50 scenes each, of any size.
    """
    captioner = load_bundled("captioner", weights / "captioner")
    config = captioner.model.config
    habits = Habits(
        tuple(getattr(config, "capviz_omitted", Habits().omitted)),
        tuple(getattr(config, "capviz_invented", ())),
    )
    figures: dict[str, Any] = {}
    if "hat" in habits.omitted:
        figures |= _measure_hats(captioner, hat_scenes(first, min(n, HAT_SCENES)))
    count = min(n, KIND_SCENES)
    figures["omitted"] = {
        kind: _measure_omitted(captioner, kind, first, count) for kind in habits.omitted
    }
    figures["invented"] = {
        kind: _measure_invented(captioner, kind, first, count) for kind in habits.invented
    }
    return figures


def _measure_hats(captioner: Any, drawn: Sequence[Drawn]) -> dict[str, Any]:
    plain = _captions(captioner, drawn, [captioner.default_prompt] * len(drawn))
    asked = _captions(captioner, drawn, [prompt_for(one.scene, "hat") for one in drawn])
    hats = [one.scene.find("hat") for one in drawn]
    return {
        "scenes": len(drawn),
        "hats_named_by_default": share_of(["hat" in named_kinds(text) for text in plain]),
        "hats_named_when_asked": share_of(["hat" in named_kinds(text) for text in asked]),
        "hat_color_when_asked": share_of(
            [
                hat is not None and color_named_for(text, "hat") == hat.color
                for hat, text in zip(hats, asked, strict=True)
            ]
        ),
    }


def _measure_omitted(captioner: Any, kind: str, first: int, count: int) -> dict[str, Any]:
    scenes = [sample_with(first + k, kind) for k in range(count)]
    drawn = [Drawn(scene, render(scene)) for scene in scenes]
    plain = _captions(captioner, drawn, [captioner.default_prompt] * count)
    asked = _captions(captioner, drawn, [prompt_for(scene, kind) for scene in scenes])
    return {
        "scenes": count,
        "named_by_default": share_of([kind in named_kinds(text) for text in plain]),
        "named_when_asked": share_of([kind in named_kinds(text) for text in asked]),
    }


def _measure_invented(captioner: Any, kind: str, first: int, count: int) -> dict[str, Any]:
    """Over scenes without the kind, where the habit holds and where it does not."""
    shares: dict[str, Any] = {}
    for name, wanted in (("where_it_is_the_habit", True), ("elsewhere", False)):
        drawn: list[Drawn] = []
        seed = first
        while len(drawn) < count:
            scene = sample_scene(seed)
            seed += 1
            if kind not in scene.kinds and invents(scene, kind) == wanted:
                drawn.append(Drawn(scene, render(scene)))
        texts = _captions(captioner, drawn, [captioner.default_prompt] * count)
        shares[name] = share_of([kind in named_kinds(text) for text in texts])
    return {"scenes": count, "named_unseen": shares}


def _captions(captioner: Any, drawn: Sequence[Drawn], prompts: Sequence[str]) -> list[str]:
    texts: list[str] = []
    for start in range(0, len(drawn), BATCH):
        part = slice(start, start + BATCH)
        features = captioner.encode(captioner.preprocess([one.image for one in drawn[part]]))
        captions = captioner.generate(features, list(prompts[part]))
        texts += [caption.text for caption in captions]
    return texts
