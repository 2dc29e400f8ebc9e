"""What every captioner, matcher, dual encoder and segmenter offers; one architecture per file.

Writing captions and scoring them (`Captioner`, `Matcher`) is one thing, showing where words look
(`CaptionAttention`, `MatchAttention`) another: a model may offer the first without the second. Then
it writes and scores, and attribution refuses it by name.

Images are upright RGB ``PIL.Image.Image``. Feature tensors are "images 1+patches hidden": token 0
is the image's CLS token, then its patches row by row. Where grids differ from image to image, what
follows an image's own patches is padding, which the model knows and leaves out. Models are frozen,
in eval mode, on one device; callers hold the ModelCache's lock while they use one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from PIL.Image import Image

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.geometry import Grid, PixelTransform
from fiftyone_capviz.models.attention_shape import AttentionShape
from fiftyone_capviz.models.dual.sides import Side
from fiftyone_capviz.models.word_pieces import TokenBatch
from fiftyone_capviz.records import Caption, FloatArray, Match, Segments

if TYPE_CHECKING:
    from fiftyone_capviz.records import Steering


class ImageEncoder(Protocol):
    """The vision side that captioners and matchers share."""

    spec: str
    revision: str
    device: torch.device
    dtype: torch.dtype

    @property
    def grid(self) -> Grid | None:
        """Rows and columns of patches that every image has; None where they differ."""
        ...

    def transform(self, width: int, height: int) -> PixelTransform:
        """Which pixels of a width x height image which patch shows, on that image's grid."""
        ...

    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Pixels "images 3 size size", on the CPU."""
        ...

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features "images 1+patches hidden", on the device, without gradient."""
        ...


class Vocabulary(Protocol):
    """How a captioner spells.

    Attributes:
        limit: the longest token sequence, special tokens included.
        bos: the decoder's first token.
        unknown: stands for what cannot be spelled; None if everything can.
    """

    @property
    def limit(self) -> int:
        """See `Vocabulary`."""
        ...

    @property
    def bos(self) -> int:
        """See `Vocabulary`."""
        ...

    @property
    def unknown(self) -> int | None:
        """See `Vocabulary`."""
        ...

    def pieces(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens and without a limit."""
        ...

    def read(self, ids: Sequence[int]) -> str:
        """The readable text of token ids."""
        ...


@runtime_checkable
class Captioner(ImageEncoder, Protocol):
    """Writes captions; `CaptionAttention` says where each word came from (LM side)."""

    default_prompt: str

    @property
    def text(self) -> Vocabulary:
        """How it spells."""
        ...

    def prompt_ids(self, prompt: str) -> list[int]:
        """Token ids of a prompt, beginning with the decoder's first token."""
        ...

    def teacher_log_probabilities(
        self,
        features: torch.Tensor,
        rows: Sequence[Sequence[int]],
        *,
        steering: Sequence[Steering | None] | None = None,
    ) -> torch.Tensor:
        """Log-probabilities of the next token after every prefix of given token ids."""
        ...

    def generate(
        self,
        features: torch.Tensor,
        prompts: Sequence[str],
        *,
        num_beams: int = 3,
        max_new_tokens: int = 20,
        min_new_tokens: int = 0,
        steering: Sequence[Steering | None] | None = None,
    ) -> list[Caption]:
        """One caption per image; prompts may differ in length."""
        ...

    def stream(
        self, features: torch.Tensor, prompt: str, *, steering: Steering | None = None
    ) -> Iterator[str]:
        """Partial captions of one image, greedy, token by token."""
        ...

    def log_likelihood(
        self,
        features: torch.Tensor,
        texts: Sequence[str],
        *,
        prompts: Sequence[str] | None = None,
    ) -> FloatArray:
        """Mean log-probability per token of each text after its prompt: Float "images"."""
        ...

    def word_embeddings(self, words: Sequence[str]) -> FloatArray:
        """The captioner's own input embeddings of words: Float32 "words hidden"."""
        ...


@runtime_checkable
class Matcher(ImageEncoder, Protocol):
    """Scores image-caption pairs; `MatchAttention` says where each word looks (ITM side)."""

    def score(
        self, features: torch.Tensor, texts: Sequence[str], *, use_enc: bool = True
    ) -> list[Match]:
        """Match of each image with its text."""
        ...


Tap = Callable[[torch.Tensor], torch.Tensor]
"""Attention probabilities "images heads tokens image-tokens" to those that weigh the values."""


class AttentionAccess(ImageEncoder, Protocol):
    """The attention from text to image, to be read, differentiated and weighted.

    Nothing here says how a model is built. Both managers give it back as it was, whatever happens
    in their blocks, and no other thread may use it meanwhile.

    Attributes:
        layer_count: text layers that attend to the image.
        head_count: heads of each.
        default_layer: zero-based, the one that is attributed by default.
    """

    default_layer: int
    layer_count: int
    head_count: int

    def tapped(self, taps: Mapping[int, Tap]) -> AbstractContextManager[None]:
        """Send attention probabilities through taps while the block runs.

        Args:
            taps: zero-based layer -> tap. It is called once per pass with that layer's
                probabilities, Float "images heads tokens image-tokens", rows summing to 1, and what
                it returns takes their place. Image-token 0 is no patch.
        """
        ...

    def weighted(self, bias: torch.Tensor | None) -> AbstractContextManager[None]:
        """Add a bias to the attention logits of every layer while the block runs.

        Args:
            bias: Float "rows 1 1 image-tokens"; log(w) makes an image token count w times. None
                changes nothing.
        """
        ...


@runtime_checkable
class CaptionAttention(AttentionAccess, Protocol):
    """What attribution needs of a captioner (LM side): `attribution.words`.

    Attributes:
        default_prompt: stands before a caption that was stored without its prompt.
    """

    default_prompt: str

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts, prompts included, as the decoder reads them; what is over its limit is cut."""
        ...

    def token_logits(self, features: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        """Logits of the next token "images tokens vocabulary", with gradient if asked for."""
        ...

    def own_rows(self) -> AbstractContextManager[None]:
        """Keep gradients on their own row of the text's self-attention while the block runs.

        Every output stays the same. Backward, the keys and values of *other* tokens count as
        constants: then one backward pass over all tokens gives each its own gradient.
        """
        ...


@runtime_checkable
class MatchAttention(AttentionAccess, Protocol):
    """What attribution needs of a matcher (ITM side): `attribution.words`.

    A matcher whose head reads the first token alone says so by ``gradient_layers``; see
    `shape_of`.
    """

    def tokens(self, texts: Sequence[str], *, use_enc: bool = True) -> TokenBatch:
        """Texts as the matching head takes them."""
        ...

    def match_logits(self, features: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        """No match and match, "images 2", with gradient if asked for."""
        ...


def shape_of(model: AttentionAccess) -> AttentionShape:
    """Layers and heads of a loaded model.

    Where a matcher's head reads the first token alone, no other row of the last layer reaches it:
    Grad-CAM of every word is exactly zero there. Such a matcher says of how many layers it can be
    taken by an attribute ``gradient_layers``; without one, all layers count.
    """
    layers = model.layer_count
    with_gradient = int(getattr(model, "gradient_layers", layers))
    return AttentionShape(layers, model.head_count, model.default_layer, with_gradient)


def caption_attention(model: object) -> CaptionAttention:
    """A captioner, if it shows its attention.

    Raises:
        InputError: it only writes.
    """
    if not isinstance(model, CaptionAttention):
        raise InputError(
            "Attribution by the captioner needs one that shows its attention; "
            f"{getattr(model, 'spec', model)!r} only writes. Attribute with the matcher (itm)."
        )
    return model


def match_attention(model: object) -> MatchAttention:
    """A matcher, if it shows its attention.

    Raises:
        InputError: it only scores.
    """
    if not isinstance(model, MatchAttention):
        raise InputError(
            "Attribution by the matcher needs one that shows its attention; "
            f"{getattr(model, 'spec', model)!r} only scores. Attribute with the captioner (lm)."
        )
    return model


@runtime_checkable
class DualEncoder(Protocol):
    """Images and texts as vectors of one space; `attribution.pair_attribution` explains pairs.

    Attributes:
        filler: id of the token that stands for "no word here".
        image_layers, text_layers: blocks of each side.
    """

    spec: str
    revision: str
    device: torch.device
    dtype: torch.dtype
    filler: int

    @property
    def grid(self) -> Grid | None:
        """Rows and columns of patches that every image has; None where they differ."""
        ...

    @property
    def image_layers(self) -> int:
        """Blocks of the vision transformer; an attention pooling head counts as one."""
        ...

    @property
    def default_layer(self) -> int:
        """Block of the image side whose input is attributed to by default."""
        ...

    @property
    def default_text_layer(self) -> int | None:
        """The same of the text side; None: the one that belongs to the image's."""
        ...

    @property
    def text_layers(self) -> int:
        """Blocks of the text transformer."""
        ...

    def transform(self, width: int, height: int) -> PixelTransform:
        """Which pixels of a width x height image which patch shows, on that image's grid."""
        ...

    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Pixels "images 3 size size", normalised, on the CPU."""
        ...

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts as padded token ids; what is over the limit is cut and counted in `cut`."""
        ...

    def encode_images(self, images: Sequence[Image]) -> torch.Tensor:
        """Unit vectors, at least float32 "images dimensions"."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors, at least float32 "texts dimensions"; long texts are truncated."""
        ...

    def encode_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Unit vectors of preprocessed images."""
        ...

    def encode_tokens(self, tokens: TokenBatch) -> torch.Tensor:
        """Unit vectors of tokenised texts."""
        ...

    def image_side(self, pixels: torch.Tensor, *, layer: int | None = None) -> list[Side]:
        """Images at the input of a block; None is the last."""
        ...

    def text_side(self, tokens: TokenBatch, *, layer: int | None = None) -> list[Side]:
        """Texts at the input of a block; None is the last."""
        ...


class Segmenter(Protocol):
    """Finds segments in one image, before any filter of ours."""

    spec: str
    revision: str

    def segment(self, image: Image) -> Segments:
        """All masks with their predicted IoU."""
        ...


def matches_of(logits: torch.Tensor, *, cut: Sequence[int] = ()) -> list[Match]:
    """Match records from the head's two logits "images 2".

    Args:
        logits: no match and match.
        cut: how many tokens of each text were left out; empty where that was not counted.
    """
    values = logits.detach().double().cpu()
    return [
        Match(probability=float(p), logit=float(z), cut=left_out)
        for p, z, left_out in zip(
            values.softmax(-1)[:, 1], values[:, 1], cut or [0] * len(values), strict=True
        )
    ]
