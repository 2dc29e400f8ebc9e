"""What every captioner, matcher, dual encoder and segmenter offers; one architecture per file.

Images are upright RGB ``PIL.Image.Image``. Feature tensors are "images tokens hidden", token 0 is
the image's CLS token, then the p*p patches row by row. Models are frozen, in eval mode, on one
device; callers hold the ModelCache's lock while they use one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from PIL.Image import Image

from fiftyone_capviz.geometry import PixelTransform
from fiftyone_capviz.models.dual.sides import Side
from fiftyone_capviz.models.word_pieces import TokenBatch, WordPieces
from fiftyone_capviz.records import Caption, FloatArray, Match, Segments

if TYPE_CHECKING:
    from fiftyone_capviz.records import Steering


class ImageEncoder(Protocol):
    """The vision side that captioners and matchers share."""

    spec: str
    revision: str
    grid: int
    device: torch.device
    dtype: torch.dtype

    def transform(self, width: int, height: int) -> PixelTransform:
        """Which pixels of a width x height image the patch grid shows."""
        ...

    def preprocess(self, images: Sequence[Image]) -> torch.Tensor:
        """Pixels "images 3 size size", on the CPU."""
        ...

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features "images 1+p*p hidden", on the device, without gradient."""
        ...


@runtime_checkable
class Captioner(ImageEncoder, Protocol):
    """Writes captions; `attribution.methods` says where each word came from (LM side)."""

    default_prompt: str
    default_layer: int
    layer_count: int
    head_count: int
    text: WordPieces

    @property
    def cross_attentions(self) -> Sequence[Any]:
        """Of each text layer, the module that attends to the image.

        Its submodule ``dropout`` must stand between the probabilities "images heads tokens
        image-tokens" and the values: attribution reads and differentiates them there.
        """
        ...

    @property
    def self_attentions(self) -> Sequence[Any]:
        """Of each text layer, the block whose submodule ``self`` attends to the text."""
        ...

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts, prompts included, as the decoder reads them."""
        ...

    def token_logits(self, features: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        """Logits of the next token "images tokens vocabulary", with gradient if asked for."""
        ...

    def prompt_ids(self, prompt: str) -> list[int]:
        """Token ids of a prompt, beginning with the decoder's first token."""
        ...

    def teacher_logits(
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
    """Scores image-caption pairs; `attribution.methods` says where each word looks (ITM)."""

    default_layer: int
    layer_count: int
    head_count: int

    @property
    def cross_attentions(self) -> Sequence[Any]:
        """Of each text layer, the module that attends to the image; see `Captioner`."""
        ...

    def tokens(self, texts: Sequence[str], *, use_enc: bool = True) -> TokenBatch:
        """Texts as the matching head takes them."""
        ...

    def match_logits(self, features: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        """No match and match, "images 2", with gradient if asked for."""
        ...

    def score(
        self, features: torch.Tensor, texts: Sequence[str], *, use_enc: bool = True
    ) -> list[Match]:
        """Match of each image with its text."""
        ...


@runtime_checkable
class DualEncoder(Protocol):
    """Images and texts as vectors of one space; `attribution.pair_attribution` explains pairs.

    Attributes:
        grid: p, patches per side.
        filler: id of the token that stands for "no word here".
        image_layers, text_layers: blocks of each side.
    """

    spec: str
    revision: str
    grid: int
    device: torch.device
    dtype: torch.dtype
    filler: int

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
        """Which pixels of a width x height image the patch grid shows."""
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


def matches_of(logits: torch.Tensor) -> list[Match]:
    """Match records from the head's two logits "images 2"."""
    values = logits.detach().double().cpu()
    return [
        Match(probability=float(p), logit=float(z))
        for p, z in zip(values.softmax(-1)[:, 1], values[:, 1], strict=True)
    ]
