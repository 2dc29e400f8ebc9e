"""Captions anew: by a prompt, by weights on image patches, or towards a wanted word.

Formulas: docs/methods.md, sections 5.5 to 5.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL.Image import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.interfaces import Captioner, Matcher
from fiftyone_capviz.records import Caption, FloatArray, Match, Steering, SteeringMethod
from fiftyone_capviz.settings.steering import DEFAULT_STEERING_METHOD
from fiftyone_capviz.steering.weighting import PatchSelection, combined_weights
from fiftyone_capviz.text.wanted_words import alternatives, says_any, wanted_words


def caption_images(
    captioner: Captioner,
    images: Sequence[Image],
    *,
    prompt: str | None = None,
    num_beams: int = 3,
    max_new_tokens: int = 20,
    min_new_tokens: int = 0,
    steering: Steering | Sequence[Steering | None] | None = None,
    batch_size: int = 16,
) -> list[Caption]:
    """Caption images.

    Args:
        captioner: from the model cache.
        images: upright RGB images.
        prompt: what every caption goes on from; None is the captioner's default, which is cut
            from the text.
        num_beams: 1 is greedy.
        max_new_tokens: word pieces after the prompt, at most.
        min_new_tokens: word pieces after the prompt, at least.
        steering: one for all images, or one per image with None where nothing is steered.
        batch_size: images per pass.

    Returns:
        One caption per image.

    Raises:
        InputError: counts that do not match.
    """
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1; got {batch_size}.")
    choices = _per_image(steering, len(images))
    start = captioner.default_prompt if prompt is None else prompt
    captions: list[Caption] = []
    for first, batch in _batches(images, batch_size):
        features = captioner.encode(captioner.preprocess(batch))
        captions += captioner.generate(
            features,
            [start] * len(batch),
            num_beams=num_beams,
            max_new_tokens=max_new_tokens,
            min_new_tokens=min_new_tokens,
            steering=choices[first : first + len(batch)],
        )
    return captions


def _per_image(
    steering: Steering | Sequence[Steering | None] | None, count: int
) -> list[Steering | None]:
    if steering is None or not isinstance(steering, Sequence):
        return [steering] * count
    if len(steering) != count:
        raise InputError(
            f"steering needs one entry per image; got {len(steering)} for {count} images."
        )
    return list(steering)


def _batches(images: Sequence[Image], size: int) -> Iterator[tuple[int, Sequence[Image]]]:
    for first in range(0, len(images), size):
        yield first, images[first : first + size]


DEFAULT_WEIGHTS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""What `find_weight` tries, besides 1, which changes nothing."""
MAX_MATCH_LOSS, MAX_LIKELIHOOD_LOSS = 0.05, 0.5
"""What a steered caption may lose; see `holds_up`."""


def steer_patches(
    coverage: FloatArray,
    weight: float,
    *,
    method: SteeringMethod = DEFAULT_STEERING_METHOD,
    prompt: str | None = None,
) -> Steering:
    """The steering for a dial that stands at 1 where nothing changes, whatever the method.

    Args:
        coverage: of each patch by what is steered, 0..1, "rows columns".
        weight: 1 is plain. For "contrast" alpha is weight - 1.
        method: one of `STEERING_METHODS`.
        prompt: what to go on from, too.
    """
    return steer_selections([PatchSelection(coverage, weight)], method=method, prompt=prompt)


def steer_selections(
    selections: Sequence[PatchSelection],
    *,
    method: SteeringMethod = DEFAULT_STEERING_METHOD,
    prompt: str | None = None,
) -> Steering:
    """The steering for several dials at once; see `steer_patches` for one.

    Under "contrast" the largest weight gives alpha, and patches of a smaller weight are hidden to
    the degree to which their dial stands above 1.

    Args:
        selections: on one grid; those that change nothing are passed over.
        method: one of `STEERING_METHODS`.
        prompt: what to go on from, too.

    Raises:
        InputError: a negative weight, one below 1 for "contrast", or grids that differ.
    """
    chosen = [one for one in selections if one.changes_something]
    if not chosen:
        return Steering(prompt, method=method)
    if method != "contrast":
        return Steering(prompt, combined_weights(chosen), method)
    least, largest = min(one.weight for one in chosen), max(one.weight for one in chosen)
    if least < 1:
        raise InputError(f"The weight of 'contrast' must be at least 1; got {least}.")
    hidden = np.max([one.coverage * ((one.weight - 1) / (largest - 1)) for one in chosen], axis=0)
    return Steering(prompt, np.exp(hidden), method, largest - 1)


def recaption(
    captioner: Captioner,
    features: torch.Tensor,
    *,
    steerings: Sequence[Steering | None],
    prompt: str | None = None,
    num_beams: int = 3,
    max_new_tokens: int = 20,
    min_new_tokens: int = 0,
) -> list[Caption]:
    """Caption images again, each with its own steering, in one batch.

    Args:
        captioner: from the model cache.
        features: "images 1+patches hidden".
        steerings: one per image; prompts, methods and weights may all differ.
        prompt: where a steering has none; None is the captioner's default.
        num_beams: 1 is greedy.
        max_new_tokens: word pieces after the prompt, at most.
        min_new_tokens: word pieces after the prompt, at least.
    """
    start = captioner.default_prompt if prompt is None else prompt
    return captioner.generate(
        features,
        [start] * len(features),
        num_beams=num_beams,
        max_new_tokens=max_new_tokens,
        min_new_tokens=min_new_tokens,
        steering=list(steerings),
    )


@dataclass(frozen=True)
class WeightTrial:
    """One weight and what came of it.

    Attributes:
        weight: 1 is the caption without patch weights.
        caption: what was written.
        probability: of the wanted word, see `word_probability`.
        match: of image and caption; None without a matcher.
        says_word: the caption holds the wanted word.
        accepted: it does, and neither the match nor the likelihood fell by more than allowed.
    """

    weight: float
    caption: Caption
    probability: float
    match: Match | None
    says_word: bool
    accepted: bool


@dataclass(frozen=True)
class WeightSearch:
    """All trials, in the order of their weights.

    Attributes:
        trials: the first is the plain caption, weight 1.
        best: index of the smallest accepted weight; None if there is none.
    """

    trials: tuple[WeightTrial, ...]
    best: int | None

    @property
    def weight(self) -> float | None:
        """The smallest accepted weight."""
        return None if self.best is None else self.trials[self.best].weight


def find_weight(
    captioner: Captioner,
    features: torch.Tensor,
    *,
    coverage: FloatArray,
    wanted_word: str,
    matcher: Matcher | None = None,
    match_features: torch.Tensor | None = None,
    prompt: str | None = None,
    method: SteeringMethod = DEFAULT_STEERING_METHOD,
    weights: Sequence[float] = DEFAULT_WEIGHTS,
    max_match_loss: float = MAX_MATCH_LOSS,
    max_likelihood_loss: float = MAX_LIKELIHOOD_LOSS,
    num_beams: int = 3,
    max_new_tokens: int = 20,
    others: Sequence[PatchSelection] = (),
) -> WeightSearch:
    """Try several weights in one batch, and choose the smallest that says the word.

    Args:
        captioner: from the model cache.
        features: of one image, "1 1+patches hidden", from the captioner.
        coverage: of each patch by what should be spoken of, 0..1, "rows columns".
        wanted_word: what the caption should say, or several such things with commas between.
        matcher: judges whether the caption still fits the image; None leaves this out.
        match_features: of the same image, from the matcher.
        prompt: what to go on from; None is the default.
        method: how weights act, see `Steering`.
        weights: to try, besides 1.
        max_match_loss: how far the match probability may fall below the plain caption's.
        max_likelihood_loss: how far the mean log-probability per token may fall.
        num_beams: 1 is greedy.
        max_new_tokens: word pieces after the prompt, at most.
        others: selections that keep their weights in every trial.

    Raises:
        InputError: no wanted word, several images, or a matcher without its features.
    """
    if len(features) != 1 or (matcher is not None and match_features is None):
        raise InputError(
            "find_weight looks at one image and needs match_features with a matcher; got "
            f"{len(features)} images."
        )
    if not alternatives(wanted_word):
        raise InputError("wanted_word must be a word; it is empty.")
    tried = [1.0, *sorted({float(w) for w in weights if w > 1})]
    steerings = [
        steer_selections([PatchSelection(coverage, w), *others], method=method, prompt=prompt)
        for w in tried
    ]
    repeated = features.expand(len(tried), -1, -1)
    captions = recaption(
        captioner, repeated, steerings=steerings, num_beams=num_beams,
        max_new_tokens=max_new_tokens,
    )  # fmt: skip
    closeness = [
        word_probability(captioner, repeated, captions=captions, word=one, steerings=steerings)
        for one in alternatives(wanted_word)
    ]
    probabilities = np.max(closeness, axis=0)
    matches: list[Match | None] = [None] * len(tried)
    if matcher is not None and match_features is not None:
        texts = [caption.text for caption in captions]
        matches = list(matcher.score(match_features.expand(len(tried), -1, -1), texts))
    trials = []
    for weight, caption, probability, match in zip(
        tried, captions, probabilities, matches, strict=True
    ):
        says = says_word(caption.text, wanted_word, prompt=caption.prompt)
        accepted = says and holds_up(
            caption,
            captions[0],
            match=None if match is None else match.probability,
            plain_match=None if matches[0] is None else matches[0].probability,
            max_match_loss=max_match_loss,
            max_likelihood_loss=max_likelihood_loss,
        )
        trials.append(WeightTrial(weight, caption, float(probability), match, says, accepted))
    best = next((i for i, trial in enumerate(trials) if trial.accepted), None)
    return WeightSearch(tuple(trials), best)


def holds_up(
    caption: Caption,
    plain: Caption,
    *,
    match: float | None = None,
    plain_match: float | None = None,
    max_match_loss: float = MAX_MATCH_LOSS,
    max_likelihood_loss: float = MAX_LIKELIHOOD_LOSS,
) -> bool:
    """Whether a steered caption fits its image, and reads, about as well as the plain one.

    Args:
        caption: steered. plain: of the same image and prompt.
        match, plain_match: their match probabilities; None leaves the match out.
        max_match_loss: how far the match probability may fall.
        max_likelihood_loss: how far the mean log-probability per token may fall.
    """
    fits = match is None or plain_match is None or match >= plain_match - max_match_loss
    return fits and not caption.log_likelihood < plain.log_likelihood - max_likelihood_loss


@torch.no_grad()
def word_probability(
    captioner: Captioner,
    features: torch.Tensor,
    *,
    captions: Sequence[Caption],
    word: str,
    steerings: Sequence[Steering | None] | None = None,
) -> FloatArray:
    """How close each caption came to saying a word.

    The largest probability, over the places of the caption after its prompt, that the word comes
    next; of a word of several pieces, the product over its pieces at the place where the first is
    most likely.

    Args:
        captioner: which wrote the captions.
        features: "images 1+patches hidden".
        captions: one per image.
        word: the wanted word.
        steerings: those the captions were written with.

    Returns:
        Float64 "images", 0..1.
    """
    pieces = captioner.text.pieces(word)
    if not pieces or captioner.text.unknown in pieces:
        return np.zeros(len(captions))
    starts = [len(captioner.prompt_ids(caption.prompt)) for caption in captions]
    room = captioner.text.limit - len(pieces)
    rows = [
        [captioner.text.bos, *captioner.text.pieces(caption.full_text)][:room]
        for caption in captions
    ]
    scores = captioner.teacher_log_probabilities(features, rows, steering=steerings)
    places = []
    for row, start, score in zip(rows, starts, scores, strict=True):
        first = min(start, len(row)) - 1
        places.append(first + int(score[first : len(row), pieces[0]].argmax()))
    if len(pieces) == 1:
        log_p = [float(s[place, pieces[0]]) for s, place in zip(scores, places, strict=True)]
        return np.exp(log_p)
    spelled = [[*row[: place + 1], *pieces] for row, place in zip(rows, places, strict=True)]
    scores = captioner.teacher_log_probabilities(features, spelled, steering=steerings)
    steps = torch.arange(len(pieces), device=scores.device)
    wanted = torch.tensor(pieces, device=scores.device)
    totals = [
        float(s[place + steps, wanted].sum()) for s, place in zip(scores, places, strict=True)
    ]
    return np.exp(totals)


def says_word(text: str, word: str, *, prompt: str | None = None) -> bool:
    """Whether a caption holds a word, in singular or plural, beside those of its prompt.

    Of several words all, of several such things with commas between any; see `says_any`.
    """
    return says_any(text, wanted_words(word), prompt=prompt)
