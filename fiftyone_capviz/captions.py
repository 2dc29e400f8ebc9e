"""Images to captions, in batches, without FiftyOne."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from PIL.Image import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.interfaces import Captioner
from fiftyone_capviz.records import Caption

if TYPE_CHECKING:
    from fiftyone_capviz.steering import Steering


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
