"""All images against all captions of a dataset: one pass of the model per side, then products."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

from PIL.Image import Image

from fiftyone_capviz.attribution.pair_attribution import (
    PairMethod,
    method_factors,
    require_caption,
    require_method,
    side_layers,
    warnings_of,
)
from fiftyone_capviz.attribution.pair_explanation import PairExplanation, Sums, make_explanation
from fiftyone_capviz.attribution.quadrature import Quadrature
from fiftyone_capviz.attribution.second_order import Factors, attribute_pair
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.models.interfaces import DualEncoder
from fiftyone_capviz.models.sides import Side
from fiftyone_capviz.models.word_pieces import Offsets


class DatasetFactors:
    """Factors of images and texts, each computed once and kept in main memory.

    Life cycle: made for one encoder, method and layer; filled by `image_factors` and
    `text_factors` batch by batch; then `explain` combines any image with any text in microseconds.
    A ViT-B/16 image takes 400 KB, a text 30 KB.

    Attributes:
        encoder: of all sides.
        layer, text_layer: zero-based.
        max_items: of each side; the longest unused leave first.
    """

    def __init__(
        self,
        encoder: DualEncoder,
        *,
        method: PairMethod = "second_order",
        layer: int | None = None,
        text_layer: int | None = None,
        nodes: int = 8,
        quadrature: Quadrature = "gauss",
        max_items: int = 10_000,
    ) -> None:
        require_method(method, perturbing=False)
        self.encoder, self.method = encoder, method
        self.layer, self.text_layer = side_layers(encoder, layer, text_layer)
        self.nodes, self.quadrature, self.max_items = nodes, quadrature, max_items
        self._images: OrderedDict[Hashable, tuple[Factors, PixelTransform]] = OrderedDict()
        self._texts: OrderedDict[str, tuple[Factors, Offsets, tuple[str, ...]]] = OrderedDict()

    def image_factors(
        self, images: Sequence[Image], *, keys: Sequence[Hashable] | None = None
    ) -> list[Factors]:
        """Factors of each image.

        Args:
            images: upright RGB.
            keys: what `explain` finds them by, such as sample ids; None keeps nothing.
        """
        if keys is not None and len(keys) != len(images):
            raise InputError(f"There must be one key per image; got {len(keys)}, {len(images)}.")
        if keys is not None and all(key in self._images for key in keys):
            return [self._images[key][0] for key in keys]
        if not len(images):
            return []
        sides = self.encoder.image_side(self.encoder.preprocess(images), layer=self.layer)
        found = [self._of(side) for side in sides]
        for key, factors, image in zip(keys or (), found, images, strict=False):
            self._images[key] = factors, self.encoder.transform(*image.size)
        _trim(self._images, self.max_items)
        return found

    def text_factors(self, texts: Sequence[str]) -> list[Factors]:
        """Factors of each text; equal texts are computed once."""
        for text in texts:
            require_caption(text)
        new = [text for text in dict.fromkeys(texts) if text not in self._texts]
        found = {text: self._texts[text][0] for text in texts if text in self._texts}
        if new:
            tokens = self.encoder.tokens(new)
            sides = self.encoder.text_side(tokens, layer=self.text_layer)
            for row, (text, side) in enumerate(zip(new, sides, strict=True)):
                found[text] = self._of(side)
                warnings = warnings_of(tokens, row)
                self._texts[text] = found[text], tokens.offsets[row], warnings
            _trim(self._texts, self.max_items)
        return [found[text] for text in texts]

    def explain(self, key: Hashable, text: str) -> PairExplanation:
        """The pair of a kept image and any text.

        Raises:
            InputError: no image of that key is kept.
        """
        if key not in self._images:
            raise InputError(
                f"No image is kept under {key!r}. Call image_factors with this key first."
            )
        image, transform = self._images[key]
        (factors,) = self.text_factors([text])
        _, offsets, warnings = self._texts[text]
        pair = attribute_pair(factors, image)
        sums = Sums(
            score=pair.score,
            total=pair.total,
            exact=pair.exact,
            completeness_error=pair.completeness_error,
            relative_error=pair.relative_error,
        )
        return make_explanation(
            text,
            pair.matrix.numpy(),
            pieces=offsets[: len(pair.matrix)],
            sums=sums,
            transform=transform,
            method=self.method,
            layer=self.layer,
            text_layer=self.text_layer,
            warnings=warnings,
        )

    def _of(self, side: Side) -> Factors:
        return method_factors(
            side,
            method=self.method,
            nodes=self.nodes,
            quadrature=self.quadrature,
        ).cpu()


def _trim(kept: OrderedDict[Any, Any], limit: int) -> None:
    while len(kept) > limit:
        kept.popitem(last=False)
