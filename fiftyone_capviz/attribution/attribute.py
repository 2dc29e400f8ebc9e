"""Words of captions on the patches of their images, by whatever model the options choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL.Image import Image

from fiftyone_capviz.attribution.pairs.explain import explain_pairs
from fiftyone_capviz.attribution.words.methods import captioner_word_maps, matcher_word_maps
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.models.interfaces import (
    CaptionAttention,
    DualEncoder,
    MatchAttention,
    caption_attention,
    match_attention,
)
from fiftyone_capviz.records import CaptionWords, FloatArray, Match
from fiftyone_capviz.segments import silent_words, without_silent
from fiftyone_capviz.settings.analysis import AnalysisOptions


@dataclass(frozen=True, eq=False)
class AttributionBatch:
    """Images, their captions, and what the model has seen of them.

    Attributes:
        images: upright RGB.
        texts: one per image, as stored.
        words: one per text, with spans in it.
        features: Float "1+patches hidden" per image, from the model's `encode`; a dual encoder
            needs none.
    """

    images: Sequence[Image]
    texts: Sequence[str]
    words: Sequence[CaptionWords]
    features: Sequence[torch.Tensor] = ()


@dataclass(frozen=True, eq=False)
class Attributed:
    """What `attribute` found.

    Attributes:
        maps: float32 "words rows columns" per image, signed, on its own grid; NaN for a word that
            was not read, or whose map is zero everywhere.
        matches: of each image and its text, where the same pass gives them; else empty.
        unread: of each text, the words beyond the model's token limit.
        silent: of each text, how many of its words were read, and have a map of zeros.
    """

    maps: list[FloatArray]
    matches: list[Match]
    unread: list[tuple[str, ...]]
    silent: list[int]

    @classmethod
    def of(
        cls,
        maps: Sequence[FloatArray],
        unread: Sequence[tuple[str, ...]],
        matches: Sequence[Match] = (),
    ) -> Attributed:
        """From maps in which words that were not read are NaN."""
        silent = [int(silent_words(each).sum()) for each in maps]
        return cls([without_silent(each) for each in maps], list(matches), list(unread), silent)


def attribute(
    model: CaptionAttention | MatchAttention | DualEncoder,
    batch: AttributionBatch,
    options: AnalysisOptions,
) -> Attributed:
    """Attribute each word of each text, by the options' method, layer and head.

    Args:
        model: of the kind that ``options.stage_model("attribute")`` names.
        batch: one image or more.
        options: how.

    Raises:
        InputError: no such layer or head, a layer at which every map is zero, counts that differ,
            or a model that does not show its attention.
    """
    return _BY_KIND[options.stage_model("attribute")](model, batch, options)


def _by_matcher(model: object, batch: AttributionBatch, options: AnalysisOptions) -> Attributed:
    matcher = match_attention(model)
    maps, matches = matcher_word_maps(
        matcher,
        torch.stack(list(batch.features)),
        captions=batch.texts,
        words=batch.words,
        how=options.word_method,
        grids=_grids(matcher, batch),
    )
    # The probability is always that of [ENC], whatever the attribution begins with.
    return Attributed.of(
        [one.maps for one in maps],
        [one.unread for one in maps],
        matches if options.use_enc else [],
    )


def _by_captioner(model: object, batch: AttributionBatch, options: AnalysisOptions) -> Attributed:
    captioner = caption_attention(model)
    # A text that begins with a prompt of its own had none other before it.
    own_prompt = options.prompt not in (None, captioner.default_prompt)
    maps = captioner_word_maps(
        captioner,
        torch.stack(list(batch.features)),
        captions=batch.texts,
        words=batch.words,
        how=options.word_method,
        grids=_grids(captioner, batch),
        prompts=[""] * len(batch.texts) if own_prompt else None,
    )
    return Attributed.of([one.maps for one in maps], [one.unread for one in maps])


def _by_encoder(model: object, batch: AttributionBatch, options: AnalysisOptions) -> Attributed:
    encoder: DualEncoder = model  # type: ignore[assignment]
    found = explain_pairs(encoder, batch.images, batch.texts, layer=options.layer)
    return Attributed.of([one.word_maps for one in found], [one.unread for one in found])


_BY_KIND = {"matcher": _by_matcher, "captioner": _by_captioner, "encoder": _by_encoder}


def _grids(model: CaptionAttention | MatchAttention, batch: AttributionBatch) -> list[Grid]:
    return [model.transform(*image.size).grid for image in batch.images]
