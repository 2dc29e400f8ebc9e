"""Does the score follow the attribution? Conditional insertion and deletion.

Patches (CII, CID) or words (CTI, CTD) are put in or taken away, the most important first, while
the other input stays whole; the area under the curve of the score is the measure: high for
insertion, low for deletion (arXiv 2408.14153 section 4.2). A deleted patch shows the image's mean
color; a deleted word is cut out of the text, small words stay.

The text side needs a score of how well image and text fit. The likelihood of a text under a
captioner is none: it says first of all whether the rest of the sentence is English, so that an
ungrammatical remainder counts against whatever word was cut. CTI and CTD are not measured for it.

Formulas: docs/methods.md, section 7.7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.records import BoolArray, CaptionWords, FloatArray

MEASURES: dict[str, str] = {
    "cii": "image insertion (higher is better)",
    "cid": "image deletion (lower is better)",
    "cti": "text insertion (higher is better)",
    "ctd": "text deletion (lower is better)",
}
STEPS = 10

PairScorer = Callable[[Sequence[Image.Image], Sequence[str]], FloatArray]
"""Scores of images and texts, pair by pair."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A path from one input to another.

    Attributes:
        fractions: share of the items that were put in or taken away, rising from 0 to 1.
        kept: what is still there at each step, bool "steps items".
    """

    fractions: FloatArray
    kept: BoolArray


def perturbation_curve(scores: FloatArray, *, insertion: bool, steps: int = STEPS) -> Curve:
    """Which items are there at each step; the highest score goes first, of equal ones the earlier.

    Args:
        scores: of the items, any shape.
        insertion: begin with nothing and put items in; else begin with all and take them away.
        steps: at most so many.

    Raises:
        InputError: no items or steps, or scores that are not finite.
    """
    flat = np.asarray(scores, dtype=float).ravel()
    if not len(flat) or steps < 1 or not np.isfinite(flat).all():
        raise InputError(
            "A curve needs finite scores of one item or more and at least one step; got "
            f"{len(flat)} items and {steps} steps."
        )
    count = len(flat)
    numbers = np.unique(np.round(np.linspace(0, count, steps + 1)).astype(int))
    rank = np.empty(count, dtype=int)
    rank[np.argsort(-flat, kind="stable")] = np.arange(count)
    touched = rank[None] < numbers[:, None]
    return Curve(numbers / count, touched if insertion else ~touched)


def area_under(curve: Curve, values: FloatArray) -> float:
    """Area under the score along a curve, by trapezoids; the mean score of the path."""
    return float(np.trapezoid(np.asarray(values, dtype=float), curve.fractions))


def blank_patches(
    image: Image.Image, transform: PixelTransform, kept: NDArray[np.bool_]
) -> Image.Image:
    """The image with the other patches in its mean color.

    Args:
        image: upright RGB.
        transform: of the image to the patch grid; what it crops away is blank as well.
        kept: bool "rows columns".
    """
    pixels = np.asarray(image)
    left, top, _, _ = transform.crop
    mean = pixels.reshape(-1, pixels.shape[-1]).mean(axis=0).round().astype(np.uint8)
    size = transform.patch_to_box(0, 0)
    rows = np.floor((np.arange(transform.height) + 0.5 - top) / (size[3] - size[1])).astype(int)
    columns = np.floor((np.arange(transform.width) + 0.5 - left) / (size[2] - size[0])).astype(int)
    seen = [
        (each >= 0) & (each < count)
        for each, count in zip((rows, columns), transform.grid, strict=True)
    ]
    patches = kept[rows.clip(0, transform.rows - 1)][:, columns.clip(0, transform.columns - 1)]
    shown = patches & seen[0][:, None] & seen[1][None]
    return Image.fromarray(np.where(shown[..., None], pixels, mean))


def cut_words(text: str, words: CaptionWords, kept: NDArray[np.bool_]) -> str:
    """The text without the other content words.

    Args:
        text: a caption.
        words: its content words with their places.
        kept: bool "words".
    """
    spans = sorted(
        span for spans, stays in zip(words.spans, kept, strict=True) if not stays for span in spans
    )
    parts, end = [], 0
    for start, stop in spans:
        parts.append(text[end:start])
        end = max(end, stop)
    return " ".join("".join([*parts, text[end:]]).split())


def measure_faithfulness(
    image: Image.Image,
    text: str,
    *,
    words: CaptionWords,
    maps: FloatArray,
    transform: PixelTransform,
    scorer: PairScorer,
    steps: int = STEPS,
    text_side: bool = True,
) -> dict[str, float]:
    """The areas of one image, one caption and one method.

    Args:
        image: upright RGB.
        text: the caption.
        words: its content words.
        maps: their maps, "words rows columns": a patch counts by its sum over words, a word by
            its sum over patches.
        transform: of the image to the grid of the maps.
        scorer: of images and texts, pair by pair.
        steps: of each curve.
        text_side: measure CTI and CTD too; not for a score that is the text's likelihood.

    Raises:
        InputError: no words, or maps that are not finite.
    """
    measured: dict[str, float] = {}
    by_patch, by_word = maps.sum(axis=0), maps.sum(axis=(1, 2))
    for name, insertion in (("cii", True), ("cid", False)):
        curve = perturbation_curve(by_patch, insertion=insertion, steps=steps)
        grids = curve.kept.reshape(len(curve.kept), *by_patch.shape)
        images = [blank_patches(image, transform, kept) for kept in grids]
        measured[name] = area_under(curve, scorer(images, [text] * len(images)))
    for name, insertion in (("cti", True), ("ctd", False)) if text_side else ():
        curve = perturbation_curve(by_word, insertion=insertion, steps=steps)
        texts = [cut_words(text, words, kept) for kept in curve.kept]
        measured[name] = area_under(curve, scorer([image] * len(texts), texts))
    return measured
