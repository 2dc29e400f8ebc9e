"""Other references than the model's own: what a pair is compared with to tell its parts.

Second-order attribution explains how the score changes from a reference to the input; which one is
taken is a choice. The model's own are "grey", zero after normalisation, and "fillers": the
beginning, one filler, the end, and fillers. That is no empty text.

Formulas: docs/methods.md, section 4.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image, ImageFilter

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.dual.sides import Side
from fiftyone_capviz.models.dual.tower import TowerEncoder

IMAGE_REFERENCES = {
    "grey": "the mean colour",
    "black": "black",
    "blurred": "the image itself, blurred",
    "noise": "noise drawn by lot",
}
TEXT_REFERENCES = {
    "fillers": "beginning, one filler, end, fillers",
    "empty": "the empty text, filled up",
    "padding": "the caption with fillers for its words",
    "masked": "the caption with masks for its words",
}
BLUR = 0.1
"""Radius of the blur, as a share of the longer side."""


@torch.no_grad()
def sides_with_references(
    encoder: TowerEncoder,
    images: Sequence[Image.Image],
    captions: Sequence[str],
    *,
    image_reference: str = "grey",
    text_reference: str = "fillers",
    layer: int | None = None,
    text_layer: int | None = None,
    seed: int = 0,
) -> list[tuple[Side, Side]]:
    """Texts and images, pair by pair, at the input of a block, each with its reference.

    Args:
        encoder: made of two towers.
        images, captions: the pairs.
        image_reference, text_reference: of `IMAGE_REFERENCES` and `TEXT_REFERENCES`.
        layer, text_layer: zero-based blocks; None is the last.
        seed: of the noise.

    Raises:
        InputError: an unknown reference, or one that the model's tokenizer cannot write.
    """
    _known("image_reference", image_reference, IMAGE_REFERENCES)
    _known("text_reference", text_reference, TEXT_REFERENCES)
    seen = encoder.image_side(encoder.preprocess(images), layer=layer)
    tokens = encoder.tokens(captions)
    said = encoder.text_side(tokens, layer=text_layer)
    nothing_seen = encoder.preprocess(
        [_nothing_seen(image, image_reference, seed) for image in images]
    )
    if image_reference == "grey":  # exactly zero, whatever rounding makes of the mean colour
        nothing_seen = torch.zeros_like(nothing_seen)
    pairs = []
    for row, (text, image) in enumerate(zip(said, seen, strict=True)):
        pixels = nothing_seen[row : row + 1].to(encoder.device, encoder.dtype)
        ids = _nothing_said(encoder, captions[row], len(text.hidden), text_reference)
        blank = encoder.image_tower.run(
            encoder.embed_pixels(pixels), 0, encoder.image_tower.layer(layer, side="image")
        )
        empty = encoder.text_tower.run(
            encoder.embed_ids(ids.to(encoder.device)[None]),
            0,
            encoder.text_tower.layer(text_layer, side="text"),
        )
        pairs.append((replace(text, reference=empty[0]), replace(image, reference=blank[0])))
    return pairs


def _nothing_seen(image: Image.Image, name: str, seed: int) -> Image.Image:
    if name == "blurred":
        return image.filter(ImageFilter.GaussianBlur(BLUR * max(image.size)))
    if name == "noise":
        shape = (image.height, image.width, 3)
        drawn = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        return Image.fromarray(drawn)
    return Image.new("RGB", image.size)


def _nothing_said(encoder: TowerEncoder, caption: str, length: int, name: str) -> torch.Tensor:
    """Ids "length" of the text that says nothing in place of a caption."""
    if name == "fillers":
        return encoder.reference_ids(length)
    if name == "empty":
        tokens = encoder.tokens([""])
        ids = tokens.ids[0, : int(tokens.mask[0].sum())]
        rest = torch.full((max(length - len(ids), 0),), encoder.filler, dtype=ids.dtype)
        return torch.cat([ids, rest])[:length]
    replacement = encoder.filler if name == "padding" else encoder.mask_id
    if replacement is None:
        raise InputError(
            f"The reference {name!r} needs a mask token; the tokenizer of {encoder.spec!r} has "
            f"none. Choose one of {', '.join(n for n in TEXT_REFERENCES if n != name)}."
        )
    tokens = encoder.tokens([caption])
    words = torch.tensor([end > start for start, end in tokens.offsets[0]])
    return torch.where(words, replacement, tokens.ids[0])[:length]


def _known(name: str, chosen: str, known: dict[str, str]) -> None:
    if chosen not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}; got {chosen!r}.")
