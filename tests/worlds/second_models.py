"""A captioner and a matcher of another make than BLIP: own attention, own words, own image grids.

Nothing in them is called as in BLIP. Patches are 8 x 8 pixels of the image as it is, so that an
image of 40 x 24 pixels has 3 rows and 5 columns, and a batch may hold images of several grids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from fiftyone_capviz.geometry import Grid, PixelTransform, squash
from fiftyone_capviz.models.decoding_plan import contrast_scores, plan_decoding
from fiftyone_capviz.models.interfaces import Tap, matches_of
from fiftyone_capviz.models.loading import Checkpoint
from fiftyone_capviz.models.word_pieces import TokenBatch
from fiftyone_capviz.records import Caption, FloatArray, Match, Steering
from fiftyone_capviz.text.words import caption_words

PATCH, CANVAS, HIDDEN, HEADS, LAYERS = 8, 104, 8, 2, 2
VOCABULARY = ("a", "dog", "red", "car", "sees", "photo", "of", "two", "wolf", "cars")
PAD, BOS, END, ENC, UNKNOWN = range(5)


class Spelling:
    """One token per word."""

    limit, bos, unknown = 12, BOS, UNKNOWN

    def pieces(self, text: str) -> list[int]:
        return [5 + VOCABULARY.index(w) if w in VOCABULARY else UNKNOWN for w in text.split()]

    def read(self, ids: Sequence[int]) -> str:
        return " ".join(VOCABULARY[i - 5] for i in ids if i >= 5)

    def batch(self, texts: Sequence[str], first: int) -> TokenBatch:
        """Texts as first token, words, end; padded on the right."""
        rows = [[*[first, *self.pieces(t)][: self.limit - 1], END] for t in texts]
        width = max(map(len, rows))
        offsets = []
        for text, row in zip(texts, rows, strict=True):
            spans, start = [(0, 0)], 0
            for word in text.split()[: len(row) - 2]:
                start = text.index(word, start)
                spans.append((start, start + len(word)))
                start += len(word)
            offsets.append((*spans, *[(0, 0)] * (width - len(spans))))
        ids = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
        return TokenBatch(ids, (ids != PAD).long(), tuple(offsets))


class Look(nn.Module):
    """From words to image tokens; rows of zeros are padding."""

    def __init__(self) -> None:
        super().__init__()
        self.ask, self.offer, self.give = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))
        self.tap: Tap | None = None
        self.bias: torch.Tensor | None = None

    def forward(self, hidden: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            each.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for each in (self.ask(hidden), self.offer(features), self.give(features))
        )
        scores = query @ key.transpose(-1, -2)
        if self.bias is not None:
            scores = scores + self.bias
        padding = (features == 0).all(-1)[:, None, None]
        probabilities = scores.masked_fill(padding, -torch.inf).softmax(-1)
        if self.tap is not None:
            probabilities = self.tap(probabilities)
        return (probabilities @ value).transpose(1, 2).flatten(2)


class Listen(nn.Module):
    """From words to words, with one head; `alone` keeps gradients on their own row."""

    def __init__(self) -> None:
        super().__init__()
        self.ask, self.offer, self.give = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))
        self.alone = False

    def forward(self, hidden: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        query, key, value = self.ask(hidden), self.offer(hidden), self.give(hidden)
        if not self.alone:
            scores = (query @ key.transpose(-1, -2)).masked_fill(~seen, -torch.inf)
            return scores.softmax(-1) @ value
        own = torch.eye(hidden.shape[1], dtype=torch.bool)
        keys = torch.where(own[..., None], key[:, None], key[:, None].detach())
        values = torch.where(own[..., None], value[:, None], value[:, None].detach())
        scores = (query[:, :, None] * keys).sum(-1).masked_fill(~seen, -torch.inf)
        return (scores.softmax(-1)[..., None] * values).sum(2)


class Text(nn.Module):
    """Words that listen to words and look at the image."""

    def __init__(self, outputs: int, *, causal: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(5 + len(VOCABULARY), HIDDEN)
        self.places = nn.Embedding(Spelling.limit, HIDDEN)
        self.listens = nn.ModuleList(Listen() for _ in range(LAYERS))
        self.looks = nn.ModuleList(Look() for _ in range(LAYERS))
        self.out = nn.Linear(HIDDEN, outputs)
        self.causal = causal

    def forward(self, features: torch.Tensor, ids: torch.Tensor, mask: Any) -> torch.Tensor:
        """Outputs "images tokens outputs"."""
        hidden = self.words(ids) + self.places(torch.arange(ids.shape[1]))
        seen = mask.bool()[:, None].expand(-1, ids.shape[1], -1)
        if self.causal:
            seen = torch.ones_like(seen).tril()
        for listen, look in zip(self.listens, self.looks, strict=True):
            hidden = hidden + torch.tanh(listen(hidden, seen))
            hidden = hidden + torch.tanh(look(hidden, features))
        outputs: torch.Tensor = self.out(hidden)
        return outputs


class SecondModel:
    """The vision side and the access to attention that both kinds share."""

    revision, device, dtype = "1", torch.device("cpu"), torch.float64
    default_layer, layer_count, head_count = 1, LAYERS, HEADS
    grid = None  # every image has its own

    def __init__(self, spec: str, outputs: int, *, causal: bool) -> None:
        torch.manual_seed(3)
        self.spec = spec
        self.model = Text(outputs, causal=causal).double().requires_grad_(False)
        self.see = nn.Linear(3, HIDDEN).double().requires_grad_(False)

    def transform(self, width: int, height: int) -> PixelTransform:
        """The image as it is, in patches of 8 x 8 pixels."""
        return squash(width, height, height // PATCH, width // PATCH)

    def preprocess(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """ "images 4 size size": the image in the corner of a canvas, and where it is."""
        pixels = torch.zeros(len(images), 4, CANVAS, CANVAS)
        for row, image in zip(pixels, images, strict=True):
            row[:3, : image.height, : image.width] = torch.as_tensor(
                np.asarray(image) / 255.0
            ).permute(2, 0, 1)
            row[3, : image.height, : image.width] = 1
        return pixels

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """ "images 1+patches hidden"; padding is zero."""
        small = functional.avg_pool2d(pixels.double(), PATCH)
        patches = [image[:3, image[3] == 1].T for image in small]
        features = torch.zeros(len(pixels), 1 + max(map(len, patches)), HIDDEN, dtype=self.dtype)
        for row, own in zip(features, patches, strict=True):
            row[1 : 1 + len(own)] = self.see(own)
            row[0] = row[1 : 1 + len(own)].mean(0) + 1
        return features

    @contextmanager
    def tapped(self, taps: Mapping[int, Tap]) -> Iterator[None]:
        looks: list[Any] = list(self.model.looks)
        try:
            for layer, tap in taps.items():
                looks[layer].tap = tap
            yield
        finally:
            for look in looks:
                look.tap = None

    @contextmanager
    def weighted(self, bias: torch.Tensor | None) -> Iterator[None]:
        looks: list[Any] = list(self.model.looks)
        try:
            for look in looks:
                look.bias = bias
            yield
        finally:
            for look in looks:
                look.bias = None


class SecondCaptioner(SecondModel):
    """Writes greedily."""

    default_prompt = "a photo of"

    def __init__(self, spec: str = "second") -> None:
        super().__init__(spec, 5 + len(VOCABULARY), causal=True)
        self.text = Spelling()

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        return self.text.batch(texts, BOS)

    def token_logits(self, features: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        logits: torch.Tensor = self.model(features, tokens.ids, tokens.mask)
        return logits

    @contextmanager
    def own_rows(self) -> Iterator[None]:
        listens: list[Any] = list(self.model.listens)
        try:
            for listen in listens:
                listen.alone = True
            yield
        finally:
            for listen in listens:
                listen.alone = False

    def prompt_ids(self, prompt: str) -> list[int]:
        return [BOS, *self.text.pieces(prompt)]

    def teacher_log_probabilities(
        self,
        features: torch.Tensor,
        rows: Sequence[Sequence[int]],
        *,
        steering: Sequence[Steering | None] | None = None,
    ) -> torch.Tensor:
        plan = plan_decoding(features, steering, grid=None)
        width = max(map(len, rows))
        ids = torch.tensor([[*rows[i], *[PAD] * (width - len(rows[i]))] for i in plan.rows])
        with self.weighted(plan.bias):
            scores = self.model(plan.features[list(plan.rows)], ids, ids != PAD).log_softmax(-1)
        for row, hidden, alpha in plan.contrast:
            scores[row] = contrast_scores(scores[row], scores[hidden], alpha=alpha)
        found: torch.Tensor = scores[: plan.images]
        return found

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
        captions = []
        for i, prompt in enumerate(prompts):
            own = None if steering is None else steering[i]
            asked = prompt if own is None or own.prompt is None else own.prompt
            texts = [asked, *self.stream(features[i : i + 1], asked, steering=own)]
            text = " ".join(texts[-1].split()[: len(asked.split()) + max_new_tokens])
            rest = text[len(asked) :].strip()
            known = asked == self.default_prompt
            captions.append(Caption(rest if known else text, text, asked, -1.0))
        return captions

    def stream(
        self, features: torch.Tensor, prompt: str, *, steering: Steering | None = None
    ) -> Iterator[str]:
        ids = self.prompt_ids(prompt)
        while len(ids) < self.text.limit:
            scores = self.teacher_log_probabilities(features, [ids], steering=[steering])[0, -1]
            scores[[PAD, BOS, ENC, UNKNOWN]] = -torch.inf
            chosen = int(scores.argmax())
            if chosen == END:
                return
            ids.append(chosen)
            yield self.text.read(ids)

    def log_likelihood(
        self, features: torch.Tensor, texts: Sequence[str], *, prompts: Sequence[str] | None = None
    ) -> FloatArray:
        return np.full(len(texts), -1.0)

    def word_embeddings(self, words: Sequence[str]) -> FloatArray:
        table = self.model.words.weight
        rows = [table[self.text.pieces(w)].mean(0).float().numpy() for w in words]
        return np.stack(rows) if rows else np.zeros((0, HIDDEN), np.float32)


class SecondMatcher(SecondModel):
    """Scores with its first token: of the last layer, no other token has a gradient."""

    default_layer, gradient_layers = 0, LAYERS - 1

    def __init__(self, spec: str = "second") -> None:
        super().__init__(spec, 2, causal=False)

    def tokens(self, texts: Sequence[str], *, use_enc: bool = True) -> TokenBatch:
        return Spelling().batch(texts, ENC if use_enc else BOS)

    def match_logits(self, features: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        logits: torch.Tensor = self.model(features, tokens.ids, tokens.mask)[:, 0]
        return logits

    def score(
        self, features: torch.Tensor, texts: Sequence[str], *, use_enc: bool = True
    ) -> list[Match]:
        return matches_of(self.match_logits(features, self.tokens(texts, use_enc=use_enc)))


def locate_second(spec: str) -> Checkpoint | None:
    """The spec "second"; there is no file."""
    return Checkpoint(spec, Path(), {"model_type": "second"}, "1") if spec == "second" else None


SIZES = ((40, 24), (16, 32))
GRIDS = [Grid(3, 5), Grid(4, 2)]
TEXTS = ["a dog sees two cars", "red car"]
WORDS = [caption_words(text) for text in TEXTS]


def pictures() -> list[Image.Image]:
    """Two images of different grids."""
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in SIZES]


def seen(model: SecondModel) -> torch.Tensor:
    """Their features, the smaller one padded."""
    return model.encode(model.preprocess(pictures()))
