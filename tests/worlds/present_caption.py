"""How likely a captioner finds the caption that an image has."""

from __future__ import annotations

from typing import Any

from fiftyone_capviz.curation.inference.kept import feature_cache
from fiftyone_capviz.curation.inference.loaded_models import load_captioner
from fiftyone_capviz.curation.steering.image import SteeredImage
from tests.worlds.random_world import random_options


def present_likelihood(image: SteeredImage, cache: Any, prompt: str) -> float:
    """Of the present caption after the prompt that it went on from; "" is the default prompt."""
    captioner = load_captioner(random_options(), cache)
    features = feature_cache().features(captioner, image.filepath).tensor
    text = (image.caption or "").removeprefix(prompt).strip()
    asked = [prompt or captioner.default_prompt]
    return float(captioner.log_likelihood(features, [text], prompts=asked)[0])
