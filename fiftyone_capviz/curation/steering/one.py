"""Steering one image: answers while somebody drags a weight, because its features are kept.

    image = read_image(dataset, sample_id, options)
    place = lay_out(image, options)
    attempt = steer_image(image, options, ImageRecipe(prompt="the man is wearing"))
    keep_candidate(dataset, image, options, attempt)     # then accept_captions(dataset, ids=[...])

Nothing here imports torch before a model is needed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fiftyone_capviz.curation.inference.kept import ImageFeatures, feature_cache
from fiftyone_capviz.curation.inference.segment_weights import segment_weights
from fiftyone_capviz.curation.inference.turns import is_large, models_in_turn, writable
from fiftyone_capviz.curation.steering.image import (
    Attempt,
    ImageGrid,
    ImageRecipe,
    Selection,
    SteeredImage,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.records import Caption, FloatArray
from fiftyone_capviz.settings.analysis import AnalysisOptions
from fiftyone_capviz.steering.weighting import PatchSelection, coverage_of_segments
from fiftyone_capviz.text.prompt_template import fill_prompt

if TYPE_CHECKING:
    import torch

    from fiftyone_capviz.models.cache import ModelCache
    from fiftyone_capviz.models.interfaces import Captioner, Matcher
    from fiftyone_capviz.records import Steering
    from fiftyone_capviz.steering.recaption import WeightSearch

SWEEP = (1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 40.0)
"""Weights that :func:`search_weight` tries."""


def lay_out(
    image: SteeredImage, options: AnalysisOptions, cache: ModelCache | None = None
) -> ImageGrid:
    """Load the models, encode the image, and measure its present caption.

    Raises:
        ImageError, ModelError: what cannot be read or had.
    """
    with models_in_turn(options, cache) as (captioner, matcher):
        features, seen = _features(image, captioner, matcher)
        match = likelihood = None
        if image.caption:
            match = float(matcher.score(seen.tensor, [image.caption])[0].probability)
            likelihood = _likelihood(image, captioner, features.tensor)
        if not is_large(captioner):
            # The first caption of a process is slow; it should not be the one asked for by a click.
            prompt = [captioner.default_prompt]
            captioner.generate(
                features.tensor, prompt, num_beams=options.num_beams, max_new_tokens=2
            )
        width, height = features.width, features.height
        transform = captioner.transform(width, height)
        left, top, right, bottom = transform.crop
        every = [str(one["_id"]) for one in image.detections]
        return ImageGrid(
            grid=transform.grid,
            crop=(left / width, top / height, (right - left) / width, (bottom - top) / height),
            coverage=_coverages(image, captioner, features, every),
            default_prompt=captioner.default_prompt,
            match=match,
            log_likelihood=likelihood,
            streams=is_large(captioner),
        )


def steer_image(
    image: SteeredImage,
    options: AnalysisOptions,
    dials: ImageRecipe,
    *,
    cache: ModelCache | None = None,
) -> Attempt:
    """Caption one image again, and score the result.

    Raises:
        InputError: weights or a prompt that cannot be used.
        ImageError, ModelError: what cannot be read or had.
    """
    from fiftyone_capviz.steering.recaption import recaption

    started = time.perf_counter()
    with models_in_turn(options, cache) as (captioner, matcher):
        features, seen = _features(image, captioner, matcher)
        steering = _steering(image, captioner, features, dials)
        (caption,) = recaption(
            captioner,
            features.tensor,
            steerings=[steering],
            num_beams=options.num_beams,
            max_new_tokens=options.max_new_tokens,
            min_new_tokens=options.min_new_tokens,
        )
        match = float(matcher.score(seen.tensor, [caption.text])[0].probability)
    return Attempt(caption, match, dials, steering.weights, time.perf_counter() - started)


def stream_image(
    image: SteeredImage,
    options: AnalysisOptions,
    dials: ImageRecipe,
    *,
    cache: ModelCache | None = None,
) -> Iterator[str | Attempt]:
    """The same word piece by word piece, decoded greedily: texts that grow, then the attempt.

    The models are free between two texts, and a consumer may stop at any time.
    """
    started = time.perf_counter()
    with models_in_turn(options, cache) as (captioner, matcher):
        features, seen = _features(image, captioner, matcher)
        steering = _steering(image, captioner, features, dials)
        prompt = captioner.default_prompt if steering.prompt is None else steering.prompt
        texts = captioner.stream(features.tensor, prompt, steering=steering)
    text, pieces = "", 0
    while pieces < options.max_new_tokens:
        with models_in_turn(options, cache):
            grown = next(texts, None)
        if grown is None:
            break
        text, pieces = grown, pieces + 1
        yield text
    with models_in_turn(options, cache):
        rest = _after(captioner, prompt, text)
        likelihood = float(captioner.log_likelihood(features.tensor, [rest], prompts=[prompt])[0])
        match = float(matcher.score(seen.tensor, [text])[0].probability)
    caption = Caption(text, f"{prompt} {rest}".strip(), prompt, likelihood)
    yield Attempt(caption, match, dials, steering.weights, time.perf_counter() - started)


def search_weight(
    image: SteeredImage,
    options: AnalysisOptions,
    dials: ImageRecipe,
    *,
    wanted_word: str,
    turned: int = 0,
    cache: ModelCache | None = None,
) -> WeightSearch:
    """The smallest weight of one selection that says a word and keeps the caption sound.

    Args:
        image: of :func:`read_image`.
        options: models and decoding.
        dials: the other selections keep their weights.
        wanted_word: what the caption should say.
        turned: index of the selection whose weight is searched.
        cache: default that of this process.

    Raises:
        InputError: no patch is selected, or no word is given.
    """
    from fiftyone_capviz.steering.recaption import find_weight

    if not 0 <= turned < len(dials.selections):
        raise InputError(
            "Find weight turns the weight of a selection; none is made. Click patches or a segment."
        )
    with models_in_turn(options, cache) as (captioner, matcher):
        features, seen = _features(image, captioner, matcher)
        selections = [_selection(image, captioner, features, one) for one in dials.selections]
        coverage = selections[turned].coverage
        if not (coverage > 0).any():
            raise InputError(
                "Find weight turns the weight of the selected patches; none is selected. Click "
                "patches or a segment of what the word names."
            )
        return find_weight(
            captioner,
            features.tensor,
            coverage=coverage,
            wanted_word=writable(captioner, wanted_word) or wanted_word,
            matcher=matcher,
            match_features=seen.tensor,
            prompt=fill_prompt(dials.prompt, image.caption).text,
            method=dials.method,
            weights=SWEEP,
            num_beams=options.num_beams,
            max_new_tokens=options.max_new_tokens,
            others=[one for n, one in enumerate(selections) if n != turned],
        )


def weights_on_image(
    image: SteeredImage,
    options: AnalysisOptions,
    dials: ImageRecipe,
    cache: ModelCache | None = None,
) -> FloatArray | None:
    """The dials' combined patch weights "rows columns"; None where they change no patch."""
    with models_in_turn(options, cache) as (captioner, _):
        (features,) = _features(image, captioner)
        weights = _steering(image, captioner, features, dials).weights
    return None if weights is None else np.asarray(weights, float)


def _features(image: SteeredImage, *models: Captioner | Matcher) -> tuple[ImageFeatures, ...]:
    """What each model sees in the image."""
    cache, read = feature_cache(), {"pixel_range": image.pixel_range}
    return tuple(cache.features(model, image.filepath, **read) for model in models)


def _steering(
    image: SteeredImage, captioner: Captioner, features: ImageFeatures, dials: ImageRecipe
) -> Steering:
    from fiftyone_capviz.steering.recaption import steer_selections

    selections = [_selection(image, captioner, features, one) for one in dials.selections]
    prompt = fill_prompt(dials.prompt, image.caption).text
    return steer_selections(selections, method=dials.method, prompt=prompt)


def _selection(
    image: SteeredImage, captioner: Captioner, features: ImageFeatures, dial: Selection
) -> PatchSelection:
    grid = captioner.transform(features.width, features.height).grid
    coverage = np.zeros(grid)
    if dial.segment_ids:
        coverage = _coverages(image, captioner, features, dial.segment_ids).max(axis=0, initial=0)
    for cells, share in ((dial.added, 1.0), (dial.removed, 0.0)):
        for row, column in cells:
            if not (0 <= row < grid.rows and 0 <= column < grid.columns):
                raise InputError(
                    f"Rows of patches go from 0 to {grid.rows - 1}, columns to {grid.columns - 1}; "
                    f"got {row}, {column}."
                )
            coverage[row, column] = share
    return PatchSelection(coverage, dial.weight)


def _coverages(
    image: SteeredImage, captioner: Captioner, features: ImageFeatures, ids: Sequence[str]
) -> FloatArray:
    """How much of each patch these segments cover, 0..1: "segments rows columns".

    Unknown ids are empty.
    """
    wanted = set(ids)
    chosen = [one for one in image.detections if str(one["_id"]) in wanted]
    transform = captioner.transform(features.width, features.height)
    if not chosen:
        return np.zeros((0, *transform.grid))
    weights, _, _ = segment_weights(chosen, transform)
    return np.stack([coverage_of_segments(each) for each in weights])


def _likelihood(image: SteeredImage, captioner: Captioner, features: torch.Tensor) -> float:
    """Of the present caption, after the prompt that it went on from."""
    text, prompt = image.caption or "", image.prompt
    if not prompt or not text.startswith(prompt):
        return float(captioner.log_likelihood(features, [text])[0])
    rest = text[len(prompt) :].strip()
    return float(captioner.log_likelihood(features, [rest], prompts=[prompt])[0])


def _after(captioner: Captioner, prompt: str, text: str) -> str:
    """What a streamed text says after its prompt, which the captioner may spell its own way."""
    if prompt.strip() == captioner.default_prompt.strip():
        return text  # cut already
    spelled = captioner.text.read(captioner.prompt_ids(prompt))
    for start in (spelled, " ".join(prompt.split())):
        if text.startswith(start):
            return text[len(start) :].strip()
    return text
