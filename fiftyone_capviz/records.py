"""What the modules hand to each other: frozen, NumPy only, shapes checked on creation.

Axis words: ``images``, ``words``, ``segments``, ``rows`` and ``columns`` of the image's patch grid,
``height`` and ``width`` in pixels of the upright image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fiftyone_capviz.errors import InputError

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]
Span = tuple[int, int]


def _require(condition: bool, rule: str, seen: object) -> None:
    if not condition:
        raise InputError(f"{rule}; got {seen}.")


@dataclass(frozen=True)
class Caption:
    """A generated caption.

    Attributes:
        text: what is stored: the captioner's default prompt is cut, a steering prompt stays.
        full_text: prompt and continuation, as decoded.
        prompt: the prompt that was given.
        log_likelihood: mean log-probability per generated token (<= 0), nan if unknown.
        at_limit: it was ended by the number of tokens that was asked for, not by its writer, and
            may break off in mid-sentence.
    """

    text: str
    full_text: str
    prompt: str
    log_likelihood: float
    at_limit: bool = False


@dataclass(frozen=True)
class CaptionWords:
    """The unique, normalised content words of one caption, in caption order.

    Attributes:
        words: normalised (lower case, singular) words.
        tags: "noun", "verb", "adjective" or "other", one per word.
        spans: for each word, the character spans of its occurrences in the caption text.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    spans: tuple[tuple[Span, ...], ...]

    def __post_init__(self) -> None:
        sizes = (len(self.words), len(self.tags), len(self.spans))
        _require(len(set(sizes)) == 1, "words, tags and spans must have one entry per word", sizes)


@dataclass(frozen=True)
class Match:
    """Image-text match: probability in 0..1 and the match logit it came from.

    Attributes:
        cut: tokens of the text that were over the model's limit and had no part in it.
    """

    probability: float
    logit: float
    cut: int = 0


@dataclass(frozen=True)
class WordMaps:
    """Attribution of each caption word on the patch grid.

    Attributes:
        words: the caption's content words.
        maps: signed float32 "words rows columns"; image CLS column dropped; NaN for a word that
            the model did not read.
        unread: those words: they lie beyond the model's token limit.
    """

    words: tuple[str, ...]
    maps: FloatArray
    unread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(
            self.maps.ndim == 3 and self.maps.shape[0] == len(self.words),
            f"maps must be (words={len(self.words)}, rows, columns)",
            self.maps.shape,
        )


@dataclass(frozen=True)
class Segments:
    """Segments of one image, in the order in which they are stored.

    Attributes:
        masks: bool "segments height width", in pixels of the upright image; may overlap.
        predicted_iou: float "segments", 0..1; nan where the segmenter does not estimate it.
    """

    masks: BoolArray
    predicted_iou: FloatArray

    def __post_init__(self) -> None:
        _require(self.masks.ndim == 3, "masks must be (segments, height, width)", self.masks.shape)
        _require(self.masks.dtype == np.bool_, "masks must be boolean", self.masks.dtype)
        _require(
            self.predicted_iou.shape == self.masks.shape[:1],
            f"predicted_iou must be (segments={self.masks.shape[0]},)",
            self.predicted_iou.shape,
        )

    def __len__(self) -> int:
        return int(self.masks.shape[0])

    @property
    def areas(self) -> FloatArray:
        """Share of the image's pixels that each segment owns: float "segments", 0..1."""
        if not len(self):
            return np.zeros(0)
        shares: FloatArray = self.masks.reshape(len(self), -1).mean(axis=1)
        return shares

    def take(self, index: Sequence[int] | NDArray[np.integer]) -> Segments:
        """The segments at these positions, in this order."""
        chosen = np.asarray(index, dtype=int)
        return Segments(self.masks[chosen], self.predicted_iou[chosen])


@dataclass(frozen=True)
class Coverage:
    """Which segments a caption speaks of (seed paper, section 5.2).

    Attributes:
        counts: int "segments", the number of words that cover each segment; 0, and no claim, for
            one that is not seen.
        covered_by: for each segment the covering words' indices, best score first.
        top_word: int "segments", index of the best covering word, -1 where uncovered.
        entropy: float "segments", 0..1, of the positive scores over log of the number of words
            that have scores; nan if no positive score.
        share: share of the segments seen that at least one word covers; nan without any.
        seen: bool "segments": the model that attributed saw half of the segment at least.
        known: whether anything can be said: a word has scores, or the caption holds none.
    """

    counts: NDArray[np.integer]
    covered_by: tuple[tuple[int, ...], ...]
    top_word: NDArray[np.integer]
    entropy: FloatArray
    share: float
    seen: BoolArray
    known: bool = True


@dataclass(frozen=True, eq=False)
class Steering:
    """What to change when an image is captioned again.

    Attributes:
        prompt: what the caption goes on from; None keeps the prompt of the call.
        weights: per patch, at least 0, float "rows columns"; 1 leaves a patch as it is; None
            leaves all.
        method: how weights act. "scale" multiplies the patch's feature (seed paper; 2 to 10 is
            usual, large weights break captions). "logits" adds log(weight) to the patch's
            cross-attention logits: weight 5 acts like five copies of the patch, 0 removes it.
            "contrast" raises words that get less likely when the patches with the largest weight
            are hidden.
        alpha: strength of "contrast"; 0 changes nothing.
    """

    prompt: str | None = None
    weights: FloatArray | None = None
    method: SteeringMethod = "scale"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        methods = get_args(SteeringMethod)
        if self.method not in methods:
            raise InputError(f"method must be one of {', '.join(methods)}; got {self.method!r}.")
        if not np.isfinite(self.alpha) or self.alpha < 0:
            raise InputError(f"alpha must be at least 0; got {self.alpha}.")
        if self.weights is None:
            return
        weights = np.asarray(self.weights)
        if weights.ndim != 2 or not np.isfinite(weights).all() or (weights < 0).any():
            raise InputError(
                "Patch weights must be a finite (rows, columns) array of at least 0; got shape "
                f"{weights.shape} from {weights.min(initial=0)} to {weights.max(initial=0)}."
            )


SteeringMethod = Literal["scale", "logits", "contrast"]

IntArray = NDArray[np.integer]
