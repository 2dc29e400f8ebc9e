"""Attribution methods by name, and their way from a reading to maps of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import starmap

import numpy as np
import torch

from fiftyone_capviz.attribution.words.alignment import stack_rows, word_rows
from fiftyone_capviz.attribution.words.cross_attention import (
    read_captioner_attention,
    read_matcher_attention,
)
from fiftyone_capviz.attribution.words.gradcam import read_itm_gradients, read_lm_gradients
from fiftyone_capviz.attribution.words.taps import ALL_LAYERS, Reading, chosen_layers
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid
from fiftyone_capviz.models.interfaces import (
    AttentionAccess,
    CaptionAttention,
    MatchAttention,
    matches_of,
)
from fiftyone_capviz.records import CaptionWords, FloatArray, Match, WordMaps

CLAMPS = ("none", "grad", "product")
"""none: signed maps (seed paper); grad: negative gradients count as 0 (LAVIS); product: negative
products count as 0."""

METHODS: dict[str, str] = {
    "gradcam": "attention times its gradient",
    "cross_attention": "attention alone",
}
"""Every method works on the matcher (ITM side) and on the captioner (LM side)."""


def matcher_word_maps(
    matcher: MatchAttention,
    features: torch.Tensor,
    *,
    captions: Sequence[str],
    words: Sequence[CaptionWords],
    grids: Sequence[Grid] | None = None,
    method: str = "gradcam",
    layer: int | None = None,
    head: int | None = None,
    clamp: str = "none",
    target: str = "logit",
    use_enc: bool = True,
) -> tuple[list[WordMaps], list[Match]]:
    """ITM-side attribution of each word and, from the same pass, the match scores.

    Args:
        matcher: from the model cache.
        features: "images 1+patches hidden", from `matcher.encode`.
        captions: one per image.
        words: one per caption, with spans in it.
        grids: rows and columns of each image; None takes the one that all images of the model have.
        method: one of `METHODS`.
        layer: zero-based; None is the model's default.
        head: zero-based; None is the mean over heads.
        clamp: one of `CLAMPS`; only Grad-CAM has signs.
        target: "logit" or "margin", what Grad-CAM differentiates.
        use_enc: begin with [ENC] instead of [CLS].

    Returns:
        Maps, float32 "words rows columns" per caption, and the matches.
    """
    _require_counts(features, captions, words)
    if not len(captions):
        return [], []
    layers = chosen_layers(layer, default=matcher.default_layer, count=matcher.layer_count)
    reading = _read_matcher(
        matcher, features, captions=captions, method=method, layers=layers, target=target,
        use_enc=use_enc,
    )  # fmt: skip
    relevance = combine(reading, head=head, clamp=clamp)[0]
    rows = list(starmap(word_rows, zip(words, reading.offsets, strict=True)))
    maps = _map_words(relevance[:, None], rows, _grids(matcher, features, grids))
    scores = [] if reading.logits is None else matches_of(reading.logits)
    return [WordMaps(w.words, m[0]) for w, m in zip(words, maps, strict=True)], scores


def captioner_word_maps(
    captioner: CaptionAttention,
    features: torch.Tensor,
    *,
    captions: Sequence[str],
    words: Sequence[CaptionWords],
    grids: Sequence[Grid] | None = None,
    method: str = "gradcam",
    layer: int | None = None,
    head: int | None = None,
    clamp: str = "none",
    prompts: Sequence[str] | None = None,
) -> list[WordMaps]:
    """LM-side attribution of each word, teacher-forced on the caption.

    Args:
        captioner: from the model cache.
        features: "images 1+patches hidden", from `captioner.encode`.
        captions: one per image, as stored.
        words: one per caption, with spans in it.
        grids: rows and columns of each image; None takes the one that all images of the model have.
        method: one of `METHODS`.
        layer: zero-based; None is the model's default.
        head: zero-based; None is the mean over heads.
        clamp: one of `CLAMPS`; only Grad-CAM has signs.
        prompts: what the decoder read before each caption's text; None is the default prompt,
            which was cut from the text. Give "" where the text holds its own prompt.

    Returns:
        Maps, float32 "words rows columns" per caption.
    """
    _require_counts(features, captions, words)
    if not len(captions):
        return []
    layers = chosen_layers(layer, default=captioner.default_layer, count=captioner.layer_count)
    texts, shifts = _with_prompts(captioner, captions, prompts)
    reading = _read_captioner(captioner, features, texts=texts, method=method, layers=layers)
    relevance = combine(reading, head=head, clamp=clamp)[0]
    rows = [
        word_rows(w, offsets, shift=shift)
        for w, offsets, shift in zip(words, reading.offsets, shifts, strict=True)
    ]
    maps = _map_words(relevance[:, None], rows, _grids(captioner, features, grids))
    return [WordMaps(w.words, m[0]) for w, m in zip(words, maps, strict=True)]


def all_layer_maps(
    model: MatchAttention | CaptionAttention,
    features: torch.Tensor,
    *,
    captions: Sequence[str],
    words: Sequence[CaptionWords],
    grids: Sequence[Grid] | None = None,
    method: str = "gradcam",
    clamp: str = "none",
    per_head: bool = False,
    prompts: Sequence[str] | None = None,
) -> list[FloatArray]:
    """Maps of every layer, and of every head if asked for, from one forward and one backward pass.

    Args:
        model: a matcher or captioner.
        features: "images 1+patches hidden".
        captions: one per image.
        words: one per caption.
        grids: rows and columns of each image; None takes the one that all images of the model have.
        method: one of `METHODS`.
        clamp: one of `CLAMPS`.
        per_head: keep the heads apart.
        prompts: for a captioner, see `captioner_word_maps`.

    Returns:
        For each caption float32 "layers heads words rows columns"; one head, their mean, unless
        per_head.
    """
    maps = all_method_maps(
        model, features, captions=captions, words=words, grids=grids, methods=(method,),
        clamp=clamp, per_head=per_head, prompts=prompts,
    )  # fmt: skip
    return maps[method]


def all_method_maps(
    model: MatchAttention | CaptionAttention,
    features: torch.Tensor,
    *,
    captions: Sequence[str],
    words: Sequence[CaptionWords],
    grids: Sequence[Grid] | None = None,
    methods: Sequence[str] = tuple(METHODS),
    clamp: str = "none",
    per_head: bool = False,
    prompts: Sequence[str] | None = None,
) -> dict[str, list[FloatArray]]:
    """Maps by several methods, every layer and head, from one forward and one backward pass.

    The reading for Grad-CAM holds the attention too.

    Args:
        model: a matcher or captioner.
        features: "images 1+patches hidden".
        captions: one per image.
        words: one per caption.
        grids: rows and columns of each image; None takes the one that all images of the model have.
        methods: some of `METHODS`.
        clamp: one of `CLAMPS`.
        per_head: keep the heads apart.
        prompts: for a captioner, see `captioner_word_maps`.

    Returns:
        Method -> for each caption float32 "layers heads words rows columns"; one head, their mean,
        unless per_head.
    """
    _require_counts(features, captions, words)
    for method in methods:
        _require_method(method)
    if not len(captions):
        return {method: [] for method in methods}
    layers = chosen_layers(ALL_LAYERS, default=0, count=model.layer_count)
    shifts = [0] * len(captions)
    read = "gradcam" if "gradcam" in methods else methods[0]
    if isinstance(model, MatchAttention):
        reading = _read_matcher(model, features, captions=captions, method=read, layers=layers)
    else:
        texts, shifts = _with_prompts(model, captions, prompts)
        reading = _read_captioner(model, features, texts=texts, method=read, layers=layers)
    rows = [
        word_rows(w, offsets, shift=shift)
        for w, offsets, shift in zip(words, reading.offsets, shifts, strict=True)
    ]
    found = {}
    for method in methods:
        seen = reading if method == "gradcam" else replace(reading, gradient=None)
        relevance = relevance_of(seen, clamp=clamp)
        relevance = relevance if per_head else relevance.mean(2, keepdim=True)
        heads = relevance.shape[2]
        by_caption = relevance.permute(1, 0, 2, 3, 4).flatten(1, 2)
        maps = _map_words(by_caption, rows, _grids(model, features, grids))
        found[method] = [m.reshape(len(layers), heads, *m.shape[1:]) for m in maps]
    return found


def relevance_of(reading: Reading, *, clamp: str = "none") -> torch.Tensor:
    """Attention, times its gradient where there is one: "layers captions heads tokens patches"."""
    if clamp not in CLAMPS:
        raise InputError(f"clamp must be one of {', '.join(CLAMPS)}; got {clamp!r}.")
    if reading.gradient is None:
        return reading.attention
    gradient = reading.gradient.clamp_min(0) if clamp == "grad" else reading.gradient
    product = reading.attention * gradient
    return product.clamp_min(0) if clamp == "product" else product


def combine(reading: Reading, *, head: int | None = None, clamp: str = "none") -> torch.Tensor:
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
            raise InputError(
                "The patch grid of this model differs from image to image; give grids."
            )
        grids = [model.grid] * len(features)
    if len(grids) != len(features) or any(g.patches >= features.shape[1] for g in grids):
        raise InputError(
            f"grids needs one (rows, columns) per image ({len(features)}), of at most "
            f"{features.shape[1] - 1} patches; got {[tuple(g) for g in grids]}."
        )
    return list(grids)


def _read_matcher(
    matcher: MatchAttention,
    features: torch.Tensor,
    *,
    captions: Sequence[str],
    method: str,
    layers: Sequence[int],
    target: str = "logit",
    use_enc: bool = True,
) -> Reading:
    _require_method(method)
    if method == "gradcam":
        return read_itm_gradients(
            matcher, features, texts=captions, layers=layers, target=target, use_enc=use_enc
        )
    return read_matcher_attention(matcher, features, texts=captions, layers=layers, use_enc=use_enc)


def _read_captioner(
    captioner: CaptionAttention,
    features: torch.Tensor,
    *,
    texts: Sequence[str],
    method: str,
    layers: Sequence[int],
) -> Reading:
    _require_method(method)
    read = read_lm_gradients if method == "gradcam" else read_captioner_attention
    return read(captioner, features, texts=texts, layers=layers)


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


def _require_method(method: str) -> None:
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")


def _require_counts(
    features: torch.Tensor, captions: Sequence[str], words: Sequence[CaptionWords]
) -> None:
    if isinstance(captions, str) or not len(features) == len(captions) == len(words):
        raise InputError(
            "features, captions and words need one entry per image; got "
            f"{len(features)}, {len(captions)} and {len(words)}."
        )
