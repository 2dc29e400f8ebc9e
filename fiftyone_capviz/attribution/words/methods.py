"""Attribution methods by name, and their way from a reading to maps of words.

Formulas: docs/methods.md, section 2.6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from fiftyone_capviz.attribution.words.alignment import stack_rows, unread_words, word_rows
from fiftyone_capviz.attribution.words.cross_attention import (
    read_captioner_attention,
    read_matcher_attention,
)
from fiftyone_capviz.attribution.words.gradcam import read_itm_gradients, read_lm_gradients
from fiftyone_capviz.attribution.words.taps import ALL_LAYERS, CrossAttention, chosen_layers
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.models.attention_shape import require_gradient
from fiftyone_capviz.models.interfaces import (
    AttentionAccess,
    CaptionAttention,
    MatchAttention,
    matches_of,
    shape_of,
)
from fiftyone_capviz.records import CaptionWords, FloatArray, Match, WordMaps
from fiftyone_capviz.settings.analysis import CHOICES
from fiftyone_capviz.settings.words import WordMethod

CLAMPS = tuple(CHOICES["clamp"])
"""What of the signs stays; see `WordMethod`."""

ITM_GRADCAM = WordMethod()
LM_GRADCAM = WordMethod("lm")


@dataclass(frozen=True)
class Reader:
    """One method, on both sides.

    Attributes:
        description: one line.
        differentiates: whether a reading holds a gradient beside the attention.
        matcher: reads the ITM side: (matcher, features, texts, layers, how) -> reading.
        captioner: reads the LM side: (captioner, features, texts, layers) -> reading.
    """

    description: str
    differentiates: bool
    matcher: Callable[
        [MatchAttention, torch.Tensor, Sequence[str], Sequence[int], WordMethod], CrossAttention
    ]
    captioner: Callable[
        [CaptionAttention, torch.Tensor, Sequence[str], Sequence[int]], CrossAttention
    ]


METHODS: dict[str, Reader] = {
    "gradcam": Reader(
        "attention times its gradient",
        True,
        lambda model, features, texts, layers, how: read_itm_gradients(
            model, features, texts=texts, layers=layers, target=how.target, use_enc=how.use_enc
        ),
        lambda model, features, texts, layers: read_lm_gradients(
            model, features, texts=texts, layers=layers
        ),
    ),
    "cross_attention": Reader(
        "attention alone",
        False,
        lambda model, features, texts, layers, how: read_matcher_attention(
            model, features, texts=texts, layers=layers, use_enc=how.use_enc
        ),
        lambda model, features, texts, layers: read_captioner_attention(
            model, features, texts=texts, layers=layers
        ),
    ),
}
"""Every method works on the matcher (ITM side) and on the captioner (LM side)."""


def matcher_word_maps(
    matcher: MatchAttention,
    features: torch.Tensor,
    *,
    captions: Sequence[str],
    words: Sequence[CaptionWords],
    how: WordMethod = ITM_GRADCAM,
    grids: Sequence[Grid] | None = None,
) -> tuple[list[WordMaps], list[Match]]:
    """ITM-side attribution of each word and, from the same pass, the match scores.

    Args:
        matcher: from the model cache.
        features: Float "images 1+patches hidden", from `matcher.encode`.
        captions: one per image.
        words: one per caption, with spans in it.
        how: method, layer, head, clamp, target and first token; this *is* the source "itm".
        grids: rows and columns of each image; None takes the one that all images of the model have.

    Returns:
        Maps, float32 "words rows columns" per caption, and the matches. A word beyond the model's
        limit has a map of NaN.

    Raises:
        InputError: counts that differ, no such method, layer, head or clamp, or Grad-CAM of a
            layer at which it is zero for every word.
    """
    _require_counts(features, captions, words)
    if not len(captions):
        return [], []
    layers = chosen_layers(how.layer, default=matcher.default_layer, count=matcher.layer_count)
    if reader_of(how.method).differentiates:
        require_gradient(getattr(matcher, "spec", "this model"), layers[0], shape_of(matcher))
    reading = reader_of(how.method).matcher(matcher, features, captions, layers, how)
    maps = _single_maps(reading, words, [0] * len(words), how, _grids(matcher, features, grids))
    matches = [] if reading.logits is None else matches_of(reading.logits, cut=reading.cut)
    return maps, matches


def captioner_word_maps(
    captioner: CaptionAttention,
    features: torch.Tensor,
    *,
    captions: Sequence[str],
    words: Sequence[CaptionWords],
    how: WordMethod = LM_GRADCAM,
    grids: Sequence[Grid] | None = None,
    prompts: Sequence[str] | None = None,
) -> list[WordMaps]:
    """LM-side attribution of each word, teacher-forced on the caption.

    Args:
        captioner: from the model cache.
        features: Float "images 1+patches hidden", from `captioner.encode`.
        captions: one per image, as stored.
        words: one per caption, with spans in it.
        how: method, layer, head and clamp; this *is* the source "lm".
        grids: rows and columns of each image; None takes the one that all images of the model have.
        prompts: what the decoder read before each caption's text; None is the default prompt,
            which was cut from the text. Give "" where the text holds its own prompt.

    Returns:
        Maps, float32 "words rows columns" per caption; of NaN for a word beyond the model's limit.

    Raises:
        InputError: counts that differ, or no such method, layer, head or clamp.
    """
    _require_counts(features, captions, words)
    if not len(captions):
        return []
    layers = chosen_layers(how.layer, default=captioner.default_layer, count=captioner.layer_count)
    texts, shifts = _with_prompts(captioner, captions, prompts)
    reading = reader_of(how.method).captioner(captioner, features, texts, layers)
    return _single_maps(reading, words, shifts, how, _grids(captioner, features, grids))


def all_method_maps(
    model: MatchAttention | CaptionAttention,
    features: torch.Tensor,
    *,
    captions: Sequence[str],
    words: Sequence[CaptionWords],
    methods: Sequence[str] = tuple(METHODS),
    clamp: str = "none",
    per_head: bool = False,
    grids: Sequence[Grid] | None = None,
    prompts: Sequence[str] | None = None,
) -> dict[str, list[FloatArray]]:
    """Maps by some methods, of every layer and head, from one forward and one backward pass.

    A reading that holds a gradient holds the attention too, and serves every method.

    Args:
        model: a matcher or captioner.
        features: Float "images 1+patches hidden".
        captions: one per image.
        words: one per caption.
        methods: some of `METHODS`.
        clamp: one of `CLAMPS`.
        per_head: keep the heads apart.
        grids: rows and columns of each image; None takes the one that all images of the model have.
        prompts: for a captioner, see `captioner_word_maps`.

    Returns:
        Method -> for each caption float32 "layers heads words rows columns"; one head, their mean,
        unless per_head. NaN for a word beyond the model's limit; zeros at layers without a
        gradient.

    Raises:
        InputError: counts that differ, or no such method or clamp.
    """
    _require_counts(features, captions, words)
    readers = {method: reader_of(method) for method in methods}
    if not len(captions) or not readers:
        return {method: [] for method in methods}
    layers = chosen_layers(ALL_LAYERS, default=0, count=model.layer_count)
    reader = max(readers.values(), key=lambda one: one.differentiates)
    shifts = [0] * len(captions)
    if isinstance(model, MatchAttention):
        reading = reader.matcher(model, features, captions, layers, ITM_GRADCAM)
    else:
        texts, shifts = _with_prompts(model, captions, prompts)
        reading = reader.captioner(model, features, texts, layers)
    rows = _word_rows(reading, words, shifts)
    shapes = _grids(model, features, grids)
    found = {}
    for method, own in readers.items():
        seen = reading if own.differentiates else replace(reading, gradient=None)
        relevance = relevance_of(seen, clamp=clamp)
        relevance = relevance if per_head else relevance.mean(2, keepdim=True)
        by_caption = relevance.permute(1, 0, 2, 3, 4).flatten(1, 2)
        maps = _map_words(by_caption, rows, shapes)
        found[method] = [m.reshape(len(layers), relevance.shape[2], *m.shape[1:]) for m in maps]
    return found


def relevance_of(reading: CrossAttention, *, clamp: str = "none") -> torch.Tensor:
    """Attention, times its gradient where there is one: "layers captions heads tokens patches"."""
    if clamp not in CLAMPS:
        raise InputError(f"clamp must be one of {', '.join(CLAMPS)}; got {clamp!r}.")
    if reading.gradient is None:
        return reading.attention
    gradient = reading.gradient.clamp_min(0) if clamp == "grad" else reading.gradient
    product = reading.attention * gradient
    return product.clamp_min(0) if clamp == "product" else product


def combine(
    reading: CrossAttention, *, head: int | None = None, clamp: str = "none"
) -> torch.Tensor:
    """Relevance of one head, or the mean over heads: "layers captions tokens patches".

    Raises:
        InputError: no such head or clamp.
    """
    relevance = relevance_of(reading, clamp=clamp)
    if head is None:
        return relevance.mean(2)
    heads = relevance.shape[2]
    if not 0 <= head < heads:
        raise InputError(f"head must be from 0 to {heads - 1} for this model; got {head}.")
    return relevance[:, :, head]


def reader_of(method: str) -> Reader:
    """The entry of a method.

    Raises:
        InputError: there is none.
    """
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    return METHODS[method]


def _single_maps(
    reading: CrossAttention,
    words: Sequence[CaptionWords],
    shifts: Sequence[int],
    how: WordMethod,
    grids: Sequence[Grid],
) -> list[WordMaps]:
    """Maps of a reading of one layer."""
    relevance = combine(reading, head=how.head, clamp=how.clamp)[0]
    rows = _word_rows(reading, words, shifts)
    maps = _map_words(relevance[:, None], rows, grids)
    return [
        WordMaps(w.words, m[0], unread_words(w, r))
        for w, m, r in zip(words, maps, rows, strict=True)
    ]


def _word_rows(
    reading: CrossAttention, words: Sequence[CaptionWords], shifts: Sequence[int]
) -> list[FloatArray]:
    cuts = reading.cut or (0,) * len(words)
    return [
        word_rows(w, offsets, shift=shift, cut=cut > 0)
        for w, offsets, shift, cut in zip(words, reading.offsets, shifts, cuts, strict=True)
    ]


def _map_words(
    relevance: torch.Tensor, rows: Sequence[FloatArray], grids: Sequence[Grid]
) -> list[FloatArray]:
    """Relevance "captions maps tokens patches" to float32 "maps words rows columns" per caption.

    Patches beyond an image's own are padding.
    """
    stacked = stack_rows(rows, tokens=relevance.shape[2])
    precise = relevance if relevance.dtype == torch.float64 else relevance.float()
    weights = torch.as_tensor(stacked, device=precise.device, dtype=precise.dtype)
    maps = torch.einsum("bwt,bmtp->bmwp", weights, precise).cpu().numpy().astype(np.float32)
    return [
        own[:, : len(r), : grid.patches].reshape(len(own), len(r), *grid)
        for own, r, grid in zip(maps, rows, grids, strict=True)
    ]


def _grids(
    model: AttentionAccess, features: torch.Tensor, grids: Sequence[Grid] | None
) -> list[Grid]:
    """The grid of each image.

    Raises:
        InputError: unknown, or more patches than the features have.
    """
    if grids is None:
        if model.grid is None:
            raise InputError("This model's patch grid differs from image to image; give grids.")
        grids = [model.grid] * len(features)
    if len(grids) != len(features) or any(g.patches >= features.shape[1] for g in grids):
        raise InputError(
            f"grids needs one (rows, columns) per image ({len(features)}), of at most "
            f"{features.shape[1] - 1} patches; got {[tuple(g) for g in grids]}."
        )
    return list(grids)


def _with_prompts(
    captioner: CaptionAttention, captions: Sequence[str], prompts: Sequence[str] | None
) -> tuple[list[str], list[int]]:
    before = [captioner.default_prompt] * len(captions) if prompts is None else list(prompts)
    if len(before) != len(captions):
        raise InputError(
            f"prompts needs one entry per caption ({len(captions)}); got {len(before)}."
        )
    leads = [f"{p.strip()} " if p.strip() else "" for p in before]
    texts = [lead + caption for lead, caption in zip(leads, captions, strict=True)]
    return texts, [len(lead) for lead in leads]


def _require_counts(
    features: torch.Tensor, captions: Sequence[str], words: Sequence[CaptionWords]
) -> None:
    if isinstance(captions, str) or not len(features) == len(captions) == len(words):
        raise InputError(
            "features, captions and words need one entry per image; got "
            f"{len(features)}, {len(captions)} and {len(words)}."
        )
