"""All images against all captions of a dataset: one pass of the model per side, then products.

Factors are kept in main memory within a bound of bytes; the longest unused leave first.

Formulas: docs/methods.md, section 4.16.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

import torch
from PIL.Image import Image

from fiftyone_capviz.attribution.pairs.explain import (
    is_cut,
    method_factors,
    require_caption,
    require_method,
    warnings_of,
)
from fiftyone_capviz.attribution.pairs.explanation import PairExplanation, Sums, make_explanation
from fiftyone_capviz.attribution.pairs.layer_pairs import side_layers
from fiftyone_capviz.attribution.pairs.quadrature import Quadrature
from fiftyone_capviz.attribution.pairs.second_order import Factors, attribute_pair
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.models.dual.sides import Side
from fiftyone_capviz.models.interfaces import DualEncoder
from fiftyone_capviz.models.word_pieces import Offsets
from fiftyone_capviz.settings.pairs import DIFFERENTIATING_METHODS, PairMethod


class DatasetFactors:
    """Factors of images and texts, each computed once and kept in main memory.

    Life cycle: made for one encoder, method and layer; filled by `image_factors` and
    `text_factors` batch by batch; then `explain` combines any image with any text in microseconds.
    With 16 bits a ViT-B/16 image takes 200 KB, a text 15 KB.

    Attributes:
        encoder: of all sides.
        layer, text_layer: zero-based.
        images, texts: what is kept, each within `max_bytes`; the longest unused leave first.
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
        bits: Bits = 16,
        max_bytes: int = 2 << 30,
    ) -> None:
        """Prepare to compute; nothing is read yet.

        Args:
            encoder: loaded.
            method: any of `PAIR_METHODS` but ILIME.
            layer, text_layer, nodes, quadrature: as for `explain_pair`.
            bits: per number that is kept. 16 add about 1e-5 of the sum of all magnitudes to the
                completeness error.
            max_bytes: of the images kept, and of the texts.
        """
        require_method(method, perturbing=False)
        if bits not in get_args(Bits):
            raise InputError(f"bits must be 16 or 32; got {bits!r}.")
        self.encoder, self.method = encoder, method
        self.layer, self.text_layer = side_layers(
            encoder, layer, text_layer, differentiates=method in DIFFERENTIATING_METHODS
        )
        self.nodes, self.quadrature = nodes, quadrature
        self._bits: Bits = bits
        self.images: FactorCache[Hashable, PixelTransform] = FactorCache(max_bytes)
        self.texts: FactorCache[str, tuple[Offsets, tuple[str, ...], bool]]
        self.texts = FactorCache(max_bytes)

    def image_factors(
        self, images: Sequence[Image], *, keys: Sequence[Hashable] | None = None
    ) -> list[Factors]:
        """Factors of each image.

        Args:
            images: upright RGB.
            keys: what `explain` finds them by, such as sample ids; those that are kept are not
                computed again. None keeps nothing.

        Raises:
            InputError: another number of keys, or more images than there is room for.
        """
        if keys is None:
            return [kept.restored() for kept in self._of_images(images)]
        if len(keys) != len(images):
            raise InputError(f"There must be one key per image; got {len(keys)}, {len(images)}.")
        found = {key: self.images.get(key)[0] for key in keys if key in self.images}
        new = {k: i for k, i in zip(keys, images, strict=True) if k not in found}
        for (key, image), kept in zip(
            new.items(), self._of_images(list(new.values()), room=len(set(keys))), strict=True
        ):
            self.images.put(key, kept, self.encoder.transform(*image.size))
            found[key] = kept
        return [found[key].restored() for key in keys]

    def text_factors(self, texts: Sequence[str]) -> list[Factors]:
        """Factors of each text; equal texts are computed once.

        Raises:
            InputError: an empty text.
        """
        for text in texts:
            require_caption(text)
        found = {text: self.texts.get(text)[0] for text in texts if text in self.texts}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            tokens = self.encoder.tokens(new)
            sides = self.encoder.text_side(tokens, layer=self.text_layer)
            for row, (text, side) in enumerate(zip(new, sides, strict=True)):
                found[text] = self._of(side)
                note = tokens.offsets[row], warnings_of(tokens, row), is_cut(tokens, row)
                self.texts.put(text, found[text], note)
        return [found[text].restored() for text in texts]

    def explain(self, key: Hashable, text: str) -> PairExplanation:
        """The pair of a kept image and any text.

        Raises:
            InputError: no image of that key is kept, or an empty text.
        """
        if key not in self.images:
            raise InputError(
                f"No image is kept under {key!r}. Call image_factors with this key first."
            )
        image, transform = self.images.get(key)
        (factors,) = self.text_factors([text])
        offsets, warnings, cut = self.texts.get(text)[1]
        pair = attribute_pair(factors, image.restored())
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
            cls=pair.cls.numpy(),
            pieces=offsets[: len(pair.matrix)],
            sums=sums,
            transform=transform,
            method=self.method,
            layer=self.layer,
            text_layer=self.text_layer,
            warnings=warnings,
            cut=cut,
        )

    def _of_images(self, images: Sequence[Image], *, room: int = 0) -> list[KeptFactors]:
        """Of each image; refused after the first of them where `room` of its size are too many."""
        if not len(images):
            return []
        sides = self.encoder.image_side(self.encoder.preprocess(images), layer=self.layer)
        found = [self._of(sides[0])]
        if room * found[0].nbytes > self.images.max_bytes:
            raise InputError(
                f"{room} images of {found[0].nbytes} bytes each do not fit into max_bytes="
                f"{self.images.max_bytes}. Give fewer at a time, or raise max_bytes."
            )
        return found + [self._of(side) for side in sides[1:]]

    def _of(self, side: Side) -> KeptFactors:
        found = method_factors(
            side, method=self.method, nodes=self.nodes, quadrature=self.quadrature
        )
        return KeptFactors.of(found, self._bits)


Key = TypeVar("Key", bound=Hashable)
Note = TypeVar("Note")

Bits = Literal[16, 32]
"""Per number of a vector that is kept."""

_LARGEST = 32767


@dataclass(frozen=True)
class KeptFactors:
    """Factors as they are kept, on the CPU.

    Attributes:
        vectors: int16, to be multiplied by `scales`: as small as half precision, and ten times as
            exact. Or floats as they were computed.
        scales: of each token, "tokens 1"; None for floats.
        change, unit, has_cls: as in `Factors`, in full precision.
    """

    vectors: torch.Tensor
    scales: torch.Tensor | None
    change: torch.Tensor
    unit: torch.Tensor
    has_cls: bool

    @classmethod
    def of(cls, factors: Factors, bits: Bits) -> KeptFactors:
        """In the precision of the store."""
        own = factors.cpu()
        if bits == 32:
            return cls(own.vectors, None, own.change, own.unit, own.has_cls)
        scales = own.vectors.abs().amax(1, keepdim=True) / _LARGEST
        scales = torch.where(scales > 0, scales, torch.ones_like(scales))
        kept = (own.vectors / scales).round().to(torch.int16)
        return cls(kept, scales, own.change, own.unit, own.has_cls)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        tensors = (self.vectors, self.scales, self.change, self.unit)
        return sum(one.numel() * one.element_size() for one in tensors if one is not None)

    def restored(self) -> Factors:
        """To compute with."""
        vectors = self.vectors if self.scales is None else self.vectors * self.scales
        return Factors(vectors, self.change, self.unit, self.has_cls)


class FactorCache(Generic[Key, Note]):
    """Kept factors by key, each with a note, in the order of their last use.

    Attributes:
        max_bytes: of all factors together.
        nbytes: of those that are here.
    """

    def __init__(self, max_bytes: int) -> None:
        if isinstance(max_bytes, bool) or max_bytes < 1:
            raise InputError(f"max_bytes must be at least 1; got {max_bytes}.")
        self.max_bytes, self.nbytes = max_bytes, 0
        self._kept: OrderedDict[Key, tuple[KeptFactors, Note]] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> tuple[KeptFactors, Note]:
        """What is kept under a key; it becomes the one that leaves last."""
        self._kept.move_to_end(key)
        return self._kept[key]

    def put(self, key: Key, factors: KeptFactors, note: Note) -> None:
        """Keep factors; others leave for them, they themselves stay however large."""
        if key in self._kept:
            self.nbytes -= self._kept.pop(key)[0].nbytes
        self._kept[key] = factors, note
        self.nbytes += factors.nbytes
        while self.nbytes > self.max_bytes and len(self._kept) > 1:
            self.nbytes -= self._kept.popitem(last=False)[1][0].nbytes
