"""BLIP as a captioner: transformers' ``BlipForConditionalGeneration``."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import BlipConfig, BlipForConditionalGeneration
from transformers.models.blip.modeling_blip_text import BlipTextSelfAttention

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.blip.attention import own_rows
from fiftyone_capviz.models.blip.decoder import BlipDecoder, decoder_cache, rows_of
from fiftyone_capviz.models.blip.model import BlipModel
from fiftyone_capviz.models.decoding_plan import contrast_scores, plan_decoding
from fiftyone_capviz.models.loading import Checkpoint
from fiftyone_capviz.models.word_pieces import TokenBatch, WordPieces
from fiftyone_capviz.records import Caption, FloatArray

if TYPE_CHECKING:
    from fiftyone_capviz.records import Steering

DEFAULT_PROMPT = "a picture of"
"""What BLIP was trained to go on from; a checkpoint may name its own in config.json."""
LONGEST_STREAM = 96
"""Word pieces after which a streamed caption ends in any case."""


def load_captioner(
    checkpoint: Checkpoint, *, device: torch.device, dtype: torch.dtype
) -> BlipCaptioner:
    """Load a BLIP captioner; see `BlipModel.load`."""
    return BlipCaptioner.load(checkpoint, device=device, dtype=dtype)


class BlipCaptioner(BlipModel):
    """Writes captions with BLIP's text decoder.

    Attributes:
        decoder: its text decoder.
        default_prompt: cut from the text of a caption, and only it.
    """

    model_class = BlipForConditionalGeneration

    def __init__(
        self, checkpoint: Checkpoint, *, model: Any, config: BlipConfig, text: WordPieces
    ) -> None:
        super().__init__(checkpoint, model=model, config=config, text=text)
        self.decoder = BlipDecoder(model.text_decoder, text)
        self.default_prompt = str(checkpoint.config.get("capviz_default_prompt", DEFAULT_PROMPT))

    @property
    def cross_attentions(self) -> list[BlipTextSelfAttention]:
        """The cross-attention of each layer."""
        return self.decoder.cross_attentions

    def own_rows(self) -> AbstractContextManager[None]:
        """Keep gradients on their own row of the text; see `CaptionAttention`."""
        return own_rows([layer.attention for layer in self.decoder.layers])

    @torch.no_grad()
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
        """Write one caption per image.

        Args:
            features: what `encode` returned, "images 1+patches hidden".
            prompts: one per image, of any length; a steering's own prompt comes before it.
            num_beams: 1 is greedy.
            max_new_tokens: word pieces after the prompt, at most.
            min_new_tokens: word pieces after the prompt, at least.
            steering: one per image, None where nothing is steered.

        Returns:
            Captions; ``log_likelihood`` is that of the text under the captioner *without* patch
            weights, so that steered and plain captions compare.

        Raises:
            InputError: counts that do not match, a prompt that leaves no room, or patch weights
                of another grid.
        """
        asked = self._prompts(features, prompts, steering)
        if not asked:
            return []
        plan = plan_decoding(features, steering, grid=self.grid)
        starts = [self.prompt_ids(prompt) for prompt in asked]
        room = self.text.limit - max(len(start) for start in starts)
        if num_beams < 1 or max_new_tokens < 1 or not 0 <= min_new_tokens <= max_new_tokens:
            raise InputError(
                "num_beams and max_new_tokens must be at least 1, and min_new_tokens between 0 "
                f"and max_new_tokens; got {num_beams}, {max_new_tokens}, {min_new_tokens}."
            )
        projected = self.decoder.project(plan.features)
        new = self.decoder.decode(
            plan,
            starts,
            projected=projected,
            num_beams=num_beams,
            max_new_tokens=min(max_new_tokens, room),
            min_new_tokens=min(min_new_tokens, room),
        )
        plain = projected
        if plan.features is not features:
            plain = self.decoder.project(features)
        likelihoods = self.decoder.likelihoods(plain, starts, new)
        return [
            replace(
                self._caption(prompt, start, ids, float(likelihood)),
                at_limit=self.text.sep not in ids,
            )
            for prompt, start, ids, likelihood in zip(asked, starts, new, likelihoods, strict=True)
        ]

    def stream(
        self, features: torch.Tensor, prompt: str, *, steering: Steering | None = None
    ) -> Generator[str, None, None]:
        """Decode one image greedily, and yield the caption so far after every word piece.

        Nothing stays on the model between two texts: a consumer may stop at any time.

        Args:
            features: "1 1+patches hidden".
            prompt: what to go on from.
            steering: for this image.
        """
        (asked,) = self._prompts(features, [prompt], [steering])
        start = self.prompt_ids(asked)
        with torch.no_grad():
            plan = plan_decoding(features, [steering], grid=self.grid)
            cache = decoder_cache(rows_of(self.decoder.project(plan.features), plan))
        ids: list[int] = []
        feed = torch.tensor([start] * len(plan.rows), device=self.device)
        # A decoder that goes round in circles ends all the same.
        while len(start) + len(ids) < self.text.limit and len(ids) < LONGEST_STREAM:
            chosen = self.decoder.greedy_step(feed, cache, plan)
            if chosen == self.text.sep:
                return
            ids.append(chosen)
            yield self._caption(asked, start, ids, float("nan")).text
            feed = torch.full((len(plan.rows), 1), chosen, device=self.device)

    @torch.no_grad()
    def log_likelihood(
        self,
        features: torch.Tensor,
        texts: Sequence[str],
        *,
        prompts: Sequence[str] | None = None,
    ) -> FloatArray:
        """Mean log-probability per token of each text after its prompt, the end token included.

        Args:
            features: "images 1+patches hidden".
            texts: one per image.
            prompts: what comes before each text; the default prompt if not given.

        Returns:
            Float "images", at most 0; nan for a text without room after its prompt.
        """
        before = list(prompts) if prompts is not None else [self.default_prompt] * len(texts)
        self._require_count(features, texts, "texts")
        self._require_count(features, before, "prompts")
        if not len(texts):
            return np.zeros(0)
        starts = [self.prompt_ids(prompt) for prompt in before]
        rests = [
            [*self.text.pieces(text), self.text.sep][: self.text.limit - len(start)]
            for text, start in zip(texts, starts, strict=True)
        ]
        return self.decoder.likelihoods(self.decoder.project(features), starts, rests)

    @torch.no_grad()
    def teacher_log_probabilities(
        self,
        features: torch.Tensor,
        rows: Sequence[Sequence[int]],
        *,
        steering: Sequence[Steering | None] | None = None,
    ) -> torch.Tensor:
        """Log-probabilities of the next token after every prefix of given token ids.

        Args:
            features: "images 1+patches hidden".
            rows: token ids per image, beginning with `text.bos`.
            steering: one per image; contrast mixes as it does when decoding.

        Returns:
            Float32 or Float64 "images tokens vocabulary"; rows are padded on the right.
        """
        plan = plan_decoding(features, steering, grid=self.grid)
        projected = rows_of(self.decoder.project(plan.features), plan)
        scores = self.decoder.teacher_force(projected, [rows[i] for i in plan.rows], bias=plan.bias)
        for row, hidden, alpha in plan.contrast:
            scores[row] = contrast_scores(scores[row], scores[hidden], alpha=alpha)
        return scores[: plan.images]

    def tokens(self, texts: Sequence[str]) -> TokenBatch:
        """Texts, prompts included, as the decoder reads them; cut where it can read no more."""
        return self.text.batch(texts, first=self.text.bos, device=self.device)

    def token_logits(self, features: torch.Tensor, tokens: TokenBatch) -> torch.Tensor:
        """Logits of the next token: "images tokens vocabulary"; with gradient if asked for."""
        logits: torch.Tensor = self.model.text_decoder(
            tokens.ids,
            attention_mask=tokens.mask,
            encoder_hidden_states=features,
            use_cache=False,
        ).logits
        return logits

    @torch.no_grad()
    def word_embeddings(self, words: Sequence[str]) -> FloatArray:
        """Input embeddings of words, for their similarity: the mean over the word's pieces.

        Returns:
            Float32 "words hidden".
        """
        table = self.model.text_decoder.get_input_embeddings().weight
        found = np.zeros((len(words), table.shape[1]), dtype=np.float32)
        for row, word in enumerate(words):
            pieces = self.text.pieces(word)
            if pieces:
                found[row] = table[pieces].float().mean(0).cpu().numpy()
        return found

    def prompt_ids(self, prompt: str) -> list[int]:
        """Token ids of a prompt, beginning with the decoder's first token.

        Raises:
            InputError: the prompt fills the decoder.
        """
        ids = [self.text.bos, *self.text.pieces(prompt)]
        if len(ids) >= self.text.limit:
            raise InputError(
                f"A prompt may have {self.text.limit - 2} word pieces; this one has "
                f"{len(ids) - 1}: {prompt[:60]!r}. Shorten it."
            )
        return ids

    def _prompts(
        self,
        features: torch.Tensor,
        prompts: Sequence[str],
        steering: Sequence[Steering | None] | None,
    ) -> list[str]:
        self._require_count(features, prompts, "prompts")
        asked = list(prompts)
        for image, choice in enumerate(steering or ()):
            if choice is not None and choice.prompt is not None and image < len(asked):
                asked[image] = choice.prompt
        return asked

    def _require_count(self, features: torch.Tensor, given: Sequence[str], name: str) -> None:
        if isinstance(given, str) or len(given) != len(features):
            raise InputError(f"{name} needs one string per image ({len(features)}); got {given!r}.")

    def _caption(self, prompt: str, start: list[int], ids: list[int], likelihood: float) -> Caption:
        full = self.text.read([*start, *ids])
        known = self.text.read(start)
        rest = full[len(known) :].strip() if full.startswith(known) else self.text.read(ids)
        if self.text.unknown in start:
            # The tokenizer cannot spell the prompt: keep the user's own words.
            full = f"{' '.join(prompt.split())} {self.text.read(ids)}".strip()
        is_default = prompt.strip() == self.default_prompt.strip()
        return Caption(rest if is_default else full, full, prompt, likelihood)
